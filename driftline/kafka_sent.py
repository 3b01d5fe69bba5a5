"""Who sent which record: each carries its sender's name and its position there.

So a sender that was interrupted, even by kill -9, finds out what stands on the topic already, and sends the rest.
"""

from __future__ import annotations

from driftline.kafka_clients import read_all
from driftline.settings import Settings
from driftline.topics import Topic

HEADER = "replay"


def sent_header(name: str, position: int) -> tuple[str, bytes]:
    """The header of the record at ``position`` of the sender ``name``."""
    return HEADER, f"{name}:{position}".encode()


def positions_on_topic(settings: Settings, topic: Topic, name: str, *, start: dict[int, int] | None = None) -> set[int]:
    """The positions of sender ``name`` whose records stand on the topic.

    Args:
        start: offsets to begin at by partition (default: the beginning).
    """
    prefix = f"{name}:".encode()
    return {
        int(value.removeprefix(prefix))
        for record in read_all(settings, topic, start=start)
        for key, value in record.headers or ()
        if key == HEADER and value.startswith(prefix)
    }
