"""The retraining worker: from an alert in Redis to a champion on the model-events topic.

One alert leads to one retraining, however often it is delivered. The ``decided`` event is the point of no return:
before it, a crash means that the work is done again; after it, what is left (the champion event, the aliases, the
acknowledgement) is only ever completed. The registry follows the topic, never the other way round, so that no version
that is half registered can ever become champion.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event as Flag
from typing import TYPE_CHECKING

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from driftline.events import Alert, ModelEvent
from driftline.kafka_clients import KafkaError, ensure_topics, wait_for_kafka
from driftline.prometheus_metrics import RetrainMetrics
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, wait_for_redis
from driftline.settings import Settings
from driftline.workers import Stopped, mark_ready
from model.bundle import Bundle
from model.kafka_champions import SEED, open_registry, publish_champion
from model.kafka_history import History
from model.kafka_labelled import alert_of, is_over, labels_so_far, newcomers
from model.kafka_models import KafkaModels, champion_event, publish, registered_event
from model.redis_queue import Held, LockLostError, entries, lock
from model.split import Labelled, split, unseen

if TYPE_CHECKING:
    from model.mlflow_registry import Registry
    from model.report import Report
    from model.retrain import Verdict

Say = Callable[[str], None]
Base = Callable[[], Sequence[Labelled]]

LOOK_AGAIN_SECONDS = 5.0
"""Between two looks for labels that a challenger in shadow waits for."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries while Redis, broker or registry are away."""


def run(settings: Settings, base: Base, say: Say, stop: Flag, metrics: RetrainMetrics | None = None) -> None:
    """Make the first champion where there is none, then retrain for every alert that asks for it, until ``stop``.

    Args:
        base: the labelled contacts that every model is trained on.
    """
    wait_for_kafka(settings, say, stop=stop)
    if stop.is_set():
        return
    ensure_topics(settings)
    models: KafkaModels[Bundle] = KafkaModels(settings, lambda bundle: bundle, say, stop)
    metrics = metrics or RetrainMetrics()
    metrics.champion.now = lambda: models.champion_version
    metrics.made.set_function(lambda: models.champion.created_at.timestamp() if models.champion else 0.0)
    worker = RetrainingWorker(settings, models, base, say, stop, metrics)
    pause = 1.0
    while not stop.is_set():
        redis = wait_for_redis(settings, say, stop=stop)
        try:
            worker.prepare(redis)
            mark_ready(settings.home, "retrain")
            say("waiting for alerts that ask for retraining")
            for found in entries(redis, settings.instance, stop):
                if found is None:
                    worker.reconsider(redis)
                elif worker.handle(redis, found[1]):
                    redis.xack(ALERTS_STREAM, RETRAIN_GROUP, found[0])
                pause = 1.0
        except Stopped:
            return
        except (RedisError, KafkaError, OSError, LockLostError) as fault:
            say(f"interrupted ({type(fault).__name__}: {fault}), taking up again in {pause:.0f} s what is not decided")
            stop.wait(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)


