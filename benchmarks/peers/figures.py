"""What the runs say: contacts per false alarm and delay, as numbers and as plain-text tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.peers.running import Measured

DRIFTS = {"few_shifted": "shift in 5", "half_shifted": "shift in 24", "few_spread": "sd x1.5 in 5"}
CAREFUL = 400_000


@dataclass(frozen=True)
class Delay:
    """Contacts from the onset to the alarm over `runs` runs; infinite where fewer than half, or 90%, alarmed."""

    runs: int
    low: float
    median: float
    high: float

    def __str__(self) -> str:
        if not self.runs:
            return "-"
        low, median, high = ("none" if np.isinf(x) else f"{x:.0f}" for x in (self.low, self.median, self.high))
        return f"{median} [{low}, {high}] of {self.runs}"


def interval(found: Measured, k: int) -> float:
    """Contacts per false alarm at the k-th setting; a lower bound where there was none."""
    return found.watched[k] / max(1, found.false_alarms[k])


def delay(found: Measured, kind: str, k: int) -> Delay:
    """Median and 10-90% range at the k-th setting."""
    if not found.delays[kind]:
        return Delay(0, np.nan, np.nan, np.nan)
    values = [np.inf if value is None else value for value in found.delays[kind][k]]
    low, median, high = np.quantile(values, [0.1, 0.5, 0.9], method="closest_observation")
    return Delay(len(values), float(low), float(median), float(high))


def careful(found: Measured) -> int:
    """The setting nearest to one false alarm in 400,000 contacts; of several without any, the most sensitive."""
    return int(np.argmin([abs(np.log(interval(found, k) / CAREFUL)) for k in range(len(found.knobs))]))


def tables(results: Mapping[str, Measured]) -> str:
    """All that was measured."""
    lines = ["operating curves: shift of 0.5 sigma in 5 of 47; delay as median [10%, 90%] of so many runs"]
    for name, found in results.items():
        lines += ["", f"{name} ({found.knob})", f"  {'setting':>10} {'contacts/false alarm':>22}  {'from':26} delay"]
        for k, knob in enumerate(found.knobs):
            sign = "" if found.false_alarms[k] else ">"
            source = f"{found.false_alarms[k]} in {found.watched[k]:,}"
            told = f"{sign}{interval(found, k):,.0f}"
            lines.append(f"  {knob:>10g} {told:>22}  {source:26} {delay(found, 'few_shifted', k)}")
    return "\n".join([*lines, "", *_careful_table(results), "", *_settings(results)])


def _careful_table(results: Mapping[str, Measured]) -> list[str]:
    lines = [
        f"delays at the setting whose false-alarm interval is nearest to {CAREFUL:,} contacts, as far as was seen",
        f"{'':28}{'setting':>10} " + "".join(f"{told:>24}" for told in DRIFTS.values()),
    ]
    for name, found in results.items():
        k = careful(found)
        lines.append(f"{name:28}{found.knobs[k]:>10g} " + "".join(f"{delay(found, kind, k)!s:>24}" for kind in DRIFTS))
    return lines


def _settings(results: Mapping[str, Measured]) -> list[str]:
    lines = [f"{'':28}{'version':>9} {'CPU µs/contact':>15}  how it was set"]
    return lines + [
        f"{name:28}{found.version:>9} {found.microseconds:>15,.0f}  {found.setting}"
        + (f" ({found.note})" if found.note else "")
        for name, found in results.items()
    ]
