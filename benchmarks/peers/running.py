"""A detector on all saved streams, as often as its CPU time allows."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.peers.watching import CALM, REFERENCE_ROWS, Found, Peer

SHARES = {"null": 0.5, "few_shifted": 0.26, "half_shifted": 0.1, "few_spread": 0.14}
"""The parts of the CPU time for the kinds of stream; all but the first drift from the CALM-th contact on."""


@dataclass(frozen=True)
class Measured:
    """A detector's runs.

    Attributes:
        false_alarms: per setting, of all runs without drift.
        watched: per setting, contacts without drift until the first alarm or the run's end.
        delays: per kind of drift and setting, contacts from the onset to the alarm, None if there was none.
        microseconds: CPU per contact without drift.
    """

    package: str
    version: str
    setting: str
    knob: str
    knobs: list[float]
    null_runs: int
    false_alarms: list[int]
    watched: list[int]
    delays: dict[str, list[list[int | None]]]
    microseconds: float
    note: str


def measure(peer: Peer, version: str, folder: Path, seconds: float) -> Measured:
    """Run the detector; what its time leaves no room for is left out."""
    seconds *= peer.patience
    null = _runs(peer, folder, "null", seconds)
    timed = null if peer.null is None else []
    delays: dict[str, list[list[int | None]]] = {}
    for kind in list(SHARES)[1:]:
        found = _runs(peer, folder, kind, seconds)
        timed = timed or found
        delays[kind] = [
            [None if alarm is None else alarm - peer.warm for alarm in alarms]
            for alarms in zip(*(run.alarms for run in found), strict=True)
        ]
    each = range(len(peer.knobs))
    return Measured(
        package=peer.package,
        version=version,
        setting=peer.setting,
        knob=peer.knob,
        knobs=list(peer.knobs),
        null_runs=len(null),
        false_alarms=[sum(run.alarms[k] is not None for run in null) for k in each],
        watched=[sum(run.watched[k] for run in null) for k in each],
        delays=delays,
        microseconds=sum(run.cpu for run in timed) / sum(run.contacts for run in timed) * 1e6,
        note=_note(peer, folder),
    )


def _runs(peer: Peer, folder: Path, kind: str, seconds: float) -> list[Found]:
    """Runs until the time is over; one without drift that is cut short counts as far as it went."""
    until = time.process_time() + seconds * SHARES[kind]
    found: list[Found] = []
    for path in sorted(folder.glob(f"{kind}-*.npy")):
        if found and time.process_time() >= until:
            break
        rows = np.load(path)
        reference, stream = rows[:REFERENCE_ROWS], rows[REFERENCE_ROWS:]
        if kind == "null":
            found.append((peer.null or peer.watch)(reference, stream, peer.knobs, 0, until))
        else:
            drifted = stream[CALM - peer.warm : CALM + peer.lasting]
            found.append(peer.watch(reference, drifted, peer.knobs, peer.warm, until))
    return found if kind == "null" else [run for run in found if run.complete]


def _note(peer: Peer, folder: Path) -> str:
    rows = np.load(min(folder.glob("null-*.npy")))
    return peer.note(rows[:REFERENCE_ROWS], rows[REFERENCE_ROWS:]) if peer.note else ""


def as_json(measured: Measured) -> dict[str, object]:
    """For the parent process and the picture."""
    return asdict(measured)
