"""One peer's runs as JSON on standard output: ``.venv-peers/bin/python -m benchmarks.peers.detectors NAME FOLDER 60``.

Runs in the peers' environment, where Driftline is not.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.running import as_json, measure
from benchmarks.peers.watching import Peer

MODULES = {
    "scipy": "scipy_windows",
    "evidently": "evidently_windows",
    "river ADWIN": "river_detectors",
    "river PageHinkley": "river_detectors",
    "river KSWIN": "river_detectors",
    "frouros IncrementalKSTest": "frouros_detectors",
    "frouros MMD": "frouros_detectors",
    "alibi-detect CVMDriftOnline": "alibi_detectors",
    "nannyml": "nannyml_chunks",
    "menelaus KdqTree": "menelaus_windows",
}


def main() -> None:
    """Measure the named peer; whatever it prints itself goes to standard error."""
    name, folder, seconds = sys.argv[1:]
    output, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    peer: Peer = import_module(f"benchmarks.peers.{MODULES[name]}").PEERS[name]
    json.dump(as_json(measure(peer, version(peer.package), Path(folder), float(seconds))), output)


if __name__ == "__main__":
    main()
