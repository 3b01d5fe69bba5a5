"""The assessor: folds the panes topic through the engine, and knows which alerts are on their topic already.

Its state is a function of the log. It is written down now and then, so that a restart folds the panes since then;
whatever it repeats after a crash it recognises by the alerts topic and does not publish again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from msgspec.structs import replace

from driftline.events import (
    Acknowledgement,
    Alert,
    Folded,
    LabelBatch,
    MonitorState,
    WindowReport,
    decode,
    decode_folded,
)
from driftline.kafka_clients import last_record, read_all
from driftline.settings import Settings
from driftline.topics import ALERTS, MONITOR_STATE, PANES
from monitor.engine import Engine
from monitor.performance import Performance
from monitor.plan import KINDS
from monitor.reference import Reference
from monitor.state import EngineState
from monitor.window_report import window_report

Change = tuple[str, str, str, bool]
"""What tells one state change from another: alert id, state, level, and whether the promise holds."""
SNAPSHOT_EVERY = 100
"""Panes, and batches of labels, between two snapshots: what a restart folds at most; 5,000 contacts by default."""


@dataclass
class Assessor:
    """Folds panes in the order of their offsets.

    Args:
        reference: that of a model version.
        performance: what folds the labels, None to leave them out.
    """

    settings: Settings
    engine: Engine
    reference: Callable[[str], Reference]
    performance: Performance | None = None
    _state: EngineState = field(default_factory=EngineState)
    _next_offset: int = 0
    _snapshot_at: int = 0
    _published: set[Change] | None = None
    _reported: EngineState | None = None

    @property
    def version(self) -> str | None:
        """The model version that the window is of."""
        return self._state.version

    @property
    def is_written_down(self) -> bool:
        """Whether the last snapshot holds all that has been folded."""
        return self._snapshot_at == self._next_offset

    @property
    def is_restored(self) -> bool:
        """Whether it knows what was decided before."""
        return self._published is not None

    @property
    def firing(self) -> list[Alert]:
        """The alerts that fire now."""
        by_labels = [] if self.performance is None else self.performance.firing
        return [*(held.alert for held in self._state.firing.values()), *by_labels]

    def is_behind(self, offset: int) -> bool:
        """Whether panes before ``offset`` have not been folded yet, so that `catch_up` must read the topics."""
        return self._published is None or offset > self._next_offset

    def catch_up(self, offset: int) -> list[Alert]:
        """Start from the last snapshot, if need be, and fold what stands before ``offset``; reads the topics.

        The contacts that wait for labels are in no snapshot: the panes from before it are read for them alone.
        """
        if self._published is None:
            self._restore()
        if offset <= self._next_offset:
            return []
        alerts = [alert for event in self._events(self._next_offset, offset) for alert in self._step(event)]
        self._next_offset = offset
        return self._unpublished(alerts)

    def fold(self, offset: int, event: Folded) -> list[Alert]:
        """The unpublished alerts after what stands at ``offset``; what was folded before leads to none."""
        if offset < self._next_offset:
            return []
        self._next_offset = offset + 1
        return self._unpublished(self._step(event))

    def snapshot(self, *, now: bool) -> MonitorState | None:
        """What to write down, if it is time to, or ``now`` after an alert, once that has been published."""
        if not now and self._next_offset - self._snapshot_at < SNAPSHOT_EVERY:
            return None
        self._snapshot_at = self._next_offset
        performance = self.performance
        return MonitorState(
            next_offset=self._next_offset,
            config=asdict(self.engine.config),
            state=self._state.to_json(),
            performance=None if performance is None else performance.to_json(),
            labels=None if performance is None else performance.account(),
        )

    def window_report(self) -> WindowReport | None:
        """How the window looks now, None while there is none, or none that is new since the last report."""
        if self._state is self._reported or self._state.version is None or not len(self._state.window):
            return None
        self._reported = self._state
        plan = self.engine.plan(self.reference(self._state.version))
        return window_report(self._state, self.engine.look(self._state, plan), plan, self.engine.config)

    def _restore(self) -> None:
        self._published = {_change_of(decode(Alert, record.value)) for record in read_all(self.settings, ALERTS)}
        record = last_record(self.settings, MONITOR_STATE)
        if record is None:
            return
        kept = decode(MonitorState, record.value)
        try:
            self._state = EngineState.from_json(kept.state)
        except ValueError:  # written by another version: what it decided stays decided, and the window fills anew
            self._state = EngineState()
        if kept.config != asdict(self.engine.config):  # what was decided under other settings stays decided
            self._state = self._state.with_empty_window()
        self._next_offset = self._snapshot_at = kept.next_offset
        self._restore_performance(kept)

    def _restore_performance(self, kept: MonitorState) -> None:
        performance = self.performance
        if performance is None or kept.performance is None:
            return
        for event in self._events(0, kept.next_offset):
            if not isinstance(event, Acknowledgement):
                performance.remember(event, kept.performance.get("join", {}).get("version"))
        with suppress(ValueError):  # written by another version: the contacts are known, their losses gather anew
            performance.go_on_from(kept.performance)

    def _events(self, begin: int, end: int) -> Iterator[Folded]:
        """What stands on the panes topic in a stretch of offsets."""
        if begin >= end:
            return
        for record in read_all(self.settings, PANES, start={0: begin}):
            if record.offset >= end:
                break
            with suppress(ValueError):  # something else on the topic, which the worker makes a dead letter of
                yield decode_folded(record.value)

    def _unpublished(self, alerts: list[Alert]) -> list[Alert]:
        published = self._published
        assert published is not None  # restored before anything is folded
        fresh = [alert for alert in alerts if _change_of(alert) not in published]
        published.update(map(_change_of, fresh))
        guide = self.settings.runbook_url
        return fresh if guide is None else [replace(alert, runbook=f"{guide}#{alert.kind}") for alert in fresh]

    def _step(self, event: Folded) -> list[Alert]:
        performance = self.performance
        if isinstance(event, LabelBatch):
            return [] if performance is None else performance.labels(event)
        if isinstance(event, Acknowledgement):
            return self._acknowledge(event)
        step = self.engine.step(self._state, event, self.reference(event.model_version))
        self._state = step.state
        return step.alerts if performance is None else step.alerts + performance.pane(event)

    def _acknowledge(self, event: Acknowledgement) -> list[Alert]:
        if event.kind not in KINDS:
            return [] if self.performance is None else self.performance.acknowledge(event)
        if self._state.version is None:
            return []
        step = self.engine.acknowledge(self._state, event, self.reference(self._state.version))
        self._state = step.state
        return step.alerts


def _change_of(alert: Alert) -> Change:
    return alert.id, alert.state, alert.level, alert.promise.holds
