"""What the monitor publishes, through Faust's producer: sent again until it is on the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from driftline.events import Alert, DeadLetter, Event, Record, encode
from driftline.settings import Settings
from driftline.topics import DEAD_LETTERS, Topic
from monitor.notifications import change_id

Say = Callable[[str], None]


class Outbox:
    """Events onto their topics, in the order in which they are given; nothing here raises."""

    def __init__(self, app: Any, settings: Settings, say: Say) -> None:
        self._app = app
        self._settings = settings
        self._say = say

    async def publish(self, topic: Topic, records: Iterable[tuple[str, Event]]) -> None:
        """Return once all are on the broker.

        Args:
            records: of each its key and the event.
        """
        name, whole = self._settings.topic(topic.name), list(records)
        while True:
            try:
                sent = [
                    await self._app.producer.send(name, key.encode(), encode(event), 0, None, _headers(event))
                    for key, event in whole
                ]
                for acknowledged in sent:
                    await acknowledged
            except Exception as fault:  # to raise would acknowledge what was not published
                self._say(f"{topic.name} did not get through ({type(fault).__name__}), sending again")
                await asyncio.sleep(1.0)
            else:
                return

    async def set_aside(self, record: Record, reason: str) -> None:
        """What could not be used, among the dead letters."""
        key = record.key.decode("utf-8", "replace") if record.key else ""
        await self.publish(DEAD_LETTERS, [(key, DeadLetter.of(record, reason, datetime.now(UTC)))])


def cloud_event_headers(alert: Alert) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0, Kafka binary mode."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", change_id(alert).encode()),
        ("ce_type", b"driftline.alert.v1"),
        ("ce_source", b"driftline/monitor"),
        ("ce_time", alert.updated_at.isoformat().encode()),
        ("content-type", b"application/json"),
    ]


def _headers(event: Event) -> list[tuple[str, bytes]] | None:
    return cloud_event_headers(event) if isinstance(event, Alert) else None
