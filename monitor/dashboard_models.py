"""The history of models as the dashboard shows it, told from the events of their topic."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from driftline.events import Decision, ModelEvent
from model.bundle import Bundle

DECISIONS = 100


class ModelVersion(Struct, frozen=True):
    """A registered version; what of its bundle cannot be read is None."""

    version: str
    at: datetime
    trained_on: int | None
    reference_rows: int | None
    metrics: dict[str, float]


class GateDecision(Struct, frozen=True):
    """What came of one retraining, or of a promotion by hand."""

    at: datetime
    trigger: str | None
    challenger: str
    champion: str | None
    decision: Decision | None
    why: str | None
    labels: int | None
    delta_auc: float | None
    interval: tuple[float, float] | None
    evidence: dict[str, tuple[float, float, float]]


class Reign(Struct, frozen=True):
    """A version became champion."""

    version: str
    at: datetime | None
    """None of one that is known only as the champion before another."""


@dataclass
class ModelHistory:
    """Versions, decisions and champions, in the order of their topic.

    The topic is compacted: it keeps every version and decision, and of the champions the last. Who was champion before
    is told by the promotions.
    """

    _versions: dict[str, ModelVersion] = field(default_factory=dict)
    _metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    _decisions: OrderedDict[str, GateDecision] = field(default_factory=OrderedDict)
    _reigns: list[Reign] = field(default_factory=list)
    _champion: Reign | None = None

    def take(self, event: ModelEvent) -> None:
        """One more event."""
        match event.event:
            case "registered":
                self._versions[event.model_version] = _version(event)
            case "decided":
                self._decide(event)
            case "champion":
                self._crown(event.model_version, event.at)

    @property
    def champion(self) -> str | None:
        """The version in use."""
        return None if self._champion is None else self._champion.version

    @property
    def previous(self) -> str | None:
        """The version that was champion before: what a rollback goes back to."""
        former = [reign.version for reign in self._reigns if reign.version != self.champion]
        return former[-1] if former else None

    def caused_by(self, trigger: str) -> list[GateDecision]:
        """The decisions that an alert led to, the newest first."""
        return [decision for decision in reversed(self._decisions.values()) if decision.trigger == trigger]

    def document(self) -> dict[str, Any]:
        """All of it, the newest first."""
        return {
            "champion": self.champion,
            "since": None if self._champion is None else self._champion.at,
            "previous": self.previous,
            "versions": [
                msgspec.structs.replace(version, metrics=self._metrics.get(version.version, {}))
                for version in sorted(self._versions.values(), key=lambda one: one.at, reverse=True)
            ],
            "decisions": list(reversed(self._decisions.values())),
            "champions": list(reversed(self._reigns)),
        }

    def _decide(self, event: ModelEvent) -> None:
        trigger = event.trigger or ""
        self._decisions.pop(trigger, None)
        self._decisions[trigger] = GateDecision(
            event.at, event.trigger, event.model_version, event.champion, event.decision, event.why, event.labels,
            event.delta_auc, event.interval, event.evidence,
        )  # fmt: skip
        if event.metrics:  # a promotion by hand measures nothing
            self._metrics[event.model_version] = event.metrics
        while len(self._decisions) > DECISIONS:
            self._decisions.popitem(last=False)
        if event.decision == "promoted":
            # The champion events of old are compacted away, the decisions are not.
            self._drop_uncrowned(event.champion)
            if event.champion is not None and not self._reigns:
                self._reigns.append(Reign(event.champion, None))
            self._reigns.append(Reign(event.model_version, event.at))

    def _crown(self, version: str, at: datetime) -> None:
        if version == self.champion:
            return  # said again, as by whoever was killed while saying it
        self._drop_uncrowned(version)
        reign = Reign(version, at)
        if self._reigns and self._reigns[-1].version == version:
            self._reigns[-1] = reign
        else:
            self._reigns.append(reign)
        self._champion = reign

    def _drop_uncrowned(self, champion: str | None) -> None:
        """Leave out a promotion that was decided and did not take place, now that another version was champion."""
        if self._reigns and self._reigns[-1] is not self._champion and self._reigns[-1].version != champion:
            self._reigns.pop()


def _version(event: ModelEvent) -> ModelVersion:
    try:
        bundle = Bundle.from_bytes(event.bundle or b"")
    except ValueError:
        return ModelVersion(event.model_version, event.at, None, None, {})
    return ModelVersion(event.model_version, event.at, bundle.trained_on, len(bundle.reference), {})
