"""The alert that a report leads to, how it gets graver, and how it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from driftline.events import Acknowledgement, Alert, AlertReference, AlertWindow, DriftedColumn, Kind, Level, Promise
from monitor.config import EngineConfig
from monitor.dependence import comes_in_runs
from monitor.explain import describe
from monitor.findings import Report
from monitor.plan import Plan
from monitor.policy import ACCEPTED, RUNBOOK, summary
from monitor.state import EngineState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fire(kind: Kind, level: Level, state: EngineState, report: Report, plan: Plan, config: EngineConfig) -> Alert:
    """A new alert."""
    columns = _columns(kind, state, report, plan, config)
    at = newest_time(state)
    identity = f"{kind}/{report.model_version}/{plan.reference.id}/{report.at_contact}"
    return Alert(
        id=alert_id(identity),
        state="firing",
        kind=kind,
        level=level,
        started_at=at,
        updated_at=at,
        resolved_at=None,
        at_contact=report.at_contact,
        window=window_of(state),
        model_version=report.model_version,
        reference=AlertReference(id=plan.reference.id, rows=plan.reference.rows),
        drift_share=report.findings.drift_share,
        promise=promise_over(state, plan, config),
        columns=columns,
        summary=summary(kind, columns, len(state.window)),
        runbook=RUNBOOK.format(kind=kind),
    )


def alert_id(identity: str) -> str:
    """The id of an alert: it follows from what the alert is about and when, so a replay gives the same."""
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def escalate(alert: Alert, level: Level, state: EngineState, report: Report, plan: Plan, config: EngineConfig) -> Alert:
    """The alert with a graver level, and with what drifts now."""
    now = _renewed(alert, state, report, plan, config)
    words = summary(now.kind, now.columns, now.window.contacts)
    return msgspec.structs.replace(now, level=level, summary=words)


def resolve(alert: Alert, words: str, state: EngineState, report: Report, plan: Plan, config: EngineConfig) -> Alert:
    """The alert when its drift is over."""
    return ended(_renewed(alert, state, report, plan, config), words)


def ended(now: Alert, words: str) -> Alert:
    """An alert as it is now, once it is over."""
    return msgspec.structs.replace(now, state="resolved", resolved_at=now.updated_at, summary=words)


def accept(alert: Alert, acknowledgement: Acknowledgement) -> Alert:
    """The alert when its change has been accepted: it is over, with the columns that it was about."""
    at = acknowledgement.at
    return msgspec.structs.replace(
        alert, state="resolved", updated_at=at, resolved_at=at, acknowledged_at=at, summary=ACCEPTED
    )


def promise(plan: Plan, config: EngineConfig) -> Promise:
    """The false-alarm rate that every alert carries, and whether it holds for the reference."""
    why = plan.thresholds.why
    return Promise(false_alarm_rate=config.false_alarm_rate, horizon=config.horizon, holds=why is None, why=why)


def promise_over(state: EngineState, plan: Plan, config: EngineConfig) -> Promise:
    """The same, withheld also where the window shows what the thresholds know nothing of."""
    given = promise(plan, config)
    independent = plan.reference.inflation.max() == 1.0
    partitions = state.window.places[:, 0]
    if given.holds and independent and comes_in_runs(state.window.codes, plan.reference.features, partitions):
        why = f"the last {len(state.window)} contacts come in runs of alike ones, which the reference does not"
        return msgspec.structs.replace(given, holds=False, why=why)
    return given


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def moment(time: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + timedelta(microseconds=time)


def newest_time(state: EngineState) -> datetime:
    """The newest contact of the window."""
    return moment(int(state.window.times.max()))


def _renewed(alert: Alert, state: EngineState, report: Report, plan: Plan, config: EngineConfig) -> Alert:
    """The alert with the window as it is now."""
    return msgspec.structs.replace(
        alert,
        updated_at=newest_time(state),
        at_contact=report.at_contact,
        window=window_of(state),
        drift_share=report.findings.drift_share,
        columns=_columns(alert.kind, state, report, plan, config),
    )


def _columns(kind: Kind, state: EngineState, report: Report, plan: Plan, config: EngineConfig) -> list[DriftedColumn]:
    """The drifting columns of a kind, the strongest first."""
    found = report.findings.proofs[kind].values()
    return [describe(plan, report.look, state.window.codes, proofs, config.horizon) for proofs in found]


def window_of(state: EngineState) -> AlertWindow:
    partitions, offsets = state.window.places[:, 0], state.window.places[:, 1]
    held = {int(p): offsets[partitions == p] for p in np.unique(partitions)}
    return reaching(len(state.window), {p: (int(found.min()), int(found.max())) for p, found in held.items()})


def reaching(contacts: int, ends: Mapping[int, tuple[int, int]]) -> AlertWindow:
    """The window of so many contacts, by the first and the last offset in each partition."""
    return AlertWindow(
        contacts=contacts,
        first={str(partition): first for partition, (first, _) in sorted(ends.items())},
        last={str(partition): last for partition, (_, last) in sorted(ends.items())},
    )
