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

from driftline.events import Alert, AlertReference, AlertWindow, DriftedColumn, Kind, Level, Pane, Promise
from monitor.calibration import CALM
from monitor.explain import describe
from monitor.features import Floats
from monitor.findings import Findings, Look, excess, find
from monitor.ks import KSReport, RollingKS
from monitor.plan import KINDS, Plan
from monitor.policy import RUNBOOK, calm_summary, graver, handed_over_summary, level_of, summary
from monitor.reference import Codes, Reference
from monitor.sequential import Evidence
from monitor.state import EMPTY, EngineState, Firing, PartitionMark, Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class EngineConfig:
    """How to watch.

    Attributes:
        window: contacts in the current window.
        pane: contacts between two tests of the window, at most ``window``.
        false_alarm_rate: P(any false alarm within ``horizon`` contacts), above 0 and below 1.
        investigate_share, alert_share: drift shares from which on an alert has these levels.

    Raises:
        ValueError: one of them is out of its range; the message names it.
    """

    window: int = 500
    pane: int = 50
    false_alarm_rate: float = 0.05
    horizon: int = 20_000
    investigate_share: float = 0.20
    alert_share: float = 0.50

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"window is {self.window}: it needs at least 2 contacts")
        if not 1 <= self.pane <= self.window:
            raise ValueError(f"pane is {self.pane}: it needs 1 to {self.window} contacts, the window")
        if not 0.0 < self.false_alarm_rate < 1.0:
            raise ValueError(f"false_alarm_rate is {self.false_alarm_rate}: it needs to be above 0 and below 1")
        if self.horizon < 1:
            raise ValueError(f"horizon is {self.horizon}: it needs at least 1 contact")


@dataclass(frozen=True)
class Report:
    """One look at the stream, and what it proves."""

    at_contact: int
    model_version: str
    look: Look
    findings: Findings
    full: bool
    """Whether the window was full and due for its tests; else the evidence alone called for a look."""


@dataclass(frozen=True)
class Step:
    """What one pane led to."""

    state: EngineState
    reports: list[Report] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


