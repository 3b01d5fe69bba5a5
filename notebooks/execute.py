"""``make notebook``: executes the notebook, in place or on an export of one's own, with its pictures for the docs.

python -m notebooks.execute                                  # in place, with the pictures of docs/notebook.md
python -m notebooks.execute --export mine.csv -o mine.ipynb  # the same analysis of another file
"""

from __future__ import annotations

import argparse
import base64
import copy
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "drift_monitoring_analysis.ipynb"
PICTURES = ROOT / "docs" / "images"
PARAMETERS, PICTURE = "parameters", "picture:"
"""Tags of the cell with the path, and of a cell whose figure is a picture of the docs, followed by its name."""
SECONDS = 600
"""That a cell may take."""
NO_NETWORK = Config({"KernelManager": {"transport": "ipc"}})
Node = Any
"""A notebook, or a part of it, as nbformat has it."""


class FailedCellError(RuntimeError):
    """A cell raised, or wrote to stderr, as a warning does; the message says which and what.

    Attributes:
        refusal: the text of a ValueError, which is how cells refuse a file; else None.
    """

    def __init__(self, message: str, refusal: str | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


def read(path: Path = NOTEBOOK) -> Node:
    """A notebook from a file."""
    return nbformat.reads(path.read_text("utf-8"), as_version=4)  # type: ignore[no-untyped-call]


def on_export(notebook: Node, path: Path) -> Node:
    """The same notebook about another file: the one path is changed, and nothing else.

    Raises:
        ValueError: it has no such cell.
    """
    changed, line = copy.deepcopy(notebook), f"EXPORT = Path({str(path.absolute())!r})"
    cells = [cell for cell in changed.cells if PARAMETERS in cell.metadata.get("tags", [])]
    found = sum(bool(re.search(r"^EXPORT = ", cell.source, re.M)) for cell in cells)
    if found != 1:
        raise ValueError(f"{found} cells tagged {PARAMETERS!r} set EXPORT: one has to")
    for cell in cells:
        cell.source = re.sub(r"^EXPORT = .*$", lambda _: line, cell.source, flags=re.M)
    return changed


def executed(notebook: Node) -> Node:
    """The notebook with its outputs, and without what differs between two executions or two machines.

    Raises:
        FailedCellError: see there.
    """
    fresh = copy.deepcopy(notebook)
    client = NotebookClient(
        fresh, timeout=SECONDS, kernel_name="python3", config=NO_NETWORK, resources={"metadata": {"path": str(ROOT)}}
    )
    try:
        client.execute()
    except CellExecutionError as fault:
        where = re.sub(r"\x1b\[[0-9;]*m", "", fault.traceback)
        refusal = fault.evalue if fault.ename == "ValueError" else None
        raise FailedCellError(f"a cell raised {fault.ename}: {fault.evalue}\n{where}", refusal) from None
    for cell in fresh.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise FailedCellError(f"a cell wrote to stderr: {output.text.strip()}\n{cell.source}")
    return plain(fresh)


def plain(notebook: Node) -> Node:
    """Without times, versions and what else makes two executions differ."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {name: value for name, value in cell.metadata.items() if name == "tags"}
    return notebook


def pictures(notebook: Node) -> Iterator[tuple[str, bytes]]:
    """Name and PNG of every figure that is a picture of the docs."""
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith(PICTURE):
                image = next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
                yield tag.removeprefix(PICTURE), base64.b64decode(image)


def main() -> int:
    """The command; exit code 1 where a cell failed, or refused the file."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.execute", description="Execute the notebook.")
    parser.add_argument("--export", type=Path, metavar="FILE", help="contacts to analyse instead of the shipped ones")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT.ipynb", help="where the result goes")
    options = parser.parse_args()
    if options.export and not options.out:
        parser.error("--export needs -o OUT.ipynb: the committed notebook is about the shipped export")
    if options.export and not options.export.is_file():
        parser.error(f"no file {options.export}: name a LemList CSV, an enriched CSV or a JSONL of contacts")
    out = options.out or NOTEBOOK
    if out.suffix != ".ipynb" or out.is_dir() or not out.parent.is_dir():
        parser.error(f"-o {out}: name an .ipynb file in a folder that there is")
    try:
        done = executed(on_export(read(), options.export) if options.export else read())
    except FailedCellError as fault:
        print(fault.refusal if options.export and fault.refusal else fault, file=sys.stderr)
        return 1
    out.write_text(nbformat.writes(done) + "\n", "utf-8")  # type: ignore[no-untyped-call]
    print(f"{out}: {out.stat().st_size / 1000:,.0f} kB", file=sys.stderr)
    if out == NOTEBOOK:
        for name, png in pictures(done):
            (PICTURES / f"{name}.png").write_bytes(png)
    return 0


if __name__ == "__main__":
    sys.exit(main())
