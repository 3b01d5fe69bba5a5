"""Alerts for whoever reads alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from driftline.events import Alert, AlertReference, AlertWindow, DriftedColumn, Level, Promise, encode
from driftline.kafka_clients import open_producer
from driftline.settings import Settings
from driftline.topics import ALERTS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COLUMN = DriftedColumn(
    name="companysize", features=["raw_companysize"], test="unseen", statistic=0.6, threshold=0.036, p_value=1e-9,
    effect=0.6, direction="more often", cause="unseen value share 0.60 (reference 0.01): new values, or another format",
)  # fmt: skip


def alert(
    name: str, state: Literal["firing", "resolved"] = "firing", level: Level = "monitor", *, at_contact: int = 1
) -> Alert:
    """An alert of this id; the later its contact, the later it changed."""
    at = NOW + timedelta(seconds=at_contact)
    return Alert(
        id=name, state=state, kind="data_drift", level=level, started_at=NOW, updated_at=at,
        resolved_at=at if state == "resolved" else None, at_contact=at_contact,
        window=AlertWindow(contacts=1, first={}, last={}), model_version="1",
        reference=AlertReference(id="r", rows=1), drift_share=0.1,
        promise=Promise(false_alarm_rate=0.05, horizon=20_000, holds=True), columns=[COLUMN],
        summary="The last 500 contacts are not like the people the model was trained for: company size changed.",
        runbook="https://docs.example.invalid/monitoring.md#data_drift",
    )  # fmt: skip


def publish(settings: Settings, *alerts: Alert | bytes) -> None:
    """Onto the alerts topic."""
    producer = open_producer(settings)
    for one in alerts:
        producer.send(settings.topic(ALERTS.name), value=one if isinstance(one, bytes) else encode(one))
    producer.close()
