"""Alerts about outcomes: concept drift, engagement, the champion's age, and labels enough for a better one.

Each is about one column: ``score`` for concept drift, ``engaged``, ``champion`` and ``labels`` for the rules. Their
window is that of the labelled contacts, or reaches over all contacts of the champion; ``started_at`` is the time of the
first contact that a new model should learn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np
from scipy.special import expit

from driftline.events import Alert, AlertReference, AlertWindow, DriftedColumn, Kind, Level, Promise
from model.features import SEGMENTS
from monitor.alerts import alert_id, ended, moment, reaching
from monitor.champion import Champion
from monitor.concept import OF_ALL, RIVALS, ConceptEvidence
from monitor.config import LabelConfig
from monitor.explain import FEWEST
from monitor.labels import Segments
from monitor.policy import RUNBOOK, WORDS
from monitor.relation import log_losses

KINDS: Mapping[str, Kind] = {
    "score": "concept_drift", "engaged": "business", "champion": "performance", "labels": "performance",
}  # fmt: skip
"""The column that each alert is about, and its kind."""
CALM: Mapping[str, str] = {
    "score": "Who engages follows the scores again as it did when the model was made.",
    "engaged": "Enough people engage again.",
    "labels": "There are twice as many labels now; what they are good for is a new alert.",
}
"""The sentences for alerts that are over."""
HANDED_OVER = "Model version {version} has taken over; its scores are judged by its own contacts from here on."
RULE = "a business rule, not a test"


class Outcome(NamedTuple):
    """A labelled contact: the score's log-odds, the label, both times (µs), where the contact stood, its segments."""

    odds: float
    engaged: int
    time: int
    labelled_at: int
    partition: int
    offset: int
    segments: Segments

    def numbers(self) -> list[float]:
        """As many numbers for every outcome, exactly."""
        padding = [-1] * (len(SEGMENTS) - len(self.segments))
        return [*self[:-1], *self.segments, *padding]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Outcome:
        """The inverse of `numbers`."""
        odds, *whole = numbers
        engaged, time, labelled_at, partition, offset, *segments = map(int, whole)
        places = tuple(place for place in segments if place >= 0)
        return cls(odds, engaged, time, labelled_at, partition, offset, places)


@dataclass(frozen=True)
class Scene:
    """What an alert tells of the moment that it changes in.

    Attributes:
        champion: None where the alert's own is over.
        at_contact: contacts monitored so far.
        newest: time of the newest contact, µs.
        since: time of the champion's first contacts, µs.
        contacts: that the champion has scored.
        reach: their first and last offset by partition.
        joined: labels of theirs.
        window: the last labelled ones, in the order of their labels.
    """

    champion: Champion | None
    at_contact: int
    newest: int
    since: int
    contacts: int
    reach: Mapping[int, tuple[int, int]]
    joined: int
    window: Sequence[Outcome]


def concept_drift(
    scene: Scene,
    config: LabelConfig,
    evidence: ConceptEvidence,
    threshold: float,
    before: Alert | None = None,
) -> Alert:
    """The champion's scores no longer tell who engages as they did.

    Args:
        before: the alert as it has been firing; this is its escalation.
    """
    champion = scene.champion
    assert champion is not None
    proof = evidence.strongest(champion.stakes)
    age = min(len(scene.window), int(evidence.ages[proof]))
    total = evidence.total(champion.stakes)
    change = _change(champion, scene.window[-max(FEWEST, age) :], proof)
    column = DriftedColumn(
        name="score",
        features=["score"],
        test="sequential",
        statistic=total,
        threshold=threshold,
        p_value=min(1.0, config.horizon / max(total, 1.0)),
        effect=change.effect,
        direction="higher" if change.effect > 0 else "lower",
        cause=change.cause,
    )
    why = champion.why_no_promise
    promise = Promise(false_alarm_rate=config.false_alarm_rate, horizon=config.horizon, holds=why is None, why=why)
    if before is not None:
        now = _renewed(before, scene)
        return msgspec.structs.replace(now, level="retrain", columns=[column], promise=promise, summary=change.summary)
    began = moment(scene.window[-age].time)
    return _alert(scene, column, "alert", promise, began, _of_outcomes(scene.window), change.summary)


class _Change(NamedTuple):
    effect: float
    cause: str
    summary: str


