"""The dashboard on a real broker and Redis, over real sockets."""

from __future__ import annotations

import gc
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from driftline.events import Acknowledgement, Contact, Event, decode_folded, encode
from driftline.kafka_clients import KafkaConsumer, ensure_topics, open_producer, tail
from driftline.local_stack import LocalStack
from driftline.settings import Settings, SettingsError
from driftline.topics import ALERTS, CONTACTS, DEAD_LETTERS, MODEL_EVENTS, PANES, PREDICTIONS, TOPICS, WINDOWS, Topic
from model.kafka_models import champion_event
from monitor.fastapi_dashboard_worker import run
from tests.dashboard_server import (
    NOW,
    TOKEN,
    Viewer,
    alert,
    dashboard,
    letter,
    prediction,
    publish,
    report,
    state,
    until,
)

AUTHORISED = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    with dashboard(settings) as client:
        yield client


# What it shows, and when


def test_an_empty_system_says_that_it_is_empty(client: httpx.Client) -> None:
    found = until(lambda: known if (known := state(client))["health"]["parts"] else None)
    assert found["health"]["parts"]["kafka"]["reachable"]
    assert found["health"]["trouble"] is None
    assert (found["window"], found["alerts"], found["history"], found["predictions"]) == (None, [], [], [])
    assert found["models"]["champion"] is None
    assert found["settings"]["investigate_share"] == 0.2
    assert client.get("/health").json() == {"status": "ok", "viewers": 0}
    assert client.get("/api/alerts/x").status_code == 404


def news(n: int) -> list[tuple[str, Topic, Event, Callable[[Any], bool]]]:
    """What is changed by an event on a topic, and whether that has been seen, for the n-th time."""
    return [
        ("window", WINDOWS, report(n), lambda data: data["at_contact"] == n),
        ("moment", WINDOWS, report(n + 10), lambda data: data["at_contact"] == n + 10),
        ("alerts", ALERTS, alert(f"{n}"), lambda data: len(data) == n),
        ("performance", DEAD_LETTERS, letter(n), lambda data: data["dead_letters"]["count"] == n),
        ("predictions", PREDICTIONS, prediction(score=n / 10), lambda data: data[0]["score"] == n / 10),
        ("health", CONTACTS, Contact(id="c", sent_at=NOW), lambda data: data["contacts"]["replayed"] == n),
    ]


def test_what_comes_onto_a_topic_is_seen_within_a_second(client: httpx.Client, settings: Settings) -> None:
    viewer = Viewer(client)
    viewer.wait_for("state", lambda _: True, 0.0)
    publish(settings, MODEL_EVENTS, champion_event("1", None))
    took: dict[str, list[float]] = {}
    for n in range(1, 4):  # the machine may be busy with other things, once or twice
        for name, topic, event, reached in news(n):
            began = time.monotonic()
            publish(settings, topic, event)
            took.setdefault(name, []).append(viewer.wait_for(name, reached, began))
    assert all(min(times) < 1.0 for times in took.values()), took
    assert viewer.view["models"]["champion"] == "1"
    found = client.get("/api/alerts/1").json()
    assert (found["alert"]["id"], found["acknowledge"], len(found["changes"])) == ("1", True, 1)
    assert "id of a contact" not in client.get("/api/state").text


def test_a_dashboard_that_starts_late_shows_what_was_there_before(settings: Settings) -> None:
    publish(settings, WINDOWS, *(report(n) for n in range(300)))
    publish(settings, ALERTS, alert("a"), alert("a", "resolved"), alert("b"))
    with dashboard(settings) as client:
        found = until(lambda: known if len((known := state(client))["history"]) == 240 else None)
        assert found["history"][-1]["at_contact"] == 299
        assert [story["alert"]["state"] for story in found["alerts"]].count("firing") == 1


def test_what_is_no_event_is_left_out(client: httpx.Client, settings: Settings) -> None:
    producer = open_producer(settings)
    for topic in TOPICS:
        for value in (b"\xff", None):
            producer.send(settings.topic(topic.name), key=b"k", value=value, partition=0).get(10)
    producer.close()
    publish(settings, ALERTS, alert("a"))
    publish(settings, PREDICTIONS, prediction())
    publish(settings, DEAD_LETTERS, letter())
    found = until(lambda: known if (known := state(client))["predictions"] and known["alerts"] else None)
    assert (len(found["alerts"]), len(found["predictions"])) == (1, 1)
    until(lambda: state(client)["performance"]["dead_letters"]["count"] == 1)
    assert client.get("/health").json()["status"] == "ok"


