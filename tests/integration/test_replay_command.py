"""`driftline replay` as a user runs it."""

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from driftline.events import Contact, Label, decode
from driftline.kafka_clients import read_all
from driftline.options import UsageError, parser
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS
from producers import replay_command


def line(number: int, seconds: int, **more: Any) -> str:
    at = f"2026-03-02T10:{seconds // 60:02}:{seconds % 60:02}Z"
    return json.dumps({"id": f"c{number}", "occurred_at": at, "engaged": number % 2} | more) + "\n"


def start(settings: Settings, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    told = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
    env = told | settings.to_environment() | {"DRIFTLINE_TOPIC_PREFIX": settings.topic_prefix}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command = [sys.executable, "-m", "driftline.cli", "replay", *arguments]
    return subprocess.Popen(command, env=env, cwd=settings.home, text=True, **pipes)


def run(settings: Settings, *arguments: str) -> dict[str, Any]:
    """In this process, which is quicker; what it prints."""
    with redirect_stdout(io.StringIO()) as out:
        replay_command.run(settings, parser().parse_args(["replay", *arguments, "--json"]), print_err, Event())
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def print_err(text: str) -> None:
    print(text, file=sys.stderr)


def ids(settings: Settings) -> list[str]:
    return [decode(Contact, record.value).id for record in read_all(settings, CONTACTS)]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_sources_in_any_order_are_merged_by_time_and_known_again_when_they_are_moved(settings: Settings) -> None:
    one = settings.model_copy(update={"partitions": 1})
    (settings.home / "a.jsonl").write_text(line(3, 30) + line(1, 10))
    (settings.home / "b.jsonl").write_text(line(2, 20, labelled_at="2026-03-02T10:00:45Z") + line(4, 40))
    in_latin_1 = os.fsdecode("déplacé.jsonl".encode("latin-1"))
    a, b, moved = (str(settings.home / name) for name in ("a.jsonl", "b.jsonl", in_latin_1))
    found = run(one, a, b, "--speed", "100")
    assert found["source"] == [a, b]
    assert [found[name] for name in ("contacts", "labels", "skipped", "complete")] == [4, 4, 0, True]
    sent = {contact.id: contact.sent_at for contact in (decode(Contact, r.value) for r in read_all(one, CONTACTS))}
    assert sorted(sent, key=sent.__getitem__) == ["c1", "c2", "c3", "c4"]
    labels = {label.contact_id: label.labelled_at for label in (decode(Label, r.value) for r in read_all(one, LABELS))}
    assert labels["c2"] >= sent["c4"] > labels["c3"] >= sent["c3"]

    Path(a).rename(moved)
    found = run(one, moved, "--fast", "--resume")
    assert (found["contacts"], found["skipped"]) == (0, 2)
    (settings.home / "b.jsonl").write_text(line(2, 20) + line(5, 50))
    with pytest.raises(ValueError, match=r"b\.jsonl: it has changed since it was replayed"):
        run(one, b, "--fast", "--resume")
    assert len(ids(one)) == 4


def test_a_second_run_is_resumed_where_it_ended_and_not_where_the_first_one_did(settings: Settings) -> None:
    (settings.home / "a.jsonl").write_text("".join(line(n, n) for n in range(50)))
    for arguments, contacts, skipped in (
        (["--fast"], 50, 0), (["--fast", "--limit", "20"], 20, 0), (["--fast", "--resume"], 30, 20),
    ):  # fmt: skip
        found = run(settings, str(settings.home / "a.jsonl"), *arguments)
        assert (found["contacts"], found["skipped"]) == (contacts, skipped)


def test_a_signal_pauses_and_resumes_and_ctrl_c_says_how_to_go_on(settings: Settings) -> None:
    (settings.home / "a.jsonl").write_text("".join(line(n, n) for n in range(600)))
    process = start(settings, "a.jsonl", "--rate", "50", "--json")
    wait_for(lambda: len(ids(settings)) > 5)
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.4)
    paused = len(ids(settings))
    time.sleep(1.0)
    assert len(ids(settings)) == paused
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: len(ids(settings)) > paused)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "--resume" in err
    found = json.loads(out)
    assert (found["contacts"], found["complete"]) == (len(ids(settings)), False)
    sent = sorted(decode(Contact, record.value).sent_at for record in read_all(settings, CONTACTS))
    gaps = [(after - before).total_seconds() for before, after in pairwise(sent)]
    assert sum(gap > 1.0 for gap in gaps) == 1, "one pause"


@pytest.mark.parametrize("key", [b"q", pytest.param(b"\x03", marks=pytest.mark.long)])
def test_in_a_terminal_a_key_pauses_and_ends_and_the_terminal_is_as_it_was(settings: Settings, key: bytes) -> None:
    import termios

    (settings.home / "a.jsonl").write_text("".join(line(n, n) for n in range(600)))
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = start(
        settings, "a.jsonl", "--rate", "50", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    wait_for(lambda: len(ids(settings)) > 5)
    assert not termios.tcgetattr(theirs)[3] & termios.ICANON
    os.write(ours, b"p")
    time.sleep(0.5)
    paused = len(ids(settings))
    time.sleep(0.5)
    assert len(ids(settings)) == paused
    os.write(ours, b" ")
    wait_for(lambda: len(ids(settings)) > paused)
    os.write(ours, key)
    shown = ""
    while select.select([ours], [], [], 2.0)[0]:
        shown += os.read(ours, 65_536).decode()
    assert process.wait(10) == 130
    assert "paused" in shown
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plain.jsonl", "--speed", "10"], "--speed needs times of contact, and plain.jsonl has none"),
        (["timed.jsonl", "--speed", "10", "--order", "file"], "--order file leaves them aside"),
        (["plain.jsonl", "--fast", "--labels-delay", "3d"], "give a number of contacts"),
        (["plain.jsonl", "plain.jsonl"], "plain.jsonl has the contacts of a source that is named before it"),
        (["plain.jsonl", "copy.jsonl"], "copy.jsonl has the contacts of a source that is named before it"),
        (["scenario:sector_shift", "--onset", "9" * 20], "is more than 9223372036854775807"),
        (["plain.jsonl", "--labels-delay=-3"], "neither a number of contacts nor a time"),
        (["plain.jsonl", "--labels-delay", "3 fortnights"], "neither a number of contacts nor a time"),
        (["plain.jsonl", "--rate", "5", "--fast"], "not allowed with"),
        (["plain.jsonl", "--to", "http://"], "neither kafka nor http nor a URL"),
        (["plain.jsonl", "--to", "http://127.0.0.1:99999"], "neither kafka nor http nor a URL"),
        (["plain.jsonl", "--to", "http://[::1"], "neither kafka nor http nor a URL"),
    ],
)
def test_options_that_cannot_work_are_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.jsonl").write_text('{"id": "a"}\n')
    Path("copy.jsonl").write_text('{"id": "a"}\n')
    Path("timed.jsonl").write_text(line(1, 1))
    with pytest.raises(UsageError, match=words):
        run(Settings.model_validate({"home": tmp_path}), *arguments)
