"""How strong a test of the window is, as a multiple of its threshold."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import kolmogi

from monitor import Reference, findings
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


def test_a_look_is_measured_once_for_all_of_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inverse of Kolmogorov's distribution is what takes the time, and a window report asks of many columns."""
    asked = list[int]()

    def counted(p: Any) -> Any:
        asked.append(np.size(p))
        return kolmogi(p)

    monkeypatch.setattr(findings, "kolmogi", counted)
    values = np.random.default_rng(0).normal(size=(1_500, 2))
    frame = pd.DataFrame({"a": values[:, 0], "b": values[:, 1], "c": ["x", "y"] * 750})
    plan, look = looked(Reference.from_frame(frame[:1_000]), frame[1_000:])
    found = strengths(plan, look)
    assert [strongest(plan, look, column).strength for column in range(3)] == found.tolist()
    assert len(asked) == 2
    other = looked(Reference.from_frame(frame[:1_000]), frame[1_000:])[1]
    strengths(plan, other)
    assert len(asked) == 4
