"""What has been decided about models, read off the model-events topic: it is the truth, the registry follows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from driftline.events import ModelEvent
from driftline.kafka_clients import read_events
from driftline.settings import Settings
from driftline.topics import MODEL_EVENTS


@dataclass(frozen=True)
class History:
    """Champion and decisions, the oldest first, each trigger's last one."""

    champion: str | None = None
    decisions: dict[str, ModelEvent] = field(default_factory=dict)
    since_champion: tuple[ModelEvent, ...] = ()
    """Decisions after the newest champion event."""

    @classmethod
    def of(cls, events: Iterable[ModelEvent]) -> History:
        """Of events in the order of their topic."""
        champion: str | None = None
        since: list[ModelEvent] = []
        decisions: dict[str, ModelEvent] = {}
        for event in events:
            if event.event == "champion":
                champion, since = event.model_version, []
            elif event.event == "decided" and event.trigger is not None:
                decisions.pop(event.trigger, None)
                decisions[event.trigger] = event
                since.append(event)
        return cls(champion, decisions, tuple(since))

    @classmethod
    def read(cls, settings: Settings) -> History:
        """Off the topic; what is no model event there is left out."""
        return cls.of(read_events(settings, MODEL_EVENTS, ModelEvent))

    @property
    def shadow(self) -> ModelEvent | None:
        """The decision by which a challenger is in shadow now, if one is."""
        newest = [event for event in self.decisions.values() if event.decision == "shadow"]
        return newest[-1] if newest and newest[-1].model_version != self.champion else None

    @property
    def unfinished(self) -> ModelEvent | None:
        """A promotion that was decided and did not take place: whoever decided it was killed before."""
        promoted = [event for event in self.since_champion if event.decision == "promoted"]
        return promoted[-1] if promoted and promoted[-1].champion == self.champion else None

    @property
    def last_decision(self) -> datetime | None:
        """When the gate, or somebody by hand, last decided."""
        return max((event.at for event in self.decisions.values()), default=None)
