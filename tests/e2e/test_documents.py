"""Every command and every Python snippet of the documents, run in their order on one local stack.

What cannot run here is in ELSEWHERE, with the test that runs it. Paces are raised and endless scenarios cut; ids and
ports are those of the stack. `tests/unit/docs/test_commands.py` sees to it that nothing is left out.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from driftline.cli import main
from tests.documents import DOCUMENTS, PYTHON, ROOT, Block, blocks, output_after

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
TYPED = [
    (block.place, command) for document in DOCUMENTS for block in blocks(document) for command in block.commands
]  # fmt: skip


@dataclass(frozen=True)
class elsewhere:  # noqa: N801  (reads as a word in the table)
    """A command that is not run here: where it is, by what to know that from, and why not here."""

    command: str
    where: str
    mark: str
    why: str

    def fits(self, command: str) -> bool:
        """Whether a command is this one; three dots stand for anything."""
        return re.fullmatch(re.escape(self.command).replace(r"\.\.\.", ".*"), command) is not None


ELSEWHERE = (
    elsewhere("make demo...", "tests/e2e/test_demo.py", '"demo", "--json"', "takes the better part of a minute"),
    elsewhere("make test", ".ci/run", "make test", "is what runs this"),
    elsewhere("make install", "Makefile", "test: install", "every make target begins with it"),
    elsewhere("source .venv/bin/activate", "Makefile", "venv $(VENV)", "the tests run in that environment"),
    elsewhere("...driftline up", "tests/e2e/test_stack.py", 'command("up"', "is the stack that all of this runs on"),
    elsewhere("driftline model train contacts.jsonl", "docs/model.md", "model train", "takes ten seconds"),
    elsewhere("docker compose up -d", "tests/compose/run.py", '"up", "-d"', "needs an engine for containers"),
    elsewhere("docker compose run ... replay scenario:...", "docker-compose.yml", "[replay, ", "the same"),
    elsewhere("docker compose run ... alerts --follow", "tests/compose/run.py", '"alerts", "--follow"', "the same"),
    elsewhere("...docker compose --profile notify up -d", "docker-compose.yml", "profiles: [notify]", "the same"),
    elsewhere("docker compose --profile observability up -d", "docker-compose.yml", "[observability]", "the same"),
    elsewhere("driftline report ...", "tests/integration/test_evidently_report.py", "reported", "takes ten seconds"),
    elsewhere("make notebook...", "tests/e2e/test_notebook.py", "notebook", "takes a minute"),
    elsewhere("docker build ...", "tests/compose/run.py", '"build"', "the same"),
    elsewhere("docker push ...", "docs/kubernetes/kustomization.yaml", "registry.example.invalid", "needs a registry"),
    elsewhere("kubectl ...", "tests/unit/docs/test_kubernetes.py", "def test_", "needs a cluster; checked as text"),
    elsewhere("kcat ...", "tests/integration/test_alert_consumers.py", '"kcat"', "needs Apache Kafka: make test-kafka"),
    elsewhere("node ...", "tests/integration/test_alert_consumers.py", '"node"', "needs kafkajs"),
    elsewhere("redis-cli XREAD ...", "tests/integration/test_redis_alerts.py", "xrange(", "needs redis-cli"),
    elsewhere(
        "driftline import ... --max-cost 2",
        "tests/unit/producers/test_openai_enrichment.py",
        '"--max-cost"',
        "needs a model",
    ),
)
QUICKER = (
    (r"--rate \d+", "--rate 5000"),
    (r"--contacts \d+ --onset \d+", "--contacts 900 --onset 300"),
    (r"--contacts 1000", "--contacts 400"),
    (r"--speed \d+", "--speed 1e9"),
    (r"^(driftline replay scenario:(?!.*--limit).*)$", r"\1 --limit 500"),
    (r"^(driftline replay (?!.*--(?:rate|speed|fast)).*)$", r"\1 --rate 5000"),
    (r" …$", """ -H 'Content-Type: application/json' -d '{"contacts": [{}]}'"""),
)
"""What is written otherwise here, so that all of it takes seconds."""
PROGRAMS = {"driftline", "curl", "python"}
"""What is run here; any other is to be in ELSEWHERE."""
ENDLESS = re.compile(r"--follow|^driftline watch|consume_alerts\.py|api/events")
PATIENCE = 8
"""Seconds after which what has no end is interrupted, where it has printed nothing until then."""


@dataclass
class Stack:
    """A local stack in a folder with the files that the documents speak of."""

    folder: Path
    addresses: dict[str, str]
    seed: int = 100

    def here(self, command: str) -> str:
        """A command with this stack's ports and an id that is there."""
        for pattern, instead in QUICKER:
            command = re.sub(pattern, instead, command)
        command = command.replace("127.0.0.1:29092", self.addresses["kafka"])
        command = command.replace("http://127.0.0.1:28000", self.addresses["api"])
        return re.sub(r"(--ack|--alert) [0-9a-f]{16}", lambda found: f"{found[1]} {self.firing()}", command)

    def driftline(self, words: list[str]) -> tuple[int, str]:
        """A command in this process, whose imports all of them share: its exit code, and what it printed."""
        printed, said = io.StringIO(), io.StringIO()
        kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with redirect_stdout(printed), redirect_stderr(said):
                code = main(words)
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
        assert code == 0, said.getvalue()
        return code, printed.getvalue()

    def shell(self, command: str) -> str:
        """What a command prints, run by bash as a user types it; of what has no end, the first line."""
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = os.environ | {
            "PATH": path,
            "API": self.addresses["api"],
            "DASHBOARD": self.addresses["dashboard"],
            "PYTHONPATH": str(ROOT),
        }
        endless = ENDLESS.search(command) is not None
        if endless:
            command = f"timeout --signal=INT --kill-after=3 {PATIENCE} {command}"
        with subprocess.Popen(
            ["bash", "-c", command], cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            if endless:
                line = process.stdout.readline()
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                return line
            printed, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        return printed

    def run(self, command: str) -> str:
        """A command of a document; what it prints."""
        command = self.here(command)
        if command.startswith("driftline ") and "|" not in command and not ENDLESS.search(command):
            return self.driftline(shlex.split(command)[1:])[1]
        return self.shell(command)

    def firing(self) -> str:
        """The id of an alert that fires for the champion; a drift is replayed where there is none."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            told = [json.loads(line) for line in self.driftline(["alerts", "--json"])[1].splitlines()]
            newest = {alert["id"]: alert for alert in told}
            champion = json.loads(self.driftline(["status", "--json"])[1])["champion"]
            for alert in newest.values():
                if alert["state"] == "firing" and alert["model_version"] == champion:
                    found: str = alert["id"]
                    return found
            self.seed += 1
            drift = f"scenario:geography_shift --onset 0 --limit 1000 --fast --seed {self.seed}"
            self.driftline(["replay", *drift.split()])
            time.sleep(2)
        raise AssertionError("no alert fires")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("documents")
    files(folder)
    env = os.environ | {"DRIFTLINE_MIN_LABELS": "1000000"}  # no model but the documents' own is promoted
    command = [sys.executable, "-m", "driftline.cli", "up", "--json"]
    with (
        (folder / "up.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log) as up,
    ):
        assert up.stdout is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            found = Stack(folder, json.loads(up.stdout.readline()))
            found.firing()  # so that whoever follows the alerts has something to read
            yield found
        up.send_signal(signal.SIGINT)
        assert up.wait(20) == 130


def files(folder: Path) -> None:
    """What the documents' commands read."""
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "bin").mkdir()
    (folder / "bin" / "driftline").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m driftline.cli "$@"\n')
    (folder / "bin" / "driftline").chmod(0o755)
    shutil.copy(ROOT / "data" / "sample_later_export.csv", folder / "export.csv")
    shutil.copy(ROOT / "data" / "sample_lemlist_export.csv", folder / "january.csv")
    assert main(["import", str(folder / "export.csv"), "-o", str(folder / "contacts.jsonl")]) == 0
    shutil.copy(folder / "contacts.jsonl", folder / "february.jsonl")
    scenarios = ROOT / "data" / "drift_scenarios"
    shutil.copy(scenarios / "no_drift_baseline_contacts.csv", folder / "reference.csv")
    shutil.copy(scenarios / "format_change_contacts.csv", folder / "stream.csv")
    labelled = [pd.read_csv(path) for path in sorted(scenarios.glob("*_contacts.csv"))]
    pd.concat(labelled).to_csv(folder / "contacts.csv", index=False)


