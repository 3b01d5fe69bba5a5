"""Acknowledging an alert: the change that it is about is accepted until the reference changes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Event as Flag

from driftline.counts import champion
from driftline.events import Acknowledgement, Alert, decode, encode
from driftline.kafka_clients import open_producer, read_all, tail
from driftline.settings import Settings
from driftline.topics import ALERTS, PANES

ANSWER_SECONDS = 30.0


def acknowledge(settings: Settings, alert_id: str) -> Alert:
    """Accept the change of an alert, firing or resolved; returns the alert as it is after that.

    Raises:
        RuntimeError: there is no such alert, its reference is not in use any more, or no monitor answers.
    """
    alert = _newest(settings, alert_id)
    if alert is None:
        raise RuntimeError(f"there is no alert {alert_id}: `driftline alerts` lists them")
    version = champion(settings)
    if version != alert.model_version:
        raise RuntimeError(
            f"alert {alert_id} is about model version {alert.model_version} and its reference, and version {version} "
            "is champion now: there is nothing to accept"
        )
    accepted = Acknowledgement.of(alert, datetime.now(UTC))
    producer = open_producer(settings, linger_ms=0)
    try:
        # The panes stand in partition 0, all of them: their order is the window's.
        producer.send(settings.topic(PANES.name), key=alert_id.encode(), value=encode(accepted), partition=0).get(30)
    finally:
        producer.close(timeout=5)
    return alert if alert.state == "resolved" else _resolved(settings, alert_id)


def _resolved(settings: Settings, alert_id: str) -> Alert:
    """The alert as soon as the monitor has resolved it."""
    deadline = time.monotonic() + ANSWER_SECONDS
    for record in tail(settings, ALERTS, Flag()):
        if record is not None:
            alert = decode(Alert, record.value)
            if alert.id == alert_id and alert.state == "resolved":
                return alert
        elif time.monotonic() > deadline:
            break
    raise RuntimeError(
        f"the monitor has not answered for {ANSWER_SECONDS:.0f} s: it will once it runs (`driftline status` tells)"
    )


def _newest(settings: Settings, alert_id: str) -> Alert | None:
    """The alert as last published."""
    newest = None
    for record in read_all(settings, ALERTS):
        alert = decode(Alert, record.value)
        if alert.id == alert_id:
            newest = alert
    return newest
