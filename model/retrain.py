"""Making a model: the first champion, and challengers that are judged against it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from driftline.events import Contact
from model.bundle import Bundle
from model.features import monitored_columns
from model.gate import GateDecision, decide
from model.onnx_export import logistic_graph
from model.onnx_scorer import OnnxScorer
from model.training import Labelled, train

REFERENCE_ROWS = 1_000
HELD_OUT = 0.70
"""Share of recent contacts that no challenger is trained on: they judge it, and become its reference."""


@dataclass(frozen=True)
class Retraining:
    """A challenger (not registered yet) and the verdict on it."""

    challenger: Bundle
    verdict: GateDecision


def is_held_out(contact_id: str) -> bool:
    """Whether a contact judges models and never trains one: a stable 70%, by hash of its id."""
    return int.from_bytes(hashlib.sha256(contact_id.encode()).digest()[:4], "big") < HELD_OUT * 2**32


def train_first_champion(base: Sequence[Labelled], *, seed: int, now: datetime) -> Bundle:
    """A first model from the base set; a third of it, up to 1,000 contacts, is held out as the reference.

    Raises:
        ValueError: the base set is too small to train on.
    """
    order = np.random.default_rng(seed).permutation(len(base))
    rows = min(REFERENCE_ROWS, len(base) // 3)
    held_out = [base[i] for i in order[:rows]]
    return _bundle([base[i] for i in order[rows:]], held_out, None, seed=seed, now=now)


def retrain(
    base: Sequence[Labelled],
    recent: Sequence[Labelled],
    champion: Bundle,
    *,
    seed: int,
    now: datetime,
    min_labels: int,
) -> Retraining:
    """Train a challenger on the base set and the recent contacts that are not held out, and judge it on those that are.

    Recent contacts count three times as much as the whole base set: they are what the stream looks like now.

    Raises:
        ValueError: too few contacts to train on.
    """
    held_out = [(contact, engaged) for contact, engaged in recent if is_held_out(contact.id)]
    training = [(contact, engaged) for contact, engaged in recent if not is_held_out(contact.id)]
    weight = max(1.0, 3 * len(base) / max(1, len(training)))
    weights = np.concatenate([np.ones(len(base)), np.full(len(training), weight)])
    reference = held_out[-REFERENCE_ROWS:]
    challenger = _bundle([*base, *training], reference, weights, seed=seed, now=now)
    return Retraining(challenger, judge(champion, challenger, held_out, seed=seed, min_labels=min_labels))


def judge(
    champion: Bundle, challenger: Bundle, held_out: Sequence[Labelled], *, seed: int, min_labels: int
) -> GateDecision:
    """Both models on the same held-out contacts, through the gate."""
    contacts = [contact for contact, _ in held_out]
    engaged = np.array([label for _, label in held_out], dtype=np.int64)
    return decide(_scores(champion, contacts), _scores(challenger, contacts), engaged, seed=seed, min_labels=min_labels)


def _scores(bundle: Bundle, contacts: Sequence[Contact]) -> NDArray[np.float32]:
    return OnnxScorer(bundle.onnx).score(bundle.featuriser.transform(contacts))


def _bundle(
    training: Sequence[Labelled],
    reference: Sequence[Labelled],
    weights: NDArray[np.float64] | None,
    *,
    seed: int,
    now: datetime,
) -> Bundle:
    trained = train(training, seed=seed, weights=weights)
    graph = logistic_graph(trained.coefficients, trained.intercept)
    contacts = [contact for contact, _ in reference]
    features = trained.featuriser.transform(contacts)
    scores = OnnxScorer(graph).score(features)
    return Bundle(
        version="",
        featuriser=trained.featuriser,
        onnx=graph,
        reference=np.column_stack([features, scores]).astype(np.float32),
        inputs=tuple(map(monitored_columns, contacts)),
        engaged=tuple(engaged for _, engaged in reference),
        trained_on=len(training),
        created_at=now,
    )
