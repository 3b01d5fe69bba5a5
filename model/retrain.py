"""Making a model: the first champion, and challengers that are judged against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from driftline.events import Contact
from model.bundle import Bundle
from model.evaluation import Evaluation, Labels, evaluate
from model.features import DRIFTLINE, SEGMENTS, FeatureSet, monitored_columns
from model.featuriser import Matrix
from model.gate import GateDecision, decide
from model.onnx_export import export
from model.onnx_scorer import OnnxScorer
from model.report import Judgement, LabelTroubles, Report
from model.split import Labelled, Split, ids, mark_of, over_time, split, time_of
from model.training import CANDIDATES, Candidate, Trained, train

REFERENCE_ROWS = 1_000
NEWCOMERS_COUNT = 3.0
"""How much the newcomers count in training, all together, the base set being 1: they are what the stream looks like."""
LEAST_TO_EVALUATE = 30
"""Held-out labels below which a figure would be noise."""


@dataclass(frozen=True)
class Made:
    """A version to be: the bundle, not registered yet, and what is known of it.

    Attributes:
        trained: the marks of the contacts that it was trained on, see `model.split.mark_of`.
    """

    bundle: Bundle
    report: Report
    trained: frozenset[str]


@dataclass(frozen=True)
class Maker:
    """How models are made; the same maker makes the same model of the same contacts.

    Attributes:
        progress: told what is being done.
    """

    seed: int
    now: datetime
    feature_set: FeatureSet = DRIFTLINE
    candidates: Sequence[Candidate] = CANDIDATES
    progress: Callable[[str], None] = lambda _: None

    def first_champion(self, base: Sequence[Labelled]) -> Made:
        """A model of the base set alone; a third of it is held out, judges it, and becomes its reference.

        Raises:
            ValueError: the base set is too small, or not fit, to train on.
        """
        sides = split(base)
        return self._make(sides, sides.base_held_out, LabelTroubles.among(base))

    def challenger(self, base: Sequence[Labelled], newcomers: Sequence[Labelled]) -> Made:
        """A model of the base set and of those newcomers that are not held out; the ones that are are its reference.

        Raises:
            ValueError: too few contacts to train on, or not fit to.
        """
        sides = split(base, newcomers)
        return self._make(sides, sides.newcomers_held_out, LabelTroubles.among([*base, *newcomers]))

    def _make(self, sides: Split, held_out: Sequence[Labelled], troubles: LabelTroubles) -> Made:
        training = sides.training
        self.progress(f"training on {len(training):,} contacts")
        trained = self._train(training, sides, self.candidates)
        self.progress(f"exporting {trained.chosen}")
        contacts, _ = parted(training)
        graph = export(trained, trained.featuriser.transform(contacts), seed=self.seed)
        bundle = _bundle(trained, graph, held_out, len(training), self.now)
        self.progress("evaluating")
        worth = evaluated(bundle, held_out, seed=self.seed) if len(held_out) >= LEAST_TO_EVALUATE else None
        report = Report.of(
            trained, training, held_out, troubles, seed=self.seed, now=self.now, evaluation=worth,
            over_time=self._over_time(sides, held_out, trained.chosen),
        )  # fmt: skip
        return Made(bundle, report, frozenset(mark_of(contact.id) for contact, _ in training))

    def _over_time(self, sides: Split, held_out: Sequence[Labelled], chosen: str) -> Evaluation | str:
        """The chosen candidate trained on the earlier contacts and judged on the later ones, or why that is untold."""
        everyone = [*sides.training, *held_out]
        if len({time_of(contact) for contact, _ in everyone}) < LEAST_TO_EVALUATE:
            return "the contacts carry no times to tell the earlier from the later ones by"
        earlier, later = over_time(sides.training, everyone)
        if len(later) < LEAST_TO_EVALUATE:
            return f"{len(later)} contacts are too few to judge by"
        try:
            trained = self._train(earlier, sides, [one for one in self.candidates if one.name == chosen])
        except ValueError as fault:
            return str(fault)
        contacts, engaged = parted(later)
        scores = trained.score(trained.featuriser.transform(contacts))
        return evaluate(scores, engaged, cut=trained.cut, segments=segments_of(contacts), seed=self.seed)

    def _train(self, training: Sequence[Labelled], sides: Split, candidates: Sequence[Candidate]) -> Trained:
        weights = _weights(training, sides)
        return train(training, seed=self.seed, weights=weights, feature_set=self.feature_set, candidates=candidates)


@dataclass(frozen=True)
class Verdict:
    """The gate's decision, and what both models are worth on the contacts that it rests on, if there were enough."""

    decision: GateDecision
    champion: Evaluation | None
    challenger: Evaluation | None


