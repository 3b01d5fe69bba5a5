"""The figures of an evaluation against scikit-learn's, their intervals against a plain loop, and what is degenerate."""

import json
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.evaluation import Evaluation, Interval, Segment, best_cut, compare, evaluate, metrics, roc_auc
from model.measures import METRICS, Skill, baselines, calibration_bins

Figures = tuple[NDArray[np.float64], NDArray[np.int64]]

contacts = st.lists(
    st.tuples(st.sampled_from([0.05, 0.1, 0.2, 0.35, 0.5, 0.6, 0.8, 0.95]), st.integers(0, 1), st.integers(0, 3)),
    min_size=2,
    max_size=40,
)
"""Score (many are tied), label, and how often the contact was drawn."""


def labelled(n: int, seed: int = 0, skill: float = 1.0) -> Figures:
    """Calibrated scores and labels; the base rate is near 40%."""
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(0.5 - skill * rng.normal(size=n)))
    return scores, (rng.random(n) < scores).astype(np.int64)


ORACLES: dict[str, Callable[..., Any]] = {
    "roc_auc": oracle.roc_auc_score,
    "average_precision": oracle.average_precision_score,
    "log_loss": oracle.log_loss,
    "brier": oracle.brier_score_loss,
}
AT_THE_CUT: dict[str, Callable[..., Any]] = {
    "precision": oracle.precision_score,
    "recall": oracle.recall_score,
    "f1": oracle.f1_score,
}


@given(contacts)
def test_every_figure_of_a_resample_is_that_of_scikit_learn(drawn: list[tuple[float, int, int]]) -> None:
    scores, engaged, draws = (np.array(column) for column in zip(*drawn, strict=True))
    if len(set(engaged[draws > 0])) < 2:
        return
    found = Skill(scores, engaged, cut=0.5)(draws[None, :].astype(float))
    # The resample of as many contacts: figures that divide by them are those of sums over the draws.
    size = draws.sum() / len(scores)
    for name, expected in ORACLES.items():
        scale = size if name in ("log_loss", "brier") else 1
        assert found[name][0] == pytest.approx(scale * expected(engaged, scores, sample_weight=draws)), name
    for name, expected in AT_THE_CUT.items():
        right = expected(engaged, scores >= 0.5, sample_weight=draws, zero_division=0)
        assert found[name][0] == pytest.approx(right), name


def test_intervals_are_those_of_a_plain_loop_over_resamples() -> None:
    scores, engaged = labelled(300)
    rng = np.random.default_rng(5)
    aucs, losses = [], []
    for _ in range(2_000):
        drawn = rng.integers(0, 300, 300)
        aucs.append(oracle.roc_auc_score(engaged[drawn], scores[drawn]))
        losses.append(oracle.log_loss(engaged[drawn], scores[drawn]))
    found = evaluate(scores, engaged, cut=0.5, seed=1, resamples=2_000)
    for name, values in (("roc_auc", aucs), ("log_loss", losses)):
        bounds = found.metrics[name].low, found.metrics[name].high
        assert bounds == pytest.approx(np.quantile(values, [0.05, 0.95]), abs=0.2 * float(np.std(values))), name


def test_ninety_percent_intervals_cover_the_truth_about_as_often() -> None:
    population, labels = labelled(200_000, seed=9)
    truth = metrics(population, labels)
    covered = dict.fromkeys(set(METRICS) - {"calibration_error"}, 0)  # few contacts inflate it, as its docstring says
    for seed in range(100):
        scores, engaged = labelled(400, seed=100 + seed)
        found = evaluate(scores, engaged, cut=0.5, seed=seed, resamples=300).metrics
        for name in covered:
            covered[name] += found[name].low <= truth[name] <= found[name].high
    assert min(covered.values()) >= 78, covered  # P < 1e-3 at a true coverage of 90%


def test_the_top_is_a_tenth_and_at_least_ten_contacts() -> None:
    engaged = np.zeros(200, np.int64)
    engaged[:15] = 1
    scores = np.linspace(0.99, 0.01, 200)
    assert metrics(scores, engaged)["precision_at_top"] == 15 / 20
    assert metrics(scores[:40], engaged[:40])["precision_at_top"] == 1
    assert metrics(scores[:5], engaged[:5])["precision_at_top"] == 1


