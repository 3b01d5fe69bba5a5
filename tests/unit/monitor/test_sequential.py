"""The e-detector: its bets and its recursion."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import Reference
from monitor.plan import KINDS, Plan
from monitor.sequential import BetScores, Evidence


def frame(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "few": rng.integers(0, 4, n),
            "sector": rng.choice(["a", "b", "c"], n, p=[0.5, 0.4, 0.1]),
        }
    )


def plan_of(seed: int) -> Plan:
    reference = Reference.from_frame(frame(np.random.default_rng(seed), 400))
    return Plan.of(reference, window=100, pane=10, false_alarm_rate=0.05, horizon=1_000)


def gather(plan: Plan, codes: np.ndarray, start: Evidence | None = None) -> tuple[Evidence, np.ndarray]:
    begin = start or plan.bets.start()
    return begin.after(plan.bets, codes, plan.reference.starts, plan.bet_kind, len(KINDS))


def test_stakes_sum_to_one_and_every_bet_is_positive() -> None:
    bets = plan_of(0).bets
    assert bets.weight.sum() == pytest.approx(1.0)
    assert bets.weight.min() > 0
    assert bets.table.min() > 0


def test_a_bet_neither_wins_nor_loses_over_the_reference_itself() -> None:
    bets = plan_of(0).bets
    np.testing.assert_allclose(bets.pool / bets.reference_rows, 1.0, atol=0.05)


def test_the_recursion_is_that_of_shiryaev_and_roberts_with_the_pool_as_its_measure() -> None:
    plan = plan_of(1)
    codes = plan.reference.encode_frame(frame(np.random.default_rng(2), 50))
    bets, starts = plan.bets, plan.reference.starts
    sums, pool, seen = np.zeros(len(bets.pool)), bets.pool.copy(), float(bets.reference_rows)
    for row in codes:
        g = []
        for j, code in enumerate(row):
            first, last = bets.starts[j], bets.starts[j + 1]
            at = bets.table_starts[j] + int(bets.rows[starts[j] + code]) * (last - first)
            g.append(bets.table[at : at + last - first])
        values = np.concatenate(g)
        pool, seen = pool + values, seen + 1
        sums = (1 + sums) * values * seen / pool
    evidence, totals = gather(plan, codes)
    np.testing.assert_allclose(evidence.sums, sums, rtol=1e-9)
    assert totals[-1].sum() == pytest.approx(float(bets.weight @ sums))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60), st.booleans())
def test_evidence_goes_on_identically_from_any_contact_and_through_json(cut: int, json_too: bool) -> None:
    plan = plan_of(3)
    codes = plan.reference.encode_frame(frame(np.random.default_rng(4), 60))
    whole, totals = gather(plan, codes)
    half, _ = gather(plan, codes[:cut])
    if json_too:
        half = Evidence.from_json(json.loads(json.dumps(half.to_json())))
    again, rest = gather(plan, codes[cut:], half)
    np.testing.assert_array_equal(again.sums, whole.sums)
    np.testing.assert_array_equal(rest, totals[cut:])


def test_a_kind_can_be_set_back_without_the_others() -> None:
    plan = plan_of(5)
    evidence, _ = gather(plan, plan.reference.encode_frame(frame(np.random.default_rng(6), 60)))
    mine = plan.bet_kind == KINDS.index("data_quality")
    after = evidence.reset(plan.bets, mine)
    assert not after.sums[mine].any()
    np.testing.assert_array_equal(after.sums[~mine], evidence.sums[~mine])


def test_the_age_of_the_evidence_tells_when_the_drift_began() -> None:
    plan = plan_of(7)
    rng = np.random.default_rng(8)
    rows = frame(rng, 400)
    rows.loc[300:, "x"] += 3.0
    evidence, _ = gather(plan, plan.reference.encode_frame(rows))
    best = int(np.argmax(evidence.sums))
    assert plan.reference.features[int(plan.bet_feature[best])].name == "x"
    assert 95 <= evidence.ages[best] <= 110


def test_evidence_of_a_glaring_drift_stays_finite() -> None:
    plan = plan_of(3)
    rows = frame(np.random.default_rng(4), 1_000).assign(x=50.0, sector="new")
    evidence, totals = gather(plan, plan.reference.encode_frame(rows))
    for values in (evidence.sums, evidence.products, totals):
        assert np.isfinite(values).all()
    assert totals.max() > 1e100


def p_of_window(values: np.ndarray, reference: Reference) -> float:
    return BetScores.of(reference.features[0], 1.0).p_value(reference.encode(values[:, np.newaxis])[:, 0])


def test_the_bets_see_in_a_window_what_ks_does_not_and_are_rarely_pleased_without_drift() -> None:
    calm, wider = [], []
    for seed in range(200):
        rng = np.random.default_rng([5, seed])
        reference = Reference.from_frame(pd.DataFrame({"x": rng.normal(size=1_000)}))
        calm.append(p_of_window(rng.normal(size=500), reference))
        wider.append(p_of_window(1.25 * rng.normal(size=500), reference))
    assert np.mean(np.array(calm) < 0.1) < 0.2
    assert np.mean(np.array(wider) < 0.01) > 0.9


def test_a_window_without_values_and_a_feature_without_bets_say_nothing() -> None:
    reference = Reference.from_frame(pd.DataFrame({"x": [1.0, 2.0, 3.0, None] * 10}))
    assert p_of_window(np.full(5, np.nan), reference) == 1.0
    flag = Reference.from_frame(pd.DataFrame({"x": [0.0, 1.0] * 20}))
    assert p_of_window(np.ones(50), flag) == 1.0
    sector = Reference.from_frame(pd.DataFrame({"x": ["a", "b"] * 20}))
    assert BetScores.of(sector.features[0], 1.0).p_value(np.zeros(50, np.uint16)) == 1.0
