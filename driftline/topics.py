"""Every topic on one line: its name, what is in it, what its key is, how it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from driftline.events import (
    Acknowledgement,
    Alert,
    Contact,
    DeadLetter,
    Event,
    Label,
    LabelBatch,
    ModelEvent,
    MonitorState,
    Pane,
    Prediction,
    WindowReport,
)

LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes: what a snapshot of the largest window and a model of the largest reference fit into, and a dead letter."""
LARGEST_INPUT = 1_000_000
"""Bytes of a contact that is replayed: what every broker takes unless it is set to less."""
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Topic:
    """One topic. ``spread`` topics have as many partitions as the settings say, the others have one.

    ``also`` are other events that stand between those of the topic, under keys of their own; ``large`` ones may be
    as large as `LARGEST_MESSAGE`, wherever else the broker draws the line.
    """

    name: str
    event: type[Event]
    key: str
    spread: bool = False
    compacted: bool = False
    retention_days: int = 7
    also: tuple[type[Event], ...] = ()
    large: bool = False

    @property
    def events(self) -> tuple[type[Event], ...]:
        """What stands on it."""
        return (self.event, *self.also)

    def configs(self) -> dict[str, str]:
        """Broker configuration of the topic."""
        if self.compacted:
            # Small segments, since the one being written is not compacted.
            kept = {"cleanup.policy": "compact", "segment.bytes": str(2 * LARGEST_MESSAGE)}
        else:
            kept = {"cleanup.policy": "delete", "retention.ms": str(self.retention_days * DAY_MS)}
        return kept | ({"max.message.bytes": str(LARGEST_MESSAGE)} if self.large else {})


CONTACTS = Topic("contacts", Contact, key="contact id", spread=True, retention_days=30)
PREDICTIONS = Topic("predictions", Prediction, key="contact id", spread=True)
# What a challenger in shadow makes of the same contacts, at the same source offsets; counts for nothing but the gate.
SHADOW_PREDICTIONS = Topic("shadow-predictions", Prediction, key="contact id", spread=True)
LABELS = Topic("labels", Label, key="contact id", spread=True, retention_days=365)
# One partition: its order is the window's.
PANES = Topic(
    "panes", Pane, key="partition:pane, labels:partition, or the id of the alert", retention_days=30,
    also=(LabelBatch, Acknowledgement),
)  # fmt: skip
MONITOR_STATE = Topic("monitor-state", MonitorState, key="the assessor's name", compacted=True, large=True)
# For whoever looks on; nothing is computed from it.
WINDOWS = Topic("windows", WindowReport, key="model version")
ALERTS = Topic("alerts", Alert, key="alert id", retention_days=365)  # one partition: offsets order Redis entries
MODEL_EVENTS = Topic("model-events", ModelEvent, key="see ModelEvent.key", compacted=True, large=True)
# Larger than what it repeats, since it does so in base64.
DEAD_LETTERS = Topic("dead-letters", DeadLetter, key="the contact's own key", retention_days=90, large=True)

TOPICS: tuple[Topic, ...] = (
    CONTACTS, PREDICTIONS, SHADOW_PREDICTIONS, LABELS, PANES, MONITOR_STATE, WINDOWS, ALERTS, MODEL_EVENTS,
    DEAD_LETTERS,
)  # fmt: skip
