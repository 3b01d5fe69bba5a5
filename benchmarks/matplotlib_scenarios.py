"""The scenarios as a picture: how much of the contact drifts, and how soon that is told, against severity."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]

STYLES: Mapping[str, tuple[str, str]] = {
    "campaign_burst": ("#64748b", "X"),
    "quality_degradation": ("#b91c1c", "s"),
    "seniority_shift": ("#7e22ce", "^"),
    "sector_shift": ("#c2410c", "o"),
    "llm_version_change": ("#0369a1", "D"),
    "geography_shift": ("#15803d", "v"),
    "format_change": ("#a16207", "P"),
    "concept_drift": ("#db2777", "*"),
    "no_drift_baseline": ("#94a3b8", "."),
}
"""Colour and marker."""


class Run(Protocol):
    """What one run found; see `benchmarks.scenarios.Found`."""

    @property
    def share(self) -> float: ...
    @property
    def delay(self) -> int | None: ...
    @property
    def labels(self) -> int | None: ...


Runs = Mapping[str, Mapping[float, Sequence[Run]]]
"""By scenario and severity."""


def plot_scenarios(runs: Runs, lasting: int, path: Path) -> None:
    """Write the picture.

    Args:
        lasting: contacts after the onset.
    """
    plain = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.titleweight": "bold"}
    with mpl.rc_context(plain):
        figure = Figure(figsize=(13, 5.4), layout="constrained")
        share, delay = figure.subplots(1, 2)
        _draw_share(share, runs)
        _draw_delay(delay, runs, lasting)
        for axes in (share, delay):
            axes.set_xlabel("severity: the share of contacts that the drift reaches")
            axes.set_xticks([0, 0.1, 0.25, 0.5, 0.75, 1.0], ["0", ".1", ".25", ".5", ".75", "1"])
            axes.set_xlim(0, 1.0)
        figure.savefig(path, dpi=130)


def _draw_share(axes: Axes, runs: Runs) -> None:
    ends = {}
    for name, by in runs.items():
        shares = np.array([[one.share for one in some] for some in by.values()])
        _draw_line(axes, list(by), shares.mean(axis=1), shares, name)
        ends[name] = float(shares[-1].mean())
    for level in (0.2, 0.5):
        axes.axhline(level, color="#334155", linewidth=1, linestyle="--")
    axes.set_ylim(-0.01, 1.0)
    told = ["0", "investigate  20%", "40%", "alert  50%", "60%", "80%", "100%"]
    axes.set_yticks([0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0], told)
    axes.set_title("Drift share: columns that differ from the reference", loc="left")
    _label(axes, ends, float, gap=0.062)


def _draw_delay(axes: Axes, runs: Runs, lasting: int) -> None:
    """Of concept drift, which no input shows, in labels."""
    ends, never = {}, lasting * 1.9
    severities = [severity for severity in next(iter(runs.values())) if severity]
    for name, by in runs.items():
        by_labels = name == "concept_drift"
        found = [[one.labels if by_labels else one.delay for one in by[severity]] for severity in severities]
        delays = np.array([[never if delay is None else delay for delay in some] for some in found], float)
        middle = np.median(delays, axis=1)
        middle[middle > lasting] = never
        _draw_line(axes, severities, middle, delays, name, "--" if by_labels else "-")
        ends[name + (" (labels)" if by_labels else "")] = float(middle[-1])
    axes.axhspan(lasting * 1.35, never * 1.5, color="#e2e8f0", alpha=0.6, linewidth=0)
    axes.annotate(f"no alert within {lasting:,}", (0.5, never * 1.13), color="#334155", fontsize=9, ha="center")
    axes.set_yscale("log")
    axes.set_ylim(2, never * 1.5)
    ticks = [3, 10, 30, 100, 300, 1_000, 2_000]
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_title("Contacts from the onset to the first alert, median", loc="left")
    _label(axes, ends, math.log, gap=0.062 * math.log(never * 1.5 / 2))


def _draw_line(axes: Axes, at: Sequence[float], heights: Floats, runs: Floats, name: str, dashes: str = "-") -> None:
    """A line, and the band from the 10% to the 90% quantile of the runs, shape (severities, runs)."""
    colour, marker = STYLES[name]
    low, high = np.quantile(runs, [0.1, 0.9], axis=1, method="closest_observation")
    axes.fill_between(at, low, high, color=colour, alpha=0.11, linewidth=0)
    axes.plot(at, heights, dashes, color=colour, marker=marker, markersize=7, linewidth=1.8, clip_on=False, zorder=3)


def _label(axes: Axes, ends: Mapping[str, float], scale: Callable[[float], float], gap: float) -> None:
    """Names at the right end of the lines, moved apart, each with a line to its own.

    Args:
        scale: of the axis; ``gap`` is on it.
    """
    names = sorted(ends, key=lambda name: ends[name])
    wanted = np.array([scale(ends[name]) for name in names])
    low, high = (scale(edge) for edge in axes.get_ylim())
    places = _apart(wanted, gap, low + gap / 2, high - gap / 2)
    for name, at, place in zip(names, wanted, places, strict=True):
        colour = STYLES[name.split()[0]][0]
        height = (place - low) / (high - low)
        begin = (at - low) / (high - low)
        axes.plot([1.015, 1.05], [begin, height], transform=axes.transAxes, color=colour, linewidth=0.8, clip_on=False)
        axes.annotate(
            name,
            (1.06, height),
            xycoords="axes fraction",
            va="center",
            color=colour,
            fontsize=10,
            annotation_clip=False,
        )


def _apart(wanted: Floats, gap: float, low: float, high: float) -> Floats:
    """Places in order, as near to the wanted ones as ``gap`` between neighbours and the ends allow."""
    steps = np.arange(len(wanted)) * gap
    fitted: Floats = isotonic_regression(wanted - steps).x + steps
    return np.clip(fitted, low + steps, high - steps[::-1])
