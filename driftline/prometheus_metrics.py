"""Every metric of every worker, each on one line: its name, what it counts, its labels, and what one looks at it for.

A worker has a registry of its own, so that two of them in one process (in tests) do not add up. Labels are versions,
columns of the reference, kinds, levels and decisions, of which there are few; no contact's text or id is in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from itertools import product
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from driftline.events import LEVELS, Alert, Decision, Kind, LabelAccount, WindowReport
from driftline.settings import Settings, SettingsError

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series beside each counter, which nothing here reads

REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for answers over HTTP; .05 is what their p95 is watched against."""
BATCH = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for one batch of contacts."""
WAY = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bounds for the way of a contact through the stream; the upper ones tell of a backlog."""
TRAINING = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Bounds for a retraining."""

Family = CounterMetricFamily | GaugeMetricFamily

__all__ = [
    "CONTENT_TYPE_LATEST",
    "WORKERS",
    "DashboardMetrics",
    "Deliveries",
    "Described",
    "MonitorMetrics",
    "NotifyMetrics",
    "RequestMetrics",
    "RetrainMetrics",
    "ScoreMetrics",
    "WorkerMetrics",
    "served",
]


@dataclass(frozen=True)
class Described:
    """A metric as the documentation lists it; ``name`` as Prometheus knows it, without the suffixes of a histogram."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


