"""Records a run of the demo as an animated SVG: ``.venv/bin/python docs/record_demo.py``.

It runs `driftline demo --seed 1` in a folder of its own, notes each line when it comes, and draws them as a terminal
that plays the run, its waits cut short, and then stays. Who asks for less motion sees the end at once.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from xml.sax.saxutils import escape

OUT = Path(__file__).parent / "images" / "demo.svg"
COMMAND = ("demo", "--seed", "1")
PROMPT = "$ make demo ARGS='--seed 1'"
COLUMNS, LINE, CHARACTER, MARGIN = 112, 17, 7.83, 18
LONGEST_WAIT = 1.2
"""Seconds between two lines that the picture keeps at most."""
COLOURS = (
    (re.compile(r"\bFIRING\b|^  firing"), "#ff8b81"),
    (re.compile(r"\bRESOLVED\b|^  resolved"), "#7ee2a0"),
    (re.compile(r"challenger|champion:"), "#8fc7ff"),
    (re.compile(r"^\$"), "#ffffff"),
)

Said = list[tuple[float, str]]
"""Seconds since the start, and a line."""


def record() -> Said:
    """A real run."""
    said: Said = [(0.0, PROMPT)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "driftline.cli", *COMMAND]
        started = time.monotonic()
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            said += [(time.monotonic() - started, line.rstrip()) for line in process.stdout]
    if process.returncode:
        raise SystemExit("\n".join(line for _, line in said))
    return said


def shortened(said: Said) -> Said:
    """The same with no wait longer than LONGEST_WAIT."""
    at, before, found = 0.0, 0.0, []
    for when, line in said:
        at += min(LONGEST_WAIT, when - before)
        before = when
        found.append((at, line))
    return found


def draw(said: Said) -> str:
    """The terminal."""
    rows = [
        (at, row, _colour(line))
        for at, line in said
        for row in textwrap.wrap(line, COLUMNS, subsequent_indent="         ") or [""]
    ]
    width, height = 2 * MARGIN + COLUMNS * CHARACTER, 3 * MARGIN + 20 + LINE * len(rows)
    texts = "\n".join(
        f'<text x="{MARGIN}" y="{2 * MARGIN + 24 + LINE * n}" fill="{colour}"'
        f' style="animation-delay:{at:.2f}s">{escape(row)}</text>'
        for n, (at, row, colour) in enumerate(rows)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" xml:space="preserve">
<title>A run of the demo: contacts are replayed, alerts fire, a challenger is promoted, the alerts resolve</title>
<style>
text {{ font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre;
  animation: come .01s linear both }}
@keyframes come {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none }} }}
</style>
<rect width="100%" height="100%" rx="9" fill="#12181f"/>
<g fill="#3d4853"><circle cx="24" cy="20" r="6"/><circle cx="44" cy="20" r="6"/><circle cx="64" cy="20" r="6"/></g>
{texts}
</svg>
"""


def _colour(line: str) -> str:
    return next((colour for pattern, colour in COLOURS if pattern.search(line)), "#d3dae2")


if __name__ == "__main__":
    OUT.write_text(draw(shortened(record())), "utf-8")