def test_equal_scores_at_the_edge_of_the_top_count_by_their_share() -> None:
    scores = np.array([0.9] * 5 + [0.5] * 20 + [0.1] * 5)
    engaged = np.array([1] * 5 + [1] * 8 + [0] * 12 + [0] * 5)
    assert metrics(scores, engaged)["precision_at_top"] == pytest.approx((5 + 5 * 8 / 20) / 10)


def test_calibration_is_told_in_ten_bins_of_equal_count() -> None:
    scores, engaged = labelled(1_000)
    found = evaluate(scores, engaged, cut=0.5, seed=0, resamples=50)
    assert [count for _, _, count in found.calibration] == [100] * 10
    lowest = np.sort(scores)[:100]
    assert found.calibration[0][0] == pytest.approx(lowest.mean())
    assert found.calibration[0][1] == pytest.approx(engaged[np.argsort(scores)[:100]].mean())
    by_hand = sum(count * abs(mean - share) for mean, share, count in found.calibration) / 1_000
    assert found.metrics["calibration_error"].value == pytest.approx(by_hand)


def test_equal_scores_share_a_bin() -> None:
    assert len(set(calibration_bins(np.full(50, 0.3)))) == 1


def test_calibrated_scores_are_told_from_exaggerated_ones() -> None:
    scores, engaged = labelled(5_000)
    logits = 2.5 * np.log(scores / (1 - scores))
    good = evaluate(scores, engaged, cut=0.5, seed=0, resamples=200).metrics["calibration_error"]
    bad = evaluate(1 / (1 + np.exp(-logits)), engaged, cut=0.5, seed=0, resamples=200).metrics["calibration_error"]
    assert good.high < bad.low


def test_baselines_are_what_answers_without_skill_get() -> None:
    rng = np.random.default_rng(3)
    _, engaged = labelled(100_000)
    rate = float(engaged.mean())
    expected = baselines(rate, 0.3)
    constant = metrics(np.full(100_000, rate), engaged, cut=0.0)
    drawn = metrics(rng.random(100_000), engaged, cut=0.3)
    for name in METRICS:
        assert constant[name] == pytest.approx(expected["always_engaged"][name], abs=1e-6), name
        assert drawn[name] == pytest.approx(expected["random"][name], abs=0.02), name


def test_f1_that_always_saying_engaged_has_too_is_seen_beside_it() -> None:
    scores, engaged = labelled(2_000, skill=0.0)
    found = evaluate(scores, engaged, cut=0.0, seed=0, resamples=50)
    assert found.metrics["f1"].value == pytest.approx(found.baselines["always_engaged"]["f1"])


@given(contacts)
def test_no_cut_has_a_higher_f1_than_the_best(drawn: list[tuple[float, int, int]]) -> None:
    scores, engaged = np.array([score for score, _, _ in drawn]), np.array([label for _, label, _ in drawn])
    found = best_cut(scores, engaged)
    if len(set(engaged)) < 2:
        assert found == 0.5
        return
    tried = {cut: oracle.f1_score(engaged, scores >= cut) for cut in (0.0, 0.07, *np.unique(scores))}
    assert oracle.f1_score(engaged, scores >= found) == pytest.approx(max(tried.values()))
    lower = [cut for cut in np.unique(scores) if cut < found]
    assert all(oracle.f1_score(engaged, scores >= cut) < max(tried.values()) for cut in lower)


def test_segments_are_counted_and_judged_where_they_are_large_enough() -> None:
    scores, engaged = labelled(400)
    seniority = ["Entry"] * 200 + ["Senior"] * 180 + ["Mid"] * 12 + [None] * 8
    found = evaluate(scores, engaged, cut=0.5, seed=0, resamples=100, segments={"llm_seniority": seniority})
    by_value = found.segments["llm_seniority"]
    assert {value: segment.labels for value, segment in by_value.items()} == {
        "Entry": 200, "Senior": 180, "Mid": 12, "(missing)": 8
    }  # fmt: skip
    assert sum(segment.engaged for segment in by_value.values()) == found.engaged
    assert by_value["Mid"].roc_auc is by_value["Mid"].log_loss is None
    entry = by_value["Entry"]
    assert entry.roc_auc is not None
    assert entry.log_loss is not None
    assert entry.roc_auc.value == pytest.approx(oracle.roc_auc_score(engaged[:200], scores[:200]))
    assert entry.log_loss.value == pytest.approx(oracle.log_loss(engaged[:200], scores[:200]))
    assert entry.log_loss.low < entry.log_loss.value < entry.log_loss.high


