"""What the API has answered is on the topic once: with the broker away or hung, the API killed, ended, or full."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from consumers.fastapi_worker import run
from consumers.kafka_outbox import Outbox
from consumers.spool import Spool
from driftline.kafka_clients import ensure_topics
from driftline.local_stack import LocalStack
from driftline.settings import Settings, SettingsError
from model.bundle import Bundle
from model.retrain import Made
from tests.http_api import ApiProcess, api, on_topic, wait_for_ready, wait_for_topic
from tests.kafka_server import free_port, kafka_server
from tests.scoring_workers import make_champion, wait_until

PAGE = 40


@pytest.fixture(scope="module")
def champion(made: Made) -> Bundle:
    return made.bundle.with_version("1")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A broker of the test's own, to be hurt."""
    with LocalStack(Settings.model_validate({"home": tmp_path / "services"}), say=print) as stack:
        stack.settings = stack.settings.model_copy(update={"home": tmp_path})
        yield stack


def broker(stack: LocalStack) -> subprocess.Popen[bytes]:
    process = stack.children["kafka"].process
    assert process is not None
    return process


def page(n: int) -> dict[str, object]:
    """Page number n; its contacts' ids tell it."""
    return {"contacts": [{"id": f"{n}-{k}", "llm_quality": k, "jobtitle": "CTO"} for k in range(PAGE)]}


def ids(pages: list[int] | set[int]) -> dict[str, int]:
    return {f"{n}-{k}": 1 for n in pages for k in range(PAGE)}


@pytest.mark.kafka
def test_a_broker_that_is_killed_and_comes_back_has_each_contact_once(tmp_path: Path, champion: Bundle) -> None:
    with kafka_server(tmp_path) as server:
        settings = Settings.model_validate({"home": tmp_path / "home", "kafka": server.address})
        ensure_topics(settings)
        make_champion(settings, champion)
        with api(settings) as client:
            for n in range(60):
                assert client.post("/predict/batch", json=page(n)).status_code == 200
                if n in (10, 35):
                    server.kill()
                    time.sleep(3 if n == 10 else 12)
                if n in (20, 50):
                    server.start()
                    time.sleep(1)
            assert wait_for_topic(settings, 60 * PAGE, 60) == ids(list(range(60)))


def test_while_the_broker_is_away_answers_go_on_until_the_spool_is_full_and_nothing_is_lost(
    stack: LocalStack, champion: Bundle
) -> None:
    make_champion(stack.settings, champion)
    small = stack.settings.model_copy(update={"api_spool_bytes": 1024**2})
    with api(small) as client:
        broker(stack).send_signal(signal.SIGSTOP)  # killed, the embedded one would forget its topics
        answered = []
        for n in itertools.count():
            answer = client.post("/predict/batch", json=page(n))
            if answer.status_code != 200:
                break
            answered.append(n)
        assert len(answered) > 10
        assert (answer.status_code, "spool is full" in answer.json()["detail"]) == (503, True)
        assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/ready").status_code == 503
        wait_until(lambda: not client.get("/health").json()["broker"])
        health = client.get("/health")
        assert (health.status_code, health.json()["spool"]["contacts"]) == (200, len(answered) * PAGE)

        broker(stack).send_signal(signal.SIGCONT)
        wait_for_ready(client, 60)
        assert client.post("/predict/batch", json=page(-1)).status_code == 200
        assert wait_for_topic(stack.settings, (len(answered) + 1) * PAGE, 60) == ids([-1, *answered])


def test_without_a_broker_it_starts_says_so_and_answers_503_until_there_is_a_model(
    services: Settings, settings: Settings, champion: Bundle, tmp_path: Path
) -> None:
    lines: list[str] = []
    away = settings.model_copy(update={"kafka": f"127.0.0.1:{free_port()}"})
    with api(away, ready=False, lines=lines) as client:
        wait_until(lambda: any("waiting for Kafka" in line for line in lines))
        for answer in (client.post("/predict", json={}), client.get("/ready")):
            assert (answer.status_code, "no model yet" in answer.json()["detail"]) == (503, True)
        health = client.get("/health")
        assert (health.status_code, health.json()["model"], health.json()["broker"]) == (200, None, False)
    with api(settings, ready=False) as client:
        wait_until(lambda: client.get("/health").json()["broker"])
        assert client.post("/predict", json={}).status_code == 503
        make_champion(settings, champion)
        wait_for_ready(client)
        assert client.post("/predict", json={}).status_code == 200