def judge(champion: Bundle, challenger: Bundle, held_out: Sequence[Labelled], *, seed: int, min_labels: int) -> Verdict:
    """Both models on the same held-out contacts, through the gate."""
    contacts, engaged = parted(held_out)
    ours, theirs = scores_of(champion, contacts), scores_of(challenger, contacts)
    segments = segments_of(contacts)
    decision = decide(ours, theirs, engaged, segments=segments, seed=seed, min_labels=min_labels)
    if len(engaged) < LEAST_TO_EVALUATE:
        return Verdict(decision, None, None)
    return Verdict(
        decision,
        evaluate(ours, engaged, cut=champion.cut, segments=segments, seed=seed),
        evaluate(theirs, engaged, cut=challenger.cut, segments=segments, seed=seed),
    )


def judged(report: Report, verdict: Verdict, champion: str, at: datetime) -> Report:
    """The challenger's report with the gate's decision, and its evaluation on the contacts that this rests on."""
    decision = verdict.decision
    judgement = Judgement(
        decision=decision.decision,
        why=decision.why,
        champion=champion,
        labels=decision.labels,
        evidence=decision.evidence,
        champion_evaluation=verdict.champion,
        at=at,
    )
    return replace(report, judgement=judgement, evaluation=verdict.challenger)


def evaluated(bundle: Bundle, labelled: Sequence[Labelled], *, seed: int) -> Evaluation:
    """What a version is worth on labelled contacts.

    Raises:
        ValueError: there are none.
    """
    contacts, engaged = parted(labelled)
    return evaluate(scores_of(bundle, contacts), engaged, cut=bundle.cut, segments=segments_of(contacts), seed=seed)


def scores_of(bundle: Bundle, contacts: Sequence[Contact]) -> Matrix:
    """The version's scores, shape (contacts,)."""
    features = bundle.featuriser.transform(contacts)
    return OnnxScorer(bundle.onnx, features.shape[1]).score(features)


def segments_of(contacts: Sequence[Contact]) -> dict[str, list[str | None]]:
    """The values of the columns in `SEGMENTS`."""
    return {column: [getattr(contact, column) for contact in contacts] for column in SEGMENTS}


def parted(labelled: Sequence[Labelled]) -> tuple[list[Contact], Labels]:
    """Contacts and labels, each by itself."""
    return [contact for contact, _ in labelled], np.array([engaged for _, engaged in labelled], np.int64)


def with_reference(bundle: Bundle, held_out: Sequence[Labelled]) -> Bundle:
    """The same model with the newest of these held-out contacts as its reference: an early challenger had few."""
    newest = held_out[-REFERENCE_ROWS:]
    contacts, engaged = parted(newest)
    features = bundle.featuriser.transform(contacts)
    scores = OnnxScorer(bundle.onnx, features.shape[1]).score(features)
    return replace(
        bundle,
        reference=np.column_stack([features, scores]).astype(np.float32),
        inputs=tuple(map(monitored_columns, contacts)),
        engaged=tuple(engaged.tolist()),
    )


def _bundle(trained: Trained, graph: bytes, held_out: Sequence[Labelled], trained_on: int, now: datetime) -> Bundle:
    empty = np.empty((0, len(trained.featuriser.features) + 1), np.float32)
    bare = Bundle("", trained.featuriser, graph, empty, (), (), trained.cut, trained_on, now)
    return with_reference(bare, held_out)


def _weights(training: Sequence[Labelled], sides: Split) -> NDArray[np.float64]:
    """One for a contact of the base set; for newcomers so much more that they count for three times as much as it."""
    newcomers = ids(sides.newcomers)
    weight = max(1.0, NEWCOMERS_COUNT * len(sides.base) / max(1, len(newcomers)))
    return np.array([weight if contact.id in newcomers else 1.0 for contact, _ in training])
