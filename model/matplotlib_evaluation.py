"""Evaluations as pictures: whether scores mean what they say, and how one version led to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import NormalDist

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from model.evaluation import LEVEL, Evaluation, Interval

INK, MUTED, PALE = "#1e293b", "#64748b", "#cbd5e1"
CHAMPION, CHALLENGER, CUT = "#64748b", "#0369a1", "#c2410c"
MARKS: dict[str | None, tuple[str, str]] = {
    "promoted": ("o", CHALLENGER), "rejected": ("X", "#9a3412"), "shadow": ("s", "#d97706"), None: ("^", INK),
}  # fmt: skip
"""Shape and colour of a version by what was decided on it: shapes, or lightness, alone tell them apart."""
MOST_VERSIONS = 7
APART = 0.12
"""Of champion and challenger from the middle of their version."""
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED}


@dataclass(frozen=True)
class LifecycleVersion:
    """One version of the model and what was decided on it.

    Attributes:
        became_champion_at: None for one that never did.
        trained_on: contacts.
        decision: promoted, rejected or shadow; None for the first version, which nothing was compared with.
        why: the gate's sentence.
        evaluation: of this version, on the held-out contacts that it was judged on.
        champion_evaluation: of the champion that it was compared with, on the same contacts.
    """

    version: str
    became_champion_at: datetime | None
    trained_on: int
    decision: str | None
    why: str | None
    evaluation: Evaluation | None
    champion_evaluation: Evaluation | None


def plot_calibration(evaluation: Evaluation, path: Path) -> None:
    """Share engaged against score in bins of equal count, and how many contacts each has; the ending is the format.

    Raises:
        ValueError: an ending that Matplotlib cannot write.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6, 5.6), layout="constrained")
        curve, counts = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        _draw_reliability(curve, evaluation)
        _draw_counts(counts, evaluation)
        figure.savefig(path, dpi=150)


def plot_lifecycle(versions: Sequence[LifecycleVersion], path: Path) -> None:
    """Version after version: ROC-AUC and log-loss beside the champion's on the same contacts; the ending is the format.

    Raises:
        ValueError: no versions, or an ending that Matplotlib cannot write.
    """
    if not versions:
        raise ValueError("no versions to draw: train one first, with driftline up")
    shown = versions[-MOST_VERSIONS:]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(6.0, 2.4 + 1.1 * len(shown)), 6.2), layout="constrained")
        auc, loss = figure.subplots(2, 1, sharex=True)
        _draw_metric(auc, shown, "roc_auc", "ROC-AUC (higher is better)")
        _draw_metric(loss, shown, "log_loss", "log-loss (lower is better)")
        auc.set_title(_title(versions), loc="left", fontsize=10, color=INK)
        loss.set_xticks(range(len(shown)), [_described(version) for version in shown])
        loss.set_xlim(-0.6, len(shown) - 0.4)
        figure.legend(
            handles=list(_legend(shown)), loc="outside lower center", ncols=3, frameon=False, columnspacing=1.2
        )
        figure.savefig(path, dpi=150)


def _draw_reliability(axes: Axes, evaluation: Evaluation) -> None:
    scores, shares, counts = (np.array(column) for column in zip(*evaluation.calibration, strict=True))
    bounds = np.array([_wilson(p, n, evaluation.level) for p, n in zip(shares, counts, strict=True)])
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--", label="calibrated: of scores .3, 30% engage")
    axes.errorbar(
        scores, shares, yerr=[shares - bounds[:, 0], bounds[:, 1] - shares], color=CHALLENGER, marker="o", markersize=5,
        linewidth=1.2, elinewidth=1, capsize=2.5, label=f"the model, with {evaluation.level:.0%} intervals",
    )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_ylabel("share engaged")
    axes.legend(loc="upper left", frameon=False)
    error = evaluation.metrics["calibration_error"]
    axes.set_title(
        f"{evaluation.labels:,} labelled contacts, {evaluation.engaged / evaluation.labels:.0%} engaged; "
        f"calibration error {_told(error)}",
        loc="left", fontsize=9, color=INK,
    )  # fmt: skip