class RetrainingWorker:
    """Handles one alert at a time."""

    def __init__(
        self, settings: Settings, models: KafkaModels[Bundle], base: Base, say: Say, stop: Flag, metrics: RetrainMetrics
    ) -> None:
        self._settings = settings
        self._models = models
        self._base = base
        self._say = say
        self._stop = stop
        self._metrics = metrics
        self._registry: Registry | None = None
        self._waiting_said: set[str] = set()
        self._look_after, self._look_from = 0.0, 0

    def prepare(self, redis: Redis) -> None:
        """Open the registry before an alert waits for it; complete what a crash left half done; see to a champion."""
        with lock(redis, self._stop) as held:
            registry = self._open_registry()
            history = History.read(self._settings)
            if history.unfinished is not None:
                self._complete(history.unfinished, history)
            elif history.champion is None:
                held.tell("", "making the first champion")
                publish_champion(self._settings, registry, self._base, self._say)
            elif history.champion != registry.champion() and history.champion in registry.versions():
                registry.set_champion(history.champion, datetime.now(UTC))

    def handle(self, redis: Redis, alert: Alert) -> bool:
        """Retrain for an alert unless that has been decided; False where it has to wait, and is to come again."""
        if alert.state != "firing" or alert.level != "retrain":
            return True
        with lock(redis, self._stop) as held:
            history = History.read(self._settings)
            decided = history.decisions.get(alert.id)
            if decided is None:
                if history.champion != alert.model_version:
                    self._say(f"alert {alert.id} is about version {alert.model_version}, which is champion no more")
                    return True
                if is_over(self._settings, alert.id):
                    self._say(f"alert {alert.id} was over before its turn came: no model is made for it")
                    return True
                if (left := self._cooldown_left(history)) > 0:
                    self._say_once(alert.id, f"alert {alert.id} waits {left:.0f} s, the cooldown after a decision")
                    return False
                with self._metrics.busy.track_inprogress(), self._metrics.seconds.time():
                    decided = self._retrain(alert, history, held)
            self._complete(decided, History.read(self._settings))
        return True

    def reconsider(self, redis: Redis) -> None:
        """Judge the challenger in shadow, if there is one and enough labels have come."""
        if time.monotonic() < self._look_after:
            return
        self._look_after = time.monotonic() + LOOK_AGAIN_SECONDS
        labels = labels_so_far(self._settings)
        if labels < self._look_from:
            return
        self._look_from = labels + 1
        shadow = History.read(self._settings).shadow
        alert = alert_of(self._settings, shadow.trigger or "") if shadow is not None else None
        if shadow is None or alert is None:
            return
        with lock(redis, self._stop) as held:
            history = History.read(self._settings)
            if history.shadow != shadow or history.champion is None:
                return
            champion = self._models.wait_for(history.champion)
            challenger = self._models.wait_for(shadow.model_version)
            recent = newcomers(self._settings, alert, champion.created_at)
            held_out = self._judges(recent, champion, challenger)
            if (missing := self._settings.min_labels - len(held_out)) > 0:
                self._look_from = labels + missing
                return
            held.tell(alert.id, f"judging version {challenger.version}, which is in shadow")
            report = self._open_registry().report(challenger.version)
            decided = self._judge(alert.id, champion, challenger, held_out, report, held)
            if decided.decision != "shadow":
                self._complete(decided, History.read(self._settings))

    def _judges(self, recent: Sequence[Labelled], *models: Bundle) -> list[Labelled]:
        """The held-out newcomers, but for those that one of the models was trained on under another base set."""
        held_out = split(self._base(), recent).newcomers_held_out
        for model in models:
            with suppress(ValueError):  # the registry does not know it, or not whom it was trained on
                held_out = unseen(held_out, self._open_registry().trained(model.version))
        return held_out

    def _retrain(self, alert: Alert, history: History, held: Held) -> ModelEvent:
        from model.training_process import TrainingError, TrainingProcess

        registry = self._open_registry()
        held.tell(alert.id, "reading labels")
        champion = self._models.wait_for(alert.model_version)
        recent = newcomers(self._settings, alert, champion.created_at)
        known = registry.version_of(alert.id)  # also tells, before the work begins, whether the registry is there
        if known is None:
            self._say(f"retraining for alert {alert.id} with {len(recent)} labelled contacts since the drift")
            process = TrainingProcess(
                seed=SEED, feature_set=self._settings.feature_set, seconds=self._settings.retrain_seconds,
                memory_mb=self._settings.retrain_memory_mb, progress=lambda step: held.tell(alert.id, step),
            )  # fmt: skip
            try:
                made = process.make(datetime.now(UTC), self._base(), recent)
            except TrainingError as fault:
                return self._decide(_no_challenger(alert.id, champion.version, str(fault)), [], held)
            held.tell(alert.id, "registering")
            report = replace(made.report, trigger=alert.id)
            challenger = registry.register(replace(made, report=report))
        else:  # registered before a crash: judge that one
            challenger, report = registry.load(known), registry.report(known)
        registry.set_challenger(challenger.version)
        held.tell(alert.id, f"judging version {challenger.version}")
        held_out = self._judges(recent, champion, challenger)
        return self._judge(alert.id, champion, challenger, held_out, report, held, history.shadow)

    def _judge(
        self,
        trigger: str,
        champion: Bundle,
        challenger: Bundle,
        held_out: Sequence[Labelled],
        report: Report,
        held: Held,
        former: ModelEvent | None = None,
    ) -> ModelEvent:
        """The gate's decision, written into the registry and onto the topic.

        Args:
            former: the decision by which another challenger is in shadow, which ends with this.
        """
        from model.retrain import judge, judged, with_reference

        now = datetime.now(UTC)
        challenger = with_reference(challenger, held_out)
        verdict = judge(champion, challenger, held_out, seed=SEED, min_labels=self._settings.min_labels)
        self._open_registry().update(challenger, judged(report, verdict, champion.version, now))
        decided = _decided(trigger, champion.version, challenger.version, verdict, now)
        before = [registered_event(challenger)]
        if former is not None:
            before.append(_superseded(former, challenger.version, now))
            self._open_registry().conclude(former.model_version, "rejected", before[-1].why or "")
        return self._decide(decided, before, held)

    def _decide(self, decided: ModelEvent, before: Sequence[ModelEvent], held: Held) -> ModelEvent:
        if not held:
            raise LockLostError("the lock ran out during the retraining")
        publish(self._settings, [*before, decided])
        self._metrics.decisions.labels(decided.decision).inc()
        self._say(f"version {decided.model_version} {decided.decision}: {decided.why}")
        return decided

    def _complete(self, decided: ModelEvent, history: History) -> None:
        registry = self._open_registry()
        if decided.decision == "promoted":
            if history.champion == decided.champion:  # not promoted yet, and nothing newer has been since
                publish(self._settings, [champion_event(decided.model_version, decided.trigger)])
            elif history.champion != decided.model_version:
                return
            registry.set_champion(decided.model_version, datetime.now(UTC))
        elif decided.decision == "rejected":
            registry.clear_challenger(decided.model_version)

    def _cooldown_left(self, history: History) -> float:
        last = history.last_decision
        passed = float("inf") if last is None else (datetime.now(UTC) - last).total_seconds()
        return self._settings.cooldown_seconds - passed

    def _say_once(self, about: str, line: str) -> None:
        if about not in self._waiting_said:
            self._waiting_said.add(about)
            self._say(line)

    def _open_registry(self) -> Registry:
        if self._registry is None:
            self._registry = open_registry(self._settings)
        return self._registry


def _decided(trigger: str, champion: str, challenger: str, verdict: Verdict, at: datetime) -> ModelEvent:
    found = verdict.decision
    return ModelEvent(
        event="decided", model_version=challenger, at=at, trigger=trigger, decision=found.decision, why=found.why,
        champion=champion, labels=found.labels, delta_auc=found.delta_auc, interval=found.interval,
        metrics=found.metrics, evidence=found.evidence,
    )  # fmt: skip


def _superseded(former: ModelEvent, by: str, at: datetime) -> ModelEvent:
    """The end of a challenger that waited for labels when another one was made."""
    why = f"version {by} was made before enough labels had come to judge it by"
    return msgspec.structs.replace(former, at=at, decision="rejected", why=why)


def _no_challenger(trigger: str, champion: str, why: str) -> ModelEvent:
    """No model came out of a training: the champion stays, and the alert is dealt with."""
    return ModelEvent(
        event="decided", model_version=champion, at=datetime.now(UTC), trigger=trigger, decision="rejected",
        why=f"there is no challenger: {why}", champion=champion, labels=0, delta_auc=0.0, interval=(0.0, 0.0),
    )  # fmt: skip