@pytest.mark.parametrize("kills", [1, pytest.param(25, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_kill_9_at_any_moment_loses_and_doubles_nothing(
    stack: LocalStack, champion: Bundle, tmp_path: Path, kills: int
) -> None:
    """Three clients send pages on under their keys until each is answered; the last kill finds the broker hung."""
    make_champion(stack.settings, champion)
    stop, failed, numbers = threading.Event(), threading.Event(), itertools.count()

    def send_pages(address: str) -> list[int]:
        sent = []
        with httpx.Client(base_url=address, timeout=30) as client:
            while not stop.is_set():
                n = next(numbers)
                while not answered(client, n) and not failed.is_set():
                    time.sleep(0.05)
                sent.append(n)
                time.sleep(0.05)  # as fast as they can, they would fill the spool, and it would say that it is full
        return sent

    def answered(client: httpx.Client, n: int) -> bool:
        try:
            found = client.post(
                "/predict/batch", json=page(n), headers={"Idempotency-Key": f"page {n}".replace(" ", "-")}
            )
        except httpx.TransportError:
            return False
        assert found.status_code in (200, 503), found.text
        return found.status_code == 200

    rng = np.random.default_rng(7)  # arbitrary moments, not chosen ones
    with ApiProcess(stack.settings, tmp_path / "api") as process, ThreadPoolExecutor(3) as pool:
        wait_for_ready(process.client)
        sending = [pool.submit(send_pages, str(process.client.base_url)) for _ in range(3)]
        try:
            for kill in range(kills):
                time.sleep(rng.uniform(0.2, 1.5))
                hung = kill == kills - 1
                if hung:
                    broker(stack).send_signal(signal.SIGSTOP)
                    time.sleep(0.3)
                process.kill()
                process.start()
                if hung:
                    time.sleep(2)
                    broker(stack).send_signal(signal.SIGCONT)
                wait_for_ready(process.client)
        except BaseException:
            failed.set()  # the pool waits for its senders
            raise
        finally:
            stop.set()
        sent = [n for one in sending for n in one.result()]
        assert len(sent) > 5 * kills
        assert wait_for_topic(stack.settings, len(sent) * PAGE, 60) == ids(sent)
        time.sleep(1)
        assert on_topic(stack.settings) == ids(sent)


def test_asked_to_end_it_answers_what_it_has_begun_and_leaves_no_contact_behind(
    stack: LocalStack, champion: Bundle, tmp_path: Path
) -> None:
    make_champion(stack.settings, champion)
    with ApiProcess(stack.settings, tmp_path / "api") as process:
        wait_for_ready(process.client)
        body = json.dumps({"contacts": [{"id": str(n), "jobtitle": "CTO"} for n in range(10_000)]}).encode()
        begun, ending = threading.Event(), threading.Event()

        def in_two_parts() -> Iterator[bytes]:
            yield body[:1_000]
            begun.set()
            ending.wait(5)
            yield body[1_000:]

        with ThreadPoolExecutor(1) as pool:
            kind = {"Content-Type": "application/json"}
            answer = pool.submit(process.client.post, "/predict/batch", content=in_two_parts(), headers=kind)
            begun.wait(5)
            time.sleep(0.2)
            began = time.monotonic()
            process.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            ending.set()
            assert answer.result().status_code == 200
            assert process.process.wait(10) == 130
            assert time.monotonic() - began < 5
        with pytest.raises(httpx.ConnectError):
            process.client.get("/health")
        process.start()  # what did not get through in time goes on now
        assert len(wait_for_topic(stack.settings, 10_000, 60)) == 10_000
        time.sleep(0.5)
        assert set(on_topic(stack.settings).values()) == {1}
        assert "Traceback" not in process.log.read_text()


def test_a_taken_port_and_a_taken_home_are_said_in_one_line(settings: Settings, tmp_path: Path) -> None:
    with api(settings, ready=False) as client:
        port = client.base_url.port
        for changed, told in (
            ({"api_port": port, "home": tmp_path / "other"}, "DRIFTLINE_API_PORT: cannot listen"),
            ({"api_port": 0}, "set another DRIFTLINE_HOME"),
        ):
            with pytest.raises(SettingsError, match=told):
                run(settings.model_copy(update=changed), print, threading.Event())


def test_a_contact_that_the_broker_refuses_is_kept_aside_and_the_others_go_on(
    settings: Settings, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool", "x", 64 * 1024**2)
    for name, size in (("a", 10), ("b", 20 * 1024**2), ("c", 10)):
        spool.append(
            [(name, b'{"id": "%s", "sent_at": "2026-01-01T00:00:00Z", "skills": "%s"}' % (name.encode(), b"x" * size))]
        )
    said: list[str] = []
    outbox = Outbox(settings, spool, said.append)
    assert wait_for_topic(settings, 2) == {"a": 1, "c": 1}
    wait_until(lambda: spool.waiting == 0)
    outbox.close(1)
    spool.close()
    assert '"id":"b"' in (tmp_path / "spool" / "refused.jsonl").read_text()
    assert any("refuses" in line for line in said)
