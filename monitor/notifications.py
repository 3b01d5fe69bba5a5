"""Alerts as webhooks say them: which receivers there are, what each is sent, and how it is signed.

Pure: the time comes in as an argument.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from driftline.events import LEVELS, Alert, Level
from driftline.settings import WEBHOOK

Page = Callable[[str], str | None]
"""The address of an alert's page by the alert's id, where that is known."""

ALERTMANAGER_PATH = "/api/v2/alerts"
OUTLIVES = timedelta(hours=1)
"""For how long an Alertmanager takes a firing alert for firing if nothing more is heard of it. It is reminded every
minute, since it keeps alerts in memory only; that nothing is heard for less than an hour does not mean that it is over.
"""
MOST_COLUMNS = 5


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told of alerts.

    Attributes:
        name: for logs: its number, its format and its host. Its URL is a secret.
        format: ``alertmanager``, ``slack``, or ``driftline`` for the alert as it is on the topic.
        key: eight characters that name it among consumer groups; another URL is another receiver.
    """

    name: str
    format: str
    url: str
    key: str

    def __repr__(self) -> str:
        return self.name


def receivers(urls: str) -> list[Receiver]:
    """Of ``DRIFTLINE_WEBHOOK_URLS``.

    >>> receivers("slack+https://hooks.example.invalid/secret,alertmanager+http://127.0.0.1:9093")
    [receiver 1 (slack at hooks.example.invalid), receiver 2 (alertmanager at 127.0.0.1:9093)]
    """
    return [_receiver(number, one.strip()) for number, one in enumerate(urls.split(","), 1)]


def _receiver(number: int, text: str) -> Receiver:
    found = WEBHOOK.fullmatch(text)
    assert found is not None  # the settings have seen to it
    style, url = found["format"] or "driftline", found["url"]
    address = urlsplit(url)
    if style == "alertmanager" and address.path in ("", "/"):
        url = address._replace(path=ALERTMANAGER_PATH).geturl()
    host = f"{address.hostname}:{address.port}" if address.port else f"{address.hostname}"
    return Receiver(f"receiver {number} ({style} at {host})", style, url, hashlib.sha256(url.encode()).hexdigest()[:8])


def change_id(alert: Alert) -> str:
    """What names a change of state: the ``ce_id`` of its record, and the idempotency key of its webhook."""
    return f"{alert.id}/{alert.state}/{alert.level}/{alert.at_contact}"


def reaches(alert: Alert, level: Level) -> bool:
    """Whether an alert is of this level or a graver one."""
    return LEVELS.index(alert.level) >= LEVELS.index(level)


def signature(secret: str, body: bytes, now: datetime) -> str:
    """``t=<seconds since 1970>,v1=<HMAC-SHA256 over "<t>.<body>", hexadecimal>``.

    The time is signed too, so that what was overheard cannot be sent again later.

    >>> signature("secret", b"{}", datetime(2026, 1, 1, tzinfo=UTC))
    't=1767225600,v1=fa7eaa06bf97d7815f3f456e97cde70c9e50cb005f01660c8d10b10c21964887'
    """
    at = int(now.timestamp())
    code = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={code}"


def body(style: str, alerts: Sequence[Alert], page: Page, now: datetime) -> bytes:
    """What a receiver of this format is sent; more than one alert only for ``alertmanager``."""
    match style:
        case "alertmanager":
            return msgspec.json.encode([alertmanager(alert, page(alert.id), now) for alert in alerts])
        case "slack":
            return msgspec.json.encode({"text": slack_text(alerts[0], page(alerts[0].id))})
        case _:
            return msgspec.json.encode(alerts[0])


def alertmanager(alert: Alert, page: str | None, now: datetime) -> dict[str, Any]:
    """An alert of the Alertmanager API v2.

    The labels name the alert and stay the same from firing to resolved, whatever its level becomes; what may change is
    an annotation. One that is over ends when it was resolved, or now, if the contacts' clock is ahead of ours.
    """
    resolved_at = alert.resolved_at or alert.updated_at
    ends = now + OUTLIVES if alert.state == "firing" else max(alert.started_at, min(resolved_at, now))
    labels = {"alertname": f"driftline_{alert.kind}", "alert_id": alert.id, "kind": alert.kind, "service": "driftline"}
    annotations = {
        "summary": alert.summary,
        "description": _facts(alert),
        "level": alert.level,
        "columns": ", ".join(column.name for column in alert.columns),
        "model_version": alert.model_version,
        "runbook_url": alert.runbook,
    } | ({} if page is None else {"dashboard_url": page, "report_url": f"{page}/report"})
    found = {"labels": labels, "annotations": annotations, "startsAt": _rfc3339(alert.started_at),
             "endsAt": _rfc3339(ends)}  # fmt: skip
    return found | ({} if page is None else {"generatorURL": page})


def slack_text(alert: Alert, page: str | None) -> str:
    """A message in Slack's own markup, which others (Mattermost, Rocket.Chat) read too."""
    state = alert.level if alert.state == "firing" else "resolved"
    lines = [f"*{state}* {_escaped(alert.summary)}", _escaped(_facts(alert))]
    lines += [f"• {_escaped(column.name)}: {_escaped(column.cause)}" for column in alert.columns[:MOST_COLUMNS]]
    links = {"alert": page, "report": page and f"{page}/report", "what to do": alert.runbook}
    return "\n".join([*lines, " · ".join(f"<{url}|{name}>" for name, url in links.items() if url)])


def _facts(alert: Alert) -> str:
    """What the summary does not say, in one line."""
    told = [f"{alert.kind}, level {alert.level}"]
    if alert.drift_share > 0:
        told.append(f"{alert.drift_share:.0%} of the columns")
    told.append(f"since {alert.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    told.append(f"model version {alert.model_version}")
    if alert.promise.holds:
        unit = "labels" if alert.kind == "concept_drift" else "contacts"
        runs = f"runs of {alert.promise.horizon:,} {unit}"
        told.append(f"a false alarm in at most {alert.promise.false_alarm_rate:.0%} of {runs}")
    return ", ".join(told)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
