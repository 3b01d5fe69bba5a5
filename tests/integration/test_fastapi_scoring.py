"""The HTTP API on a real broker, over real sockets."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import SecretStr

from consumers import fastapi_scoring
from driftline.counts import Counter
from driftline.events import Contact, Prediction, decode
from driftline.kafka_clients import read_all
from driftline.settings import Settings
from driftline.topics import CONTACTS, PREDICTIONS
from model.bundle import Bundle
from model.kafka_models import champion_event, publish, registered_event
from model.retrain import Made
from tests.http_api import api, bodies, inputs, on_topic, wait_for_topic
from tests.scoring_workers import all_events, make_champion, scorer, that_scores, wait_until

Contacts = list[tuple[Contact, int]]


@pytest.fixture(scope="module")
def champion(made: Made) -> Bundle:
    return made.bundle.with_version("1")


@pytest.fixture
def client(settings: Settings, champion: Bundle) -> Iterator[httpx.Client]:
    make_champion(settings, champion)
    with api(settings) as client:
        yield client


# What a request comes to


def test_one_contact_is_answered_as_the_contract_says(client: httpx.Client, calm_contacts: Contacts) -> None:
    answer = client.post("/predict", json=inputs(calm_contacts[0][0]))
    assert answer.status_code == 200
    found = answer.json()
    assert found.keys() == {"contact_id", "score", "label", "confidence", "model_version", "inference_ms"}
    assert 0 <= found["score"] <= 1
    assert found["label"] == ("engaged" if found["score"] >= 0.5 else "not_engaged")
    assert found["confidence"] == ("low" if found["score"] < 0.4 else "medium" if found["score"] < 0.7 else "high")
    assert found["model_version"] == "1"
    assert client.post("/predict", json={}).status_code == 200, "all 19 inputs are optional"


def test_a_batch_of_ten_thousand_is_answered_in_its_order(client: httpx.Client, calm_contacts: Contacts) -> None:
    given = [one | {"id": f"{one['id']}-{n}"} for n in range(4) for one in bodies(calm_contacts)][:10_000]
    answer = client.post("/predict/batch", json={"contacts": given})
    assert answer.status_code == 200
    found = answer.json()
    assert [one["contact_id"] for one in found["predictions"]] == [one["id"] for one in given]
    assert found["count"] == 10_000
    assert found["engaged"] == sum(one["label"] == "engaged" for one in found["predictions"])
    assert found["mean_score"] == pytest.approx(np.mean([one["score"] for one in found["predictions"]]))


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/predict", b'{"llm_quality": 101}', 422, ["body", "llm_quality"]),
        ("/predict/batch", b'{"contacts": [{}, {"jobtitle": 3}]}', 422, ["body", "contacts", 1, "jobtitle"]),
        ("/predict/batch", b'{"contacts": []}', 422, ["body", "contacts"]),
        ("/predict", b"{", 422, ["body"]),
        ("/predict/batch", b'{"contacts": [' + b"{}," * 10_000 + b"{}]}", 413, ["body", "contacts"]),
    ],
    ids=["a field", "a field in a batch", "an empty batch", "no JSON", "too many"],
)
def test_a_bad_request_is_refused_with_its_place_and_nothing_of_it_enters_the_stream(
    client: httpx.Client, settings: Settings, path: str, body: bytes, status: int, told: list[Any]
) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    (detail,) = answer.json()["detail"]
    assert detail.keys() == {"loc", "msg", "type"}
    assert detail["loc"] == told
    assert detail["type"]
    client.post("/predict", json={"id": "last"})
    assert wait_for_topic(settings, 1) == {"last": 1}


def test_what_is_too_large_or_no_json_is_refused_also_without_a_length(
    settings: Settings, champion: Bundle, calm_contacts: Contacts
) -> None:
    make_champion(settings, champion)
    with api(settings.model_copy(update={"api_max_bytes": 2_000})) as client:
        large = json.dumps({"summary": "x" * 2_000}).encode()
        sent_as_json = {"Content-Type": "application/json"}
        for body in (large, iter([large[:500], large[500:]])):
            answer = client.post("/predict", content=body, headers=sent_as_json)
            assert (answer.status_code, "2,000 bytes" in answer.json()["detail"]) == (413, True)
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            assert client.post("/predict", content=b"{}", headers={"Content-Type": kind}).status_code == 415
        assert client.post("/predict", content=b"{}", headers=sent_as_json).status_code == 200
        assert client.get("/predict").status_code == 405
        assert client.get("/nothing").status_code == 404


def test_a_body_that_does_not_come_whole_is_the_client_s_failure(
    client: httpx.Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastapi_scoring, "BODY_SECONDS", 0.2)
    url = client.base_url
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    with socket.create_connection((url.host, url.port or 80), timeout=10) as slow:
        slow.sendall(head)
        assert slow.recv(65_536).startswith(b"HTTP/1.1 408")
    with socket.create_connection((url.host, url.port or 80), timeout=10) as gone:
        gone.sendall(head)
        gone.shutdown(socket.SHUT_WR)
    wait_until(lambda: 'path="/predict",status="400"} 1.0' in client.get("/metrics").text)
    assert 'status="500"' not in client.get("/metrics").text
    assert on_topic(settings).total() == 0


def test_a_contact_that_no_broker_would_take_is_refused(client: httpx.Client) -> None:
    texts = dict.fromkeys((*("industry", "location", "languages", "skills", "summary", "jobtitle"),), "é" * 50000)
    assert client.post("/predict", json=texts).status_code == 200
    texts |= dict.fromkeys(("companyindustry", "companylocation", "companytype", "companysize"), "\x01" * 50000)
    answer = client.post("/predict", json=texts)
    assert (answer.status_code, "1,000,000 bytes" in answer.json()["detail"]) == (413, True)


def test_health_metrics_and_documentation_tell_the_state(client: httpx.Client, calm_contacts: Contacts) -> None:
    client.post("/predict/batch", json={"contacts": bodies(calm_contacts[:5])})
    client.post("/predict", json={"llm_quality": "Example Person"})
    wait_until(lambda: client.get("/health").json()["broker"] is True)
    health = client.get("/health").json()
    assert (health["status"], health["model"]) == ("ok", "1")
    assert client.get("/ready").json() == {"status": "ready"}
    text = client.get("/metrics").text
    assert 'driftline_api_requests_total{path="/predict/batch",status="200"} 1.0' in text
    assert 'driftline_api_requests_total{path="/predict",status="422"} 1.0' in text
    assert "driftline_api_contacts_scored_total 5.0" in text
    assert 'driftline_api_model{version="1"} 1.0' in text
    assert "Example" not in text
    described = client.get("/openapi.json").json()
    for path in ("/predict", "/predict/batch"):
        operation = described["paths"][path]["post"]
        assert "example" in operation["requestBody"]["content"]["application/json"]
        assert {"200", "413", "415", "422", "503"} <= operation["responses"].keys()
        assert all("example" in one["content"]["application/json"] for one in operation["responses"].values())


def test_the_documentation_works_where_there_is_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 3
    assert all(client.get(address).status_code == 200 for address in loaded)
    assert not re.findall(r"(?:https?:)?//[\w-]+\.\w+", page)


def test_every_prediction_is_in_the_log_without_the_contact_s_text(client: httpx.Client, settings: Settings) -> None:
    answers = [client.post("/predict", json={"jobtitle": "Example Person, CTO"}).json() for _ in range(3)]
    lines = (settings.home / "logs" / "predictions.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines]
    assert [{name: value for name, value in line.items() if name != "at"} for line in logged] == answers
    assert not any("Example" in line for line in lines)


# The stream behind it


def test_the_api_and_the_stream_give_the_same_scores_bit_by_bit(
    client: httpx.Client, settings: Settings, calm_contacts: Contacts
) -> None:
    given = bodies(calm_contacts[:600])
    answers = client.post("/predict/batch", json={"contacts": given[:500]}).json()["predictions"]
    answers += [client.post("/predict", json=one).json() for one in given[500:]]
    counter = Counter(settings)
    wait_for_topic(settings, 600)
    with scorer(settings):
        wait_until(lambda: counter.lag() == 0)
    found: list[Prediction] = [prediction for _, prediction in all_events(settings, PREDICTIONS)]
    assert len(found) == 600
    assert {p.contact_id: p.score for p in found} == {one["contact_id"]: one["score"] for one in answers}


def test_an_answered_contact_is_on_the_topic_as_it_was_sent(
    client: httpx.Client, settings: Settings, calm_contacts: Contacts
) -> None:
    contact = calm_contacts[0][0]
    client.post("/predict", json=inputs(contact) | {"id": "mine", "sent_at": "2026-01-02T03:04:05Z"})
    named = client.post("/predict", json=inputs(contact)).json()["contact_id"]
    wait_for_topic(settings, 2)
    found = {c.id: c for c in (decode(Contact, record.value) for record in read_all(settings, CONTACTS))}
    assert found.keys() == {"mine", named}
    assert found["mine"].sent_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert all(inputs(one) == inputs(contact) for one in found.values())
    assert all(record.key.decode() in found for record in read_all(settings, CONTACTS))


def test_a_request_sent_again_under_its_key_is_answered_again_and_counts_once(
    client: httpx.Client, settings: Settings
) -> None:
    page, key = {"contacts": [{"llm_quality": n} for n in range(50)]}, {"Idempotency-Key": "page-1"}
    first, second = (client.post("/predict/batch", json=page, headers=key).json() for _ in range(2))
    ids = [one["contact_id"] for one in first["predictions"]]
    assert [one["contact_id"] for one in second["predictions"]] == ids
    other = client.post("/predict/batch", json={"contacts": [{}]}, headers=key)
    assert (other.status_code, "another body" in other.json()["detail"]) == (409, True)
    bad = client.post("/predict", json={}, headers={"Idempotency-Key": "x" * 256})
    assert bad.status_code == 422
    with ThreadPoolExecutor(8) as pool:
        again = [pool.submit(client.post, "/predict", json={"id": "one"}, headers={"Idempotency-Key": "k"})] * 8
        assert {done.result().status_code for done in again} == {200}
    wait_for_topic(settings, len(ids) + 1)
    time.sleep(0.5)  # for what should not come
    assert on_topic(settings) == dict.fromkeys([*ids, "one"], 1)


def test_while_champions_are_swapped_every_answer_is_of_one_version_and_none_fails(
    settings: Settings, champion: Bundle, calm_contacts: Contacts
) -> None:
    logits = {"1": -2.0, "2": 0.0, "3": 2.0}
    publish(settings, [registered_event(that_scores(champion, v, logit)) for v, logit in logits.items()])
    publish(settings, [champion_event("1", None)])
    scores = {version: 1 / (1 + np.exp(-logit)) for version, logit in logits.items()}
    seen: set[str] = set()
    stop = threading.Event()
    page = {"contacts": bodies(calm_contacts[:300])}

    def ask(address: str) -> int:
        asked = 0
        with httpx.Client(base_url=address, timeout=30) as own:
            while not stop.is_set():
                for answer in (own.post("/predict/batch", json=page), own.post("/predict", json={})):
                    assert answer.status_code == 200, answer.text
                    found = answer.json()
                    version = found["model_version"]
                    for one in found.get("predictions", [found]):
                        assert one["model_version"] == version
                        assert one["score"] == pytest.approx(scores[version], rel=1e-6)
                    seen.add(version)
                    asked += 1
        return asked

    with api(settings) as client, ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, str(client.base_url)) for _ in range(3)]
        for version in ("2", "1", "3", "2", "3"):
            publish(settings, [champion_event(version, None)])
            wait_until(lambda version=version: client.get("/health").json()["model"] == version)  # type: ignore[misc]
            time.sleep(0.2)
        stop.set()
        assert sum(one.result() for one in asking) > 20
    assert seen == {"1", "2", "3"}


# Who may ask


def test_with_a_key_only_who_has_it_is_served_and_probes_stay_open(settings: Settings, champion: Bundle) -> None:
    make_champion(settings, champion)
    lines: list[str] = []
    with api(settings.model_copy(update={"api_key": SecretStr("hunter2")}), lines=lines) as client:
        for headers in ({}, {"X-API-Key": "hunter"}, {"Authorization": "Bearer x"}, {"Authorization": "Basic hunter2"}):
            for answer in (client.post("/predict", json={}, headers=headers), client.get("/metrics", headers=headers)):
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert "hunter" not in answer.text
        for headers in ({"X-API-Key": "hunter2"}, {"Authorization": "Bearer hunter2"}):
            assert client.post("/predict", json={}, headers=headers).status_code == 200
            assert client.get("/metrics", headers=headers).status_code == 200
        assert {client.get(path).status_code for path in ("/health", "/ready", "/docs", "/openapi.json")} == {200}
    assert not any("hunter2" in line for line in lines)


def test_beyond_loopback_without_a_key_is_warned_of(settings: Settings) -> None:
    for key, warned in ((None, True), (SecretStr("x"), False)):
        lines: list[str] = []
        with api(settings.model_copy(update={"api_host": "0.0.0.0", "api_key": key}), ready=False, lines=lines):
            wait_until(lambda lines=lines: any("the API is at" in line for line in lines))  # type: ignore[misc]
        assert any("DRIFTLINE_API_KEY" in line for line in lines) == warned


# schemathesis: what the OpenAPI document promises holds


@pytest.mark.parametrize(
    ("examples", "key"),
    [
        (25, None),
        (25, "hunter2"),
        pytest.param(1_000, None, marks=[pytest.mark.long, pytest.mark.timeout(1800)]),
    ],
)
def test_schemathesis_finds_nothing(
    settings: Settings, champion: Bundle, tmp_path: Path, examples: int, key: str | None
) -> None:
    make_champion(settings, champion)
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", "--checks=all", "--no-color"]
    command += [f"--max-examples={examples}", "--generation-database=none", "--request-timeout=20"]
    command += ["--header", f"X-API-Key: {key}"] if key else []
    with api(settings.model_copy(update={"api_key": SecretStr(key) if key else None})) as client:
        done = subprocess.run(
            [*command, f"{client.base_url}/openapi.json"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        assert "POST /predict" in done.stdout or "5 selected" in done.stdout, done.stdout
        assert client.get("/ready").status_code == 200
