"""Every command of the documents is one, and is run: by tests/e2e/test_documents.py, or where ELSEWHERE says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from driftline.options import parser
from tests.documents import DOCUMENTS, OTHER, ROOT, Block, blocks, words_of
from tests.e2e.test_documents import ELSEWHERE, PROGRAMS, TYPED, elsewhere

ALL = [block for document in DOCUMENTS for block in blocks(document)]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
BENCHES = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}


def test_the_documents_have_commands() -> None:
    assert len(TYPED) > 40


@pytest.mark.parametrize("block", [block for block in ALL if block.language == OTHER], ids=lambda block: block.place)
def test_a_block_without_a_language_hides_no_command(block: Block) -> None:
    first = block.text.split()[0]
    assert shutil.which(first) is None, f"is `{first}` a command? Then add it to PROGRAMS, or fence the block as text"


@pytest.mark.parametrize(("place", "command"), TYPED)
def test_a_command_of_driftline_parses(place: str, command: str) -> None:
    words = words_of(command)
    if words[0] == "driftline":
        parser().parse_args(words[1:])


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: entry.command)
def test_what_is_said_to_run_elsewhere_is_there_and_is_needed(entry: elsewhere) -> None:
    assert [command for _, command in TYPED if entry.fits(command)], "no document has it any more"
    assert entry.mark in (ROOT / entry.where).read_text("utf-8"), f"{entry.where} runs it no more"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_make_is_asked_for_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    for target in re.findall(r"(?:`|^ {4}|^)make ([a-z-]+)", text, re.MULTILINE):
        assert target in TARGETS, target
    for chosen in re.findall(r"""make bench ARGS=["']?([a-z ]+)""", text):
        assert set(chosen.split()) <= BENCHES, chosen


def test_what_is_not_said_to_run_elsewhere_is_run() -> None:
    run = {command for _, command in TYPED if not any(entry.fits(command) for entry in ELSEWHERE)}
    assert {words_of(command)[0] for command in run} == PROGRAMS