def _draw_counts(axes: Axes, evaluation: Evaluation) -> None:
    """Bars from halfway to the one neighbour to halfway to the other, so that none hides another."""
    scores, _, counts = (np.array(column) for column in zip(*evaluation.calibration, strict=True))
    edges = np.concatenate([[0.0], (scores[1:] + scores[:-1]) / 2, [1.0]])
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=PALE, edgecolor="white", linewidth=1)
    axes.axvline(evaluation.cut, color=CUT, linewidth=1)
    left = evaluation.cut > 0.5
    axes.annotate(
        f"cut {evaluation.cut:.2f}", (evaluation.cut, 1), xycoords=("data", "axes fraction"), color=CUT,
        xytext=(-4 if left else 4, 2), textcoords="offset points", ha="right" if left else "left", va="bottom",
    )  # fmt: skip
    axes.set_ylabel("contacts")
    axes.set_xlabel("score")
    axes.set_ylim(0, 1.1 * max(counts))


def _wilson(share: float, count: int, level: float) -> tuple[float, float]:
    """Wilson's interval of a share (1927): it has a width even where nobody, or everybody, engaged."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return min(share, centre - half), max(share, centre + half)


def _draw_metric(axes: Axes, versions: Sequence[LifecycleVersion], metric: str, name: str) -> None:
    for at, version in enumerate(versions):
        new = version.evaluation and version.evaluation.metrics[metric]
        old = version.champion_evaluation and version.champion_evaluation.metrics[metric]
        right = at + APART if old else at
        if new and old:
            axes.plot([at - APART, right], [old.value, new.value], color=PALE, linewidth=1.5, zorder=1)
        if old:
            _draw_interval(axes, at - APART, old, "D", CHAMPION)
        if new:
            _draw_interval(axes, right, new, *MARKS[version.decision])
        else:
            axes.annotate("not\nevaluated", (right, 0.5), xycoords=("data", "axes fraction"), ha="center", color=MUTED)
        judged = version.evaluation or version.champion_evaluation
        if judged:
            floor = judged.baselines["always_engaged"][metric]
            axes.hlines(floor, at - 2.5 * APART, at + 2.5 * APART, color=MUTED, linewidth=1, linestyle=":")
    axes.set_ylabel(name)
    axes.margins(y=0.12)
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.7)
    axes.set_axisbelow(True)


def _draw_interval(axes: Axes, at: float, found: Interval, shape: str, colour: str) -> None:
    axes.vlines(at, found.low, found.high, color=colour, linewidth=1.6)
    axes.plot(at, found.value, shape, color=colour, markersize=7.5, markeredgecolor="white", markeredgewidth=0.7)


def _described(version: LifecycleVersion) -> str:
    lines = [f"version {version.version}", version.decision or "first", f"trained on {version.trained_on:,}"]
    if judged := version.evaluation or version.champion_evaluation:
        lines.append(f"judged on {judged.labels:,}")
    if since := version.became_champion_at:
        lines.append(f"from {since.day} {since:%b %Y}")
    return "\n".join(lines)


def _title(versions: Sequence[LifecycleVersion]) -> str:
    promoted = sum(version.decision == "promoted" for version in versions)
    challengers = sum(version.decision is not None for version in versions)
    told = f"{promoted} of {challengers} challenger{'s' if challengers != 1 else ''} promoted"
    newest = f", the newest {MOST_VERSIONS} versions shown" if len(versions) > MOST_VERSIONS else ""
    return f"{told}{newest}; bars are {LEVEL:.0%} intervals"


def _legend(versions: Sequence[LifecycleVersion]) -> Iterator[Line2D]:
    if any(version.champion_evaluation for version in versions):
        yield _handle("champion, same contacts", "D", CHAMPION)
    for decision in ("promoted", "rejected", "shadow"):
        if any(version.decision == decision for version in versions):
            yield _handle(f"challenger, {decision}", *MARKS[decision])
    if any(version.decision is None for version in versions):
        yield _handle("first version", *MARKS[None])
    yield Line2D([], [], color=MUTED, linewidth=1, linestyle=":", label="a score without skill")


def _handle(name: str, shape: str, colour: str) -> Line2D:
    return Line2D(
        [], [], color=colour, marker=shape, markersize=6.5, linewidth=1.6, markeredgecolor="white", label=name
    )


def _told(found: Interval) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
