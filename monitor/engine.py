"""The monitor's engine: a fold over panes. Pure, so a replay of the panes gives the same alerts byte for byte.

`Engine.step` takes a state and a pane and returns the next state, a report when the window was tested, and the
alerts whose state changed. Times are those of the contacts, never the clock's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from driftline.events import Acknowledgement, Alert, Kind, Level, Pane
from monitor.alerts import accept, escalate, fire, microseconds, promise_over, resolve
from monitor.calibration import CALM
from monitor.config import EngineConfig
from monitor.features import Floats, Ints
from monitor.findings import Look, Report, excess, find
from monitor.ks import KSReport, RollingKS
from monitor.plan import KINDS, Plan
from monitor.policy import calm_summary, graver, handed_over_summary, level_of
from monitor.reference import Codes, Reference
from monitor.sequential import Evidence
from monitor.state import EMPTY, EngineState, Firing, PartitionMark, Window


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
            state = replace(state, version=pane.model_version, since_switch=0, window=EMPTY, evidence=None, accepted={})
        state = replace(state, newest=max(newest, state.newest))
        return self.take(state, _contacts(pane, reference), reference)

    def acknowledge(self, state: EngineState, acknowledgement: Acknowledgement, reference: Reference) -> Step:
        """Accept a change until the reference changes: columns that an alert is about raise none of its kind again.

        The alert is over with that, and so is any other of its kind that was about these columns alone.

        Args:
            reference: that of the state's model version; an acknowledgement of another one changes nothing.
        """
        if acknowledgement.reference_id != reference.id:
            return Step(state)
        kind = acknowledgement.kind
        columns = {*state.accepted.get(kind, ()), *acknowledgement.columns}
        held = state.firing.get(kind)
        if held is not None and held.alert.id == acknowledgement.alert_id:
            columns |= {reference.features[feature].column for feature, _ in held.tests}
        state = replace(state, accepted=dict(state.accepted) | {kind: tuple(sorted(columns))})
        if held is None:
            return Step(state)
        others = tuple(at for at in held.tests if reference.features[at[0]].column not in columns)
        if others:
            return Step(state.with_firing(kind, replace(held, tests=others)))
        return Step(state.with_firing(kind, None), alerts=[accept(held.alert, acknowledgement)])

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
                found = find(plan, look, state.window.codes, state.accepted, full=full)
                report = Report(entered + end, state.version, look, found, due_now)
                state, changed = self._decide(state, report, plan)
                reports.append(report)
                alerts += changed
            begin = end
        return Step(state, reports, alerts)

    def _gather(self, state: EngineState, codes: Codes, plan: Plan) -> tuple[Evidence, int, bool]:
        """The evidence after the contacts, or after the first at which it begins to suffice for a kind of alert.

        With it come how many contacts that took, and whether it does. What goes on sufficing without having led to an
        alert, because the window is calm, waits for the window's next test.
        """
        held = state.evidence or plan.bets.start()
        starts, kinds = plan.reference.starts, plan.kinds(state.accepted)
        evidence, totals = held.after(plan.bets, codes, starts, kinds, len(KINDS) + 1)
        silent = [place for place, kind in enumerate(KINDS) if kind not in state.firing]
        levels = np.vstack([_totals(plan, held, kinds), totals[:, : len(KINDS)]])[:, silent]
        suffices = levels >= plan.thresholds.evidence
        over = np.flatnonzero((suffices[1:] & ~suffices[:-1]).any(axis=1))
        end = int(over[0]) + 1 if len(over) else len(codes)
        if end < len(codes):
            evidence, _ = held.after(plan.bets, codes[:end], starts, kinds, len(KINDS) + 1)
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
        alerts: list[Alert] = []
        for kind in KINDS:
            held = state.firing.get(kind)
            if held is not None and not report.full:
                continue
            if held is not None and held.alert.model_version != report.model_version:
                alerts.append(self._hand_over(held, state, report, plan))
                held = None
                state = state.with_firing(kind, None)
            if held is None:
                if report.findings.drifts(kind):
                    alert = fire(kind, self._level(kind, report), state, report, plan, self.config)
                    state = state.with_firing(kind, Firing(alert, report.at_contact, _tests(report, kind)))
                    alerts.append(alert)
                continue
            held, changed = self._go_on(held, state, report, plan)
            if changed is not None:
                alerts.append(changed)
            if held is None and state.evidence is not None:
                place = KINDS.index(kind)
                state = replace(state, evidence=state.evidence.reset(plan.bets, plan.bet_kind == place))
            state = state.with_firing(kind, held)
        return state, alerts

    def _hand_over(self, held: Firing, state: EngineState, report: Report, plan: Plan) -> Alert:
        """The end of an alert about a model that has been replaced."""
        version = report.model_version
        over = report.findings.drifts(held.alert.kind)
        words = handed_over_summary(version) if over else calm_summary(version, new_model=True)
        return resolve(held.alert, words, state, report, plan, self.config)

    def _go_on(
        self, held: Firing, state: EngineState, report: Report, plan: Plan
    ) -> tuple[Firing | None, Alert | None]:
        """What becomes of an alert that fires, None when it is over, and its state change, if any."""
        kind = held.alert.kind
        held = replace(held, tests=tuple(dict.fromkeys([*held.tests, *_tests(report, kind)])))
        is_calm = (
            self._is_after(held, state, report) and excess(plan, report.look, state.window.codes, held.tests) < CALM
        )
        held = replace(held, calm=held.calm + self.config.pane if is_calm else 0)
        if 2 * held.calm >= self.config.window:
            words = calm_summary(report.model_version, new_model=False)
            return None, resolve(held.alert, words, state, report, plan, self.config)
        if held.alert.level == "retrain" or not report.findings.drifts(kind):
            return held, None
        alert, level = held.alert, graver(held.alert.level, self._level(kind, report))
        lasted = report.at_contact - held.started_contact >= self.config.window
        if alert.promise.holds and (lasted or level != alert.level):
            # one that was withdrawn stays so: the evidence for the alert was gathered from contacts in runs
            alert = msgspec.structs.replace(alert, promise=promise_over(state, plan, self.config))
        if lasted and (alert.promise.holds or level == "alert"):
            level = "retrain"
        if level == alert.level and alert.promise == held.alert.promise:
            return held, None
        alert = escalate(alert, level, state, report, plan, self.config)
        return replace(held, alert=alert), alert

    def _is_after(self, held: Firing, state: EngineState, report: Report) -> bool:
        """Whether the whole window came after the alert began.

        A partition that lagged brings contacts from before; that they are calm does not say that the drift is over.
        """
        lasted = report.at_contact - held.started_contact
        return lasted >= self.config.window and int(state.window.times.min()) >= microseconds(held.alert.started_at)

    def _level(self, kind: Kind, report: Report) -> Level:
        return level_of(
            kind,
            report.findings.drift_share,
            investigate_share=self.config.investigate_share,
            alert_share=self.config.alert_share,
        )


def _contacts(pane: Pane, reference: Reference) -> Window:
    codes = np.frombuffer(pane.codes, reference.dtype).reshape(pane.contacts, len(reference.features))
    places = np.column_stack([np.full(pane.contacts, pane.partition, np.int64), np.array(pane.offsets, np.int64)])
    return Window(codes, places, np.full(pane.contacts, microseconds(pane.last_sent_at), np.int64))


def _totals(plan: Plan, evidence: Evidence, kinds: Ints) -> Floats:
    """The evidence for each kind of alert."""
    stakes = plan.bets.weight * evidence.sums
    return np.bincount(kinds, weights=stakes, minlength=len(KINDS))[: len(KINDS)].astype(np.float64)


def _look(plan: Plan, state: EngineState, ks: KSReport) -> Look:
    contacts = len(state.window)
    hits = plan.shares.hits(state.window.codes, plan.reference.starts)
    evidence = state.evidence or plan.bets.start()
    return Look(
        contacts, ks, hits, plan.share_p(hits, contacts), evidence, _totals(plan, evidence, plan.kinds(state.accepted))
    )


def _tests(report: Report, kind: Kind) -> tuple[tuple[int, int], ...]:
    """What of a kind is over its threshold, as (feature, share or -1)."""
    proofs = [proof for column in report.findings.proofs[kind].values() for proof in column]
    return tuple(proof.at for proof in proofs)
