"""How often the gate promotes: an equal challenger rarely, a clearly better one nearly always."""

import numpy as np
import pytest

from model.evaluation import compare, roc_auc
from model.gate import CHANCE, MIN_OF_CLASS
from tests.rivals import MIDDLING, RARE, STRONG, WEAK, equal_in_entry, promotions, rivals, wrong_in_entry
from tests.statistical.streams import wilson_upper

FULL = pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(1_800)])
RUNS = pytest.mark.parametrize("runs", [40, FULL], ids=["quick", "full"])


def allowance(runs: int) -> float:
    """A rate over a few runs scatters: by a tenth more with 40 of them."""
    return 0.10 if runs < 200 else 0.0


def test_the_rivals_are_what_they_are_taken_for() -> None:
    made = rivals(0, 300_000, WEAK, STRONG)
    weak, strong = roc_auc(made.champion, made.engaged), roc_auc(made.challenger, made.engaged)
    assert strong - weak == pytest.approx(0.10, abs=0.005)
    for scores in (made.champion, made.challenger):
        near = np.abs(scores - 0.4) < 0.02
        assert made.engaged[near].mean() == pytest.approx(0.4, abs=0.01)


@RUNS
@pytest.mark.parametrize("contacts", [200, 1_000])
@pytest.mark.parametrize("noise", [WEAK, MIDDLING, STRONG], ids=["AUC .65", "AUC .67", "AUC .75"])
def test_an_equal_challenger_is_rarely_promoted(noise: float, contacts: int, runs: int) -> None:
    assert promotions(runs, contacts, noise, noise) <= (0.10 + allowance(runs)) * runs


@RUNS
def test_few_engaged_contacts_do_not_fool_the_gate(runs: int) -> None:
    assert promotions(runs, 1_000, MIDDLING, MIDDLING, mean=RARE) <= (0.10 + allowance(runs)) * runs


@pytest.mark.long
def test_fewer_than_it_asks_for_would() -> None:
    """Why there is a `MIN_OF_CLASS`: the intervals alone take an equal challenger for better too often."""
    fooled = []
    for seed in range(1_000):
        made = rivals(seed, 200, MIDDLING, MIDDLING, mean=RARE)
        if 0 < made.engaged.sum() < MIN_OF_CLASS:
            gains = compare(made.champion, made.challenger, made.engaged, seed=seed, tail=CHANCE / 2)
            fooled.append(any(gain.low > 0 for gain in gains))
    assert np.mean(fooled) > 0.10


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("contacts", [200, 1_000])
def test_the_rate_of_equal_challengers_is_under_ten_percent_beyond_doubt(contacts: int) -> None:
    runs = 1_000
    assert wilson_upper(promotions(runs, contacts, MIDDLING, MIDDLING), runs) < 0.10


@RUNS
def test_a_challenger_whose_auc_is_a_tenth_better_is_promoted(runs: int) -> None:
    assert promotions(runs, 1_000, WEAK, STRONG) >= (0.80 - allowance(runs)) * runs


@RUNS
def test_a_better_challenger_that_is_wrong_about_a_large_segment_is_stopped(runs: int) -> None:
    assert promotions(runs, 1_000, WEAK, STRONG, wrong_in_entry) <= (0.05 + allowance(runs)) * runs


@RUNS
def test_a_better_challenger_that_is_as_good_in_one_segment_is_not_stopped_by_it(runs: int) -> None:
    assert promotions(runs, 1_000, WEAK, STRONG, equal_in_entry) >= (0.80 - allowance(runs)) * runs
