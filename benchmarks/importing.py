"""`driftline import` beside a bare `csv.reader` and `pandas.read_csv` over the same file: CPU and peak memory.

Some five minutes, and 2 GB of the temporary folder: a hundred thousand rows, then a million, to see what grows.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from data.generate_sample_export import HEADER, rows

SIZES = (100_000, 1_000_000)
CSV_READER = "import csv, sys\nwith open(sys.argv[1], newline='') as file:\n    for row in csv.reader(file): pass"
PANDAS = "import pandas, sys\npandas.read_csv(sys.argv[1])"
OURS = "import sys\nfrom driftline.cli import main\nassert main(['import', *sys.argv[1:], '--json']) == 0"
# The process's own figures: those of `wait4` have its parent's memory in them.
FIGURES = """
import sys, time
peak = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
print(time.process_time(), peak, file=sys.stderr)
"""


def write_export(path: Path, count: int) -> None:
    """The people of the sample export over and over, each time with other ids and names."""
    people = rows()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, restval="", lineterminator="\n")
        writer.writeheader()
        for n in range(count):
            own = {"_id": f"lea_{n:014x}", "lastname": f"Person {n}"}
            writer.writerow(people[n % len(people)] | own)


def measured(code: str, *arguments: str) -> tuple[float, float]:
    """CPU seconds of a program in an interpreter of its own, and MB of memory at its peak."""
    command = [sys.executable, "-c", code + FIGURES, *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    seconds, peak = map(float, done.stderr.split())
    return seconds, peak / 1024


def main() -> None:
    """The three readers over each size, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "export.csv", Path(folder) / "contacts.jsonl"
        os.environ["DRIFTLINE_HOME"] = folder
        for count in SIZES:
            write_export(path, count)
            print(f"{count:,} rows, {path.stat().st_size / 2**20:,.0f} MB", flush=True)
            programs = {
                "driftline import (ours)": (OURS, str(path), "-o", str(out)),
                "csv.reader, nothing else": (CSV_READER, str(path)),
                "pandas.read_csv, nothing else": (PANDAS, str(path)),
            }
            for name, program in programs.items():
                seconds, peak = measured(*program)
                rate = f"{seconds / count * 1e6:8.1f} µs/row of CPU ({count / seconds:>9,.0f} rows/s)"
                print(f"{name:32} {rate}  {peak:7.0f} MB at the peak", flush=True)
