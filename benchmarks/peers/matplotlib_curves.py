"""The operating curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.peers.figures import delay, interval
from benchmarks.peers.running import Measured

OURS = "#c2410c"
PEERS = ("#0072b2", "#009e73", "#56b4e9", "#cc79a7", "#7f7f7f", "#8c6d00", "#332288", "#117733", "#882255", "#44aa99")
MARKERS = "osD^vPX<>h"
HIGHEST = 1_000


def plot_curves(results: Mapping[str, Measured], path: Path) -> None:
    """Write the picture: further down and to the right is better."""
    with mpl.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        axes = figure.subplots()
        for number, (name, found) in enumerate(results.items()):
            _draw(axes, name, found, number)
        _frame(axes)
        figure.savefig(path, dpi=160)


def _draw(axes: Axes, name: str, found: Measured, number: int) -> None:
    ours = number == 0
    colour = OURS if ours else PEERS[number - 1]
    settings = [k for k in range(len(found.knobs)) if delay(found, "few_shifted", k).median < HIGHEST]
    x = [interval(found, k) for k in settings]
    y = [delay(found, "few_shifted", k).median for k in settings]
    if not x:
        return
    line, marker = (3.2, 8) if ours else (1.4, 5)
    axes.plot(x, y, color=colour, lw=line, marker=MARKERS[number - 1], ms=marker, zorder=5 * ours + 2)
    for k, right, height in zip(settings, x, y, strict=True):
        if not found.false_alarms[k]:
            axes.annotate("", (right * 1.45, height), (right, height), zorder=5 * ours + 2,
                          arrowprops={"arrowstyle": "->", "color": colour, "lw": line})  # fmt: skip
    _label(axes, name, colour, (x, y), ours)


def _label(axes: Axes, name: str, colour: str, at: tuple[list[float], list[float]], ours: bool) -> None:
    axes.annotate(name, (at[0][-1], at[1][-1]), xytext=(8, 6), textcoords="offset points", color=colour,
                  fontsize=13 if ours else 10, fontweight="bold" if ours else "normal")  # fmt: skip


def _frame(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [20, 50, 100, 200, 500, 1_000]
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xticks(10.0 ** np.arange(2, 7), ["100", "1,000", "10,000", "100,000", "1,000,000"])
    axes.set_xlim(100, 6e6)
    axes.set_ylim(18, HIGHEST)
    axes.grid(color="#e2e8f0", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("contacts per false alarm, no drift (arrow: none seen, at least so many)")
    axes.set_ylabel("contacts from the drift to the alarm, median")
    axes.set_title("False alarms against delay: 0.5 standard deviations in 5 of 47 features", loc="left")
