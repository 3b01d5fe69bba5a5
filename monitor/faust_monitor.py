"""The monitor worker: a Faust app of three agents and two timers, without tables.

`build_panes` cuts predictions into panes and scales with the partitions; a prediction is acknowledged only once
its pane is on the broker, so committed offsets never pass the first incomplete pane. `hand_on_labels` puts labels among
the panes, in the same way. `assess` folds the panes topic through the engine, and what it publishes is a function of
that log alone.

An exception in a Faust agent acknowledges the events it held, so nothing here raises: what cannot be read
becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from typing import Any

import faust
from faust.types import TP

from driftline.events import Alert, Label, Pane, Prediction, decode, decode_folded
from driftline.kafka_clients import KafkaError, ensure_topics, wait_for_kafka
from driftline.prometheus_metrics import MonitorMetrics
from driftline.redis_client import wait_for_redis
from driftline.settings import Settings
from driftline.topics import ALERTS, LABELS, MONITOR_STATE, PANES, PREDICTIONS, WINDOWS
from driftline.workers import mark_ready
from model.features import FEATURE_SETS
from model.kafka_models import KafkaModels
from monitor.champion import Champion, champion_of
from monitor.config import EngineConfig, LabelConfig
from monitor.contact_reference import encode as encode_contacts
from monitor.engine import Engine
from monitor.faust_app import make_app
from monitor.faust_outbox import Outbox
from monitor.kafka_assessor import Assessor
from monitor.labels import batch_of
from monitor.panes import PaneBuilder
from monitor.performance import Performance
from monitor.redis_alerts import project_alerts
from monitor.reference import Reference

Say = Callable[[str], None]
TAKE_SECONDS = 0.02
"""How often an agent looks for more; Faust wakes for it even where there is nothing."""
LABELS_SECONDS = 0.2
"""Labels are late anyway, so they wait for each other: one record for many."""
REPORT_SECONDS = 0.5
"""Between two reports of the window, whatever comes in meanwhile: one takes 20 ms and 6 kB."""
WIDTHS = frozenset(len(feature_set.features) for feature_set in FEATURE_SETS.values())


class Monitor:
    """The Faust app, its agents, and what they share."""

    def __init__(self, settings: Settings, models: KafkaModels[Champion], say: Say, metrics: MonitorMetrics) -> None:
        self.settings = settings
        self.models = models
        self.say = say
        self.metrics = metrics
        self.app = make_app(settings)
        self.outbox = Outbox(self.app, settings, say)
        self.builder: PaneBuilder[Any] = PaneBuilder(settings.pane)
        self.assessor = self._new_assessor()
        self._last_news: dict[int, float] = {}
        self._taken: dict[int, int] = {}
        self._owner = False
        self._assessing = False
        self._catching_up = False
        self._last_assessed = 0.0
        raw = {"key_type": bytes, "key_serializer": "raw", "value_type": bytes, "value_serializer": "raw"}
        predictions = self.app.topic(settings.topic(PREDICTIONS.name), **raw)
        panes = self.app.topic(settings.topic(PANES.name), **raw)
        self.app.agent(predictions, name="build_panes")(self.build_panes)
        labels = self.app.topic(settings.topic(LABELS.name), **raw)
        self.app.agent(labels, name="hand_on_labels")(self.hand_on_labels)
        self.app.agent(panes, name="assess")(self.assess)
        self.app.timer(interval=settings.quiet_seconds / 2)(self.show_quiet_partitions)
        self.app.timer(interval=settings.quiet_seconds)(self.write_down_when_quiet)
        self.app.timer(interval=REPORT_SECONDS)(self.report_window)
        self.app.on_partitions_revoked.connect(self._forget)
        self.app.on_partitions_assigned.connect(self._take_over)

    async def build_panes(self, stream: Any) -> None:
        """Predictions to panes."""
        async for events in stream.noack_take(500, within=TAKE_SECONDS):
            for event in filter(self._is_current, events):
                if (scored := await self._scored(event)) is not None:
                    self.builder.add(event.message.partition, scored, event)
                self._last_news[event.message.partition] = time.monotonic()
                self._taken[event.message.partition] = event.message.offset + 1
            await self._wait_for_models(self.builder.versions())
            finished = list(self.builder.finished(self._encode))
            await self.outbox.publish(PANES, ((_pane_key(pane), pane) for done in finished for pane in done.panes))
            for done in finished:
                for event in done.handles:
                    event.ack()

    async def hand_on_labels(self, stream: Any) -> None:
        """Labels onto the panes topic, whose one partition puts them between two panes for good."""
        async for events in stream.noack_take(500, within=LABELS_SECONDS):
            current = list(filter(self._is_current, events))
            labelled: dict[int, list[tuple[int, Label]]] = {}
            for event in current:
                try:
                    label = decode(Label, event.value)
                except ValueError as reason:
                    await self._set_aside(event, str(reason))
                else:
                    labelled.setdefault(event.message.partition, []).append((event.message.offset, label))
            batches = [batch_of(partition, labels) for partition, labels in sorted(labelled.items())]
            await self.outbox.publish(PANES, ((f"labels:{batch.partition}", batch) for batch in batches))
            for event in current:
                event.ack()

    async def assess(self, stream: Any) -> None:
        """Panes and labels to alerts."""
        async for events in stream.noack_take(50, within=TAKE_SECONDS):
            self._assessing = True
            for event in events:
                if self._is_current(event) and await self._assess(event):
                    event.ack()
            self._assessing, self._last_assessed = False, time.monotonic()

    async def _assess(self, event: Any) -> bool:
        """Fold one event in and publish what it led to; False if the panes were given away meanwhile."""
        try:
            folded = decode_folded(event.value)
        except ValueError as reason:
            await self._set_aside(event, str(reason))
            return True
        offset = event.message.offset
        alerts = await self._catch_up(offset) if self.assessor.is_behind(offset) else []
        version = folded.model_version if isinstance(folded, Pane) else self.assessor.version
        await self._wait_for_models({version} if version else set())
        if not self._is_current(event):
            return False
        assessor = self.assessor
        alerts += assessor.fold(offset, folded)
        await self.outbox.publish(ALERTS, ((alert.id, alert) for alert in alerts))
        if (snapshot := assessor.snapshot(now=bool(alerts))) is not None:
            await self.outbox.publish(MONITOR_STATE, [("assessor", snapshot)])
        for alert in alerts:
            self.say(f"{alert.state} {alert.kind} at contact {alert.at_contact}, level {alert.level}")
            self.metrics.alerts.labels(alert.kind, alert.state, alert.level).inc()
            self.metrics.alert_age.observe(max(0.0, (datetime.now(UTC) - alert.updated_at).total_seconds()))
        if isinstance(folded, Pane) and folded.complete:
            self.metrics.panes.inc()
            self.metrics.contacts.inc(folded.contacts)
        return True

    async def _catch_up(self, offset: int) -> list[Alert]:
        """Off the event loop, since it reads the topics; a broker that is away is waited for."""
        while True:
            self._catching_up = True
            try:
                return await asyncio.to_thread(self.assessor.catch_up, offset)
            except (KafkaError, OSError) as fault:
                self.say(
                    f"the topics could not be read ({type(fault).__name__}), starting from the last snapshot again"
                )
                self.assessor = self._new_assessor()
                await asyncio.sleep(1.0)
            finally:
                self._catching_up = False

    def _is_current(self, event: Any) -> bool:
        """Whether the event was read under the present assignment.

        What was buffered before a rebalance is read again after it, from the committed offset; taken in now, it would
        begin a pane in its middle.
        """
        return self._owner and event.message.generation_id == self.app.consumer_generation_id

    async def show_quiet_partitions(self) -> None:
        """Publish the partial panes of partitions that have been quiet for a while."""
        quiet_since = time.monotonic() - self.settings.quiet_seconds
        quiet = [partition for partition, news in self._last_news.items() if news < quiet_since]
        for partition in quiet:
            del self._last_news[partition]
        panes = [pane for partition in quiet for pane in self.builder.partial(partition, self._encode)]
        await self.outbox.publish(PANES, ((_pane_key(pane), pane) for pane in panes))

    async def write_down_when_quiet(self) -> None:
        """The assessor's state once nothing comes any more, so that `driftline status` tells of the last labels too."""
        quiet = time.monotonic() - self._last_assessed > self.settings.quiet_seconds
        if self._assessing or not quiet or self.assessor.is_written_down:
            return
        if (snapshot := self.assessor.snapshot(now=True)) is not None:
            await self.outbox.publish(MONITOR_STATE, [("assessor", snapshot)])

    async def report_window(self) -> None:
        """How the window looks now, for whoever looks on."""
        self.metrics.lag.set(sum(self._behind()))
        if not self._owner or self._catching_up or not self.assessor.is_restored:
            return
        self.metrics.show_firing(self.assessor.firing)
        if (performance := self.assessor.performance) is not None:
            self.metrics.show_labels(performance.account())
        if (report := self.assessor.window_report()) is not None:
            self.metrics.show_window(report)
            await self.outbox.publish(WINDOWS, [(report.model_version, report)])

    def _behind(self) -> Iterator[int]:
        """For each partition the predictions that have not been taken yet."""
        topic = self.settings.topic(PREDICTIONS.name)
        for partition, taken in self._taken.items():
            end = self.app.consumer.highwater(TP(topic, partition))
            if end is not None:
                yield max(0, end - taken)

    async def _scored(self, event: Any) -> Prediction | None:
        try:
            prediction = decode(Prediction, event.value)
        except ValueError as reason:
            await self._set_aside(event, str(reason))
            event.ack()
            return None
        if len(prediction.features) not in WIDTHS:
            await self._set_aside(event, f"{len(prediction.features)} features, which no model takes")
            event.ack()
            return None
        if prediction.source_offset < 0:  # scored over HTTP: it has no place in the log of contacts
            event.ack()
            return None
        return prediction

    def _encode(self, version: str, scored: list[Prediction]) -> bytes:
        return encode_contacts(self._reference(version), scored).tobytes()

    def _reference(self, version: str) -> Reference:
        return self.models.wait_for(version).reference

    async def _wait_for_models(self, versions: set[str]) -> None:
        """Off the event loop, which must go on telling the broker that this worker lives."""
        for version in versions:
            if not self.models.is_prepared(version):
                await asyncio.to_thread(self.models.wait_for, version)

    async def _set_aside(self, event: Any, reason: str) -> None:
        await self.outbox.set_aside(event.message, reason)
        self.metrics.dead_letters.inc()

    def _new_assessor(self) -> Assessor:
        performance = Performance(LabelConfig.of(self.settings), self.models.wait_for)
        return Assessor(self.settings, Engine(EngineConfig.of(self.settings)), self._reference, performance)

    def _forget(self, _app: Any, revoked: Any, **_: Any) -> None:
        self._owner = False
        self.builder.clear()
        self._last_news.clear()
        self._taken.clear()
        self.metrics.forget_window()
        self.assessor = self._new_assessor()

    def _take_over(self, _app: Any, assigned: Any, **_: Any) -> None:
        self._owner = True
        if assigned:
            mark_ready(self.settings.home, "monitor")