# Ten viewers, and one who does not read


def test_ten_viewers_open_no_more_consumers_than_none(client: httpx.Client, settings: Settings) -> None:
    def consumers() -> list[KafkaConsumer]:
        # by type: isinstance would look through weak references, whose objects may be gone
        return [one for one in gc.get_objects() if type(one) is KafkaConsumer and not one._closed]

    before = consumers()
    viewers = [Viewer(client) for _ in range(10)]
    began = time.monotonic()
    publish(settings, ALERTS, alert("a"))
    for viewer in viewers:
        viewer.wait_for("alerts", lambda data: data[0]["alert"]["id"] == "a", began)
    assert client.get("/health").json()["viewers"] == 10
    known = {id(one) for one in before}  # other tests' among them
    assert not [one for one in consumers() if id(one) not in known]
    assert "driftline_dashboard_viewers 10.0" in client.get("/metrics").text


def test_a_viewer_who_never_reads_holds_nobody_up(client: httpx.Client, settings: Settings) -> None:
    deaf = socket.create_connection((client.base_url.host, client.base_url.port or 0))
    deaf.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    viewer = Viewer(client)
    until(lambda: client.get("/health").json()["viewers"] == 2)
    held = memory()
    producer = open_producer(settings)
    for n in range(3_000):  # some 25 MB, were each sent to each
        large = alert(f"{n % 10}", summary="x" * 8_000, at_contact=n)
        producer.send(settings.topic(ALERTS.name), value=encode(large), partition=0)
    producer.close()
    began = time.monotonic()
    publish(settings, ALERTS, alert("last"))
    assert viewer.wait_for("alerts", lambda data: any(s["alert"]["id"] == "last" for s in data), began) < 2.0
    assert memory() - held < 60e6
    deaf.close()


