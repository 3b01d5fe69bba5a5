"""Logs as JSON: one object a line, whoever speaks, and no text of an exception, which may quote a contact."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PLANTED = "Example Person"


def said(code: str, tmp_path: Path, **env: str) -> list[dict[str, Any]]:
    """What a process says on standard error, whose every line is an object."""
    told = {"DRIFTLINE_LOG_FORMAT": "json", "PYTHONPATH": ":".join(sys.path)} | env
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=told, capture_output=True, text=True, timeout=60, check=False
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


SPEAKING = (
    "from driftline.workers import say, speak_as_told; speak_as_told('score'); import logging, warnings, threading\n"
)


SAID = {
    "say('scoring with version 1')": ("info", "scoring with version 1"),
    "say('WARNING: beyond this machine')": ("warning", "beyond this machine"),
    "say('100% of them, {braces} and %s')": ("info", "100% of them, {braces} and %s"),
    "logging.getLogger('a.library').info('chatter')": None,
    "logging.getLogger('a.library').warning('it is %s', 'late')": ("warning", "it is late"),
    "warnings.warn('old\\nways', UserWarning)": ("warning", "<string>:1: UserWarning: old\nways"),
}


def test_a_line_is_an_object_whoever_speaks(tmp_path: Path) -> None:
    lines = said(SPEAKING + "\n".join(SAID), tmp_path)
    assert {line["worker"] for line in lines} == {"score"}
    told = [(line["level"], re.sub(r":\d+:", ":1:", line["message"])) for line in lines]
    assert told == [line for line in SAID.values() if line is not None]
    assert [line.get("logger") for line in lines] == [None, None, None, "a.library", "py.warnings"]
    assert all(line["time"].endswith("Z") and "T" in line["time"] for line in lines)


@pytest.mark.parametrize(
    ("code", "who"),
    [
        ("f()", "this process ended by ValueError"),
        ("threading.Thread(target=f, name='redis').start()", "the thread redis ended by ValueError"),
        ("type('Batch', (), {'__del__': lambda _: f()})()", "the clean-up of a function ended by ValueError"),
    ],
)
def test_what_ends_a_process_or_a_thread_is_told_without_its_text(tmp_path: Path, code: str, who: str) -> None:
    [line] = said(f"{SPEAKING}def f(): raise ValueError({PLANTED!r})\n{code}", tmp_path)
    assert (line["level"], line["exception"]) == ("critical", "ValueError")
    assert line["message"].startswith(who)
    assert any(place.endswith(" f") for place in line["traceback"])
    assert PLANTED not in json.dumps(line)


@pytest.mark.parametrize(
    "code",
    [
        "logging.getLogger('a.library').error('lost: %r (%s)', fault, fault, exc_info=fault)",
        "asyncio.new_event_loop().call_exception_handler({'message': 'lost', 'exception': fault, 'task': [fault]})",
    ],
    ids=["a library", "asyncio"],
)
def test_who_quotes_an_exception_in_what_it_says_does_so_without_its_text(tmp_path: Path, code: str) -> None:
    [line] = said(f"{SPEAKING}import asyncio\nfault = ValueError({PLANTED!r})\n{code}", tmp_path)
    assert "lost" in line["message"]
    assert "ValueError" in line["message"]
    assert PLANTED not in json.dumps(line)


@pytest.mark.parametrize("env", [{"DRIFTLINE_KAFKA": "nowhere"}, {}])
def test_why_a_command_fails_is_an_object_too(tmp_path: Path, env: dict[str, str]) -> None:
    [line] = said("from driftline.cli import main; raise SystemExit(main(['alerts']))", tmp_path, **env)
    assert line["level"] == "error"
    assert "DRIFTLINE_KAFKA" in line["message"]


def test_the_format_may_come_from_a_file_of_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DRIFTLINE_LOG_FORMAT=json\n")
    code = "from driftline.cli import main; raise SystemExit(main(['alerts']))"
    [line] = said(code, tmp_path, DRIFTLINE_LOG_FORMAT="")
    assert (line["worker"], line["level"]) == ("alerts", "error")
