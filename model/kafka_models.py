"""Following the models of a stream: which versions there are, and which one is the champion.

The compacted model-events topic is all a worker needs: no model store, no restart. A new champion is prepared
(graph loaded and warmed up) beside the stream and then swapped in by one assignment; older versions are prepared only
when something asks for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Lock, Thread
from typing import Generic, TypeVar

from driftline.events import ModelEvent, decode, encode
from driftline.kafka_clients import KafkaError, open_producer, tail
from driftline.settings import Settings
from driftline.topics import MODEL_EVENTS
from driftline.workers import Stopped
from model.bundle import Bundle

M = TypeVar("M")
Say = Callable[[str], None]


class KafkaModels(Generic[M]):
    """Every registered model and the champion among them, kept current by a thread.

    Args:
        prepare: makes of a bundle what the worker uses, ready at once.
    """

    def __init__(self, settings: Settings, prepare: Callable[[Bundle], M], say: Say, stop: Flag) -> None:
        self._settings = settings
        self._prepare = prepare
        self._say = say
        self._stop = stop
        self._bundles: dict[str, bytes] = {}
        self._prepared: dict[str, M] = {}
        self._preparing = Lock()
        self.champion_version: str | None = None
        Thread(target=self._follow, name="models", daemon=True).start()

    @property
    def champion(self) -> M | None:
        """The champion, or None as long as there is none."""
        return self._prepared.get(self.champion_version or "")

    def is_prepared(self, version: str) -> bool:
        """Whether the model of a version is there at once, with nothing to prepare."""
        return version in self._prepared

    def get(self, version: str) -> M | None:
        """The model of a version, prepared when it is first asked for; None while it has not been seen.

        Raises:
            ValueError: its bundle cannot be read by this version of Driftline.
        """
        with self._preparing:
            if version not in self._prepared and version in self._bundles:
                self._prepared[version] = self._prepare(Bundle.from_bytes(self._bundles[version]))
            return self._prepared.get(version)

    def wait_for(self, version: str) -> M:
        """The model of a version as soon as there is one that can be used; says what it waits for.

        Raises:
            Stopped: ``stop`` was set before.
        """
        waited = 0
        while not self._stop.is_set():
            lacking = "on the model-events topic"
            try:
                if (found := self.get(version)) is not None:
                    return found
            except ValueError as fault:
                lacking = f"that this worker can read ({fault})"
            if waited % 100 == 50:
                self._say(f"waiting for model version {version} {lacking}")
            waited += 1
            self._stop.wait(0.1)
        raise Stopped

    def wait_for_champion(self) -> M | None:
        """The champion as soon as there is one; None when stopped before."""
        started, said = time.monotonic(), 0.0
        while not self._stop.is_set():
            if (champion := self.champion) is not None:
                return champion
            waited = time.monotonic() - started
            if waited - said >= 5:
                self._say(f"waiting for a champion ({waited:.0f} s): `driftline retrain` trains the first one")
                said = waited
            self._stop.wait(0.05)
        return None

    def _follow(self) -> None:
        position = 0
        while not self._stop.is_set():
            try:
                for record in tail(self._settings, MODEL_EVENTS, self._stop, start=position):
                    if record is not None:
                        self._take(record.value, record.offset)
                        position = record.offset + 1
            except (KafkaError, OSError) as fault:
                self._say(f"lost the model events ({type(fault).__name__}), trying again")
                self._stop.wait(1.0)

    def _take(self, value: bytes, offset: int) -> None:
        """One event; what cannot be used must not end the thread, and leaves the champion in place."""
        try:
            self._apply(decode(ModelEvent, value))
        except ValueError as fault:
            self._say(f"the model event at offset {offset} is left aside: {fault}")

    def _apply(self, event: ModelEvent) -> None:
        if event.event == "registered" and event.bundle is not None:
            self._bundles[event.model_version] = event.bundle
        elif event.event == "champion":
            if self.get(event.model_version) is None:
                raise ValueError(f"version {event.model_version} is made champion, but has not been registered")
            changed = self.champion_version not in (None, event.model_version)
            self.champion_version = event.model_version
            if changed:
                self._say(f"champion is now version {event.model_version}")


def publish(settings: Settings, events: Sequence[ModelEvent]) -> None:
    """Model events in order, acknowledged before this returns."""
    producer = open_producer(settings, linger_ms=0)
    try:
        for event in events:
            topic = settings.topic(MODEL_EVENTS.name)
            producer.send(topic, key=event.key.encode(), value=encode(event)).get(timeout=30)
    finally:
        producer.close(timeout=5)


def registered_event(bundle: Bundle) -> ModelEvent:
    """A version and its whole bundle."""
    return ModelEvent(event="registered", model_version=bundle.version, at=bundle.created_at, bundle=bundle.to_bytes())


def champion_event(version: str, trigger: str | None) -> ModelEvent:
    """From here on this version is in use."""
    return ModelEvent(event="champion", model_version=version, at=datetime.now(UTC), trigger=trigger)
