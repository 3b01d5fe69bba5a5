"""Figures of the model's worth: confusion matrices, metrics beside baselines, losses over time, the gate's evidence."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from driftline.events import Alert
from model.evaluation import Evaluation, Interval
from model.gate import GateDecision
from monitor.features import Floats
from notebooks.matplotlib_style import BEFORE, GOOD, INK, LEVEL_COLOURS, MUTED, NOW, OTHER, STYLE, figure_of

ROLLING = 200
"""Labels that a rolling loss is a mean of."""
DECISIONS = {"promoted": ("o", GOOD), "rejected": ("X", NOW), "shadow": ("s", MUTED)}
"""Shape and colour of a challenger."""
COLOURS = (BEFORE, OTHER, NOW)
"""Of the streams, in their order."""
NAMES = {"f1": "F1", "roc_auc": "ROC-AUC"}
Figures = Mapping[str, Interval]
"""By metric."""


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
                one, colour = figures[metric], COLOURS[row % len(COLOURS)]
                axes.plot([one.low, one.high], [row, row], color=colour, linewidth=2.5)
                axes.plot(one.value, row, "o", color=colour, markersize=6.5)
                for name, mark in marks.items():
                    value = baselines[stream][name][metric]
                    axes.plot(value, row + 0.27, mark, color=MUTED, markersize=6.5, markeredgewidth=1.5)
            axes.set_title(NAMES.get(metric, metric))
            axes.set_xlim(0, 1.06)
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


def gate_evidence(decisions: Mapping[str, GateDecision], title: str) -> Figure:
    """ΔAUC and the gain in log-loss of each challenger, with the gate's intervals."""
    with mpl.rc_context(STYLE):
        figure = figure_of(1.5 + 0.5 * len(decisions), title)
        panels = figure.subplots(1, 2, sharey=True)
        named = (("delta_auc", "ΔAUC: ranks better →"), ("log_loss_gain", "gain in log-loss (nats): predicts better →"))
        for axes, (name, label) in zip(panels, named, strict=True):
            for row, one in enumerate(decisions.values()):
                if name in one.evidence:
                    value, low, high = one.evidence[name]
                    mark, colour = DECISIONS[one.decision]
                    axes.plot([low, high], [row, row], color=colour, linewidth=2.5)
                    axes.plot(value, row, mark, color=colour, markersize=8)
            axes.axvline(0, color=INK, linewidth=0.9)
            axes.set_xlabel(label)
            axes.grid(axis="x")
            axes.margins(x=0.08)
        told = [f"{case.replace('_', ' ')}\n{one.decision}" for case, one in decisions.items()]
        panels[0].set_yticks(range(len(decisions)), told)
        panels[0].set_ylim(len(decisions) - 0.4, -0.6)
    return figure
