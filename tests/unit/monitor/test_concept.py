"""What is believed of labels and scores, and the evidence against it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from monitor.concept import MOST, RIVALS, ConceptEvidence, gains, threshold, weights
from monitor.features import Floats
from monitor.relation import Relation

odds = st.floats(-6, 6)


def rows(n: int, rng: np.random.Generator) -> Floats:
    segments = rng.random((n, 2)) < 0.5
    return np.column_stack([np.ones(n), rng.normal(0, 0.8, n), segments])


@given(odds, odds)
def test_the_expectation_of_every_gain_is_one_where_labels_follow_what_is_believed(
    expected: float, centre: float
) -> None:
    p = expit(expected)
    mean = p * np.exp(gains(expected, centre, 1)) + (1 - p) * np.exp(gains(expected, centre, 0))
    np.testing.assert_allclose(mean, 1.0, rtol=1e-9)


def test_the_stakes_on_all_rivals_sum_to_one_and_half_is_on_everybody() -> None:
    stakes = weights(["a", "a", "b"])
    assert stakes.sum() == pytest.approx(1.0)
    assert stakes[0].sum() == pytest.approx(0.5)
    assert stakes[1:3].sum() == pytest.approx(stakes[3].sum())
    assert weights([]).sum() == pytest.approx(1.0)


def test_evidence_grows_by_one_a_label_without_gain_and_by_the_rival_that_is_right() -> None:
    evidence, stakes = ConceptEvidence.start(1), weights(["a"])
    for _ in range(10):
        evidence = evidence.after(np.zeros(len(RIVALS)), (0, 1))
    assert evidence.total(stakes) == pytest.approx(10.0)
    for _ in range(30):
        evidence = evidence.after(np.array([-0.3, -0.3, -0.3, -0.3, 0.5]), (0, 1))
        evidence = evidence.after(np.array([-0.3, -0.3, -0.3, -0.3, -0.3]), (0,))
    assert evidence.strongest(stakes) == (1, 4)
    assert evidence.ages[1, 4] == 60
    assert evidence.total(stakes) > threshold(0.05, 50)


def test_evidence_never_overflows_and_survives_json() -> None:
    evidence = ConceptEvidence.start(0)
    for _ in range(1_000):
        evidence = evidence.after(np.full(len(RIVALS), 5.0), (0,))
    assert evidence.sums.max() == MOST
    again = ConceptEvidence.from_json(json.loads(json.dumps(evidence.to_json())))
    np.testing.assert_array_equal(again.ages, evidence.ages)
    np.testing.assert_array_equal(again.sums, evidence.sums)


def test_what_is_believed_after_label_by_label_is_near_what_all_labels_say_at_once() -> None:
    rng = np.random.default_rng(1)
    seen = rows(900, rng)
    engaged = (rng.random(900) < expit(seen @ [-0.4, 0.6, 0.3, -0.2])).astype(int)
    stepwise = Relation.of(seen[:300], engaged[:300], -0.4)
    for row, label in zip(seen[300:], engaged[300:].tolist(), strict=True):
        stepwise = stepwise.after(row, label)
    at_once = Relation.of(seen, engaged, -0.4)
    np.testing.assert_allclose(stepwise.mean, at_once.mean, atol=0.05)
    np.testing.assert_allclose(stepwise.covariance, at_once.covariance, atol=0.002)


def test_the_less_is_known_the_nearer_is_an_expectation_to_one_half() -> None:
    rng = np.random.default_rng(2)
    seen = rows(1_000, rng)
    engaged = (rng.random(1_000) < expit(seen @ [0.0, 2.0, 0.0, 0.0])).astype(int)
    row = np.array([1.0, 3.0, 0.0, 0.0])
    few, many = Relation.of(seen[:30], engaged[:30], 0.0), Relation.of(seen, engaged, 0.0)
    assert row @ few.covariance @ row > row @ many.covariance @ row
    assert abs(few.expects(row)) < abs(float(row @ few.mean))
    assert many.expects(row) == pytest.approx(float(row @ many.mean), rel=0.05)


@pytest.mark.parametrize("label", [0, 1])
def test_a_reference_of_one_class_gives_a_belief_too(label: int) -> None:
    seen = rows(100, np.random.default_rng(3))
    believed = Relation.of(seen, np.full(100, label), -0.4)
    assert np.isfinite(believed.mean).all()
    again = Relation.from_json(json.loads(json.dumps(believed.to_json())))
    np.testing.assert_array_equal(again.covariance, believed.covariance)
