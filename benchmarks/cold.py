"""How long a fresh interpreter takes to the first answer, ours and Evidently's: import, then the first 600 contacts."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.timing import show

REPEATS = 7
SCRIPT = """
import json, time
began = time.perf_counter()
{imports}
imported = time.perf_counter()
import numpy as np
import pandas as pd
rng = np.random.default_rng(0)
names = [f"x{{j}}" for j in range(47)]
old, new = (pd.DataFrame(rng.normal(size=(n, 47)), columns=names) for n in (1_000, 600))
ready = time.perf_counter()
{first}
print(json.dumps([imported - began, time.perf_counter() - ready]))
"""
OURS = SCRIPT.format(
    imports="from monitor import DriftMonitor, Reference",
    first="DriftMonitor(Reference.from_frame(old)).update(new)",
)
EVIDENTLY = SCRIPT.format(
    imports="from evidently import DataDefinition, Dataset, Report\nfrom evidently.metrics import ValueDrift",
    first="""
definition = DataDefinition(numerical_columns=names)
tables = [Dataset.from_pandas(rows, data_definition=definition) for rows in (new, old)]
Report([ValueDrift(column=name, method="ks") for name in names]).run(*tables)
""",
)


def main() -> None:
    """47 numbers, a reference of 1,000, window 500; the compiled code is in its cache, as after an installation."""
    scripts = {"Driftline": OURS, "Evidently": EVIDENTLY}
    found: dict[str, list[float]] = {f"{what}, {who}": [] for what in ("import", "first answer") for who in scripts}
    for _ in range(REPEATS):
        for who, script in scripts.items():
            ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
            imported, answered = json.loads(ran.stdout.splitlines()[-1])
            found[f"import, {who}"].append(imported)
            found[f"first answer, {who}"].append(answered)
    show(found, "s")