def _change(champion: Champion, outcomes: Sequence[Outcome], proof: tuple[int, int]) -> _Change:
    """What changed since the evidence began, in figures and in words, for those whom it is about."""
    place, rival = proof
    odds, engaged = np.array([one.odds for one in outcomes]), np.array([one.engaged for one in outcomes])
    loss = float(log_losses(odds, engaged).mean())
    concerned = np.array([place == 0 or place - 1 in one.segments for one in outcomes])
    if concerned.any():  # else they are too rare to be among the last
        odds, engaged = odds[concerned], engaged[concerned]
    upper = odds > np.median(odds)
    did, said = float(engaged.mean()), float(expit(odds).mean())
    of_upper, of_lower = (float(engaged[half].mean()) if half.any() else did for half in (upper, ~upper))
    column, value = champion.segments[place - 1] if place else ("", "")
    where, whom = (f" where {column} is {value!r}", f" of {_words(column)} {value!r}") if place else ("", "")
    shares = (
        f"{did:.0%} engaged where the scores said {said:.0%},"
        f" {of_upper:.0%} of the half with the higher scores and {of_lower:.0%} of the other"
    )
    rise = "up" if loss > champion.loss else "down"
    cause = f"log-loss {rise} from {champion.loss:.2f} to {loss:.2f} over the last {len(outcomes)} labels; {shares}"
    seen = f"of the last {len(odds)} people{whom} with a known outcome"
    if rival < OF_ALL:
        told = (
            f"{'More' if did > said else 'Fewer'} people engage than the scores say: {seen} {did:.0%}, not {said:.0%}."
        )
    else:
        halves = f"{of_upper:.0%} of those with the higher scores engaged, and {of_lower:.0%} of the others"
        told = f"The scores no longer tell who engages as they did: {seen} {halves}."
    return _Change(loss - champion.loss, f"{cause}; {RIVALS[rival]}{where}", told)


def engagement(scene: Scene, config: LabelConfig, share: float) -> Alert:
    """Too few people engage."""
    assert scene.champion is not None
    labels, least = len(scene.window), config.min_engagement
    column = _rule(
        "engaged", share, least, share - scene.champion.engaged, "lower",
        f"engaged {share:.1%} of the last {labels} labels, {scene.champion.engaged:.0%} where the model was tested",
    )  # fmt: skip
    summary = f"Of the last {labels} people with a known outcome only {share:.1%} engaged; {least:.0%} are wanted."
    began = min(one.time for one in scene.window)
    return _alert(scene, column, "retrain", _no_promise(config), moment(began), _of_outcomes(scene.window), summary)


def champion_age(scene: Scene, config: LabelConfig, days: float) -> Alert:
    """The champion is too old."""
    most = config.max_champion_days
    column = _rule(
        "champion", days, most, days - most, "older", f"made {days:.0f} days before the newest contact"
    )  # fmt: skip
    summary = f"The model is {days:.0f} days old; a new one is due after {most:g}."
    return _alert(scene, column, "retrain", _no_promise(config), moment(scene.since), _of_contacts(scene), summary)


def new_labels(scene: Scene, config: LabelConfig, most: int) -> Alert:
    """There are labels enough for a better model.

    Args:
        most: labels that do not suffice yet.
    """
    news = scene.joined
    column = _rule(
        "labels", news, most, news - most, "more", f"{news} labels that the model has not learnt from"
    )  # fmt: skip
    summary = f"The outcomes of {news:,} more people are known: a new model may learn from them."
    return _alert(scene, column, "retrain", _no_promise(config), moment(scene.since), _of_contacts(scene), summary)


def resolved(alert: Alert, scene: Scene, words: str) -> Alert:
    """The alert when its cause is gone."""
    return ended(_renewed(alert, scene), words)


def _renewed(alert: Alert, scene: Scene) -> Alert:
    by_labels = alert.columns[0].name in ("score", "engaged")
    window = _of_outcomes(scene.window) if by_labels else _of_contacts(scene)
    return msgspec.structs.replace(alert, updated_at=moment(scene.newest), at_contact=scene.at_contact, window=window)


def _alert(
    scene: Scene,
    column: DriftedColumn,
    level: Level,
    promise: Promise,
    started_at: datetime,
    window: AlertWindow,
    summary: str,
) -> Alert:
    champion, kind = scene.champion, KINDS[column.name]
    assert champion is not None
    version, reference = champion.version, champion.reference
    identity = f"{kind}/{column.name}/{version}/{reference.id}/{scene.at_contact}/{scene.joined}"
    return Alert(
        id=alert_id(identity),
        state="firing",
        kind=kind,
        level=level,
        started_at=started_at,
        updated_at=moment(scene.newest),
        resolved_at=None,
        at_contact=scene.at_contact,
        window=window,
        model_version=version,
        reference=AlertReference(id=reference.id, rows=reference.rows),
        drift_share=0.0,
        promise=promise,
        columns=[column],
        summary=summary,
        runbook=RUNBOOK.format(kind=kind),
    )


def _rule(name: str, statistic: float, threshold: float, effect: float, direction: str, cause: str) -> DriftedColumn:
    return DriftedColumn(
        name=name, features=[], test="rule", statistic=float(statistic), threshold=float(threshold), p_value=None,
        effect=float(effect), direction=direction, cause=cause,
    )  # fmt: skip


def _no_promise(config: LabelConfig) -> Promise:
    return Promise(false_alarm_rate=config.false_alarm_rate, horizon=config.horizon, holds=False, why=RULE)


def _of_outcomes(window: Sequence[Outcome]) -> AlertWindow:
    """The labelled contacts of the window."""
    ends: dict[int, tuple[int, int]] = {}
    for one in window:
        first, last = ends.get(one.partition, (one.offset, one.offset))
        ends[one.partition] = min(first, one.offset), max(last, one.offset)
    return reaching(len(window), ends)


def _of_contacts(scene: Scene) -> AlertWindow:
    """All contacts of the champion."""
    return reaching(scene.contacts, scene.reach)


def _words(column: str) -> str:
    return WORDS.get(column, column)
