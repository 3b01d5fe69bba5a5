"""The notebook: its committed outputs are those of the code, and it runs on other files by changing one path."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebooks import execute
from producers.jsonl import to_jsonl
from producers.labelled import Labelled
from producers.scenarios import SCENARIOS
from tests.backtested import START

ID = re.compile(r"\b[0-9a-f]{12,16}\b")
"""A hash over the last bit of the model, which is the processor's."""
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
SECTIONS = (
    "Context", "The data", "Data drift in the file", "Data drift in each scenario, side by side", "Prediction drift",
    "Concept drift", "What dashboard and alerts say of it", "Recommendation and retraining decision",
)  # fmt: skip
LARGEST = 1_500_000
LATER = Path(__file__).parents[2] / "data" / "sample_later_export.csv"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning:(jupyter_client|nbclient|zmq|tornado|traitlets).*",
        "ignore:unclosed:ResourceWarning",
    ),
]


def outputs(notebook: Any) -> Iterator[tuple[str, str]]:
    """Cell and text of each output; of a figure, that there is one."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield cell.id, "figure" if "image/png" in data else data.get("text/markdown", str(output))


def differs(one: str, other: str) -> bool:
    """Whether two texts do, but for ids, and for numbers in the third digit: processors round differently."""
    one, other = ID.sub("id", one), ID.sub("id", other)
    if NUMBER.split(one) != NUMBER.split(other):
        return True
    numbers = [[float(found.replace(",", "")) for found in NUMBER.findall(text)] for text in (one, other)]
    return not all(math.isclose(a, b, rel_tol=5e-3, abs_tol=2e-3) for a, b in zip(*numbers, strict=True))


def run_on(path: Path) -> dict[str, str]:
    """The outputs about a file, by cell; those of a cell with several together."""
    found: dict[str, str] = {}
    for cell, text in outputs(execute.executed(execute.on_export(execute.read(), path))):
        found[cell] = found.get(cell, "") + text
    return found


def test_a_difference_that_a_reader_would_see_counts_and_one_of_rounding_does_not() -> None:
    assert not differs("F1 0.6021 [0.572, 0.633]", "F1 0.6022 [0.572, 0.633]")
    assert differs("F1 0.602", "F1 0.652")
    assert differs("promoted 0.602", "rejected 0.602")
    assert differs("3 alerts", "4 alerts")
    assert not differs('"id": "87b073bcc25dc9b4"', '"id": "0ab5ddfb4f575373"')


@pytest.mark.timeout(900)
def test_the_committed_outputs_are_those_of_the_code() -> None:
    committed = execute.read()
    kept, fresh = list(outputs(committed)), list(outputs(execute.executed(committed)))
    assert [cell for cell, _ in kept] == [cell for cell, _ in fresh], "run `make notebook`"
    stale = {cell: (old, new) for (cell, old), (_, new) in zip(kept, fresh, strict=True) if differs(old, new)}
    assert not stale, "run `make notebook`"


def test_every_cell_has_run_in_order_and_the_file_is_small() -> None:
    cells = [cell for cell in execute.read().cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert execute.NOTEBOOK.stat().st_size < LARGEST


def test_it_has_its_eight_sections_and_a_list_that_leads_to_them() -> None:
    prose = [cell.source for cell in execute.read().cells if cell.cell_type == "markdown"]
    headings = re.findall(r'^<a id="([a-z-]+)"></a>\n## (\d)\. (.+)$', "\n".join(prose), re.M)
    assert [title for _, _, title in headings] == list(SECTIONS)
    assert [number for _, number, _ in headings] == list("12345678")
    assert re.findall(r"\]\(#([a-z-]+)\)", prose[0]) == [anchor for anchor, _, _ in headings]


def test_its_pictures_in_the_docs_are_its_own() -> None:
    names = dict(execute.pictures(execute.read()))
    assert names
    for name, png in names.items():
        assert (execute.PICTURES / f"{name}.png").read_bytes() == png


def test_a_warning_or_an_error_in_a_cell_is_a_failure() -> None:
    notebook = execute.read()
    notebook.cells = [cell for cell in notebook.cells if cell.id == "parameters"]
    notebook.cells[0].source = "import warnings\nwarnings.warn('something is amiss')"
    with pytest.raises(execute.FailedCellError, match="something is amiss"):
        execute.executed(notebook)
    notebook.cells[0].source = "1 / 0"
    with pytest.raises(execute.FailedCellError, match="ZeroDivisionError"):
        execute.executed(notebook)


def test_a_file_that_it_cannot_take_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few, out = tmp_path / "few.jsonl", tmp_path / "out.ipynb"
    few.write_bytes(
        b"".join(
            to_jsonl(Labelled(one, label)) for one, label in SCENARIOS["sector_shift"].contacts(5, seed=1, start=START)
        )
    )
    monkeypatch.setattr("sys.argv", ["execute", "--export", str(few), "-o", str(out)])
    assert execute.main() == 1
    assert capsys.readouterr().err == "few.jsonl holds 5 contacts: a comparison takes 20 at least\n"
    assert not out.exists()


@pytest.mark.parametrize("out", ["nowhere/out.ipynb", "export.csv", "folder.ipynb"])
def test_a_place_where_the_result_cannot_go_is_told_before_anything_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    (tmp_path / "folder.ipynb").mkdir()
    monkeypatch.setattr("sys.argv", ["execute", "--export", str(LATER), "-o", str(tmp_path / out)])
    with pytest.raises(SystemExit, match="2"):
        execute.main()
    assert "name an .ipynb file in a folder that there is" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.timeout(900)
def test_it_runs_on_the_export_of_the_other_shape() -> None:
    told = run_on(LATER.with_name("sample_lemlist_export.csv"))
    assert "not in all rows, so the file's order" in told["file-table"]
    assert "`sample_lemlist_export.csv`, 300 contacts" in told["summary"]
    assert "**Keep the champion**; the challenger stays in shadow" in told["summary"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_it_runs_on_forty_contacts_and_without_labels_and_says_what_cannot_be_told(tmp_path: Path) -> None:
    with LATER.open(encoding="utf-8", newline="") as text:
        rows = list(csv.reader(text))[:41]
    kept = [place for place, name in enumerate(rows[0]) if name not in ("lastState", "status")]
    with (tmp_path / "tiny.csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([row[place] for place in kept] for row in rows)
    told = run_on(tmp_path / "tiny.csv")
    assert "too few to judge the model by" in told["evaluations"]
    assert "Nobody can tell" in told["summary"]
    assert "No challenger was trained" in told["summary"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_it_runs_on_thousands_of_labelled_contacts_and_recommends_what_the_gate_says(tmp_path: Path) -> None:
    drawn = SCENARIOS["sector_shift"].contacts(5_000, seed=5, start=START, onset=2_000)
    lines = [to_jsonl(Labelled(contact, engaged)) for contact, engaged in drawn]
    (tmp_path / "large.jsonl").write_bytes(b"".join([*lines, lines[0], b"not a contact\n"]))
    told = run_on(tmp_path / "large.jsonl")
    assert "1 × not a JSON object" in told["file-table"]
    assert "**Concept drift was told at contact" in told["summary"]
    assert "**Promote the challenger**" in told["summary"]
