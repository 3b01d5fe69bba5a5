"""Following the models of a stream: which versions there are, which is the champion, and which is in shadow.

The compacted model-events topic is all a worker needs: no model store, no restart. A new champion is prepared
(graph loaded and warmed up) beside the stream and then swapped in by one assignment; older versions are prepared only
when something asks for them.

Who is champion is a function of that log: the newest `champion` event whose version can be used. A version that is not
there yet, is corrupted, or is not ours so leaves the champion where it is, and takes over once a bundle of it that can
be used is on the topic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Lock, Thread
from typing import Generic, TypeVar

from driftline.events import ModelEvent, decode, encode
from driftline.kafka_clients import KafkaError, open_producer, read_all, tail
from driftline.settings import Settings
from driftline.topics import MODEL_EVENTS
from driftline.workers import Stopped
from model.bundle import Bundle

M = TypeVar("M")
Say = Callable[[str], None]

PREPARED = 4
"""Versions that stay prepared beside champion and shadow: a rollback, and panes of before the last promotions, find
theirs at once. Of older ones only the compressed bytes are kept, which are a few percent of it."""


class KafkaModels(Generic[M]):
    """Every registered model, the champion among them and, where asked for, the challenger in shadow; kept current by
    a thread.

    Args:
        prepare: makes of a bundle what the worker uses, ready at once; whatever it raises, the version is refused.
        with_shadow: prepare the challenger in shadow, too.
    """

    def __init__(
        self, settings: Settings, prepare: Callable[[Bundle], M], say: Say, stop: Flag, *, with_shadow: bool = False
    ) -> None:
        self._settings = settings
        self._prepare = prepare
        self._say = say
        self._stop = stop
        self._with_shadow = with_shadow
        self._bundles: dict[str, bytes] = {}
        self._prepared: dict[str, M] = {}
        self._refused: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._preparing = Lock()
        # Champion events since that of the champion: what takes over as soon as it can be used, the newest first.
        self._wanted: list[str] = []
        self._wanted_shadow: str | None = None
        self._champion: tuple[str, M] | None = None
        self._shadow: tuple[str, M] | None = None
        Thread(target=self._follow, name="models", daemon=True).start()

    @property
    def champion(self) -> M | None:
        """The champion, or None as long as there is none; once there is one, there always is."""
        return self._champion[1] if self._champion is not None else None

    @property
    def champion_version(self) -> str | None:
        """The champion's version."""
        return self._champion[0] if self._champion is not None else None

    @property
    def shadow(self) -> M | None:
        """The challenger in shadow, if there is one. Ask for the champion first: then it is never the same model."""
        return self._shadow[1] if self._shadow is not None else None

    @property
    def shadow_version(self) -> str | None:
        """The version of the challenger in shadow."""
        return self._shadow[0] if self._shadow is not None else None

    def is_prepared(self, version: str) -> bool:
        """Whether the model of a version is there at once, with nothing to prepare."""
        return version in self._prepared

    def get(self, version: str) -> M | None:
        """The model of a version, prepared when it is first asked for; None while it has not been seen.

        Raises:
            ValueError: the version is refused, and why.
        """
        with self._preparing:
            if version not in self._prepared and version in self._bundles:
                if version in self._refused:
                    raise ValueError(self._refused[version])
                try:
                    self._prepared[version] = self._prepare(_read(version, self._bundles[version]))
                except Exception as fault:  # it came from outside: nothing in it may end a worker
                    reason = str(fault) if isinstance(fault, ValueError) else f"{type(fault).__name__}: {fault}"
                    self._refused[version] = reason
                    raise ValueError(reason) from None
                self._release()
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
                hint = self._said.get(self._wanted[-1]) if self._wanted else None
                hint = hint or "`driftline retrain` trains the first one"
                self._say(f"waiting for a champion ({waited:.0f} s): {hint}")
                said = waited
            self._stop.wait(0.05)
        return None

    def _follow(self) -> None:
        position, current = 0, False
        while not self._stop.is_set():
            try:
                if not current:  # what was champion once must not score again because this worker starts
                    for record in read_all(self._settings, MODEL_EVENTS, start={0: position}):
                        self._take(record.value, record.offset)
                        position = record.offset + 1
                    self._settle()
                    current = True
                for record in tail(self._settings, MODEL_EVENTS, self._stop, start=position):
                    if record is not None:
                        self._take(record.value, record.offset)
                        position = record.offset + 1
                        self._settle()
            except (KafkaError, OSError) as fault:
                self._say(f"lost the model events ({type(fault).__name__}), trying again")
                self._stop.wait(1.0)

    def _take(self, value: bytes | None, offset: int) -> None:
        """Take note of one event; what is none must not end the thread."""
        try:
            event = decode(ModelEvent, value or b"")
        except ValueError as fault:
            self._say(f"the model event at offset {offset} is left aside: {fault}")
            return
        version = event.model_version
        if event.event == "registered":
            self._register(version, event.bundle or b"")
        elif event.event == "champion":
            self._wanted = [other for other in self._wanted if other != version] + [version]
            self._said.pop(version, None)
            if version == self._wanted_shadow:
                self._wanted_shadow = None
        elif event.decision == "shadow":
            self._wanted_shadow = version
        elif version == self._wanted_shadow:
            self._wanted_shadow = None

    def _register(self, version: str, bundle: bytes) -> None:
        with self._preparing:
            if self._bundles.get(version) == bundle:
                return
            self._bundles[version] = bundle
            self._refused.pop(version, None)
            self._said.pop(version, None)
            if version != self.champion_version:  # the running champion stays what it is
                self._prepared.pop(version, None)

    def _settle(self) -> None:
        """Take up the newest champion and the shadow that can be used."""
        if self._wanted_shadow is None or self.shadow_version != self._wanted_shadow:
            self._shadow = None  # before it can become the champion, so that it is never both
        for place in reversed(range(len(self._wanted))):
            version = self._wanted[place]
            if (model := self._usable(version, "does not become champion")) is not None:
                changed = self.champion_version not in (None, version)
                self._champion = (version, model)
                del self._wanted[: place + 1]
                if changed:
                    self._say(f"champion is now version {version}")
                break
        self._settle_shadow()

    def _settle_shadow(self) -> None:
        version = self._wanted_shadow
        if not self._with_shadow or version is None or version == self.champion_version:
            return
        model = self._usable(version, "is not scored with in shadow")
        began = model is not None and self._shadow is None
        self._shadow = None if model is None else (version, model)
        if began:
            self._say(f"version {version} scores in shadow, beside version {self.champion_version}")

    def _usable(self, version: str, consequence: str) -> M | None:
        """The model of a version; why there is none, and what follows, is said once."""
        try:
            if (model := self.get(version)) is not None:
                return model
            reason = "has not been registered"
        except ValueError as fault:
            reason = f"is refused ({fault})"
        line = f"version {version} {reason} and {consequence}: register it with `driftline model train`"
        if self._said.get(version) != line:
            self._said[version] = line
            self._say(line)
        return None

    def _release(self) -> None:
        """Let go of what was prepared long ago and is not in use."""
        others = [version for version in self._prepared if version not in (self.champion_version, self.shadow_version)]
        for version in others[:-PREPARED]:
            del self._prepared[version]


def _read(version: str, data: bytes) -> Bundle:
    bundle = Bundle.from_bytes(data)
    if bundle.version != version:
        raise ValueError(f"a model bundle of version {bundle.version}")
    return bundle


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