class Engine:
    """The fold itself. Besides its configuration it holds what can be computed again from it and from a state."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        self.config = config or EngineConfig()
        self._plans: dict[str, Plan] = {}
        self._rolling: RollingKS | None = None
        self._rolled = EMPTY

    def plan(self, reference: Reference) -> Plan:
        """What is tested against this reference, and from where on it counts."""
        if reference.id not in self._plans:
            self._plans[reference.id] = Plan.of(
                reference,
                window=self.config.window,
                pane=self.config.pane,
                false_alarm_rate=self.config.false_alarm_rate,
                horizon=self.config.horizon,
            )
        return self._plans[reference.id]

    def step(self, state: EngineState, pane: Pane, reference: Reference) -> Step:
        """Fold one pane in.

        A repeated pane changes nothing; a partial one only the count of monitored contacts, so that alerts do not
        depend on timing. The evidence is looked at after every contact and the window after every ``config.pane`` of
        them, however the panes are cut.

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
        state = replace(state, marks=marks, entered=state.entered + pane.contacts)
        newest = microseconds(pane.last_sent_at)
        if pane.model_version != state.version:
            if newest <= state.newest:  # a late pane of the model that has been replaced
                return Step(state)
            state = replace(state, version=pane.model_version, since_switch=0, window=EMPTY, evidence=None)
        state = replace(state, newest=max(newest, state.newest))
        return self.take(state, _contacts(pane, reference), reference)

    def look(self, state: EngineState, plan: Plan) -> Look:
        """The statistics of the state's window."""
        ks = self._roll(state.window, state.window.part(0, 0), plan)
        return _look(plan, state, ks)

    def take(self, state: EngineState, contacts: Window, reference: Reference) -> Step:
        """Move on contact by contact, stopping where evidence suffices and where the window is due for its tests.

        Args:
            state: with ``contacts`` among those that have entered.
        """
        plan, entered = self.plan(reference), state.entered - len(contacts)
        begin, reports, alerts = 0, [], []
        while begin < len(contacts):
            due = min(len(contacts), begin + self.config.pane - state.since_switch % self.config.pane)
            evidence, taken, suffices = self._gather(state, contacts.codes[begin:due], plan)
            end = begin + taken
            before = state.window
            state = replace(
                state,
                evidence=evidence,
                window=before.then(contacts.part(begin, end), self.config.window),
                since_switch=state.since_switch + end - begin,
            )
            ks = self._roll(before, contacts.part(begin, end), plan, state.window)
            full = len(state.window) == self.config.window
            due_now = full and state.since_switch % self.config.pane == 0
            if due_now or suffices:
                assert state.version is not None
                look = _look(plan, state, ks)
                report = Report(entered + end, state.version, look, find(plan, look, full=full), due_now)
                state, changed = self._decide(state, report, plan)
                reports.append(report)
                alerts += changed
            begin = end
        return Step(state, reports, alerts)

    def _gather(self, state: EngineState, codes: Codes, plan: Plan) -> tuple[Evidence, int, bool]:
        """The evidence after the contacts, or after the first at which it suffices for a kind of alert to begin.

        With it come how many contacts that took, and whether it suffices.
        """
        held = state.evidence or plan.bets.start()
        starts, kinds = plan.reference.starts, len(KINDS)
        evidence, totals = held.after(plan.bets, codes, starts, plan.bet_kind, kinds)
        silent = [place for place, kind in enumerate(KINDS) if kind not in state.firing]
        over = np.flatnonzero((totals[:, silent] >= plan.thresholds.evidence).any(axis=1))
        end = int(over[0]) + 1 if len(over) else len(codes)
        if end < len(codes):
            evidence, _ = held.after(plan.bets, codes[:end], starts, plan.bet_kind, kinds)
        return evidence, end, bool(len(over))

    def _roll(self, before: Window, contacts: Window, plan: Plan, after: Window | None = None) -> KSReport:
        """The KS statistics with the contacts let in; the running sums are kept as long as the states follow on."""
        if self._rolling is None or self._rolled is not before or self._rolling.reference is not plan.reference:
            self._rolling = RollingKS(plan.reference, self.config.window)
            if len(before):
                self._rolling.push(before.codes)
        self._rolled = before if after is None else after
        return self._rolling.push(contacts.codes)

    def _decide(self, state: EngineState, report: Report, plan: Plan) -> tuple[EngineState, list[Alert]]:
        """What fires, what gets graver and what is over; between the tests of the window an alert may only begin."""
        firing, alerts, evidence = dict(state.firing), [], state.evidence
        for place, kind in enumerate(KINDS):
            held = firing.get(kind)
            over = report.findings.drifts(kind)
            if held is not None and not report.full:
                continue
            if held is not None and held.alert.model_version != report.model_version:
                words = handed_over_summary if over else lambda version: calm_summary(version, new_model=True)
                alerts.append(self._resolved(held, state, report, plan, words(report.model_version)))
                del firing[kind]
                held = None
            if held is None:
                if over:
                    alert = self._fire(kind, state, report, plan)
                    firing[kind] = Firing(alert, report.at_contact, _tests(report, kind))
                    alerts.append(alert)
                continue
            held = replace(held, tests=tuple(dict.fromkeys([*held.tests, *_tests(report, kind)])))
            if self._is_after(held, state, report) and excess(plan, report.look, held.tests) < CALM:
                held = replace(held, calm=held.calm + self.config.pane)
            else:
                held = replace(held, calm=0)
            if 2 * held.calm >= self.config.window:
                del firing[kind]
                words_of_calm = calm_summary(report.model_version, new_model=False)
                alerts.append(self._resolved(held, state, report, plan, words_of_calm))
                assert evidence is not None
                evidence = evidence.reset(plan.bets, plan.bet_kind == place)
                continue
            level = graver(held.alert.level, self._level(kind, report, plan, held)) if over else held.alert.level
            if level != held.alert.level:
                held = replace(held, alert=self._worse(held, level, state, report, plan))
                alerts.append(held.alert)
            firing[kind] = held
        return replace(state, firing=firing, evidence=evidence), alerts

    def _is_after(self, held: Firing, state: EngineState, report: Report) -> bool:
        """Whether the whole window came after the alert began.

        A partition that lagged brings contacts from before; that they are calm does not say that the drift is over.
        """
        lasted = report.at_contact - held.started_contact
        return lasted >= self.config.window and int(state.window.times.min()) >= microseconds(held.alert.started_at)

    def _level(self, kind: Kind, report: Report, plan: Plan, held: Firing | None) -> Level:
        level = level_of(
            kind,
            report.findings.drift_share,
            investigate_share=self.config.investigate_share,
            alert_share=self.config.alert_share,
        )
        lasted = held is not None and report.at_contact - held.started_contact >= self.config.window
        return "retrain" if lasted and (plan.thresholds.holds or level == "alert") else level

    def _columns(self, kind: Kind, state: EngineState, report: Report, plan: Plan) -> list[DriftedColumn]:
        """The drifting columns of a kind, the strongest first."""
        found = report.findings.proofs[kind].values()
        return [describe(plan, report.look, state.window.codes, proofs, self.config.horizon) for proofs in found]

    def _fire(self, kind: Kind, state: EngineState, report: Report, plan: Plan) -> Alert:
        columns = self._columns(kind, state, report, plan)
        reference = plan.reference
        at = _time(state)
        identity = f"{kind}/{report.model_version}/{reference.id}/{report.at_contact}"
        return Alert(
            id=hashlib.sha256(identity.encode()).hexdigest()[:16],
            state="firing",
            kind=kind,
            level=self._level(kind, report, plan, None),
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
                holds=plan.thresholds.holds,
                why=plan.thresholds.why,
            ),
            columns=columns,
            summary=summary(kind, columns, len(state.window)),
            runbook=RUNBOOK.format(kind=kind),
        )

    def _worse(self, held: Firing, level: Level, state: EngineState, report: Report, plan: Plan) -> Alert:
        columns = self._columns(held.alert.kind, state, report, plan)
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

    def _resolved(self, held: Firing, state: EngineState, report: Report, plan: Plan, words: str) -> Alert:
        at = _time(state)
        return msgspec.structs.replace(
            held.alert,
            state="resolved",
            updated_at=at,
            resolved_at=at,
            at_contact=report.at_contact,
            window=_window(state),
            drift_share=report.findings.drift_share,
            columns=self._columns(held.alert.kind, state, report, plan),
            summary=words,
        )


