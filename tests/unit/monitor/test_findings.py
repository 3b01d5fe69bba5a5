"""How strong a test of the window is, as a multiple of its threshold."""

import numpy as np
import pandas as pd
import pytest

from monitor import Reference
from monitor.findings import Look, strengths, strongest
from monitor.ks import RollingKS
from monitor.plan import KINDS, Plan


def looked(reference: Reference, window: pd.DataFrame) -> tuple[Plan, Look]:
    plan = Plan.of(reference, window=500, pane=50, false_alarm_rate=0.05, horizon=20_000)
    codes = reference.encode_frame(window)
    hits = plan.shares.hits(codes, reference.starts)
    ks = RollingKS(reference, len(codes)).push(codes)
    return plan, Look(len(codes), ks, hits, plan.share_p(hits, len(codes)), plan.bets.start(), np.zeros(len(KINDS)))


@pytest.mark.parametrize(
    ("was", "comes"), [(1.0, None), ("a", None), ("a", "b")], ids=["number missing", "text missing", "unseen"]
)
def test_what_is_wholly_different_is_the_strongest_although_its_p_is_no_float_any_more(
    was: float | str, comes: float | str | None
) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=1_500)
    reference = Reference.from_frame(pd.DataFrame({"calm": numbers[:1_000], "gone": [was] * 1_000}))
    kind = float if isinstance(was, float) else object
    window = pd.DataFrame({"calm": numbers[1_000:], "gone": pd.Series([comes] * 500, dtype=kind)})
    plan, look = looked(reference, window)
    found = strengths(plan, look)
    assert look.share_p.min() < 1e-200
    assert found[0] < 1.0
    assert found[1] > 5.0
    assert strongest(plan, look, 1).test in ("missing", "unseen")
