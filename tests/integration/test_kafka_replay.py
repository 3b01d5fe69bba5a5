"""Replays on a real broker."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from driftline import kafka_sent
from driftline.events import Contact, Label, decode, encode
from driftline.kafka_clients import open_producer, read_all
from driftline.kafka_sent import sent_header, settled_positions
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS, LARGEST_INPUT
from producers import kafka_replay
from producers.kafka_replay import KafkaSender, partition_of, replay

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


def send_late(settings: Settings, positions: range, gap: float) -> threading.Thread:
    """What a killed replay has left in its sockets, or one that still runs: a record every so often."""

    def send() -> None:
        producer = open_producer(settings, linger_ms=0)
        for position in positions:
            time.sleep(gap)
            value = encode(Contact(id=f"c{position}", sent_at=NOW))
            producer.send(settings.topic(CONTACTS.name), value=value, headers=[sent_header("r", position)])
        producer.close()

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_what_a_killed_replay_had_handed_on_is_found_although_it_comes_later(settings: Settings) -> None:
    thread = send_late(settings, range(5), 0.5)
    found = settled_positions(settings, (CONTACTS, LABELS), lambda name: name == "r", threading.Event())
    thread.join()
    assert found == {CONTACTS.name: {"r": set(range(5))}, LABELS.name: {}}


def test_a_replay_that_still_runs_is_not_resumed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_sent, "STILL_SENDING_SECONDS", 1.0)
    thread = send_late(settings, range(20), 0.15)
    with pytest.raises(RuntimeError, match="still sending"):
        settled_positions(settings, (CONTACTS, LABELS), lambda name: name == "r", threading.Event())
    thread.join()


def test_what_is_too_large_for_a_topic_is_told_of_and_left_out(settings: Settings, calm_contacts: Contacts) -> None:
    said: list[str] = []
    sender = KafkaSender(settings, say=said.append, stop=threading.Event())
    lines: list[Contact | bytes] = [contact for contact, _ in calm_contacts[:60]]
    lines[20], lines[40] = b"x" * LARGEST_INPUT, b"x" * (LARGEST_INPUT + 1)
    for position, line in enumerate(lines):
        sender.contact("r", position, line)
    sender.flush()
    sender.close()
    found = list(read_all(settings, CONTACTS))
    assert sorted(decode(Contact, record.value).id for record in found if record.key) == sorted(
        line.id for line in lines if isinstance(line, Contact)
    )
    assert [len(record.value) for record in found if not record.key] == [LARGEST_INPUT]
    assert sender.refused == 1
    assert said == ["contact 41 is left out: it has 1,000,001 bytes, at most 1,000,000 are sent"]


@pytest.mark.long
def test_sending_goes_on_when_the_broker_is_back_and_nothing_is_lost(tmp_path: Path, calm_contacts: Contacts) -> None:
    """Frozen, since the embedded broker would forget its topics: connections stay, answers do not come."""
    said: list[str] = []
    with LocalStack(Settings.model_validate({"home": tmp_path}), say=lambda _: None) as stack:
        broker = stack.children["kafka"].process
        assert broker is not None
        sender = KafkaSender(stack.settings, say=said.append, stop=threading.Event())
        freeze, thaw = 19, 18
        broker.send_signal(freeze)
        timer = threading.Timer(8.0, broker.send_signal, [thaw])
        timer.start()
        for position, (contact, _) in enumerate(calm_contacts[:3]):
            sender.contact("r", position, contact)
            time.sleep(1.5)
        sender.flush()
        sender.close()
        timer.join()
        assert sorted(ids(stack.settings)) == sorted(contact.id for contact, _ in calm_contacts[:3])
    assert "waiting for Kafka" in said[0]
    assert said[-1] == "Kafka is back, sending goes on"


def test_a_broker_that_comes_back_without_its_topics_is_told_of(tmp_path: Path, calm_contacts: Contacts) -> None:
    stack = LocalStack(Settings.model_validate({"home": tmp_path}), say=lambda _: None)
    with stack:
        sender = KafkaSender(stack.settings, stop=threading.Event())
        for position, (contact, _) in enumerate(calm_contacts[:100]):
            sender.contact("r", position, contact)
        sender.flush()
        broker = stack.children["kafka"]
        assert broker.process is not None
        broker.process.kill()
        broker.process.wait()
        sender.contact("r", 100, calm_contacts[100][0])
        broker.start()
        with pytest.raises(RuntimeError, match="back without its topics"):
            sender.flush()
        sender.close()


def test_an_interrupted_replay_does_not_wait_for_a_broker_that_is_away(
    tmp_path: Path, calm_contacts: Contacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_replay, "STOP_SECONDS", 0.3)
    stop = threading.Event()
    with LocalStack(Settings.model_validate({"home": tmp_path}), say=lambda _: None) as stack:
        sender = KafkaSender(stack.settings, stop=stop)
        broker = stack.children["kafka"].process
        assert broker is not None
        broker.kill()
        broker.wait()
        sender.contact("r", 0, calm_contacts[0][0])
        threading.Timer(1.0, stop.set).start()
        began = time.monotonic()
        sender.flush()
        sender.close()
        assert time.monotonic() - began < 12
        assert sender.owed == 1


@given(st.binary(max_size=40), st.integers(1, 100))
def test_records_stand_where_every_client_puts_them(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions
