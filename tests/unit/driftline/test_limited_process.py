"""Work in a process of its own: its answer comes back, and whatever goes wrong is said and leaves the caller alive."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from driftline.limited_process import LimitedProcess, LimitedProcessError, Line

ROOT = Path(__file__).parents[3]
CHILD = """import os, signal, sys, time
from driftline.limited_process import serve
from tests.unit.driftline.test_limited_process import Answer, Request

def work(request, progress):
    progress("beginning")
    print("a library that speaks")
    for part in request.todo.split(";"):
        exec(part)
    return Answer(pid=os.getpid())

sys.exit(serve(Request, work))
"""


class Request(msgspec.Struct, frozen=True):
    todo: str
    padding: str = ""


class Answer(Line, frozen=True, kw_only=True):
    pid: int = 0


@pytest.fixture
def child(tmp_path: Path) -> LimitedProcess:
    (tmp_path / "child.py").write_text(CHILD, "utf-8")
    path = f"PYTHONPATH={tmp_path}:{ROOT}"
    return LimitedProcess("child", "the work", "DRIFTLINE_WORK", 30.0, 1_024, (path,), quiet=True)


def test_steps_come_first_and_then_the_answer(child: LimitedProcess) -> None:
    steps = list[str]()
    answer = child.ask(Request("pass", padding="x" * 1_000_000), Answer, steps.append)
    assert steps == ["beginning"]
    assert answer.pid not in (0, os.getpid())


@pytest.mark.parametrize(
    ("todo", "told"),
    [
        ("raise ValueError('too few contacts')", "too few contacts"),
        (
            "held = bytes(2_000_000_000)",
            "the work failed (MemoryError): if it lacked memory, raise DRIFTLINE_WORK_MEMORY_MB (now 1024)",
        ),
        (
            "{}['column']",
            "the work failed (KeyError: 'column'): if it lacked memory, raise DRIFTLINE_WORK_MEMORY_MB (now 1024)",
        ),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "the work ended with code -9: if it lacked memory, raise DRIFTLINE_WORK_MEMORY_MB (now 1024)",
        ),
    ],
    ids=["expected", "memory", "unexpected", "killed"],
)
def test_why_there_is_no_answer_is_one_line(child: LimitedProcess, todo: str, told: str) -> None:
    with pytest.raises(LimitedProcessError) as fault:
        child.ask(Request(todo), Answer)
    assert str(fault.value) == told


def test_what_takes_too_long_is_ended(child: LimitedProcess, tmp_path: Path) -> None:
    todo = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()));time.sleep(60)"
    with pytest.raises(LimitedProcessError, match="the work did not end within 2 s: raise DRIFTLINE_WORK_SECONDS"):
        replace(child, seconds=2.0).ask(Request(todo), Answer)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text("utf-8")), signal.SIG_DFL)
