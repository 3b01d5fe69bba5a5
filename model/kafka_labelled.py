"""Labelled contacts of the stream: contacts joined with their labels."""

from __future__ import annotations

from datetime import datetime

from driftline.events import Alert, Contact, Label
from driftline.kafka_clients import open_consumer, partitions_of, read_events, true_end_offsets
from driftline.settings import Settings
from driftline.topics import ALERTS, CONTACTS, LABELS
from model.split import Labelled

OF_THE_CHAMPION = ("business", "performance")
"""Kinds of alert that are about a champion's whole time, not about a moment since when something is different."""


def newcomers(settings: Settings, alert: Alert, champion_since: datetime) -> list[Labelled]:
    """The labelled contacts that an alert is about, in the order in which they were sent.

    Those sent since it began; for an alert about the champion's whole time, since the champion was made. The window
    alone does not tell them: a partition that lags brings contacts from before the drift into it, and with a few of
    those in its reference a challenger would soon be told from the stream. A contact that was sent or labelled twice
    counts as it came last; labels of other contacts, and what is neither contact nor label, are left out.
    """
    whole = alert.kind in OF_THE_CHAMPION
    since = champion_since if whole else alert.started_at
    start = {} if whole else {int(partition): offset for partition, offset in alert.window.first.items()}
    labels = {label.contact_id: label.engaged for label in read_events(settings, LABELS, Label)}
    found = {
        contact.id: contact
        for contact in read_events(settings, CONTACTS, Contact, start=start)
        if contact.id in labels and contact.sent_at >= since
    }
    return [(contact, labels[contact.id]) for contact in sorted(found.values(), key=lambda contact: contact.sent_at)]


def labels_so_far(settings: Settings) -> int:
    """How many records the labels topic has taken."""
    consumer = open_consumer(settings)
    try:
        partitions = partitions_of(consumer, settings.topic(LABELS.name))
        return sum(true_end_offsets(consumer, partitions).values()) if partitions else 0
    finally:
        consumer.close()


def is_over(settings: Settings, alert_id: str) -> bool:
    """Whether an alert has been resolved or acknowledged."""
    return any(alert.id == alert_id and alert.state == "resolved" for alert in read_events(settings, ALERTS, Alert))


def alert_of(settings: Settings, alert_id: str) -> Alert | None:
    """An alert as it last fired; None where the topic does not know it."""
    found = None
    for alert in read_events(settings, ALERTS, Alert):
        if alert.id == alert_id and alert.state == "firing":
            found = alert
    return found
