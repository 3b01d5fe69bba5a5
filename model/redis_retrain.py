"""The retraining worker: from an alert in Redis to a champion on the model-events topic.

One alert leads to one retraining, however often it is delivered. The ``decided`` event is the point of no return:
before it, a crash means that the work is done again; after it, what is left (the champion event, the alias, the
acknowledgement) is only ever completed.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from driftline.events import Alert, Contact, Label, ModelEvent, decode, encode
from driftline.kafka_clients import KafkaError, ensure_topics, open_producer, read_all, wait_for_kafka
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, RETRAIN_LOCK, wait_for_redis
from driftline.settings import Settings, SettingsError
from driftline.topics import CONTACTS, LABELS, MODEL_EVENTS
from driftline.workers import mark_ready
from model.bundle import Bundle
from model.kafka_models import KafkaModels
from model.training import Labelled

if TYPE_CHECKING:
    from model.mlflow_registry import Registry

Say = Callable[[str], None]
Base = Callable[[], Sequence[Labelled]]

SEED = 0
LOCK_SECONDS = 15
CLAIM_AFTER_MS = 30_000
"""An entry that its retrainer has held for so long is taken over: that retrainer is gone."""


class LockLostError(RuntimeError):
    """Another retrainer has taken over."""


def run(settings: Settings, base: Base, say: Say, stop: Flag) -> None:
    """Retrain for every alert that asks for it, until ``stop`` is set."""
    wait_for_kafka(settings, say, stop=stop)
    if stop.is_set():
        return
    ensure_topics(settings)
    models: KafkaModels[Bundle] = KafkaModels(settings, lambda bundle: bundle, say, stop)
    worker = RetrainingWorker(settings, models, base, say)
    if models.wait_for_champion() is not None:
        worker.warm_up()
        mark_ready(settings.home, "retrain")
        say("waiting for alerts that ask for retraining")
    while not stop.is_set():
        redis = wait_for_redis(settings, say, stop=stop)
        try:
            for entry, alert in entries(redis, settings.instance, stop):
                worker.handle(redis, alert)
                redis.xack(ALERTS_STREAM, RETRAIN_GROUP, entry)
        except (RedisError, KafkaError, OSError, LockLostError) as fault:
            say(f"interrupted ({type(fault).__name__}: {fault}), taking up again what is not decided")
            stop.wait(0.5)


def entries(redis: Redis, consumer: str, stop: Flag) -> Iterator[tuple[str, Alert]]:
    """Alerts of the stream for this group: first what this consumer left unfinished, then new and orphaned ones."""
    try:
        redis.xgroup_create(ALERTS_STREAM, RETRAIN_GROUP, id="0", mkstream=True)
    except ResponseError as fault:
        if "BUSYGROUP" not in str(fault):
            raise
    yield from _alerts(redis.xreadgroup(RETRAIN_GROUP, consumer, {ALERTS_STREAM: "0"}))
    while not stop.is_set():
        orphaned: Any = redis.xautoclaim(ALERTS_STREAM, RETRAIN_GROUP, consumer, CLAIM_AFTER_MS, count=10)
        yield from _alerts([(ALERTS_STREAM, orphaned[1])])
        yield from _alerts(redis.xreadgroup(RETRAIN_GROUP, consumer, {ALERTS_STREAM: ">"}, count=10, block=500))


def _alerts(reply: Any) -> Iterator[tuple[str, Alert]]:
    for _, found in reply or ():
        for entry, fields in found:
            if fields:  # an entry trimmed off the stream is claimed without its fields
                yield entry, decode(Alert, fields["json"].encode())


class RetrainingWorker:
    """Handles one alert at a time."""

    def __init__(self, settings: Settings, models: KafkaModels[Bundle], base: Base, say: Say) -> None:
        self._settings = settings
        self._models = models
        self._base = base
        self._say = say
        self._registry: Registry | None = None

    def handle(self, redis: Redis, alert: Alert) -> None:
        """Retrain for an alert unless that has been decided already; complete what a crash left half done."""
        if alert.state != "firing" or alert.level != "retrain":
            return
        with lock(redis) as held:
            decided, champion = self._past(alert.id)
            if decided is None:
                if champion != alert.model_version:
                    self._say(f"alert {alert.id} is about version {alert.model_version}, which is champion no more")
                    return
                decided = self._retrain(alert, held)
            self._complete(decided, champion)

    def warm_up(self) -> None:
        """Import MLflow and open the registry before an alert waits for it."""
        self._open_registry()

    def _past(self, trigger: str) -> tuple[ModelEvent | None, str | None]:
        """What has been decided for this trigger, and who is champion, read off the log itself."""
        decided, champion = None, None
        for record in read_all(self._settings, MODEL_EVENTS):
            event = decode(ModelEvent, record.value)
            if event.event == "champion":
                champion = event.model_version
            elif event.event == "decided" and event.trigger == trigger:
                decided = event
        return decided, champion

    def _retrain(self, alert: Alert, held: Callable[[], bool]) -> ModelEvent:
        from model.retrain import is_held_out, judge, retrain

        started = time.monotonic()
        champion = self._models.get(alert.model_version)
        while champion is None:
            time.sleep(0.05)
            champion = self._models.get(alert.model_version)
        recent = recent_labelled(self._settings, alert)
        self._say(f"retraining for alert {alert.id} with {len(recent)} labelled contacts since the drift")
        now = datetime.now(UTC)
        min_labels = self._settings.min_labels
        made = retrain(self._base(), recent, champion, seed=SEED, now=now, min_labels=min_labels)
        params = {"trigger": alert.id, "champion": champion.version, "recent": str(len(recent))}
        challenger = self._open_registry().register(
            made.challenger, metrics=made.verdict.metrics, params=params, trigger=alert.id
        )
        verdict = made.verdict
        if challenger.created_at != made.challenger.created_at:  # registered before a crash: judge that one
            held_out = [(contact, engaged) for contact, engaged in recent if is_held_out(contact.id)]
            verdict = judge(champion, challenger, held_out, seed=SEED, min_labels=min_labels)
        decided = ModelEvent(
            event="decided",
            model_version=challenger.version,
            at=now,
            trigger=alert.id,
            decision=verdict.decision,
            why=verdict.why,
            champion=champion.version,
            labels=verdict.labels,
            delta_auc=verdict.delta_auc,
            interval=verdict.interval,
            metrics=verdict.metrics,
        )
        if not held():
            raise LockLostError("the lock ran out during training")
        publish(self._settings, [registered_event(challenger), decided])
        self._say(
            f"version {challenger.version} {verdict.decision} after {time.monotonic() - started:.1f} s: {verdict.why}"
        )
        return decided

    def _complete(self, decided: ModelEvent, champion: str | None) -> None:
        registry = self._open_registry()
        if decided.decision == "promoted":
            registry.set_champion(decided.model_version)
            if champion == decided.champion:  # not promoted yet, and nothing newer has been since
                publish(self._settings, [champion_event(decided.model_version, decided.trigger)])
        else:
            registry.set_challenger(decided.model_version)

    def _open_registry(self) -> Registry:
        if self._registry is None:
            self._registry = open_registry(self._settings)
        return self._registry


def open_registry(settings: Settings) -> Registry:
    """The registry that the settings name; importing MLflow takes seconds.

    Raises:
        SettingsError: they name none.
    """
    if settings.mlflow is None:
        raise SettingsError("no model registry: set DRIFTLINE_MLFLOW=http://host:5000 or sqlite:///path/mlflow.db")
    from model.mlflow_registry import Registry

    return Registry(settings.mlflow)


def publish_champion(settings: Settings, base: Base, say: Say) -> str:
    """Put a champion on the model-events topic: the registry's, or, where it has none, a first one. Its version."""
    from model.retrain import train_first_champion

    registry = open_registry(settings)
    version = registry.champion()
    if version is None:
        say("training the first champion")
        bundle = train_first_champion(base(), seed=SEED, now=datetime.now(UTC))
        champion = registry.register(bundle, metrics={}, params={"trained_on": str(bundle.trained_on)})
        registry.set_champion(champion.version)
    else:
        champion = registry.load(version)
    publish(settings, [registered_event(champion), champion_event(champion.version, None)])
    return champion.version