def _contacts(pane: Pane, reference: Reference) -> Window:
    codes = np.frombuffer(pane.codes, reference.dtype).reshape(pane.contacts, len(reference.features))
    places = np.column_stack([np.full(pane.contacts, pane.partition, np.int64), np.array(pane.offsets, np.int64)])
    return Window(codes, places, np.full(pane.contacts, microseconds(pane.last_sent_at), np.int64))


def _totals(plan: Plan, evidence: Evidence) -> Floats:
    """The evidence for each kind of alert."""
    stakes = plan.bets.weight * evidence.sums
    return np.bincount(plan.bet_kind, weights=stakes, minlength=len(KINDS)).astype(np.float64)


def _look(plan: Plan, state: EngineState, ks: KSReport) -> Look:
    contacts = len(state.window)
    hits = plan.shares.hits(state.window.codes, plan.reference.starts)
    evidence = state.evidence or plan.bets.start()
    return Look(contacts, ks, hits, plan.share_p(hits, contacts), evidence, _totals(plan, evidence))


def _tests(report: Report, kind: Kind) -> tuple[tuple[int, int], ...]:
    """What of a kind is over its threshold, as (feature, share or -1)."""
    proofs = [proof for column in report.findings.proofs[kind].values() for proof in column]
    return tuple(proof.at for proof in proofs)


def microseconds(at: datetime) -> int:
    """Since 1970."""
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
