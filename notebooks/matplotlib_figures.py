"""The figures of the notebook: one function each, from what the monitor and the model found to a figure.

Colours are those of Okabe & Ito (2008), "Color Universal Design", which colour-blind readers tell apart; what matters
is told by place or shape too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from driftline.events import LEVELS, Alert, Distribution, Kind, Level
from model.evaluation import Evaluation, Interval
from monitor.contact_backtest import ContactBacktest
from monitor.features import Floats

INK, MUTED, PALE, FAINT = "#1e293b", "#64748b", "#cbd5e1", "#f1f5f9"
BEFORE, NOW = "#94a3b8", "#D55E00"
SEQUENCE = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
SEVERITIES = ("#9ecae1", "#4292c6", "#2171b5", "#08306b")
"""The darker, the more severe."""
LEVEL_COLOURS = dict(zip(LEVELS, ("#56B4E9", "#E69F00", "#D55E00", "#7f1d1d"), strict=True))
HEAT = LinearSegmentedColormap.from_list("heat", [(0, "#f8fafc"), (0.5, "#fde68a"), (0.5, "#fb923c"), (1, "#7f1d1d")])
"""Pale below the threshold, which is in the middle, and red beyond it."""
STYLE = {
    "font.size": 9.5, "axes.titlesize": 10, "axes.titlelocation": "left", "axes.titlecolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.axisbelow": True, "grid.color": "#e2e8f0", "grid.linewidth": 0.7, "figure.titlesize": 12,
    "figure.titleweight": "bold", "legend.frameon": False,
}  # fmt: skip
DPI, WIDTH = 100, 10.5
"""Of a figure in the notebook; inches."""
LONGEST = 26
"""Characters of a category's value that are shown."""
ROLLING = 200
"""Labels that a rolling loss is a mean of."""
Thresholds = tuple[tuple[float, str], ...]
"""Drift shares, and the level that begins there."""


def figure_of(height: float, title: str) -> Figure:
    """An empty figure in the notebook's style, its title saying what it shows."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", color=INK)
    return figure


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
            axes.set_title(f"{found.column}\n{shortened(causes.get(found.column, ''), 46)}", fontsize=9)
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
        axes.set_ylabel("share of contacts")
        told = "\n".join(
            f"{name}: {b / totals[0]:.0%} → {n / totals[1]:.0%}"
            for name, (b, n) in zip(found.aside, aside, strict=True)
        )
        axes.annotate(told, (1, 1), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=INK)
        return
    names = [shortened(value, LONGEST) for value in found.values] + [f"({name})" for name in found.aside]
    bars = np.array([np.concatenate([s, a / max(1.0, t)]) for s, a, t in zip(shares, aside.T, totals, strict=True)])
    at = np.arange(len(names))
    axes.barh(at - 0.2, bars[0], height=0.4, color=BEFORE)
    axes.barh(at + 0.2, bars[1], height=0.4, color=NOW)
    axes.set_yticks(at, names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("share of contacts")


def shortened(text: str, most: int) -> str:
    """At most so many characters.

    >>> shortened("Information Technology & Services", 12)
    'Information…'
    """
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def scenario_panels(
    runs: Mapping[str, Mapping[float, ContactBacktest]], onset: int, thresholds: Thresholds, title: str
) -> Figure:
    """Each scenario's drift share against contacts since the onset, a line per severity, first alerts as triangles."""
    with mpl.rc_context(STYLE):
        rows = -(-len(runs) // 3)
        figure = figure_of(1.0 + 2.35 * rows, title)
        panels = figure.subplots(rows, 3, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (name, by) in zip(panels, runs.items(), strict=False):
            _draw_scenario(axes, by, onset, thresholds)
            axes.set_title(name.replace("_", " "), fontweight="bold")
        for axes in panels[::3]:
            axes.set_ylabel("drift share of columns")
        for axes in panels[-3:]:
            axes.set_xlabel("contacts since the onset")
        severities = [severity for severity in next(iter(runs.values())) if severity]
        lines = [
            Line2D([], [], color=colour, linewidth=2, marker="v", markersize=6, label=f"severity {severity:g}")
            for severity, colour in zip(severities, SEVERITIES, strict=False)
        ]
        figure.legend(handles=lines, loc="outside lower center", ncols=4, title="a triangle is the first alert")
    return figure


def _draw_scenario(axes: Axes, by: Mapping[float, ContactBacktest], onset: int, thresholds: Thresholds) -> None:
    drawn = {severity: found for severity, found in by.items() if severity}
    end = 0
    for lane, ((_, found), colour) in enumerate(zip(drawn.items(), SEVERITIES, strict=False)):
        since = np.array(found.tested_at) - onset
        axes.step(since, found.drift_share, where="post", color=colour, linewidth=1.6)
        end = max(end, found.contacts - onset)
        first = next((alert for alert in found.began() if alert.at_contact > onset), None)
        if first is not None:
            axes.plot(first.at_contact - onset, 1.10 - 0.055 * lane, "v", color=colour, markersize=6, clip_on=False)
    for level, word in thresholds:
        axes.axhline(level, color=MUTED, linewidth=0.9, linestyle="--")
        axes.annotate(f"{word} from {level:.0%}", (end, level), ha="right", va="bottom", fontsize=7.5, color=MUTED)
    axes.set_xlim(-20, end)
    axes.set_ylim(0, 1.13)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])


