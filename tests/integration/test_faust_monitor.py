"""The monitor worker on a real broker: labels find their contacts, whoever comes first and whatever is killed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from driftline.counts import labels as account_of
from driftline.events import Alert, Contact, DeadLetter, Label, decode, encode
from driftline.kafka_clients import open_producer, read_all
from driftline.settings import Settings
from driftline.topics import ALERTS, DEAD_LETTERS, LABELS
from model.bundle import Bundle
from model.kafka_models import champion_event, publish, registered_event
from model.retrain import Made
from monitor.faust_outbox import cloud_event_headers
from producers.scenarios import SCENARIOS
from tests.e2e.faults import Workers
from tests.scoring_workers import send_predictions

START = datetime(2026, 1, 1, tzinfo=UTC)
ONSET, CONTACTS = 600, 2_000
Labelled = list[tuple[Contact, int]]


@pytest.fixture(scope="module")
def champion(made: Made) -> Bundle:
    return made.bundle.with_version("1")


@pytest.fixture(scope="module")
def drifting() -> Labelled:
    return list(SCENARIOS["concept_drift"].contacts(CONTACTS, seed=2, onset=ONSET, start=START))


def send_labels(settings: Settings, labels: Labelled) -> None:
    producer = open_producer(settings)
    for contact, engaged in labels:
        label = Label(contact_id=contact.id, engaged=engaged, labelled_at=contact.sent_at + timedelta(hours=3))
        producer.send(settings.topic(LABELS.name), key=contact.id.encode(), value=encode(label))
    producer.close()


def alerts(settings: Settings) -> list[Alert]:
    found = [decode(Alert, record.value) for record in read_all(settings, ALERTS)]
    return [alert for alert in found if alert.kind == "concept_drift"]


def wait_for(done: Callable[[], bool], workers: Workers) -> None:
    deadline = time.monotonic() + 60
    while not done():
        log = (workers.folder / "monitor.log").read_text("utf-8", "replace")
        assert time.monotonic() < deadline, log[-2_000:]
        time.sleep(0.3)


def test_concept_drift_is_alerted_once_across_a_kill_and_every_label_is_accounted_for(
    settings: Settings, champion: Bundle, drifting: Labelled, tmp_path: Path
) -> None:
    publish(settings, [registered_event(champion), champion_event("1", None)])
    half = CONTACTS // 2 + 200
    with Workers(settings, tmp_path, ["monitor"]) as workers:
        send_labels(settings, drifting[:300])  # before their contacts
        send_predictions(settings, champion, drifting[:half])
        send_labels(settings, drifting[300:half])
        wait_for(lambda: bool(alerts(settings)), workers)
        workers.kill("monitor")
        send_predictions(settings, champion, drifting[half:], half)
        send_labels(settings, drifting[half:])
        stranger, changed = drifting[0][0], (drifting[1][0], 1 - drifting[1][1])
        send_labels(settings, [(Contact(id="nobody", sent_at=stranger.sent_at), 1), drifting[0], changed])
        producer = open_producer(settings)
        producer.send(settings.topic(LABELS.name), key=b"k", value=b'{"contact_id": "x", "engaged": 7}')
        producer.close()
        workers.start("monitor")
        wait_for(lambda: account_of(settings).joined == CONTACTS and account_of(settings).changed == 1, workers)
    told = alerts(settings)
    assert [(alert.state, alert.level) for alert in told] == [("firing", "alert"), ("firing", "retrain")]
    assert len({alert.id for alert in told}) == 1
    # One partition may be ahead of the other: a drifted contact comes after the calm ones of its own, which are half.
    assert ONSET // 2 < told[0].at_contact <= ONSET + 1_000
    for record in read_all(settings, ALERTS):
        assert list(record.headers) == cloud_event_headers(decode(Alert, record.value))
    account = account_of(settings)
    assert (account.contacts, account.joined, account.repeated, account.changed) == (CONTACTS, CONTACTS, 1, 1)
    assert account.waiting + account.unknown == 1
    assert account.median_delay_seconds == 3 * 3_600.0
    letters = [decode(DeadLetter, record.value) for record in read_all(settings, DEAD_LETTERS)]
    assert [letter.topic for letter in letters] == [settings.topic(LABELS.name)]
    assert "engaged" in letters[0].reason
