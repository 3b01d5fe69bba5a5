"""The dashboard's page: what it is made of lies here, and says the same as the rest of Driftline."""

import hashlib
import json
import re
from pathlib import Path
from typing import get_args

import pytest

from driftline.events import LEVELS, Kind
from monitor.policy import WORDS

PAGE = Path(__file__).parents[3] / "monitor" / "dashboard"
OURS = sorted(path for path in PAGE.iterdir() if path.is_file())
VENDORED = re.findall(r"^\| (\S+) \|.* ([0-9a-f]{64}) \|$", (PAGE / "vendor" / "README.md").read_text("utf-8"), re.M)


def test_what_is_not_ours_is_unchanged() -> None:
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (PAGE / "vendor").glob("*.js")}
    assert sums == dict(VENDORED)
    assert len(sums) == 2


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_the_page_names_no_other_host(path: Path) -> None:
    hosts = set(re.findall(r"https?://[^\"'\s)]*", path.read_text("utf-8")))
    assert hosts <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_whatever_a_file_of_the_page_names_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    named = re.findall(r"/assets/([\w./-]+)", text) + re.findall(r"from \"\./([\w./-]+)\"", text)
    assert [name for name in named if not (PAGE / name).is_file()] == []


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix == ".html"], ids=lambda path: path.name)
def test_a_page_holds_no_script_or_handler_of_its_own(path: Path) -> None:
    """The content security policy would refuse them."""
    text = path.read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"\son\w+=", text) == []


def test_columns_kinds_and_levels_are_called_what_the_alerts_call_them() -> None:
    text = (PAGE / "words.js").read_text("utf-8")
    columns = dict(re.findall(r"^  (\w+): \"([^\"]+)\",$", text.split("const COLUMNS", 1)[1].split("}", 1)[0], re.M))
    assert {name: columns.get(name) for name in WORDS} == WORDS
    kinds = re.findall(r"^  (\w+): \"", text.split("export const KINDS", 1)[1].split("}", 1)[0], re.M)
    assert set(kinds) == set(get_args(Kind))
    levels = re.search(r"export const LEVELS = (\[.*\]);", text)
    assert levels
    assert tuple(json.loads(levels[1])) == LEVELS


def test_every_kind_and_level_has_its_instructions_and_its_shape() -> None:
    runbook, icons = (PAGE / "runbook.js").read_text("utf-8"), (PAGE / "icons.svg").read_text("utf-8")
    assert [kind for kind in get_args(Kind) if f"  {kind}: {{\n    cause:" not in runbook] == []
    assert [level for level in LEVELS if not re.search(rf'^  {level}:\s+"', runbook, re.M)] == []
    assert [level for level in LEVELS if f'<symbol id="{level}"' not in icons] == []