def publish(settings: Settings, events: Sequence[ModelEvent]) -> None:
    """Model events in order, acknowledged before this returns."""
    producer = open_producer(settings, linger_ms=0)
    try:
        for event in events:
            topic = settings.topic(MODEL_EVENTS.name)
            producer.send(topic, key=event.key.encode(), value=encode(event)).get(timeout=30)
    finally:
        producer.close(timeout=5)


def recent_labelled(settings: Settings, alert: Alert) -> list[Labelled]:
    """Contacts since the alert's window began, joined with their labels, in order of arrival."""
    labels = {}
    for record in read_all(settings, LABELS):
        label = decode(Label, record.value)
        labels[label.contact_id] = label.engaged
    start = {int(partition): offset for partition, offset in alert.window.first.items()}
    found: dict[str, Contact] = {}
    for record in read_all(settings, CONTACTS, start=start):
        try:
            contact = decode(Contact, record.value)
        except ValueError:
            continue  # the scorer has made a dead letter of it
        if contact.id in labels:
            found[contact.id] = contact
    return [(contact, labels[contact.id]) for contact in sorted(found.values(), key=lambda contact: contact.sent_at)]


@contextmanager
def lock(redis: Redis) -> Iterator[Callable[[], bool]]:
    """One retraining at a time, across all retrainers; the lock outlives a killed holder by 15 seconds at most.

    Yields a function that tells whether it is still held.
    """
    token = uuid.uuid4().hex
    while not redis.set(RETRAIN_LOCK, token, nx=True, px=LOCK_SECONDS * 1000):
        time.sleep(0.5)
    done = Flag()

    def held() -> bool:
        return bool(redis.get(RETRAIN_LOCK) == token)

    def renew() -> None:
        while not done.wait(LOCK_SECONDS / 3):
            try:
                if held():
                    redis.pexpire(RETRAIN_LOCK, LOCK_SECONDS * 1000)
            except RedisError:
                continue  # it is away; whether the lock survived is checked before publishing

    Thread(target=renew, daemon=True).start()
    try:
        yield held
    finally:
        done.set()
        if held():
            redis.delete(RETRAIN_LOCK)


def registered_event(bundle: Bundle) -> ModelEvent:
    """A version and its whole bundle."""
    return ModelEvent(event="registered", model_version=bundle.version, at=bundle.created_at, bundle=bundle.to_bytes())


def champion_event(version: str, trigger: str | None) -> ModelEvent:
    """From here on this version is in use."""
    return ModelEvent(event="champion", model_version=version, at=datetime.now(UTC), trigger=trigger)
