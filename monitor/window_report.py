"""What the window looks like at a moment, for whoever looks on: dashboard, live view, metrics."""

from __future__ import annotations

import math

import msgspec

from driftline.events import AlertReference, DriftedColumn, WindowReport
from monitor.alerts import moment, promise_over, window_of
from monitor.config import EngineConfig
from monitor.distributions import distribution, telling_feature
from monitor.explain import describe
from monitor.findings import Look, find, strengths, strongest
from monitor.plan import KINDS, SCORE, Plan
from monitor.state import EngineState

DESCRIBED = 8
"""Columns that are described and drawn, the strongest first, and the score."""


def window_report(state: EngineState, look: Look, plan: Plan, config: EngineConfig) -> WindowReport:
    """The report of a state with contacts in its window.

    Args:
        look: the statistics of the state's window.
    """
    assert state.version is not None
    reference, codes = plan.reference, state.window.codes
    full = look.contacts == config.window
    findings = find(plan, look, codes, state.accepted, full=full)
    drifting = {column: proofs for kind in KINDS for column, proofs in findings.proofs[kind].items()}
    of_column = dict(zip(reference.columns, strengths(plan, look).tolist(), strict=True))
    ranked = sorted(of_column, key=lambda column: (column not in drifting, -of_column[column]))
    tests = {column: strongest(plan, look, reference.columns.index(column)) for column in ranked[:DESCRIBED]}
    columns = [
        describe(plan, look, codes, drifting.get(column, [test]), config.horizon) for column, test in tests.items()
    ]
    drawn = dict.fromkeys([*([SCORE] if SCORE in of_column else []), *tests])
    return WindowReport(
        at=moment(int(state.window.times.max())),
        at_contact=state.entered,
        model_version=state.version,
        window=window_of(state),
        full=full,
        reference=AlertReference(id=reference.id, rows=reference.rows),
        drift_share=findings.drift_share,
        drifting=[column for column in ranked if column in drifting],
        promise=promise_over(state, plan, config),
        evidence=dict(zip(KINDS, (look.totals / plan.thresholds.evidence).tolist(), strict=True)),
        strengths=of_column,
        columns=[_with_threshold(column) for column in columns],
        distributions=[distribution(reference, codes, telling_feature(reference, column)) for column in drawn],
    )


def _with_threshold(column: DriftedColumn) -> DriftedColumn:
    """A share that is rare in the reference has no threshold below it: none of a window's contacts would not do."""
    return column if math.isfinite(column.threshold) else msgspec.structs.replace(column, threshold=0.0)
