"""Whole files through the real HTTP API on a real broker: `driftline replay --to http`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from driftline.events import Contact
from driftline.options import parser
from driftline.settings import Settings
from model.bundle import Bundle
from model.retrain import Made
from producers.httpx_replay import Journal, Place
from producers.jsonl import to_jsonl
from producers.labelled import Labelled
from producers.replay_command import run
from tests.http_api import ApiProcess, on_topic, wait_for_ready, wait_for_topic
from tests.scoring_workers import make_champion
from tests.stub_server import StubServer

Contacts = list[tuple[Contact, int]]


@pytest.fixture(scope="module")
def champion(made: Made) -> Bundle:
    return made.bundle.with_version("1")


@pytest.fixture
def api(settings: Settings, champion: Bundle, tmp_path: Path) -> Iterator[ApiProcess]:
    """A running API with a champion."""
    make_champion(settings, champion)
    with ApiProcess(settings, tmp_path / "api") as process:
        wait_for_ready(process.client)
        yield process


def jsonl(path: Path, contacts: Contacts, *, malformed: dict[int, bytes] | None = None) -> Path:
    lines = [to_jsonl(Labelled(contact, engaged)) for contact, engaged in contacts]
    for number, line in (malformed or {}).items():
        lines.insert(number, line + b"\n")
    path.write_bytes(b"".join(lines))
    return path


class Replay:
    """`driftline replay FILE --to http`, as a user runs it."""

    def __init__(self, api: ApiProcess, home: Path, file: Path) -> None:
        self.command = [sys.executable, "-m", "driftline.cli", "replay", str(file), "--to", "http", "--json"]
        self.env = os.environ | {
            "DRIFTLINE_HOME": str(home), "DRIFTLINE_API_PORT": str(api.settings.api_port), "DRIFTLINE_SALT": "s",
        }  # fmt: skip

    def run(self, *options: str, code: int = 0) -> tuple[dict[str, Any], str]:
        done = subprocess.run(
            [*self.command, *options], env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else {}, done.stderr

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, *options], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def test_every_contact_of_a_file_is_scored_and_stands_on_the_topic_once(
    api: ApiProcess, calm_contacts: Contacts, tmp_path: Path
) -> None:
    replay = Replay(api, tmp_path / "client", jsonl(tmp_path / "contacts.jsonl", calm_contacts[:1_234]))
    told, _ = replay.run("--fast")
    assert (told["contacts"], told["refused"], told["complete"]) == (1_234, 0, True)
    assert told["model_versions"] == ["1"]
    assert 0 < told["engaged"] < 1_234
    assert wait_for_topic(api.settings, 1_234) == Counter(contact.id for contact, _ in calm_contacts[:1_234])
    again, _ = replay.run("--fast", "--resume")
    assert (again["contacts"], again["skipped"]) == (0, 1_234)


def test_what_is_no_contact_is_refused_with_its_reason_and_the_rest_goes_through(
    api: ApiProcess, calm_contacts: Contacts, tmp_path: Path
) -> None:
    malformed = {10: b'{"id": "x", "llm_quality": 101}', 500: b"no JSON"}
    file = jsonl(tmp_path / "contacts.jsonl", calm_contacts[:700], malformed=malformed)
    told, said = Replay(api, tmp_path / "client", file).run("--fast")
    assert (told["contacts"], told["malformed"], told["refused"]) == (702, 2, 2)
    assert "contact 11 is refused: Expected `float` <= 100.0 (llm_quality)" in said
    assert wait_for_topic(api.settings, 700) == Counter(contact.id for contact, _ in calm_contacts[:700])


def test_whenever_the_replay_or_the_api_is_killed_every_contact_gets_there_once(
    api: ApiProcess, calm_contacts: Contacts, tmp_path: Path
) -> None:
    contacts = calm_contacts
    replay = Replay(api, tmp_path / "client", jsonl(tmp_path / "contacts.jsonl", contacts))
    rng = np.random.default_rng()
    options = ["--rate", "300", "--page", "20"]
    for kill_api in (False, True, False):
        process = replay.start(*options)
        wait_for_topic(api.settings, on_topic(api.settings).total() + int(rng.integers(1, 300)))
        if kill_api:
            api.kill()
            time.sleep(0.3)
            api.start()
        process.kill()
        process.wait()
        options = [*options[:4], "--resume"]
    wait_for_ready(api.client)
    told, _ = replay.run("--fast", "--resume")
    assert told["contacts"] + told["skipped"] == 3_000
    assert 0 < told["skipped"] < 3_000, "killed before the first page or after the last"
    assert wait_for_topic(api.settings, 3_000) == Counter(contact.id for contact, _ in contacts)


def test_an_api_that_is_away_is_waited_for_and_meets_the_page_again(
    api: ApiProcess, calm_contacts: Contacts, tmp_path: Path
) -> None:
    replay = Replay(api, tmp_path / "client", jsonl(tmp_path / "contacts.jsonl", calm_contacts[:1_000]))
    process = subprocess.Popen([*replay.command, "--rate", "800"], env=replay.env, stdout=subprocess.PIPE)
    while on_topic(api.settings).total() < 200:
        time.sleep(0.05)
    api.kill()
    time.sleep(0.5)
    api.start()
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["contacts"] == 1_000
    assert wait_for_topic(api.settings, 1_000) == Counter(contact.id for contact, _ in calm_contacts[:1_000])


def test_a_file_that_has_changed_is_not_resumed(api: ApiProcess, calm_contacts: Contacts, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "contacts.jsonl", calm_contacts[:50])
    replay = Replay(api, tmp_path / "client", file)
    replay.run("--fast")
    jsonl(file, calm_contacts[:60])
    _, said = replay.run("--fast", "--resume", code=1)
    assert "has changed since it was replayed: leave --resume out" in said
    assert on_topic(api.settings).total() == 50


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_bytes(b"\xff")
    place = Place(tmp_path / "journal.json")
    with pytest.raises(ValueError, match=r"journal\.json is damaged: leave --resume out"):
        place.begin("content", "run", resume=True)
    assert place.begin("content", "run", resume=False) == Journal("content", "run")


def test_an_api_with_a_key_is_told_it_and_a_wrong_one_is_said(
    api: ApiProcess, calm_contacts: Contacts, tmp_path: Path
) -> None:
    replay = Replay(api, tmp_path / "client", jsonl(tmp_path / "contacts.jsonl", calm_contacts[:20]))
    api.kill()
    api.env["DRIFTLINE_API_KEY"] = "open sesame"
    api.start()
    wait_for_ready(api.client)
    _, said = replay.run("--fast", code=1)
    assert "set DRIFTLINE_API_KEY" in said
    replay.env["DRIFTLINE_API_KEY"] = "open sesame"
    told, _ = replay.run("--fast", "--resume")
    assert told["contacts"] == 20
    assert wait_for_topic(api.settings, 20).total() == 20


class Stranger(StubServer):
    """A server that answers everything with this."""

    def __init__(self, status: int, body: bytes, encoding: str = "identity") -> None:
        super().__init__()
        self.answer = status, body, encoding

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        status, answer, encoding = self.answer
        handler.send_response(status)
        handler.send_header("Content-Encoding", encoding)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>welcome</html>"),
        (200, b""),
        (200, b'{"count": "1", "engaged": 0, "mean_score": 0.5, "model_version": "1"}'),
        (200, b"[" * 100_000),
        (200, b"plain", "gzip"),
        (302, b""),
        (404, b"<html>not here</html>"),
    ],
    ids=lambda answer: f"{answer[0]} {answer[1][:9].decode()}",
)
def test_what_is_no_api_of_ours_is_told_in_one_line(
    answer: tuple[Any, ...], settings: Settings, calm_contacts: Contacts, tmp_path: Path
) -> None:
    file = jsonl(tmp_path / "contacts.jsonl", calm_contacts[:2])
    with Stranger(*answer) as server:
        options = parser().parse_args(["replay", str(file), "--to", f"http://{server.address}", "--fast"])
        with pytest.raises(RuntimeError, match=r"answers .*: is that a Driftline API\? Name it with --to$"):
            run(settings.model_copy(update={"home": tmp_path}), options, lambda _: None, Event())


def test_a_refusal_in_no_shape_of_ours_is_told_by_its_status(
    settings: Settings, calm_contacts: Contacts, tmp_path: Path
) -> None:
    file, said = jsonl(tmp_path / "contacts.jsonl", calm_contacts[:2]), list[str]()
    with Stranger(422, b'{"detail": ["no"]}') as server:
        options = parser().parse_args(["replay", str(file), "--to", f"http://{server.address}", "--fast"])
        run(settings.model_copy(update={"home": tmp_path}), options, said.append, Event())
    assert [line for line in said if "refused:" in line] == [
        "contact 1 is refused: status 422", "contact 2 is refused: status 422",
    ]  # fmt: skip


def test_a_scenario_goes_on_after_a_kill_too(api: ApiProcess, tmp_path: Path) -> None:
    replay = Replay(api, tmp_path / "client", Path("scenario:sector_shift"))
    process = replay.start("--rate", "300", "--limit", "600")
    while on_topic(api.settings).total() < 100:
        time.sleep(0.05)
    process.kill()
    process.wait()
    told, _ = replay.run("--fast", "--resume", "--limit", "600")
    assert told["contacts"] + told["skipped"] == 600
    found = wait_for_topic(api.settings, 600)
    assert (found.total(), len(found)) == (600, 600)