def _pane_key(pane: Pane) -> str:
    return f"{pane.partition}:{pane.pane}"


def run(settings: Settings, say: Say, stop: Flag, metrics: MonitorMetrics | None = None) -> None:
    """Monitor until SIGTERM or SIGINT, which Faust handles itself.

    Raises:
        RuntimeError: the Faust app failed.
    """
    logging.disable(logging.DEBUG)  # Faust's guards for debug lines cost 8% of the monitor's CPU
    wait_for_kafka(settings, say, stop=stop)
    if stop.is_set():
        return
    ensure_topics(settings)
    with suppress(TimeoutError):  # an absent Redis is waited for beside the stream; one that refuses us is not
        wait_for_redis(settings, say, timeout=0)
    models = KafkaModels(settings, champion_of, say, stop)
    projector = Thread(
        target=project_alerts,
        args=(settings, lambda: models.champion_version, say, stop),
        daemon=True,
        name="redis",
    )
    projector.start()
    monitor = Monitor(settings, models, say, metrics or MonitorMetrics())
    worker = faust.Worker(monitor.app, loglevel="WARNING", quiet=True, redirect_stdouts=False, override_logging=False)
    worker.spinner = None  # it would write terminal codes among the logs
    say("watching the predictions")
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:  # Faust would end the process by itself
        if ended.code:
            raise RuntimeError("the Faust app failed, as said above: start the monitor again") from None
    finally:
        stop.set()
        projector.join(2)
