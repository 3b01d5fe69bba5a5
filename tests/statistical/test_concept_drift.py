"""Concept drift: how soon it is found, and how often 5,000 labels without any raise an alert.

Every run has a champion of its own, trained on labels of its own.
"""

from collections.abc import Callable

import numpy as np
import pytest

from tests import labelled_streams as streams
from tests.labelled_streams import FOR_TRAINING, Drift, Ints, Watched, people
from tests.statistical.streams import RATE, wilson_upper
from tests.statistical.test_promise import lower_bound

LABELS = 5_000
FULL = pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])
RUNS = pytest.mark.parametrize("runs", [11, FULL], ids=["quick", "full"])


def check(alarms: int, runs: int) -> None:
    """The promise held, as far as so many runs can tell."""
    assert lower_bound(alarms, runs) <= RATE, f"{alarms} alarms in {runs} runs"
    if runs >= 200:
        assert wilson_upper(alarms, runs) < 0.08, f"{alarms} alarms in {runs} runs"


@RUNS
@pytest.mark.parametrize("reference", [100, pytest.param(300, marks=pytest.mark.long), 1_000])
def test_false_alarms_stay_under_the_promised_rate(reference: int, runs: int) -> None:
    check(sum(Watched.trained(1_000 + seed, reference).false_alarm(seed, LABELS) for seed in range(runs)), runs)


def better_half(watched: Watched) -> Ints:
    """The people of the stream whom the model scores higher."""
    return np.flatnonzero(watched.scores > np.median(watched.scores))


def seniors(_: Watched) -> Ints:
    """The fifth of the people who are senior or above."""
    return np.flatnonzero(np.isin(people().of("llm_seniority")[FOR_TRAINING:], ["Senior", "Executive"]))


@RUNS
@pytest.mark.parametrize(
    "among", [better_half, pytest.param(seniors, marks=pytest.mark.long)], ids=lambda among: among.__name__
)
def test_other_people_whose_labels_follow_the_scores_as_before_are_no_concept_drift(
    among: Callable[[Watched], Ints], runs: int
) -> None:
    champions = (Watched.trained(2_000 + seed, 1_000) for seed in range(runs))
    check(sum(watched.false_alarm(seed, LABELS, among(watched)) for seed, watched in enumerate(champions)), runs)


@RUNS
@pytest.mark.parametrize(
    ("drift", "reference", "median", "share"),
    [
        (streams.seniority_turned, 1_000, 250, 0.95),
        pytest.param(streams.entry_turned, 1_000, 200, 0.95, marks=pytest.mark.long),
        (streams.geography_turned, 1_000, 250, 0.90),
        (streams.half_turned, 1_000, 200, 0.95),
        (streams.labels_flipped, 1_000, 100, 0.95),
        pytest.param(streams.seniority_turned, 300, 400, 0.55, marks=pytest.mark.long),
        pytest.param(streams.labels_flipped, 300, 120, 0.95, marks=pytest.mark.long),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_a_relation_turned_for_half_of_the_segments_is_alerted_within_400_labels(
    drift: Drift, reference: int, median: float, share: float, runs: int
) -> None:
    delays = np.array([Watched.trained(3_000 + seed, reference).delay(seed, drift) for seed in range(runs)])
    found = delays[~np.isnan(delays)]
    assert len(found) >= 0.8 * runs
    assert np.median(found) <= median * (1.25 if runs < 200 else 1.0)
    assert np.mean(found <= 400) >= share - (0.2 if runs < 200 else 0.0)


@pytest.mark.parametrize("runs", [6, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])])
@pytest.mark.parametrize("drift", [streams.seniority_turned, streams.half_turned], ids=lambda drift: drift.__name__)
def test_a_drift_that_stays_is_one_alert_and_over_within_two_windows_of_its_end(drift: Drift, runs: int) -> None:
    window, lasting = streams.TEST_ALONE.window, 4_000
    once, over = 0, 0
    for seed in range(runs):
        stretches = (streams.CALM, streams.none), (lasting, drift), (2 * window + 100, streams.none)
        found = Watched.trained(6_000 + seed, 1_000).alerts(seed, *stretches, until_the_first=False)
        end = streams.CALM + lasting
        during = [alert for labels, alert in found if labels <= end]
        once += len({alert.id for alert in during}) == 1 and during[-1].state == "firing"
        over += any(alert.state == "resolved" and end < labels <= end + 2 * window for labels, alert in found)
    few = 1 if runs < 100 else 0
    assert once >= 0.9 * runs - few
    assert over >= 0.9 * runs - few
