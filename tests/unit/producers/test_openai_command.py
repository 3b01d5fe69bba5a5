"""`driftline import --enrich openai` as a process, and what its dry run promises."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from driftline.options import UsageError, parser
from driftline.settings import Settings
from driftline.workers import say
from producers.labelled import Labelled
from producers.openai_command import dry_run, enricher
from producers.openai_enrichment import input_tokens
from tests.llm_server import Call, LlmServer, Reply, answer, contact, error, good, right_fields, told

PEOPLE = 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An export whose last five contacts have the profiles of the first."""
    path = tmp_path / "export.csv"
    rows = [f'lea_{place},Example title {place % (PEOPLE - 5)},"Paris, France"' for place in range(PEOPLE)]
    path.write_text("\n".join(["_id,jobTitle,location", *rows]), "utf-8")
    return path


def import_(file: Path, url: str, *options: str) -> subprocess.Popen[bytes]:
    """The real command, with its state beside the file."""
    command = [sys.executable, "-m", "driftline.cli", "import", str(file), "-o", str(file.with_name("out.jsonl"))]
    known = {
        "DRIFTLINE_HOME": str(file.with_name("home")),
        "DRIFTLINE_OPENAI_BASE_URL": url,
        "DRIFTLINE_OPENAI_API_KEY": "sk-hunter2",
    }
    return subprocess.Popen(
        [*command, "--enrich", "openai", *options], env=os.environ | known, cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def answered(home: Path) -> int:
    """Profiles whose answers are kept."""
    with closing(sqlite3.connect(home / "enrichment.sqlite3")) as database:
        found: int = database.execute("SELECT count(*) FROM answers").fetchone()[0]
    return found


def test_a_run_that_is_killed_goes_on_where_it_was_and_pays_for_nothing_twice(file: Path) -> None:
    def slow(call: Call) -> Reply:
        return told([answer(profile) for profile in call.profiles], delay=0.1)

    with LlmServer(slow) as server:
        first = import_(file, server.url, "--batch", "5", "--concurrency", "2")
        deadline = time.monotonic() + 60
        while len(server.delivered) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        asked_before, kept = len(server.calls), answered(file.with_name("home"))
        assert kept >= 20 - 2 * 5  # no more than the calls in flight are lost
        server.behave = good
        second = import_(file, server.url, "--json")
        _, stderr = second.communicate(timeout=60)
    assert second.returncode == 0, stderr
    again = [title for call in server.calls[asked_before:] for title in call.titles]
    assert len(again) == len(set(again)) == PEOPLE - 5 - kept
    found = [json.loads(line) for line in file.with_name("out.jsonl").read_text("utf-8").splitlines()]
    assert [one["jobtitle"] for one in found] == [f"Example title {n % (PEOPLE - 5)}" for n in range(PEOPLE)]
    assert [one | right_fields(n % (PEOPLE - 5)) for n, one in enumerate(found)] == found
    assert b"sk-hunter2" not in stderr


def interrupted_import(file: Path, server: LlmServer, *, calls: int) -> tuple[int, bytes]:
    """The exit code and what is said where Ctrl-C comes after so many calls."""
    process = import_(file, server.url, "--concurrency", "2")
    deadline = time.monotonic() + 60
    while len(server.calls) < calls and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    return process.returncode, stderr


def test_ctrl_c_ends_a_run_with_the_answers_kept_and_no_file(file: Path) -> None:
    with LlmServer(lambda call: told([answer(profile) for profile in call.profiles], delay=0.3)) as server:
        code, stderr = interrupted_import(file, server, calls=3)
        assert len(server.calls) <= 4
    assert code == 130, stderr
    assert b"Traceback" not in stderr
    assert answered(file.with_name("home")) == 10 * len(server.calls)
    assert sorted(path.name for path in file.parent.iterdir()) == ["export.csv", "home"]


def test_whoever_stops_taking_contacts_in_the_middle_has_the_answers_that_are_paid_for(tmp_path: Path) -> None:
    options = parser().parse_args(
        ["import", "x", "-o", "y", "--enrich", "openai", "--batch", "5", "--concurrency", "3"]
    )
    with LlmServer(lambda call: told([answer(profile) for profile in call.profiles], delay=0.2)) as server:
        settings = Settings.model_validate({"home": tmp_path, "openai_base_url": server.url})
        enrich = enricher(settings, options, say)
        with closing(enrich(Labelled(contact(n)) for n in range(1_000))) as contacts:  # type: ignore[type-var]
            next(contacts)
        assert len(server.calls) > 1
        assert answered(tmp_path) == 5 * len(server.calls)


def test_ctrl_c_while_a_call_is_failing_ends_without_a_traceback(file: Path) -> None:
    with LlmServer(lambda call: replace(error(404), delay=0.5)) as server:
        assert interrupted_import(file, server, calls=2) == (130, b"")


def test_a_dry_run_sends_nothing_and_counts_what_the_run_then_takes(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = parser().parse_args(
        ["import", str(file), "-o", str(tmp_path / "out.jsonl"), "--enrich", "openai", "--dry-run", "--json"]
    )
    with LlmServer() as server:
        settings = Settings.model_validate({"home": tmp_path, "openai_base_url": server.url})
        dry_run(settings, options)
        told = json.loads(capsys.readouterr().out)
        assert not server.calls
        assert not (tmp_path / "out.jsonl").exists()
        contacts = [Labelled(contact(n)) for n in [*range(PEOPLE - 5), *range(5)]]
        enrich = enricher(settings, options, say)
        assert len(list(enrich(contacts))) == PEOPLE
        assert told["calls"] == len(server.calls) == 6
        bodies = [call.body for call in server.calls]
        assert told["input_tokens"] == sum(input_tokens(b["messages"], b["response_format"]) for b in bodies)
    report = enrich.report()
    assert (told["contacts"], told["profiles"], told["repeated"], told["cached"]) == (PEOPLE, PEOPLE - 5, 5, 0)
    assert report["output_tokens"] <= told["output_tokens"]["at_most"]
    assert report["usd"] <= told["usd"]["at_most"]
    assert report["usd"] == pytest.approx(told["usd"]["estimate"], rel=0.5)
    dry_run(settings, options)
    told = json.loads(capsys.readouterr().out)
    assert (told["calls"], told["cached"], told["usd"]["at_most"]) == (0, PEOPLE, 0.0)


def test_a_dry_run_of_the_offline_rules_is_wrong_usage(file: Path, tmp_path: Path) -> None:
    options = parser().parse_args(["import", str(file), "-o", "out.jsonl", "--dry-run"])
    with pytest.raises(UsageError, match="cost nothing"):
        dry_run(Settings.model_validate({"home": tmp_path}), options)
