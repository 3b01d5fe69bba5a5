"""What it costs to count: scored contacts by the batch, and one after the other; and a report of the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, Histogram

from benchmarks.timing import cpu_per_item, show
from driftline.events import AlertReference, AlertWindow, LabelAccount, Promise, WindowReport
from driftline.prometheus_metrics import WAY, MonitorMetrics, ScoreMetrics

BATCH = 500
NOW = datetime(2026, 1, 1, tzinfo=UTC)
REPORT = WindowReport(
    at=NOW, at_contact=700, model_version="1", full=True, window=AlertWindow(contacts=500, first={}, last={}),
    reference=AlertReference(id="r", rows=1_000), drift_share=0.2, drifting=[],
    promise=Promise(false_alarm_rate=0.05, horizon=20_000, holds=True), evidence={"data_drift": 1.0},
    strengths={f"column {n}": 0.5 for n in range(20)}, columns=[], distributions=[],
)  # fmt: skip


def main() -> None:
    """A batch of 500 contacts, and what the monitor shows twice a second."""
    sent = [NOW - timedelta(milliseconds=n) for n in range(BATCH)]
    scoring, watching = ScoreMetrics(), MonitorMetrics()
    single = Histogram("seconds", "of each", buckets=WAY, registry=CollectorRegistry())

    def one_by_one() -> None:
        for at in sent:
            single.observe((NOW - at).total_seconds())

    def show_all() -> None:
        watching.show_firing([])
        watching.show_labels(LabelAccount())
        watching.show_window(REPORT)

    show(
        {
            "scorer, a batch at once (ours)": cpu_per_item(
                lambda: scoring.scored(sent, NOW, dead_letters=0, in_shadow=0), BATCH
            ),
            "prometheus_client, one histogram by contact": cpu_per_item(one_by_one, BATCH),
        }
    )
    show({"monitor, all it shows of the window": cpu_per_item(show_all, 1)}, "µs/report")