def columns_by_stream(found: Mapping[str, ContactBacktest], title: str) -> Figure:
    """Columns against streams: of each the strongest test of the last window, as a multiple of its threshold."""
    strengths = {name: one.report.strengths for name, one in found.items()}
    columns = list(next(iter(strengths.values())))
    heat = np.array([[strengths[name][column] for name in found] for column in columns])
    with mpl.rc_context(STYLE):
        figure = figure_of(1.6 + 0.25 * len(columns), title)
        axes = figure.subplots()
        drawn = axes.pcolormesh(heat, cmap=HEAT, vmin=0, vmax=2, edgecolors="white", linewidth=1.2)
        for (row, place), value in np.ndenumerate(heat):
            if value >= 1:
                ink = "white" if value > 1.45 else INK
                axes.text(place + 0.5, row + 0.5, f"{value:.1f}", ha="center", va="center", color=ink, fontsize=8)
        axes.set_yticks(np.arange(len(columns)) + 0.5, columns)
        axes.set_xticks(np.arange(len(found)) + 0.5, [name.replace("_", "\n", 1).replace("_", " ") for name in found])
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
        histogram.set_xlabel("score: probability of engagement")
        histogram.legend(handles=_beside(), loc="upper right")
        for row, held in enumerate(scores.values()):
            low, left, middle, right, high = np.quantile(held, [0.05, 0.25, 0.5, 0.75, 0.95])
            colour = {0: BEFORE, 1: NOW}.get(row, SEQUENCE[0])
            ranges.plot([low, high], [row, row], color=colour, linewidth=1.2)
            ranges.plot([left, right], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
            ranges.plot(middle, row, "o", color="white", markeredgecolor=colour, markersize=6, markeredgewidth=1.8)
        ranges.axvline(float(np.median(next(iter(scores.values())))), color=MUTED, linewidth=0.9, linestyle="--")
        ranges.set_yticks(range(len(scores)), [name.replace("_", " ") for name in scores])
        ranges.set_ylim(len(scores) - 0.4, -0.6)
        ranges.set_xlim(0, 1)
        ranges.set_xlabel("score: median, middle half, 5th to 95th percentile")
    return figure


def confusion_matrices(evaluations: Mapping[str, Evaluation], title: str) -> Figure:
    """What was said against what came, a matrix each: contacts, and shares of those who did or did not engage."""
    with mpl.rc_context(STYLE):
        figure = figure_of(3.5, title)
        panels = figure.subplots(1, max(3, len(evaluations)), squeeze=False).ravel()
        for axes, (name, one) in zip(panels, evaluations.items(), strict=False):
            _draw_confusion(axes, one)
            axes.set_title(f"{name}\n{one.labels:,} labels, {one.engaged / one.labels:.0%} engaged", fontsize=9.5)
        for axes in panels[len(evaluations) :]:
            axes.set_axis_off()
    return figure


def _draw_confusion(axes: Axes, one: Evaluation) -> None:
    said = {name: figure.value for name, figure in one.confusion.items()}
    counts = np.array(
        [
            [said["true_positives"], said["false_negatives"]],
            [said["false_positives"], said["true_negatives"]],
        ]
    )
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, place), share in np.ndenumerate(shares):
        right = row == place
        told = f"{counts[row, place]:,.0f}\n{share:.0%}"
        ink = "white" if share > 0.55 else INK
        weight = "bold" if right else "normal"
        axes.text(place, row, told, ha="center", va="center", color=ink, fontsize=11, fontweight=weight)
    axes.set_xticks([0, 1], ["said engaged", "said not"])
    axes.set_yticks([0, 1], ["did\nengage", "did\nnot"])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


Figures = Mapping[str, Interval]
"""By metric."""


