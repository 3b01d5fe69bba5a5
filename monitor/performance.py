"""What became of the contacts: labels joined with scores, the test for concept drift, and the rules that labels serve.

A fold over the panes topic, like the engine: panes bring the contacts, batches of labels their outcomes. Only contacts
that the present champion has scored count; a new champion begins anew. Times are those of the contacts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import msgspec
import numpy as np

from driftline.events import Acknowledgement, Alert, LabelAccount, LabelBatch, Pane
from monitor import performance_alerts as alerts_of
from monitor.alerts import accept, microseconds
from monitor.champion import Champion
from monitor.concept import ConceptEvidence, Trial, gains, threshold
from monitor.config import LabelConfig
from monitor.labels import COUNTED, Joined, LabelJoin, Segments, first_time
from monitor.performance_alerts import Outcome, Scene
from monitor.relation import Relation, log_odds
from monitor.state import packed, unpacked

FORMAT = 1
"""Of the JSON; another number means other statistics."""
FEWEST_ENGAGEMENT = 200
"""Labels that a window needs before its share of engaged is a rule's business."""
RECOVERED = 1.2
"""Engagement is back once it is so many times the least."""
DAY = 86_400 * 1_000_000
"""µs."""


@dataclass(frozen=True)
class Held:
    """An alert that fires, and since which label."""

    alert: Alert
    at_label: int


