"""A backtest as a picture: which column drifted when, and which alerts that raised."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from driftline.events import Alert, Kind
from monitor.backtest import Backtest

COLOURS: dict[Kind, str] = {"data_drift": "#c2410c", "prediction_drift": "#7e22ce", "data_quality": "#0369a1"}
HEAT = LinearSegmentedColormap.from_list("heat", [(0, "#f8fafc"), (0.5, "#fde68a"), (0.5, "#fb923c"), (1, "#7f1d1d")])
"""Pale below the threshold, which is in the middle, and red beyond it."""
MOST_COLUMNS = 30


def plot_backtest(found: Backtest, path: Path) -> None:
    """Write the picture; its format is the path's ending.

    Raises:
        ValueError: an ending that Matplotlib cannot write.
    """
    columns = _strongest(found)
    heat_height = 0.24 * max(4, len(columns))
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(10, 2.9 + heat_height), layout="constrained")
        share, alerts, heat = figure.subplots(3, 1, sharex=True, height_ratios=[1.1, 0.6, heat_height])
        _draw_share(share, found)
        _draw_alerts(alerts, found)
        _draw_heat(figure, heat, found, columns)
        heat.set_xlabel("rows of the stream")
        heat.set_xlim(0, max(1, found.rows))
        figure.savefig(path, dpi=150)


def _strongest(found: Backtest) -> list[int]:
    """The columns to show, the strongest first."""
    if not len(found.strength):
        return []
    order = np.argsort(-found.strength.max(axis=0), kind="stable")
    return [int(j) for j in order[:MOST_COLUMNS]]


def _draw_share(axes: Axes, found: Backtest) -> None:
    axes.fill_between(found.tested_at, found.drift_share, step="pre", color="#fb923c", alpha=0.5, linewidth=0)
    axes.step(found.tested_at, found.drift_share, where="pre", color="#c2410c", linewidth=1)
    for level, name in ((0.2, "investigate"), (0.5, "alert")):
        axes.axhline(level, color="#94a3b8", linewidth=0.8, linestyle="--")
        axes.annotate(name, (1.005, level), xycoords=("axes fraction", "data"), va="center", color="#64748b")
    axes.set_ylim(0, 1)
    axes.set_ylabel("drift share")
    axes.set_title(_title(found), loc="left")


def _title(found: Backtest) -> str:
    fired = sum(alert.state == "firing" for alert in _first(found.alerts))
    promise = found.promise
    rate = f"at most {promise.false_alarm_rate:.0%} of runs of {promise.horizon:,} rows without drift raise any"
    told = rate if promise.holds else f"no false-alarm rate is promised: {promise.why}"
    return f"{fired} alert{'s' if fired != 1 else ''} in {found.rows:,} rows; {told}"


def _first(alerts: list[Alert]) -> list[Alert]:
    """The first state change of each alert."""
    return list({alert.id: alert for alert in reversed(alerts)}.values())[::-1]


def _draw_alerts(axes: Axes, found: Backtest) -> None:
    kinds: list[Kind] = list(COLOURS)
    for alert in _first(found.alerts):
        row = kinds.index(alert.kind)
        ends = [a.at_contact for a in found.alerts if a.id == alert.id and a.state == "resolved"]
        end = ends[0] if ends else found.rows
        axes.barh(row, end - alert.at_contact, left=alert.at_contact, height=0.6, color=COLOURS[alert.kind])
    axes.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
    axes.set_ylim(len(kinds) - 0.4, -0.6)


def _draw_heat(figure: Figure, axes: Axes, found: Backtest, columns: list[int]) -> None:
    if not columns:
        axes.text(0.5, 0.5, "the stream is shorter than the window", ha="center", transform=axes.transAxes)
        axes.set_yticks([])
        return
    edges = np.concatenate([[found.tested_at[0] - (found.rows - found.tested_at[0]) / max(1, len(found.tested_at))],
                            found.tested_at])  # fmt: skip
    drawn = axes.pcolormesh(edges, np.arange(len(columns) + 1) - 0.5, found.strength[:, columns].T, cmap=HEAT,
                            vmin=0, vmax=2, rasterized=True)  # fmt: skip
    axes.set_yticks(range(len(columns)), [found.reference.columns[j] for j in columns])
    axes.set_ylim(len(columns) - 0.5, -0.5)
    bar = figure.colorbar(drawn, ax=axes, pad=0.01, aspect=30)
    bar.set_label("strongest test / threshold")