def test_a_segment_of_one_class_has_counts_only() -> None:
    scores, engaged = labelled(200)
    engaged[:50] = 1
    found = evaluate(scores, engaged, cut=0.5, seed=0, resamples=20, segments={"s": ["a"] * 50 + ["b"] * 150})
    assert found.segments["s"]["a"] == Segment(labels=50, engaged=50)


def test_an_evaluation_survives_its_json() -> None:
    scores, engaged = labelled(100)
    found = evaluate(scores, engaged, cut=0.4, seed=0, resamples=20, segments={"s": ["a"] * 60 + [None] * 40})
    assert Evaluation.from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(ValueError, match="labels"):
        Evaluation.from_json(found.to_json() | {"labels": "many"})


def test_the_same_seed_gives_the_same_and_float32_the_same_as_float64() -> None:
    scores, engaged = labelled(150)
    single = scores.astype(np.float32)
    assert evaluate(single, engaged, cut=0.5, seed=3) == evaluate(single, engaged, cut=0.5, seed=3)
    assert evaluate(single, engaged, cut=0.5, seed=3) == evaluate(single.astype(np.float64), engaged, cut=0.5, seed=3)


@pytest.mark.parametrize(
    ("scores", "engaged"),
    [
        ([0.7], [1]),
        ([0.2], [0]),
        ([0.1, 0.9], [1, 1]),
        ([0.4] * 50, [0, 1] * 25),
        ([0.0, 1.0] * 30, [1, 0] * 30),
        (list(np.linspace(0, 1, 60)), [0] * 60),
        (list(np.linspace(0, 1, 60)), [0] * 59 + [1]),
    ],
    ids=["one engaged", "one not", "all engaged", "constant", "surely wrong", "none engaged", "one of sixty"],
)
def test_what_is_degenerate_has_finite_figures_inside_their_range(scores: list[float], engaged: list[int]) -> None:
    given, labels = np.array(scores), np.array(engaged)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(
            given, labels, cut=best_cut(given, labels), seed=0, resamples=200, segments={"s": [None] * len(given)}
        )
        gains = compare(given, given[::-1].copy(), labels, seed=0, resamples=200)
    for name, figure in {**found.metrics, **found.confusion}.items():
        assert 0 <= figure.low <= figure.value <= figure.high < math.inf, name
    for name in set(METRICS) - {"log_loss"}:
        assert found.metrics[name].high <= 1, name
    assert all(math.isfinite(bound) for gain in gains for bound in (gain.value, gain.low, gain.high))


def test_of_an_auc_without_both_classes_nothing_is_known() -> None:
    found = evaluate(np.array([0.3, 0.6]), np.array([1, 1]), cut=0.5, seed=0)
    assert found.metrics["roc_auc"] == Interval(0.5, 0.0, 1.0)
    assert roc_auc(np.array([0.3]), np.array([1])) == 0.5


@pytest.mark.parametrize(
    ("scores", "engaged", "segments", "said"),
    [
        ([], [], {}, "no labelled contacts"),
        ([0.5, 0.5], [1], {}, "differ in length"),
        ([0.5], [1], {"s": []}, "differ in length"),
        ([0.5], [2], {}, "labels other than 0 and 1"),
        ([math.nan], [1], {}, "scores outside of 0..1"),
        ([1.5], [1], {}, "scores outside of 0..1"),
    ],
)
def test_what_cannot_be_evaluated_is_said(
    scores: list[float], engaged: list[int], segments: dict[str, list[str | None]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        evaluate(np.array(scores), np.array(engaged, np.int64), cut=0.5, seed=0, segments=segments)


def test_a_comparison_of_a_model_with_itself_is_exactly_nothing() -> None:
    scores, engaged = labelled(300)
    assert compare(scores, scores.copy(), engaged, seed=0) == (Interval(0.0, 0.0, 0.0), Interval(0.0, 0.0, 0.0))


def test_a_comparison_is_paired() -> None:
    """What is hard for both models cancels out: the interval of the difference is narrower than either model's own."""
    scores, engaged = labelled(1_000)
    rng = np.random.default_rng(1)
    near = np.clip(scores + rng.normal(0, 0.02, 1_000), 0.001, 0.999)
    delta, gain = compare(scores, near, engaged, seed=0)
    own = evaluate(scores, engaged, cut=0.5, seed=0).metrics
    assert delta.high - delta.low < (own["roc_auc"].high - own["roc_auc"].low) / 2
    assert gain.high - gain.low < (own["log_loss"].high - own["log_loss"].low) / 2
