"""10,000 contacts bent in every way, through the topic and the API: each comes to something, with its reason."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from driftline.counts import Counter
from driftline.events import INPUTS, Contact, DeadLetter, Prediction, encode
from driftline.kafka_clients import read_all
from driftline.settings import Settings
from driftline.topics import CONTACTS, DEAD_LETTERS, PREDICTIONS
from model.retrain import Made
from tests.http_api import api
from tests.scoring_workers import all_events, make_champion, scorer, send, wait_until

Contacts = list[tuple[Contact, int]]
Bend = Callable[[bytes, np.random.Generator], bytes]
FUZZED = 10_000
FIELDS = [*INPUTS, "id", "sent_at", "occurred_at", "schema", "engaged", "", "x" * 300]
VALUES: list[object] = [
    None, True, -1, 0, 1, 2**63, 2**64, -(2**70), 10**400, 1e308, -0.0, 5e-324, 0.1 + 0.2, 101, "", " ", "\x00",
    "\ufeff", "9" * 5_000, "x" * 50_000, "x" * 50_001, "é" * 50_000, "🙂" * 30_000, "\u202e", "10-Feb", "NaN", "2010.0",
    [], {}, [[]], [None] * 50, {"a": {"b": {}}}, "2026-01-01", "2026-02-30T00:00:00Z",
    "9999-12-31T23:59:59.999999999-23:59", "0001-01-01T00:00:00+14:00",
]  # fmt: skip
RAW = [
    b"NaN", b"Infinity", b"-", b"1e999", b"-1e-999", b"01", b"1.", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"',
    b'"\xc0\x80"', b"'a'", b"tru", b"[1,]", b"{,}", b'"\n"', b"/**/1", b"[" * 2_000 + b"]" * 2_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
]  # fmt: skip


def another_value(value: bytes, rng: np.random.Generator) -> bytes:
    document = json.loads(value)
    for _ in range(rng.integers(1, 4)):
        document[FIELDS[rng.integers(len(FIELDS))]] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(document, ensure_ascii=bool(rng.integers(2))).encode()


def raw_value(value: bytes, rng: np.random.Generator) -> bytes:
    field = FIELDS[rng.integers(len(FIELDS))]
    return value[:-1] + b',"' + field.encode() + b'":' + RAW[rng.integers(len(RAW))] + b"}"


def missing_fields(value: bytes, rng: np.random.Generator) -> bytes:
    document = json.loads(value)
    return json.dumps({name: document[name] for name in document if rng.random() < 0.7}).encode()


def other_bytes(value: bytes, rng: np.random.Generator) -> bytes:
    bent = bytearray(value)
    for _ in range(rng.integers(1, 6)):
        bent[rng.integers(len(bent))] = rng.integers(256)
    return bytes(bent)


def cut(value: bytes, rng: np.random.Generator) -> bytes:
    begin, end = sorted(rng.integers(0, len(value), 2))
    return value[begin:end]


def doubled(value: bytes, rng: np.random.Generator) -> bytes:
    return [value + value, b"[" + value + b"]", b"\xef\xbb\xbf" + value, value[:-1] + b"," + value[1:]][rng.integers(4)]


def noise(value: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(0, 200)))


BENDS: tuple[Bend, ...] = (another_value, another_value, raw_value, missing_fields, other_bytes, cut, doubled, noise)


@pytest.fixture(scope="module")
def fuzzed(calm_contacts: Contacts) -> list[bytes]:
    rng = np.random.default_rng(0)  # any would do; a failure is to be repeatable
    return [BENDS[n % len(BENDS)](encode(calm_contacts[n % 3_000][0]), rng) for n in range(FUZZED)]


def test_on_the_topic_each_becomes_a_prediction_or_a_dead_letter(
    settings: Settings, fuzzed: list[bytes], calm_contacts: Contacts, made: Made
) -> None:
    valid = [encode(contact) for contact, _ in calm_contacts[:2_500]]  # so that less than half is malformed
    mixed = [*fuzzed, *valid * (FUZZED // len(valid))]
    order = np.random.default_rng(0).permutation(len(mixed))  # of the keys' partitions, too
    make_champion(settings, made.bundle.with_version("1"))
    send(settings, (mixed[n] for n in order))
    counter = Counter(settings)
    with scorer(settings):
        wait_until(lambda: counter.lag() == 0)
    sent = {(r.partition, r.offset): r.value for r in read_all(settings, CONTACTS)}
    predictions: list[tuple[int, Prediction]] = [(r.partition, p) for r, p in all_events(settings, PREDICTIONS)]
    letters: list[DeadLetter] = [letter for _, letter in all_events(settings, DEAD_LETTERS)]
    scored = [(partition, p.source_offset) for partition, p in predictions]
    dead = [(letter.partition, letter.offset) for letter in letters]
    assert sorted(scored + dead) == sorted(sent)
    assert all(letter.reason and letter.value == sent[letter.partition, letter.offset] for letter in letters)
    assert all(0 <= p.score <= 1 for _, p in predictions)
    assert len(predictions) > FUZZED + 1_000
    assert len(letters) > 1_000


def test_to_the_api_each_is_answered_or_refused_with_its_reason(
    settings: Settings, fuzzed: list[bytes], made: Made
) -> None:
    make_champion(settings, made.bundle.with_version("1"))
    statuses: dict[int, int] = {}
    lines: list[str] = []
    with api(settings, lines=lines) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.base_url.port, timeout=20)
        for body in fuzzed:
            connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = msgspec.json.decode(answer.read())
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            if answer.status == 200:
                assert 0 <= told["score"] <= 1
            else:
                assert told["detail"]
        connection.close()
        assert client.get("/ready").status_code == 200
    assert statuses.keys() <= {200, 413, 422}
    assert statuses[200] > 1_000
    assert statuses[422] > 1_000
    assert not any("failed" in line for line in lines)
