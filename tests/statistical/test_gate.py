"""How often the gate promotes: an equal challenger rarely, a clearly better one nearly always."""

import numpy as np
import pytest

from model.evaluation import roc_auc
from model.gate import decide
from tests.rivals import MIDDLING, STRONG, WEAK, Rivals, rivals, scores
from tests.statistical.streams import wilson_upper

FULL = pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(1_800)])
RUNS = pytest.mark.parametrize("runs", [40, FULL], ids=["quick", "full"])

SENIORITY, GEOGRAPHY = ("Entry", "Mid", "Senior", "Executive"), ("regional_hub", "other", None)


def allowance(runs: int) -> float:
    """A rate over a few runs scatters: by a tenth more with 40 of them."""
    return 0.10 if runs < 200 else 0.0


def segments(contacts: int, seed: int) -> dict[str, list[str | None]]:
    """Of 1,000 contacts, each value is a large segment's."""
    rng = np.random.default_rng([2_001, seed])
    return {
        "llm_seniority": list(rng.choice(np.array(SENIORITY, object), contacts, p=[0.15, 0.4, 0.3, 0.15])),
        "llm_geography": list(rng.choice(np.array(GEOGRAPHY, object), contacts, p=[0.5, 0.3, 0.2])),
    }


def promotions(runs: int, contacts: int, champion: float, challenger: float) -> float:
    """Share of the runs that promote."""
    made = [(seed, rivals(seed, contacts, champion, challenger)) for seed in range(runs)]
    return float(np.mean([verdict(rival, seed) == "promoted" for seed, rival in made]))


def verdict(made: Rivals, seed: int) -> str:
    at = segments(len(made.engaged), seed)
    return decide(made.champion, made.challenger, made.engaged, seed=seed, segments=at).decision


def test_the_rivals_are_what_they_are_taken_for() -> None:
    made = rivals(0, 300_000, WEAK, STRONG)
    weak, strong = roc_auc(made.champion, made.engaged), roc_auc(made.challenger, made.engaged)
    assert strong - weak == pytest.approx(0.10, abs=0.005)
    for given in (made.champion, made.challenger):
        near = np.abs(given - 0.4) < 0.02
        assert made.engaged[near].mean() == pytest.approx(0.4, abs=0.01)


@RUNS
@pytest.mark.parametrize("contacts", [200, 1_000])
@pytest.mark.parametrize("noise", [WEAK, MIDDLING, STRONG], ids=["AUC .65", "AUC .67", "AUC .75"])
def test_an_equal_challenger_is_rarely_promoted(noise: float, contacts: int, runs: int) -> None:
    assert promotions(runs, contacts, noise, noise) <= 0.10 + allowance(runs)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("contacts", [200, 1_000])
def test_the_rate_of_equal_challengers_is_under_ten_percent_beyond_doubt(contacts: int) -> None:
    runs = 1_000
    assert wilson_upper(round(runs * promotions(runs, contacts, MIDDLING, MIDDLING)), runs) < 0.10


@RUNS
def test_a_challenger_whose_auc_is_a_tenth_better_is_promoted(runs: int) -> None:
    assert promotions(runs, 1_000, WEAK, STRONG) >= 0.80 - allowance(runs)


@RUNS
def test_a_challenger_that_is_wrong_about_one_segment_is_stopped(runs: int) -> None:
    stopped = 0
    for seed in range(runs):
        made, at = rivals(seed, 1_000, WEAK, STRONG), segments(1_000, seed)
        entry = np.array(at["llm_seniority"]) == "Entry"
        wrong = np.where(entry, 1 - made.challenger, made.challenger)
        found = decide(made.champion, wrong, made.engaged, seed=seed, segments=at)
        stopped += found.decision == "rejected"
    assert stopped >= (0.95 - allowance(runs)) * runs


@RUNS
def test_a_better_challenger_that_is_no_better_in_one_segment_is_not_stopped_by_it(runs: int) -> None:
    promoted = 0
    for seed in range(runs):
        made, at = rivals(seed, 1_000, WEAK, STRONG), segments(1_000, seed)
        entry = np.array(at["llm_seniority"]) == "Entry"
        equal = scores(made.log_odds, WEAK, np.random.default_rng([2_002, seed]))
        mixed = np.where(entry, equal, made.challenger)
        promoted += decide(made.champion, mixed, made.engaged, seed=seed, segments=at).decision == "promoted"
    assert promoted >= (0.80 - allowance(runs)) * runs
