"""The gate: how often it promotes, and the cost of its bootstrap beside a plain loop over scikit-learn's AUC."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.timing import cpu_per_item, show
from model.evaluation import compare, evaluate, log_losses
from tests.rivals import (
    MIDDLING,
    RARE,
    STRONG,
    WEAK,
    equal_in_entry,
    promotions,
    rivals,
    useless_in_entry,
    wrong_in_entry,
)
from tests.statistical.streams import wilson_upper

RUNS = 1_000
LABELS, RESAMPLES, LOOPED = 15_000, 1_000, 40


def main() -> None:
    """Rates, then CPU per resample."""
    rates()
    speed()


def rates() -> None:
    """Promotions of challengers of known skill, with the upper end of Wilson's 95% interval."""
    better = partial(promotions, RUNS, champion=WEAK, challenger=STRONG)
    equal = partial(promotions, RUNS, champion=MIDDLING, challenger=MIDDLING)
    print(f"challengers promoted, of {RUNS:,} runs")
    for name, contacts, promoted in (
        ("equal, AUC .67", 200, equal),
        ("equal", 1_000, equal),
        ("equal, where 2% engage", 1_000, partial(equal, mean=RARE)),
        ("AUC .75 for .65", 200, better),
        ("the same", 400, better),
        ("the same", 1_000, better),
        ("the same, equal in a segment of 15%", 1_000, partial(better, change=equal_in_entry)),
        ("the same, of no use in it", 1_000, partial(better, change=useless_in_entry)),
        ("the same, of no use in it", 3_000, partial(better, change=useless_in_entry)),
        ("the same, wrong in it", 1_000, partial(better, change=wrong_in_entry)),
    ):
        hits = promoted(contacts=contacts)
        print(f"  {name:38} {contacts:5,} labels {hits / RUNS:6.3f}, under {wilson_upper(hits, RUNS):.3f}", flush=True)


def speed() -> None:
    """15,000 labels. The loop is timed over some resamples and does what `compare` does."""
    made = rivals(0, LABELS, WEAK, STRONG)
    gains = log_losses(made.champion, made.engaged) - log_losses(made.challenger, made.engaged)
    rng = np.random.default_rng(0)

    def loop() -> None:
        for _ in range(LOOPED):
            drawn = rng.integers(0, LABELS, LABELS)
            for scores in (made.challenger, made.champion):
                roc_auc_score(made.engaged[drawn], scores[drawn])
            gains[drawn].mean()

    def compared() -> None:
        compare(made.champion, made.challenger, made.engaged, seed=0, resamples=RESAMPLES)

    def evaluated() -> None:
        evaluate(made.challenger, made.engaged, cut=0.5, segments=made.segments, seed=0, resamples=RESAMPLES)

    show(
        {
            "compare: ΔAUC and log-loss gain (ours)": cpu_per_item(compared, RESAMPLES, repeats=7),
            "the same in a loop over scikit-learn": cpu_per_item(loop, LOOPED, repeats=5),
            "decide: that, and 7 segments (ours)": cpu_per_item(made.verdict, RESAMPLES, repeats=7),
            "evaluate: 13 figures, and 7 segments (ours)": cpu_per_item(evaluated, RESAMPLES, repeats=7),
        },
        unit="µs/resample",
    )