def memory() -> float:
    """Bytes that this process has of the machine's."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


# Brokers that go away


def test_a_broker_that_comes_back_empty_and_a_redis_that_comes_back_are_shown(tmp_path: Path) -> None:
    with LocalStack(Settings.model_validate({"home": tmp_path}), say=print) as stack:
        lines: list[str] = []
        with dashboard(stack.settings, lines) as client:
            publish(stack.settings, ALERTS, alert("old"))
            viewer = Viewer(client)
            until(lambda: state(client)["alerts"])
            for name in ("kafka", "redis"):
                _kill(stack, name)
            until(lambda: state(client)["health"]["trouble"])
            assert state(client)["alerts"], "what is known stays"
            until(lambda: not state(client)["health"]["parts"]["redis"]["reachable"])
            assert not state(client)["health"]["parts"]["kafka"]["reachable"]
            assert "does not answer" in client.get("/health").json()["status"]
            for name in ("kafka", "redis"):
                stack.children[name].start()
            until(lambda: state(client)["health"]["parts"]["redis"]["reachable"])
            until(lambda: "no topics" in state(client)["health"]["trouble"])
            ensure_topics(stack.settings)
            publish(stack.settings, ALERTS, alert("new"))
            until(lambda: [story["alert"]["id"] for story in viewer.view["alerts"]] == ["new"])
            until(lambda: state(client)["health"]["trouble"] is None)
            assert [story["alert"]["id"] for story in state(client)["alerts"]] == ["new"]
        assert any("does not answer" in line and "trying again" in line for line in lines)
        assert "Kafka answers again" in lines
        assert len(lines) < 8, lines


def _kill(stack: LocalStack, name: str) -> None:
    process = stack.children[name].process
    assert process is not None
    process.kill()
    process.wait()


# What it does when asked


@pytest.mark.parametrize("path", ["/api/alerts/a/acknowledge", "/api/models/rollback"])
def test_an_action_needs_the_token_and_json(client: httpx.Client, path: str) -> None:
    kind = {"Content-Type": "application/json"}
    for headers in (kind, kind | {"Authorization": "Bearer wrong"}, kind | {"Authorization": TOKEN}):
        refused = client.post(path, headers=headers, content=b'{"from": "1"}')
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    form = AUTHORISED | {"Content-Type": "text/plain"}
    assert client.post(path, headers=form, content=b'{"from": "1"}').status_code == 415
    assert client.post(path, headers=AUTHORISED, content=b" " * 5_000).status_code == 413
    assert 'status="401"} 3.0' in client.get("/metrics").text


def test_an_alert_that_fires_is_acknowledged_and_one_that_does_not_is_not(
    client: httpx.Client, settings: Settings
) -> None:
    publish(settings, MODEL_EVENTS, champion_event("1", None))
    publish(settings, ALERTS, alert("a"), alert("b", "resolved"), alert("c", model_version="0"))
    until(lambda: len(state(client)["alerts"]) == 3)

    def answer() -> None:
        """As the monitor does."""
        for record in tail(settings, PANES, stop):
            if record is not None:
                asked = decode_folded(record.value)
                assert isinstance(asked, Acknowledgement)
                publish(settings, ALERTS, alert(asked.alert_id, "resolved", acknowledged_at=asked.at))

    stop = threading.Event()
    monitor = threading.Thread(target=answer)
    monitor.start()
    try:
        done = client.post("/api/alerts/a/acknowledge", headers=AUTHORISED)
    finally:
        stop.set()
        monitor.join()
    assert done.status_code == 200, done.text
    assert (done.json()["alert"]["id"], done.json()["alert"]["state"]) == ("a", "resolved")
    until(lambda: client.get("/api/alerts/a").json()["alert"]["acknowledged_at"])
    for name, status in (("a", 409), ("b", 409), ("c", 409), ("unknown", 404)):
        refused = client.post(f"/api/alerts/{name}/acknowledge", headers=AUTHORISED)
        assert refused.status_code == status, refused.text


def test_a_rollback_from_what_is_not_the_champion_is_refused(client: httpx.Client, settings: Settings) -> None:
    publish(settings, MODEL_EVENTS, champion_event("2", None))
    until(lambda: state(client)["models"]["champion"] == "2")
    refused = client.post("/api/models/rollback", headers=AUTHORISED, content=b'{"from": "1"}')
    assert (refused.status_code, "champion is 2" in refused.json()["detail"]) == (409, True)
    assert client.post("/api/models/rollback", headers=AUTHORISED, content=b"{}").status_code == 422


def test_a_report_is_made_once_it_is_asked_for_and_what_is_amiss_is_said(
    client: httpx.Client, settings: Settings
) -> None:
    publish(settings, ALERTS, alert("--a"))  # as an option it would be another one
    until(lambda: state(client)["alerts"])
    first = client.get("/alerts/--a/report")
    assert (first.status_code, first.headers["retry-after"]) == (503, "2")
    failed = until(lambda: answer if (answer := client.get("/alerts/--a/report")).status_code != 503 else None, 60)
    assert failed.status_code == 500
    assert "model version 1 is not on the model-events topic" in failed.json()["detail"]
    assert client.get("/alerts/unknown/report").status_code == 404
    assert list((settings.home / "reports").iterdir()) == []


# Who may read it


def test_names_that_only_resolve_to_this_machine_are_refused(client: httpx.Client) -> None:
    for host, status in (("evil.example.invalid", 421), ("", 421), ("localhost:1", 200), ("[::1]:80", 200)):
        assert client.get("/api/state", headers={"Host": host}).status_code == status, host


def test_every_answer_forbids_other_hosts_and_other_origins(client: httpx.Client) -> None:
    for answer in (client.get("/api/state"), client.get("/nowhere"), client.post("/api/models/rollback")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = client.options("/api/models/rollback", headers={"Origin": "http://evil.example.invalid"})
    assert preflight.status_code == 405
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def test_the_token_is_made_once_and_said_where_but_not_what(settings: Settings) -> None:
    stop, lines = threading.Event(), list[str]()
    for _ in range(2):
        worker = threading.Thread(target=run, args=(settings, lines.append, stop))
        worker.start()
        until(lambda: lines)
        stop.set()
        worker.join(10)
    kept = settings.home / "dashboard-token"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_text()) == 32
    assert str(kept) in lines[0]
    assert not any(kept.read_text() in line for line in lines)


def test_a_port_that_is_taken_is_said_in_one_line(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = settings.model_copy(update={"dashboard_port": taken.getsockname()[1]})
        with pytest.raises(SettingsError, match="DRIFTLINE_DASHBOARD_PORT"):
            run(own, print, threading.Event())
