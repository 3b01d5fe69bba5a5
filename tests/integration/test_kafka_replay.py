"""Replays on a real broker."""

from datetime import UTC, datetime

import pytest

from driftline.events import Contact, Label, decode
from driftline.kafka_clients import read_all
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS
from producers.kafka_replay import replay

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ids(settings: Settings) -> list[str]:
    return [decode(Contact, record.value).id for record in read_all(settings, CONTACTS)]


def test_every_contact_and_label_is_sent_once(settings: Settings, calm_contacts: Contacts) -> None:
    result = replay(settings, "r", calm_contacts[:200], pace=lambda contact: contact)
    assert (result.contacts, result.labels, result.skipped) == (200, 200, 0)
    assert sorted(ids(settings)) == sorted(contact.id for contact, _ in calm_contacts[:200])


@pytest.mark.parametrize("labels_delay", [0, 30])
def test_an_interrupted_replay_resumes_without_loss_or_repeat(
    settings: Settings, calm_contacts: Contacts, labels_delay: int
) -> None:
    class Killed(BaseException):
        pass

    def killed_at_70(contact: Contact) -> Contact:
        if contact.id == calm_contacts[70][0].id:
            raise Killed
        return contact

    with pytest.raises(Killed):
        replay(settings, "r", calm_contacts[:200], pace=killed_at_70, labels_delay=labels_delay)
    before = len(ids(settings))
    assert 0 < before < 200
    resumed = replay(
        settings, "r", calm_contacts[:200], pace=lambda contact: contact, resume=True, labels_delay=labels_delay
    )
    assert resumed.skipped == before
    assert sorted(ids(settings)) == sorted(contact.id for contact, _ in calm_contacts[:200])
    labels = [decode(Label, record.value).contact_id for record in read_all(settings, LABELS)]
    assert sorted(labels) == sorted(ids(settings))


def test_another_replay_is_not_mistaken_for_this_one(settings: Settings, calm_contacts: Contacts) -> None:
    replay(settings, "one", calm_contacts[:50], pace=lambda contact: contact)
    other = replay(settings, "two", calm_contacts[50:90], pace=lambda contact: contact, resume=True)
    assert (other.contacts, other.skipped) == (40, 0)
