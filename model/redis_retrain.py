"""The retraining worker: from an alert in Redis to a champion on the model-events topic.

One alert leads to one retraining, however often it is delivered. The ``decided`` event is the point of no return:
before it, a crash means that the work is done again; after it, what is left (the champion event, the alias, the
acknowledgement) is only ever completed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Event as Flag
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

from driftline.events import Alert, Contact, Label, ModelEvent, decode
from driftline.kafka_clients import KafkaError, ensure_topics, read_all, wait_for_kafka
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, wait_for_redis
from driftline.settings import Settings, SettingsError
from driftline.topics import CONTACTS, LABELS, MODEL_EVENTS
from driftline.workers import Stopped, mark_ready
from model.bundle import Bundle
from model.kafka_models import KafkaModels, champion_event, publish, registered_event
from model.redis_queue import LockLostError, entries, lock
from model.training import Labelled

if TYPE_CHECKING:
    from model.mlflow_registry import Registry

Say = Callable[[str], None]
Base = Callable[[], Sequence[Labelled]]

SEED = 0


def run(settings: Settings, base: Base, say: Say, stop: Flag) -> None:
    """Make the first champion where there is none, then retrain for every alert that asks for it, until ``stop``.

    Args:
        base: the labelled contacts that every model is trained on.
    """
    wait_for_kafka(settings, say, stop=stop)
    if stop.is_set():
        return
    ensure_topics(settings)
    models: KafkaModels[Bundle] = KafkaModels(settings, lambda bundle: bundle, say, stop)
    worker = RetrainingWorker(settings, models, base, say, stop)
    while not stop.is_set():
        redis = wait_for_redis(settings, say, stop=stop)
        try:
            worker.prepare(redis)
            mark_ready(settings.home, "retrain")
            say("waiting for alerts that ask for retraining")
            for entry, alert in entries(redis, settings.instance, stop):
                worker.handle(redis, alert)
                redis.xack(ALERTS_STREAM, RETRAIN_GROUP, entry)
        except Stopped:
            return
        except (RedisError, KafkaError, OSError, LockLostError) as fault:
            say(f"interrupted ({type(fault).__name__}: {fault}), taking up again what is not decided")
            stop.wait(1.0)


class RetrainingWorker:
    """Handles one alert at a time."""

    def __init__(self, settings: Settings, models: KafkaModels[Bundle], base: Base, say: Say, stop: Flag) -> None:
        self._settings = settings
        self._models = models
        self._base = base
        self._say = say
        self._stop = stop
        self._registry: Registry | None = None

    def prepare(self, redis: Redis) -> None:
        """Open the registry before an alert waits for it, and see to it that there is a champion."""
        with lock(redis, self._stop):
            registry = self._open_registry()
            if self._past(None)[1] is None:
                publish_champion(self._settings, registry, self._base, self._say)

    def handle(self, redis: Redis, alert: Alert) -> None:
        """Retrain for an alert unless that has been decided already; complete what a crash left half done."""
        if alert.state != "firing" or alert.level != "retrain":
            return
        with lock(redis, self._stop) as held:
            decided, champion = self._past(alert.id)
            if decided is None:
                if champion != alert.model_version:
                    self._say(f"alert {alert.id} is about version {alert.model_version}, which is champion no more")
                    return
                decided = self._retrain(alert, held)
            self._complete(decided, champion)

    def _past(self, trigger: str | None) -> tuple[ModelEvent | None, str | None]:
        """What has been decided for this trigger, and who is champion, read off the log itself."""
        decided, champion = None, None
        for record in read_all(self._settings, MODEL_EVENTS):
            event = decode(ModelEvent, record.value)
            if event.event == "champion":
                champion = event.model_version
            elif event.event == "decided" and trigger is not None and event.trigger == trigger:
                decided = event
        return decided, champion

    def _retrain(self, alert: Alert, held: Callable[[], bool]) -> ModelEvent:
        from model.retrain import is_held_out, judge, retrain

        started = time.monotonic()
        champion = self._models.wait_for(alert.model_version)
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


def publish_champion(settings: Settings, registry: Registry, base: Base, say: Say) -> None:
    """Put a champion on the model-events topic: the registry's, or, where it has none, a first one."""
    from model.retrain import train_first_champion

    version = registry.champion()
    if version is None:
        say("training the first champion")
        bundle = train_first_champion(base(), seed=SEED, now=datetime.now(UTC))
        champion = registry.register(bundle, metrics={}, params={"trained_on": str(bundle.trained_on)})
        registry.set_champion(champion.version)
    else:
        champion = registry.load(version)
    publish(settings, [registered_event(champion), champion_event(champion.version, None)])
    say(f"version {champion.version} is champion")


def recent_labelled(settings: Settings, alert: Alert) -> list[Labelled]:
    """Contacts sent since the alert began, joined with their labels, in order of arrival.

    The window alone does not tell them: a partition that lags brings contacts from before the drift into it, and with
    a few of those in its reference a challenger would soon be told from the stream.
    """
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
        if contact.id in labels and contact.sent_at >= alert.started_at:
            found[contact.id] = contact
    return [(contact, labels[contact.id]) for contact in sorted(found.values(), key=lambda contact: contact.sent_at)]
