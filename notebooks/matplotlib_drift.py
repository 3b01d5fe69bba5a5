"""Figures of drift: columns beside the reference, the scenarios side by side, the scores, and the alerts over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from driftline.events import Distribution, Kind, Level
from monitor.contact_backtest import ContactBacktest
from monitor.features import Floats
from notebooks import matplotlib_style as of
from notebooks.matplotlib_style import BEFORE, INK, MUTED, NOW, STYLE, figure_of, shortened

Thresholds = tuple[tuple[float, str], ...]
"""Drift shares, and the level that begins there."""
UNITS: Mapping[str, str] = {
    "summary": "characters", "skills": "characters", "jobtitle": "characters", "companyfoundedon": "year",
    "llm_quality": "of 100", "llm_engagement": "0 to 1", "llm_decision_maker": "0 to 1",
}  # fmt: skip
"""What numbers are counted in."""
LONGEST_VALUE, LONGEST_CAUSE = 20, 38
"""Characters of a category's value, and of what changed, that are shown."""


def columns_beside_reference(distributions: Sequence[Distribution], causes: Mapping[str, str], title: str) -> Figure:
    """Columns of the window beside the reference, as shares of the contacts; at most six.

    Args:
        causes: by column, what changed.
    """
    shown = distributions[:6]
    with mpl.rc_context(STYLE):
        figure = figure_of(0.9 + 2.9 * -(-len(shown) // 3), title)
        panels = figure.subplots(-(-len(shown) // 3), 3, squeeze=False).ravel()
        for axes, found in zip(panels, shown, strict=False):
            _draw_distribution(axes, found)
            cause = causes.get(found.column, "").split(" (")[0].replace(" value share", "")
            axes.set_title(found.column, fontweight="bold", pad=18)
            axes.annotate(
                shortened(cause, LONGEST_CAUSE), (0, 1), xycoords="axes fraction", xytext=(0, 5),
                textcoords="offset points", color=INK,
            )  # fmt: skip
            if found.edges:
                axes.set_xlabel(UNITS.get(found.column, ""))
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        figure.legend(handles=_beside(), loc="outside lower center", ncols=2)
    return figure


def _beside() -> list[Patch]:
    return [Patch(color=BEFORE, label="reference"), Patch(color=NOW, label="this file")]


def _draw_distribution(axes: Axes, found: Distribution) -> None:
    """Bars: of a number upright over its range, of a category lying, what is no bar of its own set apart."""
    before, now = (np.array(counts, float) for counts in (found.reference, found.current))
    aside = np.array(list(found.aside.values()), float).reshape(-1, 2)
    totals = before.sum() + aside[:, 0].sum(), now.sum() + aside[:, 1].sum()
    shares = before / max(1.0, totals[0]), now / max(1.0, totals[1])
    if found.edges:
        axes.stairs(shares[0], found.edges, fill=True, color=BEFORE, alpha=0.65)
        axes.stairs(shares[1], found.edges, color=NOW, linewidth=1.8)
        _in_percent(axes.yaxis)
        axes.set_ylabel("share of contacts")
        beyond = zip(found.aside, aside.tolist(), strict=True)
        told = [f"{name}: {b / totals[0]:.0%} → {n / totals[1]:.0%}" for name, (b, n) in beyond]
        axes.annotate(
            "\n".join(told), (1, 1), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=INK
        )  # fmt: skip
        return
    names = [shortened(value, LONGEST_VALUE) for value in found.values] + [f"({name})" for name in found.aside]
    bars = [np.concatenate([s, a / max(1.0, t)]) for s, a, t in zip(shares, aside.T, totals, strict=True)]
    at = np.arange(len(names))
    axes.barh(at - 0.2, bars[0], height=0.4, color=BEFORE)
    axes.barh(at + 0.2, bars[1], height=0.4, color=NOW)
    axes.set_yticks(at, names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    _in_percent(axes.xaxis)
    axes.set_xlabel("share of contacts")


def _in_percent(axis: Axis) -> None:
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))


def scenario_panels(
    runs: Mapping[str, Mapping[float, ContactBacktest]], onset: int, thresholds: Thresholds, title: str
) -> Figure:
    """Each scenario's drift share against contacts since the onset, a line per severity, first alerts as triangles."""
    with mpl.rc_context(STYLE):
        rows = -(-len(runs) // 3)
        figure = figure_of(1.0 + 2.35 * rows, title)
        panels = figure.subplots(rows, 3, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (name, by) in zip(panels, runs.items(), strict=False):
            _draw_scenario(axes, by, onset)
            for level, _ in thresholds:
                axes.axhline(level, color=MUTED, linewidth=0.9, linestyle="--", zorder=1)
            axes.set_title(name.replace("_", " "), fontweight="bold")
        for level, word in thresholds:
            panels[0].annotate(f"{word} from {level:.0%}", (0, level), va="bottom", fontsize=8.5, color=MUTED)
        for axes in panels[::3]:
            axes.set_ylabel("drift share of columns")
        for axes in panels[-3:]:
            axes.set_xlabel("contacts since the onset")
        severities = [severity for severity in next(iter(runs.values())) if severity]
        lines = [
            Line2D([], [], color=colour, linewidth=2, marker="v", markersize=6, label=f"severity {severity:g}")
            for severity, colour in zip(severities, of.SEVERITIES, strict=False)
        ]
        figure.legend(handles=lines, loc="outside lower center", ncols=4, title="triangles: the first alert")
    return figure


def _draw_scenario(axes: Axes, by: Mapping[float, ContactBacktest], onset: int) -> None:
    for lane, (found, colour) in enumerate(zip(by.values(), of.SEVERITIES, strict=False)):
        since = np.array(found.tested_at) - onset
        axes.step(since, found.drift_share, where="post", color=colour, linewidth=1.7)
        first = next((alert for alert in found.began() if alert.at_contact > onset), None)
        if first is not None:
            at = first.at_contact - onset, 1.17 - 0.06 * lane
            axes.plot(*at, "v", color=colour, markersize=6, markeredgecolor="white", markeredgewidth=0.4, clip_on=False)
        axes.set_xlim(-30, found.contacts - onset)
    axes.set_ylim(0, 1.2)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def columns_by_stream(found: Mapping[str, ContactBacktest], title: str) -> Figure:
    """Columns against streams: of each the strongest test of the last window, as a multiple of its threshold."""
    strengths = {name: one.report.strengths for name, one in found.items()}
    columns = list(next(iter(strengths.values())))
    heat = np.array([[strengths[name][column] for name in found] for column in columns])
    with mpl.rc_context(STYLE):
        figure = figure_of(1.6 + 0.25 * len(columns), title)
        axes = figure.subplots()
        drawn = axes.pcolormesh(heat, cmap=of.HEAT, vmin=0, vmax=2, edgecolors="white", linewidth=1.2)
        for (row, place), value in np.ndenumerate(heat):
            if value >= 1:
                ink = "white" if value > 1.45 else INK
                axes.text(place + 0.5, row + 0.5, f"{value:.1f}", ha="center", va="center", color=ink, fontsize=8)
        axes.set_yticks(np.arange(len(columns)) + 0.5, columns)
        axes.set_xticks(np.arange(len(found)) + 0.5, list(map(of.plain, found)))
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.invert_yaxis()
        bar = figure.colorbar(drawn, ax=axes, pad=0.01, aspect=35, extend="max")
        bar.set_label("strongest test / its threshold (from 1 on: drift)")
    return figure


def score_shift(distribution: Distribution, scores: Mapping[str, Floats], cut: float, title: str) -> Figure:
    """The scores of this file over the reference's, and the middle of the scores of every stream.

    Args:
        scores: by stream, shape (contacts,); the reference's first.
    """
    with mpl.rc_context(STYLE):
        figure = figure_of(3.9, title)
        histogram, ranges = figure.subplots(1, 2, width_ratios=[1, 1.15])
        _draw_distribution(histogram, distribution)
        histogram.axvline(cut, color=MUTED, linewidth=1, linestyle=":")
        histogram.annotate(f" cut {cut:.2f}", (cut, 0.98), xycoords=("data", "axes fraction"), va="top", color=MUTED)
        histogram.set_ylim(0, 1.12 * histogram.get_ylim()[1])
        histogram.set_xlabel("score: probability of engagement")
        histogram.legend(handles=_beside(), loc="upper right")
        for row, held in enumerate(scores.values()):
            low, left, middle, right, high = np.quantile(held, [0.05, 0.25, 0.5, 0.75, 0.95])
            colour = {0: BEFORE, 1: NOW}.get(row, of.OTHER)
            ranges.plot([low, high], [row, row], color=colour, linewidth=1.2)
            ranges.plot([left, right], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
            ranges.plot(middle, row, "o", color="white", markeredgecolor=colour, markersize=6, markeredgewidth=1.8)
        ranges.axvline(float(np.median(next(iter(scores.values())))), color=MUTED, linewidth=0.9, linestyle="--")
        ranges.set_yticks(range(len(scores)), [name.replace("_", " ") for name in scores])
        ranges.set_ylim(len(scores) - 0.4, -0.6)
        ranges.set_xlim(0, 1)
        ranges.set_xlabel("score: median, middle half, 5th to 95th percentile")
    return figure


def alert_timeline(found: ContactBacktest, thresholds: Thresholds, title: str) -> Figure:
    """The drift share over the contacts, and below it the alerts that fire, coloured by level."""
    kinds = list(dict.fromkeys(alert.kind for alert in found.began()))
    with mpl.rc_context(STYLE):
        figure = figure_of(3.2 + 0.34 * len(kinds), title)
        share, alerts = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, max(0.5, 0.42 * len(kinds))])
        share.step(found.tested_at, found.drift_share, where="post", color=NOW, linewidth=1.8)
        share.plot(found.tested_at, found.drift_share, "o", color=NOW, markersize=3)
        for at, word in thresholds:
            share.axhline(at, color=MUTED, linewidth=0.9, linestyle="--")
            share.annotate(f" {word}", (1, at), xycoords=("axes fraction", "data"), va="center", color=MUTED)
        share.set_ylim(0, 1.03)
        _in_percent(share.yaxis)
        share.set_ylabel("drift share of columns")
        first = found.tested_at[0] if found.tested_at else found.contacts
        share.axvspan(0, first, color=of.PALE)
        share.annotate(
            "the window fills", (first / 2, sum(at for at, _ in thresholds) / 2), ha="center", va="center", color=MUTED
        )
        for row, kind in enumerate(kinds):
            for begin, end, level in _stretches(found, kind):
                alerts.barh(row, max(1, end - begin), left=begin, height=0.62, color=of.LEVEL_COLOURS[level])
        if not kinds:
            alerts.text(0.5, 0.5, "no alert", ha="center", va="center", transform=alerts.transAxes, color=MUTED)
        alerts.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
        alerts.set_ylim(max(1, len(kinds)) - 0.4, -0.6)
        alerts.set_xlabel("contacts, in the order in which they came")
        alerts.set_xlim(0, found.contacts)
        handles = [Patch(color=colour, label=level) for level, colour in of.LEVEL_COLOURS.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=4, title="level of the alert")
    return figure


def _stretches(found: ContactBacktest, kind: Kind) -> list[tuple[int, int, Level]]:
    """From which contact to which an alert of a kind has had which level."""
    drawn: list[tuple[int, int, Level]] = []
    for first in found.began(kind):
        changes = [alert for alert in found.alerts if alert.id == first.id]
        ends = [*(alert.at_contact for alert in changes[1:]), found.contacts]
        drawn += [
            (change.at_contact, end, change.level)
            for change, end in zip(changes, ends, strict=False)
            if change.state == "firing"
        ]
    return drawn
