"""The monitor's engine: a fold over panes. Pure, so a replay of the panes gives the same alerts byte for byte.

`Engine.step` takes a state and a pane and returns the next state, a report when the window was tested, and the
alerts whose state changed. Times are those of the contacts, never the clock's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from driftline.events import Alert, AlertReference, AlertWindow, Kind, Level, Pane, Promise
from monitor.calibration import Threshold, threshold
from monitor.ks import KSReport, ks_statistics
from monitor.policy import (
    RUNBOOK,
    Findings,
    calm_summary,
    find,
    graver,
    handed_over_summary,
    level_of,
    summary,
)
from monitor.reference import Reference
from monitor.state import EMPTY, EngineState, Firing, PartitionMark, Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS: tuple[Kind, ...] = ("data_drift", "prediction_drift")


@dataclass(frozen=True)
class EngineConfig:
    """How to watch. ``pane`` divides ``window``; both are contacts."""

    window: int = 500
    pane: int = 50
    false_alarm_rate: float = 0.05
    horizon: int = 20_000
    investigate_share: float = 0.20
    alert_share: float = 0.50


@dataclass(frozen=True)
class Report:
    """One test of the current window."""

    at_contact: int
    model_version: str
    ks: KSReport
    threshold: Threshold
    findings: Findings


@dataclass(frozen=True)
class Step:
    """What one pane led to."""

    state: EngineState
    report: Report | None = None
    alerts: list[Alert] = field(default_factory=list)


class Engine:
    """The fold itself; it holds nothing but its configuration."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        self.config = config or EngineConfig()

    def threshold(self, reference: Reference) -> Threshold:
        """The threshold for this reference, calibrated for the whole run."""
        return threshold(
            reference_rows=reference.rows,
            window=self.config.window,
            pane=self.config.pane,
            features=len(reference.features),
            false_alarm_rate=self.config.false_alarm_rate,
            horizon=self.config.horizon,
        )

    def step(self, state: EngineState, pane: Pane, reference: Reference) -> Step:
        """Fold one pane in.

        A repeated pane changes nothing; a partial one only the count of monitored contacts, so that alerts do not
        depend on timing. The window is tested after every ``config.pane`` contacts, however the panes are cut.

        Args:
            reference: that of the pane's model version.
        """
        mark = state.marks.get(pane.partition, PartitionMark())
        if mark.knows(pane):
            return Step(state)
        if not pane.complete:
            partial = dict(mark.partial) | {pane.model_version: pane.contacts}
            return Step(replace(state, marks=dict(state.marks) | {pane.partition: replace(mark, partial=partial)}))
        marks = dict(state.marks) | {pane.partition: mark.after(pane)}
        entered = state.entered
        state = replace(state, marks=marks, entered=entered + pane.contacts)
        newest = _microseconds(pane.last_sent_at)
        if pane.model_version != state.version:
            if newest <= state.newest:  # a late pane of the model that has been replaced
                return Step(state)
            state = replace(state, version=pane.model_version, since_switch=0, window=EMPTY)
        state = replace(state, newest=max(newest, state.newest))
        return self._take(state, _contacts(pane, reference), entered, reference)

    def _take(self, state: EngineState, contacts: Window, entered: int, reference: Reference) -> Step:
        """Move the window on, testing it whenever it has moved by ``config.pane`` contacts."""
        begin, report, alerts = 0, None, []
        while begin < len(contacts):
            end = min(len(contacts), begin + self.config.pane - state.since_switch % self.config.pane)
            state = replace(
                state,
                window=state.window.then(contacts.part(begin, end), self.config.window),
                since_switch=state.since_switch + end - begin,
            )
            begin = end
            if state.since_switch % self.config.pane == 0 and len(state.window) == self.config.window:
                report = self._test(state, entered + end, reference)
                state, changed = self._decide(state, report, reference)
                alerts += changed
        return Step(state, report, alerts)

    def _test(self, state: EngineState, at_contact: int, reference: Reference) -> Report:
        assert state.version is not None
        ks = ks_statistics(reference, state.window.codes)
        at = self.threshold(reference)
        findings = find(reference, state.window.codes, ks, at)
        return Report(at_contact, state.version, ks, at, findings)

    def _decide(self, state: EngineState, report: Report, reference: Reference) -> tuple[EngineState, list[Alert]]:
        """What fires, what gets graver and what is over after a test."""
        firing, alerts = dict(state.firing), []
        for kind in KINDS:
            held = firing.pop(kind, None)
            over = report.findings.drifts(kind)
            if held is not None and held.alert.model_version != report.model_version:
                words = handed_over_summary if over else lambda version: calm_summary(version, new_model=True)
                alerts.append(self._resolved(held, state, report, words(report.model_version)))
                held = None
            if held is None:
                if over:
                    firing[kind] = Firing(self._fire(kind, state, report, reference), report.at_contact)
                    alerts.append(firing[kind].alert)
                continue
            calm = 0 if over else held.calm + self.config.pane
            if calm >= self.config.window:
                alerts.append(self._resolved(held, state, report, calm_summary(report.model_version, new_model=False)))
                continue
            firing[kind] = replace(held, calm=calm)
            level = graver(held.alert.level, self._level(kind, report, held)) if over else held.alert.level
            if level != held.alert.level:
                firing[kind] = replace(firing[kind], alert=self._worse(held, level, state, report))
                alerts.append(firing[kind].alert)
        return replace(state, firing=firing), alerts

    def _level(self, kind: Kind, report: Report, held: Firing | None) -> Level:
        level = level_of(
            kind,
            report.findings.drift_share,
            investigate_share=self.config.investigate_share,
            alert_share=self.config.alert_share,
        )
        lasted = held is not None and report.at_contact - held.started_contact >= self.config.window
        return "retrain" if lasted and (report.threshold.holds or level == "alert") else level

    def _fire(self, kind: Kind, state: EngineState, report: Report, reference: Reference) -> Alert:
        columns = report.findings.columns(kind)
        at = _time(state)
        identity = f"{kind}/{report.model_version}/{reference.id}/{report.at_contact}"
        return Alert(
            id=hashlib.sha256(identity.encode()).hexdigest()[:16],
            state="firing",
            kind=kind,
            level=self._level(kind, report, None),
            started_at=at,
            updated_at=at,
            resolved_at=None,
            at_contact=report.at_contact,
            window=_window(state),
            model_version=report.model_version,
            reference=AlertReference(id=reference.id, rows=reference.rows),
            drift_share=report.findings.drift_share,
            promise=Promise(
                false_alarm_rate=self.config.false_alarm_rate,
                horizon=self.config.horizon,
                holds=report.threshold.holds,
                why=report.threshold.why,
            ),
            columns=columns,
            summary=summary(kind, columns, self.config.window),
            runbook=RUNBOOK.format(kind=kind),
        )

    def _worse(self, held: Firing, level: Level, state: EngineState, report: Report) -> Alert:
        columns = report.findings.columns(held.alert.kind)
        return msgspec.structs.replace(
            held.alert,
            level=level,
            updated_at=_time(state),
            at_contact=report.at_contact,
            window=_window(state),
            drift_share=report.findings.drift_share,
            columns=columns,
            summary=summary(held.alert.kind, columns, self.config.window),
        )

    def _resolved(self, held: Firing, state: EngineState, report: Report, words: str) -> Alert:
        at = _time(state)
        return msgspec.structs.replace(
            held.alert,
            state="resolved",
            updated_at=at,
            resolved_at=at,
            at_contact=report.at_contact,
            window=_window(state),
            drift_share=report.findings.drift_share,
            columns=report.findings.columns(held.alert.kind),
            summary=words,
        )


def _contacts(pane: Pane, reference: Reference) -> Window:
    codes = np.frombuffer(pane.codes, "<u2").reshape(pane.contacts, len(reference.features))
    places = np.column_stack([np.full(pane.contacts, pane.partition, np.int64), np.array(pane.offsets, np.int64)])
    return Window(codes, places, np.full(pane.contacts, _microseconds(pane.last_sent_at), np.int64))


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _time(state: EngineState) -> datetime:
    """The newest contact of the window."""
    return EPOCH + timedelta(microseconds=int(state.window.times.max()))


def _window(state: EngineState) -> AlertWindow:
    partitions, offsets = state.window.places[:, 0], state.window.places[:, 1]
    ends = {int(p): offsets[partitions == p] for p in np.unique(partitions)}
    return AlertWindow(
        contacts=len(state.window),
        first={str(p): int(found.min()) for p, found in ends.items()},
        last={str(p): int(found.max()) for p, found in ends.items()},
    )
