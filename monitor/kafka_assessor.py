"""The assessor: folds the panes topic through the engine, and knows which alerts are on their topic already.

Its state is a function of the log. It is written down now and then, so that a restart folds the panes since then;
whatever it repeats after a crash it recognises by the alerts topic and does not publish again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from driftline.events import Acknowledgement, Alert, MonitorState, Pane, decode, decode_folded
from driftline.kafka_clients import last_record, read_all
from driftline.settings import Settings
from driftline.topics import ALERTS, MONITOR_STATE, PANES
from monitor.engine import Engine
from monitor.reference import Reference
from monitor.state import EngineState

Folded = Pane | Acknowledgement
Change = tuple[str, str, str, bool]
"""What tells one state change from another: alert id, state, level, and whether the promise holds."""
SNAPSHOT_EVERY = 100
"""Panes between two snapshots, 5,000 contacts by default: what a restart folds at most."""


@dataclass
class Assessor:
    """Folds panes in the order of their offsets.

    Args:
        reference: that of a model version.
    """

    settings: Settings
    engine: Engine
    reference: Callable[[str], Reference]
    _state: EngineState = field(default_factory=EngineState)
    _next_offset: int = 0
    _snapshot_at: int = 0
    _published: set[Change] | None = None

    @property
    def version(self) -> str | None:
        """The model version that the window is of."""
        return self._state.version

    def is_behind(self, offset: int) -> bool:
        """Whether panes before ``offset`` have not been folded yet, so that `catch_up` must read the topics."""
        return self._published is None or offset > self._next_offset

    def catch_up(self, offset: int) -> list[Alert]:
        """Start from the last snapshot, if need be, and fold what stands before ``offset``; reads the topics."""
        if self._published is None:
            self._restore()
        if offset <= self._next_offset:
            return []
        alerts = []
        for record in read_all(self.settings, PANES, start={0: self._next_offset}):
            if record.offset >= offset:
                break
            try:
                event = decode_folded(record.value)
            except ValueError:  # something else on the topic, which the worker makes a dead letter of
                continue
            alerts += self._step(event)
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
        config = asdict(self.engine.config)
        return MonitorState(next_offset=self._next_offset, config=config, state=self._state.to_json())

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

    def _unpublished(self, alerts: list[Alert]) -> list[Alert]:
        published = self._published
        assert published is not None  # restored before anything is folded
        fresh = [alert for alert in alerts if _change_of(alert) not in published]
        published.update(map(_change_of, fresh))
        return fresh

    def _step(self, event: Folded) -> list[Alert]:
        if isinstance(event, Pane):
            step = self.engine.step(self._state, event, self.reference(event.model_version))
        elif self._state.version is not None:
            step = self.engine.acknowledge(self._state, event, self.reference(self._state.version))
        else:
            return []
        self._state = step.state
        return step.alerts


def _change_of(alert: Alert) -> Change:
    return alert.id, alert.state, alert.level, alert.promise.holds