def measures(
    found: Mapping[str, Figures], baselines: Mapping[str, Mapping[str, Mapping[str, float]]], title: str
) -> Figure:
    """Metrics with their intervals, a panel each, and for every stream what answers without skill get there.

    Args:
        found: by stream.
        baselines: by stream and baseline.
    """
    metrics = list(next(iter(found.values())))
    marks = dict(zip(next(iter(baselines.values())), ("|", "x", "+"), strict=False))
    with mpl.rc_context(STYLE):
        figure = figure_of(1.5 + 0.42 * len(found), title)
        panels = figure.subplots(1, len(metrics), sharey=True)
        for axes, metric in zip(panels, metrics, strict=True):
            for row, (stream, figures) in enumerate(found.items()):
                one, colour = figures[metric], SEQUENCE[row % len(SEQUENCE)]
                axes.plot([one.low, one.high], [row, row], color=colour, linewidth=2.5)
                axes.plot(one.value, row, "o", color=colour, markersize=6.5)
                for name, mark in marks.items():
                    value = baselines[stream][name][metric]
                    axes.plot(value, row + 0.27, mark, color=MUTED, markersize=6.5, markeredgewidth=1.5)
            axes.set_title(metric)
            axes.set_xlim(0, 1.02)
            axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
            axes.grid(axis="x")
        panels[0].set_yticks(range(len(found)), list(found))
        panels[0].set_ylim(len(found) - 0.4, -0.6)
        handles = [Line2D([], [], color=MUTED, marker=m, linestyle="", label=n) for n, m in marks.items()]
        mine = Line2D([], [], color=INK, marker="o", linewidth=2.5, label="the model, 90% interval")
        figure.legend(handles=[mine, *handles], loc="outside lower center", ncols=4)
    return figure


def rolling_loss(
    losses: Mapping[str, Floats], onset: int, levels: Mapping[str, float], alert: Alert | None, title: str
) -> Figure:
    """The mean log-loss of the last `ROLLING` labels, with the onset and the alert.

    Args:
        losses: by stream, each label's, shape (labels,).
        levels: what to hold it against, by name.
    """
    with mpl.rc_context(STYLE):
        figure = figure_of(3.4, title)
        axes = figure.subplots()
        for (name, held), colour in zip(losses.items(), (NOW, BEFORE), strict=False):
            sums = np.cumsum(np.concatenate([[0.0], held]))
            at = np.arange(ROLLING, len(held) + 1)
            axes.plot(at - onset, (sums[ROLLING:] - sums[:-ROLLING]) / ROLLING, color=colour, linewidth=1.8, label=name)
        for (name, level), dashes in zip(levels.items(), ("--", ":"), strict=False):
            axes.axhline(level, color=MUTED, linewidth=1, linestyle=dashes, label=name)
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.annotate(" onset", (0, 1), xycoords=("data", "axes fraction"), va="top", color=INK)
        if alert is not None:
            at_label = alert.at_contact - onset
            axes.axvline(at_label, color=LEVEL_COLOURS["alert"], linewidth=1.4)
            axes.annotate(
                f" alert after {at_label} labels", (at_label, 1), xycoords=("data", "axes fraction"), va="top",
                color=LEVEL_COLOURS["alert"],
            )  # fmt: skip
        axes.set_xlabel("labels since the onset")
        axes.set_ylabel(f"log-loss (nats), last {ROLLING} labels")
        axes.margins(x=0, y=0.15)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
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
        share.set_ylabel("drift share of columns")
        first = found.tested_at[0] if found.tested_at else found.contacts
        share.axvspan(0, first, color=FAINT)
        share.annotate("the window fills", (first / 2, 0.5), ha="center", color=MUTED)
        for row, kind in enumerate(kinds):
            for begin, end, level in _stretches(found, kind):
                alerts.barh(row, max(1, end - begin), left=begin, height=0.62, color=LEVEL_COLOURS[level])
        alerts.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
        alerts.set_ylim(max(1, len(kinds)) - 0.4, -0.6)
        alerts.set_xlabel("contacts, in the order in which they came")
        alerts.set_xlim(0, found.contacts)
        handles = [Patch(color=colour, label=level) for level, colour in LEVEL_COLOURS.items()]
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


def gate_evidence(evidence: Mapping[str, tuple[Mapping[str, tuple[float, float, float]], str]], title: str) -> Figure:
    """ΔAUC and the gain in log-loss of each challenger, with the gate's intervals.

    Args:
        evidence: by case, the gate's and its decision.
    """
    with mpl.rc_context(STYLE):
        figure = figure_of(1.5 + 0.45 * len(evidence), title)
        panels = figure.subplots(1, 2, sharey=True)
        named = (("delta_auc", "ΔAUC: ranks better →"), ("log_loss_gain", "gain in log-loss (nats): predicts better →"))
        for axes, (name, label) in zip(panels, named, strict=True):
            for row, (figures, decision) in enumerate(evidence.values()):
                if name not in figures:
                    axes.text(0.5, row, "no held-out labels", ha="center", va="center", color=MUTED,
                              transform=axes.get_yaxis_transform())  # fmt: skip
                    continue
                value, low, high = figures[name]
                colour = {"promoted": "#009E73", "rejected": "#D55E00"}.get(decision, MUTED)
                axes.plot([low, high], [row, row], color=colour, linewidth=2.5)
                axes.plot(value, row, {"promoted": "o", "rejected": "X"}.get(decision, "s"), color=colour, markersize=8)
            axes.axvline(0, color=INK, linewidth=0.9)
            axes.set_xlabel(label)
            axes.grid(axis="x")
            axes.margins(x=0.08)
        panels[0].set_yticks(range(len(evidence)), [f"{case}\n{d}" for case, (_, d) in evidence.items()])
        panels[0].set_ylim(len(evidence) - 0.4, -0.6)
    return figure