class WorkerMetrics:
    """What every worker tells of itself; memory, CPU and open files of the process (``process_…``) are with it."""

    WORKER = ""
    """The command that runs it."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._shown: dict[Gauge, set[tuple[str, ...]]] = {}
        self.described: list[Described] = []
        ProcessCollector(registry=self._registry)
        # is a deployment through?
        build = self._gauge("driftline_build_info", "1 for what runs.", "version", "worker")
        build.labels(version("driftline"), self.WORKER).set(1)

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format; its type is `CONTENT_TYPE_LATEST`."""
        return generate_latest(self._registry)

    def serve(self, host: str, port: int) -> tuple[int, Callable[[], None]]:
        """Answer at ``/metrics`` in a thread; returns the port and what ends it.

        Raises:
            OSError: nothing can listen there.
        """
        server, _ = start_http_server(port, host, self._registry)

        def end() -> None:
            server.shutdown()
            server.server_close()

        return server.server_port, end

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self._describe(f"{name}_total", "counter", text, labels)
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self._describe(name, "gauge", text, labels)
        return Gauge(name, text, labels, registry=self._registry)

    def _times(self, name: str, text: str, bounds: Sequence[float], *labels: str) -> Histogram:
        self._describe(name, "histogram", text, labels)
        return Histogram(name, text, labels, buckets=bounds, registry=self._registry)

    def _batches(self, name: str, text: str, bounds: Sequence[float]) -> BatchHistogram:
        self._describe(name, "histogram", text, ())
        return BatchHistogram(name, text, bounds, self._registry)

    def _in_use(self, name: str, text: str, label: str) -> InUse:
        self._describe(name, "gauge", text, (label,))
        return InUse(name, text, label, self._registry)

    def _describe(self, name: str, kind: str, text: str, labels: tuple[str, ...]) -> None:
        self.described.append(Described(name, kind, labels, text))

    def _show(self, gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        """Let a gauge have these values and no others; a scrape in between sees no gap."""
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
        for labels in self._shown.get(gauge, set()) - values.keys():
            gauge.remove(*labels)
        self._shown[gauge] = set(values)


class BatchHistogram(Collector):
    """A histogram that takes a whole batch at once, since one call for each contact would cost more than the rest."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._text = name, text
        self._bounds = np.array(bounds)
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._sum = 0.0
        registry.register(self)

    def observe(self, values: NDArray[np.float64]) -> None:
        """Take values in; NaN must not be among them."""
        places = np.searchsorted(self._bounds, values, "left")  # a value at a bound is in the bucket up to it
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += float(values.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """As Prometheus' client asks for it."""
        names = [*(f"{bound:g}" for bound in self._bounds.tolist()), "+Inf"]
        cumulated = np.cumsum(self._counts).tolist()
        yield HistogramMetricFamily(
            self._name, self._text, buckets=list(zip(names, cumulated, strict=True)), sum_value=self._sum
        )


class InUse(Collector):
    """1 for what is in use; who that is, is asked whenever Prometheus asks."""

    def __init__(self, name: str, text: str, label: str, registry: CollectorRegistry) -> None:
        self._name, self._text, self._label = name, text, label
        self.now: Callable[[], str | None] = lambda: None
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As Prometheus' client asks for it."""
        family = GaugeMetricFamily(self._name, self._text, labels=[self._label])
        if (now := self.now()) is not None:
            family.add_metric([now], 1)
        yield family


class ScoreMetrics(WorkerMetrics):
    """Of `driftline score`; all counted by batch."""

    WORKER = "score"

    def __init__(self) -> None:
        super().__init__()
        # its rate is the throughput
        self.contacts = self._counter("driftline_score_contacts", "Contacts scored, their predictions on the broker.")
        # a source has changed its format
        self.dead_letters = self._counter("driftline_score_dead_letters", "Records set aside as dead letters.")
        # does it get any?
        self.shadow_contacts = self._counter("driftline_score_shadow_contacts", "Contacts scored in shadow, too.")
        # the broker's health
        self.failures = self._counter("driftline_score_failed_batches", "Batches scored again since the broker failed.")
        # the scorer's own part of the delay
        self.batch = self._times("driftline_score_batch_seconds", "From a batch's arrival to its commit.", BATCH)
        # what whoever waits for a score feels
        self.latency = self._batches("driftline_score_latency_seconds", "From a contact sent to its prediction.", WAY)
        # more scorers needed?
        self.lag = self._gauge("driftline_score_lag_contacts", "Records of the contacts topic not scored yet.")
        # has the promotion arrived?
        self.model = self._in_use("driftline_score_model", "1 for the version that scores.", "version")

    def scored(self, sent: Sequence[datetime], now: datetime, *, dead_letters: int, in_shadow: int) -> None:
        """Count a batch that is through; ``sent`` is when each of its contacts was."""
        self.contacts.inc(len(sent))
        self.dead_letters.inc(dead_letters)
        self.shadow_contacts.inc(in_shadow)
        ways = np.array([(now - at).total_seconds() for at in sent], np.float64)
        self.latency.observe(np.maximum(ways, 0.0))  # a sender's clock may be ahead


class MonitorMetrics(WorkerMetrics):
    """Of `driftline monitor`. What it says of the window is what the newest report on the windows topic says."""

    WORKER = "monitor"

    def __init__(self) -> None:
        super().__init__()
        # does the monitor move?
        self.panes = self._counter("driftline_monitor_panes", "Panes folded in.")
        # its rate, beside the scorer's
        self.contacts = self._counter("driftline_monitor_contacts", "Contacts of the complete panes folded in.")
        # somebody else writes to our topics
        self.dead_letters = self._counter("driftline_monitor_dead_letters", "Records set aside as dead letters.")
        # how often it alerts
        self.alerts = self._counter("driftline_monitor_alerts", "Changes of alerts.", "kind", "state", "level")
        # how late an alert is
        self.alert_age = self._times("driftline_monitor_alert_seconds", "From the newest contact to its alert.", WAY)
        # more monitors needed? (1 may be the end of a transaction)
        self.lag = self._gauge("driftline_monitor_lag_contacts", "Records of the predictions topic not taken yet.")
        # where the window is
        self._at_contact = self._gauge("driftline_monitor_at_contact", "Contacts monitored since the topics began.")
        # time() less it: how old the picture is
        self._newest = self._gauge("driftline_monitor_newest_timestamp_seconds", "When the newest contact was sent.")
        # full?
        self._window = self._gauge("driftline_monitor_window_contacts", "Contacts in the current window.")
        # the first thing to look at
        self._share = self._gauge("driftline_monitor_drift_share", "Share of the columns that drift, 0 to 1.")
        # how many
        self._drifting = self._gauge("driftline_monitor_drifting_columns", "Columns that drift, the score among them.")
        # which columns, and how much: they drift from 1 on
        self._strong = self._gauge("driftline_monitor_strength", "Strongest test, over its threshold.", "column")
        # what is building up: from 1 on it suffices
        self._evidence = self._gauge("driftline_monitor_evidence", "Sequential evidence, over its threshold.", "kind")
        # 0: its alerts count for less
        self._promise = self._gauge("driftline_monitor_promise_holds", "1 where the rate of false alarms is promised.")
        # what to be called for
        self._firing = self._gauge("driftline_monitor_firing", "Alerts that fire.", "kind", "level")
        # late, missing, contradictory labels; "contacts" are those that the champion has scored
        self._labels = self._gauge("driftline_monitor_labels", "Labels by what became of them.", "what")
        # how old what concept drift is judged by is; NaN before the first label
        self._delay = self._gauge("driftline_monitor_label_delay_seconds", "Median delay of the newest labels.")

        for kind, state, level in product(get_args(Kind), ("firing", "resolved"), LEVELS):
            self.alerts.labels(kind, state, level)  # 0 from the start, so that the first one is an increase

    def show_window(self, report: WindowReport) -> None:
        """What the newest report of the window says."""
        self._at_contact.set(report.at_contact)
        self._newest.set(report.at.timestamp())
        self._window.set(report.window.contacts)
        self._share.set(report.drift_share)
        self._drifting.set(len(report.drifting))
        self._promise.set(report.promise.holds)
        self._show(self._strong, {(column,): strength for column, strength in report.strengths.items()})
        self._show(self._evidence, {(kind,): evidence for kind, evidence in report.evidence.items()})

    def show_firing(self, alerts: Iterable[Alert]) -> None:
        """The alerts that fire now; 0 for every other kind and level."""
        counts: dict[tuple[str, ...], float] = dict.fromkeys(product(get_args(Kind), LEVELS), 0)
        for alert in alerts:
            counts[alert.kind, alert.level] += 1
        self._show(self._firing, counts)

    def show_labels(self, account: LabelAccount) -> None:
        """What became of the labels."""
        counts = msgspec.to_builtins(account)
        delay = counts.pop("median_delay_seconds")
        self._show(self._labels, {(what,): count for what, count in counts.items()})
        self._delay.set(float("nan") if delay is None else delay)

    def forget_window(self) -> None:
        """Another monitor has taken the window over, and tells of it from now on."""
        for gauge in (self._strong, self._evidence, self._firing, self._labels):
            self._show(gauge, {})
        for gauge in (self._at_contact, self._newest, self._window, self._share, self._drifting, self._promise):
            gauge.set(0)
        self._delay.set(float("nan"))


class RetrainMetrics(WorkerMetrics):
    """Of `driftline retrain`."""

    WORKER = "retrain"

    def __init__(self) -> None:
        super().__init__()
        # promoted, rejected, shadow
        self.decisions = self._counter("driftline_retrain_decisions", "Challengers decided upon.", "decision")
        # against DRIFTLINE_RETRAIN_SECONDS
        self.seconds = self._times("driftline_retrain_seconds", "From its beginning to its decision.", TRAINING)
        # is it at work, or waiting?
        self.busy = self._gauge("driftline_retrain_busy", "1 while a challenger is made or judged.")
        # which model is in use
        self.champion = self._in_use("driftline_retrain_champion", "1 for the version that is champion.", "version")
        # time() less it: its age
        self.made = self._gauge("driftline_retrain_champion_made_timestamp_seconds", "When the champion was made.")
        for decision in get_args(Decision):
            self.decisions.labels(decision)  # 0 from the start, for the same reason


class RequestMetrics(WorkerMetrics):
    """Of `driftline api`."""

    WORKER = "api"

    def __init__(self) -> None:
        super().__init__()
        # traffic, and faults by status
        self._requests = self._counter("driftline_api_requests", "HTTP requests answered.", "path", "status")
        # p95 < 50 ms
        self._seconds = self._times("driftline_api_request_seconds", "From a request to its answer.", REQUEST, "path")
        # its rate is the throughput
        self._contacts = self._counter("driftline_api_contacts_scored", "Contacts answered.")
        # has the promotion arrived?
        self.model = self._in_use("driftline_api_model", "1 for the version that scores.", "version")
        # grows while it is away
        self.spool_contacts = self._gauge("driftline_api_spool_contacts", "Contacts that wait for the broker.")
        # against DRIFTLINE_API_SPOOL_BYTES
        self.spool_bytes = self._gauge("driftline_api_spool_bytes", "What the spool takes on the disk.")
        # 0: the spool is at work
        self.broker_reachable = self._gauge("driftline_api_broker_reachable", "1 where it took what it was last given.")

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one request; ``path`` is one of the API's own, or "other"."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def scored(self, contacts: int) -> None:
        """Count contacts."""
        self._contacts.inc(contacts)


class DashboardMetrics(WorkerMetrics):
    """Of `driftline dashboard`."""

    WORKER = "dashboard"

    def __init__(self) -> None:
        super().__init__()
        # is anybody looking?
        self.viewers = self._gauge("driftline_dashboard_viewers", "Open streams of events.")
        # 0: what it shows is old
        self.broker_reachable = self._gauge("driftline_dashboard_broker_reachable", "1 where it answered last time.")
        # who tries what
        self.actions = self._counter("driftline_dashboard_actions", "Actions asked for.", "action", "status")


@dataclass
class Deliveries:
    """What has become of the alerts for one receiver since its notifier began."""

    delivered: int = 0
    retried: int = 0
    """Attempts that are made again."""
    given_up: int = 0
    waiting_since: float | None = None
    """When it last stopped taking alerts, in seconds since 1970; None while it takes them."""


class NotifyMetrics(WorkerMetrics):
    """Of `driftline notify`; a receiver goes by its kind and host."""

    WORKER = "notify"

    def __init__(self) -> None:
        super().__init__()
        self.receivers: dict[str, Deliveries] = {}
        """Kept up to date by the notifier, and read whenever Prometheus asks."""
        # somebody is told
        self._each("driftline_notify_delivered", "Changes of alerts that were taken.", lambda one: one.delivered)
        # is a receiver away?
        self._each("driftline_notify_retried", "Attempts that are made again.", lambda one: one.retried)
        # they are among the dead letters
        self._each("driftline_notify_given_up", "Changes of alerts refused for good.", lambda one: one.given_up)
        # for how long nobody is told
        self._each(
            "driftline_notify_waiting",
            "1 where a receiver takes no alerts.",
            lambda one: one.waiting_since is not None,
            "gauge",
        )

    def _each(self, name: str, text: str, value: Callable[[Deliveries], float], kind: str = "counter") -> None:
        self._describe(name if kind == "gauge" else f"{name}_total", kind, text, ("receiver",))
        family = GaugeMetricFamily if kind == "gauge" else CounterMetricFamily
        self._registry.register(ByReceiver(lambda: family(name, text, labels=["receiver"]), value, self.receivers))


class ByReceiver(Collector):
    """One value of every receiver, asked for whenever Prometheus asks."""

    def __init__(
        self, family: Callable[[], Family], value: Callable[[Deliveries], float], receivers: Mapping[str, Deliveries]
    ) -> None:
        self._family, self._value, self._receivers = family, value, receivers

    def collect(self) -> Iterator[Family]:
        """As Prometheus' client asks for it."""
        family = self._family()
        for name, held in self._receivers.items():
            family.add_metric([name], self._value(held))
        yield family


WORKERS: tuple[type[WorkerMetrics], ...] = (
    ScoreMetrics, MonitorMetrics, RetrainMetrics, RequestMetrics, DashboardMetrics, NotifyMetrics,
)  # fmt: skip
"""All of them, for what lists or checks their names."""


@contextmanager
def served(metrics: WorkerMetrics, settings: Settings) -> Iterator[str]:
    """The metrics over HTTP while the block runs; yields the address.

    Raises:
        SettingsError: nothing can listen there.
    """
    try:
        port, end = metrics.serve(settings.metrics_host, settings.metrics_port)
    except OSError as fault:
        raise SettingsError(
            "DRIFTLINE_METRICS_HOST, DRIFTLINE_METRICS_PORT:"
            f" cannot listen on {settings.metrics_host}:{settings.metrics_port}"
            f" ({fault.strerror}): free it, or take another port"
        ) from None
    try:
        yield settings.model_copy(update={"metrics_port": port}).metrics_address
    finally:
        end()