WITH_COMMANDS = [one for one in DOCUMENTS if any(block.commands for block in blocks(one))]
WITH_COMMANDS.sort(key=lambda document: document.name == "model.md")  # it changes the champion, so it comes last


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_document_do_what_it_says(document: Path, stack: Stack) -> None:
    for block in blocks(document):
        here = [one for one in block.commands if not any(entry.fits(one) for entry in ELSEWHERE)]
        printed = []
        for command in here:
            try:
                printed.append(stack.run(command))
            except AssertionError as fault:
                raise AssertionError(f"{block.place}: `{command}`: {fault}") from None
        if here and (shown := output_after(block)):
            told = "\n".join(printed)
            assert alike(shown, told) >= 0.6, f"{block.place} shows\n{shown}\nand it printed\n{told}"


def alike(shown: str, printed: str) -> float:
    """The share of the words shown that were printed; numbers, times and ids are no words."""
    words = set(re.findall(r"[A-Za-z_]{4,}", shown))
    return len(words & set(re.findall(r"[A-Za-z_]{4,}", printed))) / len(words)


SNIPPETS = [block for document in DOCUMENTS for block in blocks(document) if block.language == PYTHON]


@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: block.place)
def test_a_python_snippet_runs(block: Block, stack: Stack) -> None:
    text = block.text.replace("127.0.0.1:29092", stack.addresses["kafka"]).replace("my-team", "snippet")
    if "KafkaConsumer" in text:  # has no end: up to its first line
        stack.firing()
        command = ["timeout", "--signal=KILL", "30", sys.executable, "-u", "-c", text]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as consumer:
            assert consumer.stdout is not None
            assert "firing" in consumer.stdout.readline()
            consumer.terminate()
        return
    frames = {"last_year": pd.read_csv("reference.csv"), "this_week": pd.read_csv("stream.csv")}
    exec(compile(text, block.place, "exec"), frames)
