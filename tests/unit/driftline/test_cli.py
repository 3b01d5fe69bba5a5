"""The command line: every mistake is one line and the right exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from driftline.cli import COMMANDS


def driftline(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "driftline.cli", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={"PATH": "/usr/bin:/bin"} | (env or {}), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def files(folder: Path) -> None:
    (folder / "empty.csv").touch()
    (folder / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe" * 50)
    (folder / "prices.csv").write_text("apples,pears\n1,2\n")
    (folder / "unlabelled.csv").write_text("jobtitle,industry\nCEO,Retail\n")
    (folder / "five.csv").write_text("_id,jobtitle,engaged\n" + "".join(f"{n},CEO,{n % 2}\n" for n in range(5)))


@pytest.mark.parametrize(
    ("arguments", "env", "code", "words"),
    [
        (["replay", "nobody.csv"], {}, 1, "no file nobody.csv"),
        (["replay", "empty.csv"], {}, 1, "is empty"),
        (["replay", "picture.csv"], {}, 1, "not a CSV"),
        (["replay", "prices.csv"], {}, 1, "not a CSV of contacts"),
        (["replay", "scenario:sector_shfit"], {}, 2, "did you mean sector_shift"),
        (["demo", "--scenario", "nothing_known"], {}, 2, "no_drift_baseline"),
        (["demo", "--severity", "7"], {}, 2, "--severity"),
        (["replay", "scenario:sector_shift", "--rate", "0"], {}, 2, "--rate"),
        (["replay"], {}, 2, "source"),
        (["fly"], {}, 2, "invalid choice"),
        (["alerts", "--since", "tuesday"], {"DRIFTLINE_KAFKA": "127.0.0.1:1"}, 2, "--since tuesday"),
        (["alerts"], {}, 2, "driftline up"),
        (["score"], {"DRIFTLINE_WINDOW": "0"}, 2, "DRIFTLINE_WINDOW"),
        (["model"], {}, 2, "ACTION"),
        (["model", "show"], {}, 2, "V"),
        (["model", "train", "nobody.csv"], {}, 1, "no file nobody.csv"),
        (["model", "train", "unlabelled.csv"], {}, 1, "none of the 1 contacts of unlabelled.csv is labelled: add a"),
        (["retrain"], {"DRIFTLINE_FEATURE_SET": "all"}, 2, "DRIFTLINE_FEATURE_SET"),
        (["retrain"], {"DRIFTLINE_TRAINING_DATA": "nobody.csv"}, 2, "DRIFTLINE_TRAINING_DATA: no file nobody.csv"),
        (["retrain"], {"DRIFTLINE_TRAINING_DATA": "unlabelled.csv"}, 2, "add a column engaged"),
        (["report"], {}, 2, "-o"),
        (["report", "-o", "nowhere/x.html"], {}, 2, "there is no folder nowhere"),
        (["report", "-o", "."], {}, 2, "that is a folder; name a file in it"),
        (["report", "-o", "x.html", "--alert", "a", "--window", "last"], {}, 2, "not allowed with"),
        (["report", "-o", "x.html"], {}, 2, "driftline up"),
        (["notify"], {}, 2, "DRIFTLINE_WEBHOOK_URLS is not set"),
        (["notify"], {"DRIFTLINE_WEBHOOK_URLS": "hooks"}, 2, "DRIFTLINE_WEBHOOK_URLS has no http(s) URL as number 1"),
        (["up"], {"DRIFTLINE_HOME": "/proc/nowhere"}, 1, "DRIFTLINE_HOME"),
    ],
)
def test_a_mistake_is_one_line_without_traceback(
    tmp_path: Path, arguments: list[str], env: dict[str, str], code: int, words: str
) -> None:
    files(tmp_path)
    done = driftline(*arguments, cwd=tmp_path, env=env)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    done = driftline(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "usage: driftline" in done.stdout


def test_status_shows_the_notifier_where_it_runs(tmp_path: Path) -> None:
    (tmp_path / ".driftline").mkdir()
    (tmp_path / ".driftline" / "stack.json").write_text(json.dumps({"pids": {"notify": os.getpid()}}))
    workers = json.loads(driftline("status", "--json", cwd=tmp_path).stdout)["workers"]
    assert workers["notify"] == {"pid": os.getpid(), "alive": True, "lag": None, "metrics": None}


def test_status_without_anything_says_what_is_not_reachable(tmp_path: Path) -> None:
    done = driftline("status", cwd=tmp_path)
    assert done.returncode == 0
    assert "UNREACHABLE" in done.stdout