class Performance:
    """The fold; `pane` and `labels` take in what stands on the topic, in its order, and return the state changes.

    Args:
        champion: what the monitor keeps of a model version.
    """

    def __init__(self, config: LabelConfig, champion: Callable[[str], Champion]) -> None:
        self.config = config
        self._champion = champion
        self._join = LabelJoin()
        self._begin_reign()

    def _begin_reign(self) -> None:
        self._contacts = 0
        self._since = 0
        self._reach: dict[int, tuple[int, int]] = {}
        self._joined = 0
        self._told_labels = 0
        self._window: deque[Outcome] = deque(maxlen=self.config.window)
        self._engaged = 0
        self._relation: Relation | None = None
        self._evidence: ConceptEvidence | None = None
        self._trial: Trial | None = None
        self._firing: dict[str, Held] = {}
        self._accepted: frozenset[str] = frozenset()

    @property
    def version(self) -> str | None:
        """The champion's version."""
        return self._join.version

    @property
    def firing(self) -> list[Alert]:
        """The alerts of this fold that fire now."""
        return [held.alert for held in self._firing.values()]

    def pane(self, pane: Pane) -> list[Alert]:
        """Let the contacts of a complete pane in; one that has been taken changes nothing."""
        if self._join.knows(pane):
            return []
        begins = self._join.begins_reign(pane)
        joined = self._join.take(pane, self._segments(pane, of=pane.model_version if begins else self.version))
        changed = self._hand_over(pane.model_version) if begins else []
        if pane.model_version == self.version:
            self._count(pane)
            changed += self._judge_age()
        for one in joined:
            changed += self._learn(one)
        return changed

    def labels(self, batch: LabelBatch) -> list[Alert]:
        """Let labels in; those that have been taken change nothing."""
        return [alert for one in self._join.match(batch) for alert in self._learn(one)]

    def acknowledge(self, acknowledgement: Acknowledgement) -> list[Alert]:
        """Accept what an alert of this fold is about, until the next champion; the alert is over with that."""
        version = self.version
        if version is None or acknowledgement.reference_id != self._champion(version).reference.id:
            return []
        columns = {name for name, kind in alerts_of.KINDS.items() if kind == acknowledgement.kind}
        columns &= set(acknowledgement.columns)
        self._accepted |= columns
        ended = [self._firing.pop(name) for name in sorted(columns) if name in self._firing]
        if "score" in columns:
            self._evidence = self._trial = None
        return [accept(held.alert, acknowledgement) for held in ended]

    def remember(self, event: Pane | LabelBatch, version: str | None) -> None:
        """Take an event into the join alone: it was folded before the state in hand was written down.

        Args:
            version: the champion of that state; of contacts that others scored the segments are not needed.
        """
        if isinstance(event, LabelBatch):
            self._join.match(event)
        elif not self._join.knows(event):
            self._join.take(event, self._segments(event, of=version))

    def account(self) -> LabelAccount:
        """What became of the labels so far."""
        delays = [max(0, one.labelled_at - one.time) for one in self._window]
        counts = self._join.counts
        return LabelAccount(
            contacts=self._contacts,
            joined=self._joined,
            median_delay_seconds=round(median(delays) / 1e6, 3) if delays else None,
            waiting=self._join.waiting,
            unknown=self._join.unknown,
            **{name: counts[name] for name in COUNTED},
        )

    def _segments(self, pane: Pane, *, of: str | None) -> list[Segments]:
        """The segments of a pane's contacts; none where another version than ``of`` has scored them."""
        if pane.model_version != of:
            return [()] * pane.contacts
        return self._champion(of).segments_of(pane)

    def _count(self, pane: Pane) -> None:
        self._since = self._since or first_time(pane)
        self._contacts += pane.contacts
        first, last = self._reach.get(pane.partition, (pane.offsets[0], -1))
        self._reach[pane.partition] = min(first, pane.offsets[0]), max(last, pane.offsets[-1])

    def _learn(self, joined: Joined) -> list[Alert]:
        contact = joined.contact
        if contact.reign != self._join.reign or self.version is None:
            self._join.counts["former"] += 1
            return []
        champion = self._champion(self.version)
        relation = self._relation or champion.relation
        evidence = self._evidence or ConceptEvidence.start(len(champion.segments))
        odds = float(log_odds(contact.score))
        row = champion.row(odds, contact.segments)
        gained = gains(relation.expects(row), float(relation.mean[0]), contact.engaged)
        concerned = (0, *(1 + place for place in contact.segments))
        self._evidence = evidence.after(gained, concerned)
        if self._trial is None:
            self._relation = relation.after(row, contact.engaged)
        else:  # what is believed of before a drift must not learn what came after it
            self._relation = relation
            if contact.time >= microseconds(self._firing["score"].alert.started_at):
                self._trial = self._trial.after(gained, concerned)
        self._remember(
            Outcome(
                odds=odds,
                engaged=contact.engaged,
                time=contact.time,
                labelled_at=joined.labelled_at,
                partition=contact.partition,
                offset=contact.offset,
                segments=contact.segments,
            )
        )
        return [*self._judge_concept(champion), *self._judge_engagement(champion), *self._judge_labels(champion)]

    def _remember(self, outcome: Outcome) -> None:
        if len(self._window) == self._window.maxlen:
            self._engaged -= self._window[0].engaged
        self._window.append(outcome)
        self._engaged += outcome.engaged
        self._joined += 1

    def _judge_concept(self, champion: Champion) -> list[Alert]:
        held, evidence, stakes = self._firing.get("score"), self._evidence, champion.stakes
        assert evidence is not None  # a label has just been learnt
        at = threshold(self.config.false_alarm_rate, self.config.horizon)
        if held is None:
            if "score" in self._accepted or evidence.total(stakes) < at:
                return []
            self._trial = Trial.start(len(champion.segments))
            return [self._begin("score", alerts_of.concept_drift(self._scene(champion), self.config, evidence, at))]
        assert self._trial is not None  # begun with the alert
        if self._trial.labels >= self.config.window:
            if self._trial.is_calm(stakes):
                self._evidence = self._trial = None
                return [self._end("score", alerts_of.CALM["score"], champion)]
            self._trial = Trial.start(len(champion.segments))
        if held.alert.level == "retrain" or self._joined - held.at_label < self.config.window:
            return []
        alert = alerts_of.concept_drift(self._scene(champion), self.config, evidence, at, held.alert)
        self._firing["score"] = replace(held, alert=alert)
        return [alert]

    def _judge_engagement(self, champion: Champion) -> list[Alert]:
        labels, least = len(self._window), self.config.min_engagement
        if labels < min(FEWEST_ENGAGEMENT, self.config.window):
            return []
        share = self._engaged / labels
        if "engaged" in self._firing:
            back = share >= RECOVERED * least
            return [self._end("engaged", alerts_of.CALM["engaged"], champion)] if back else []
        if share >= least or "engaged" in self._accepted:
            return []
        return [self._begin("engaged", alerts_of.engagement(self._scene(champion), self.config, share))]

    def _judge_labels(self, champion: Champion) -> list[Alert]:
        most = max(self.config.new_labels, 2 * self._told_labels)
        if not self.config.new_labels or self._joined <= most or "labels" in self._accepted:
            return []
        ended = [self._end("labels", alerts_of.CALM["labels"], champion)] if "labels" in self._firing else []
        self._told_labels = self._joined
        return [*ended, self._begin("labels", alerts_of.new_labels(self._scene(champion), self.config, most))]

    def _judge_age(self) -> list[Alert]:
        if not self.config.max_champion_days or {"champion"} & (self._firing.keys() | self._accepted):
            return []
        assert self.version is not None  # the pane's own
        champion = self._champion(self.version)
        days = (self._join.newest - microseconds(champion.created_at)) / DAY
        if days <= self.config.max_champion_days:
            return []
        return [self._begin("champion", alerts_of.champion_age(self._scene(champion), self.config, days))]

    def _begin(self, name: str, alert: Alert) -> Alert:
        self._firing[name] = Held(alert, self._joined)
        return alert

    def _end(self, name: str, words: str, champion: Champion) -> Alert:
        return alerts_of.resolved(self._firing.pop(name).alert, self._scene(champion), words)

    def _hand_over(self, version: str) -> list[Alert]:
        """The end of all alerts about a model that has been replaced, and a new beginning."""
        words = alerts_of.HANDED_OVER.format(version=version)
        ended = [alerts_of.resolved(held.alert, self._scene(None), words) for held in self._firing.values()]
        self._begin_reign()
        return ended

    def _scene(self, champion: Champion | None) -> Scene:
        return Scene(
            champion=champion,
            at_contact=self._join.entered,
            newest=self._join.newest,
            since=self._since,
            contacts=self._contacts,
            reach=self._reach,
            joined=self._joined,
            window=list(self._window),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data, but for what the join holds."""
        return {
            "format": FORMAT,
            "join": self._join.to_json(),
            "contacts": self._contacts,
            "since": self._since,
            "reach": {str(partition): list(ends) for partition, ends in self._reach.items()},
            "joined": self._joined,
            "told_labels": self._told_labels,
            "window": packed(np.array([one.numbers() for one in self._window], np.float64)),
            "relation": None if self._relation is None else self._relation.to_json(),
            "evidence": None if self._evidence is None else self._evidence.to_json(),
            "trial": None if self._trial is None else self._trial.to_json(),
            "firing": {name: [msgspec.to_builtins(held.alert), held.at_label] for name, held in self._firing.items()},
            "accepted": sorted(self._accepted),
        }

    def go_on_from(self, data: Mapping[str, Any]) -> None:
        """Take up the state of `to_json`, with what has been remembered of the panes before it.

        Raises:
            ValueError: it was written by a version of Driftline with other statistics.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a state of the labels of format {data.get('format')}, not {FORMAT}")
        self._join = self._join.with_json(data["join"])
        self._begin_reign()
        self._contacts, self._since = data["contacts"], data["since"]
        self._reach = {int(partition): (first, last) for partition, (first, last) in data["reach"].items()}
        for numbers in unpacked(data["window"]).tolist():
            self._remember(Outcome.of(numbers))
        self._joined, self._told_labels = data["joined"], data["told_labels"]
        self._relation = None if data["relation"] is None else Relation.from_json(data["relation"])
        self._evidence = None if data["evidence"] is None else ConceptEvidence.from_json(data["evidence"])
        self._trial = None if data["trial"] is None else Trial.from_json(data["trial"])
        self._firing = {
            name: Held(msgspec.convert(alert, Alert), at_label) for name, (alert, at_label) in data["firing"].items()
        }
        self._accepted = frozenset(data["accepted"])
