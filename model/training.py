"""Training: a few honest candidates, chosen by repeated cross-validation, with calibrated probabilities.

Everything that learns from labels (category encodings included) is fitted inside the folds, so what decides between the
candidates is how they do on contacts that they have not seen. The simplest candidate that is not worse than the best
beyond one standard error wins (Hastie, Tibshirani & Friedman 2009, "The Elements of Statistical Learning", 7.10): a few
hundred contacts with a weak signal are no place for a hundred trees.

Classes are not weighted: that would distort the probabilities. Folds are stratified, and the cut above which a contact
counts as engaged is chosen by its F1 out of fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from model.encoding import ContactTable, Places
from model.evaluation import Labels, best_cut, log_losses, roc_auc
from model.features import DRIFTLINE, FeatureSet
from model.featuriser import Featuriser, Matrix
from model.split import Labelled

Estimator: TypeAlias = Pipeline | HistGradientBoostingClassifier
Floats = NDArray[np.float64]

LEAST_CONTACTS, LEAST_OF_A_CLASS = 50, 10
"""With fewer, five folds say nothing."""
FOLDS = 5
CHOOSE_ON = 20_000
"""Contacts that the candidates are compared on at most; the chosen one is fitted to all."""
REPEAT_UP_TO = 3_000
"""Cross-validation is repeated, ten times at most, until so many contacts have been predicted."""
LEAST_SLOPE = 0.1
"""A calibration keeps the order of the scores, even where out of fold there was none."""


@dataclass(frozen=True)
class Candidate:
    """A kind of model that may be chosen; ``make`` takes the seed."""

    name: str
    make: Callable[[int], Estimator]


def _logistic(c: float) -> Candidate:
    def make(_: int) -> Pipeline:
        return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1_000))

    return Candidate(f"logistic regression, C={c:g}", make)


def _trees(trees: int, leaves: int) -> Candidate:
    def make(seed: int) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(
            max_iter=trees, max_leaf_nodes=leaves, learning_rate=0.06, min_samples_leaf=20, l2_regularization=5.0,
            early_stopping=False, random_state=seed,
        )  # fmt: skip

    return Candidate(f"{trees} boosted trees of {leaves} leaves", make)


CANDIDATES: tuple[Candidate, ...] = (_logistic(0.003), _logistic(0.03), _trees(60, 4), _trees(150, 8))
"""From the simplest."""


@dataclass(frozen=True)
class CandidateResult:
    """How a candidate did out of fold: mean log-loss in nats, its standard error over contacts, and ROC-AUC."""

    name: str
    log_loss: float
    standard_error: float
    roc_auc: float


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model.

    Attributes:
        estimator: scikit-learn's.
        slope, shift: the calibration of its decision function, in log-odds.
        cut: the score from which on a contact counts as engaged.
        candidates: what was compared; ``chosen`` names one of them.
    """

    featuriser: Featuriser
    estimator: Estimator
    slope: float
    shift: float
    cut: float
    chosen: str
    candidates: tuple[CandidateResult, ...]

    def score(self, features: Matrix) -> Floats:
        """P(engaged) of each row, shape (rows,)."""
        return _calibrated(self.estimator.decision_function(features.astype(np.float64)), self.slope, self.shift)


def train(
    labelled: Sequence[Labelled],
    *,
    seed: int,
    weights: NDArray[np.floating[Any]] | None = None,
    feature_set: FeatureSet = DRIFTLINE,
    candidates: Sequence[Candidate] = CANDIDATES,
) -> Trained:
    """Train on labelled contacts; the same input and seed give the same model.

    One thread does it, so that a retraining leaves the other cores to the stream.

    Args:
        weights: one per contact, what it counts for; default 1 each.

    Raises:
        ValueError: too few contacts, all or nearly all of one class, or contacts that tell nothing.
    """
    engaged = np.array([label for _, label in labelled], np.int64)
    _check(engaged)
    table = ContactTable([contact for contact, _ in labelled], feature_set)
    counts = np.ones(len(engaged)) if weights is None else np.asarray(weights, np.float64)
    rows = np.arange(len(engaged))
    if table.tells_nothing:
        raise ValueError(
            f"the {len(engaged)} labelled contacts are all alike: has the file the columns that a model learns from?"
        )
    features = table.out_of_fold(rows, engaged, seed=seed)
    with threadpool_limits(1):
        choice = _choose(table, engaged, counts, candidates, seed)
        estimator = _fit(choice.candidate, features, engaged, counts, seed)
    return Trained(
        featuriser=table.featuriser(table.fit(rows, engaged)),
        estimator=estimator,
        slope=choice.slope,
        shift=choice.shift,
        cut=choice.cut,
        chosen=choice.candidate.name,
        candidates=choice.results,
    )


@dataclass(frozen=True)
class _Choice:
    candidate: Candidate
    slope: float
    shift: float
    cut: float
    results: tuple[CandidateResult, ...]


def _choose(
    table: ContactTable, engaged: Labels, weights: Floats, candidates: Sequence[Candidate], seed: int
) -> _Choice:
    held, margins = _out_of_fold_margins(table, engaged, weights, candidates, seed)
    labels, of_contact = engaged[held], weights[np.unique(held)]
    calibrations = [_calibrate(found, labels, weights[held]) for found in margins]
    scores = [_calibrated(found, *by) for found, by in zip(margins, calibrations, strict=True)]
    losses = [_log_loss_of_contacts(found, labels, held) for found in scores]
    chosen = _simplest_of_the_best(losses, of_contact)
    results = tuple(
        CandidateResult(candidate.name, *_mean(loss, of_contact), roc_auc(found, labels))
        for candidate, loss, found in zip(candidates, losses, scores, strict=True)
    )
    return _Choice(candidates[chosen], *calibrations[chosen], best_cut(scores[chosen], labels), results)


def _check(engaged: Labels) -> None:
    positives = int(engaged.sum())
    if len(engaged) < LEAST_CONTACTS:
        raise ValueError(
            f"{len(engaged)} labelled contacts are too few to train on: it takes {LEAST_CONTACTS},"
            f" {LEAST_OF_A_CLASS} of them engaged and {LEAST_OF_A_CLASS} not"
        )
    if min(positives, len(engaged) - positives) < LEAST_OF_A_CLASS:
        raise ValueError(
            f"{positives} of {len(engaged)} labelled contacts engaged: a model learns from both kinds, it takes"
            f" {LEAST_OF_A_CLASS} of each"
        )


def _out_of_fold_margins(
    table: ContactTable, engaged: Labels, weights: Floats, candidates: Sequence[Candidate], seed: int
) -> tuple[Places, list[Floats]]:
    """Which contacts were held out, one after the other over all repetitions, and each candidate's margins of them."""
    rng = np.random.default_rng(seed)
    rows = np.arange(len(engaged))
    if len(rows) > CHOOSE_ON:
        rows = np.sort(rng.permutation(rows)[:CHOOSE_ON])
    order: list[Places] = []
    found: list[list[Floats]] = [[] for _ in candidates]
    for repeat in range(min(10, max(1, REPEAT_UP_TO // len(rows)))):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for inside, outside in folds.split(rows, engaged[rows]):
            training, held = rows[inside], rows[outside]
            features = table.out_of_fold(training, engaged, seed=seed + repeat)
            unseen = table.transform(table.fit(training, engaged), held).astype(np.float64)
            order.append(held)
            for candidate, margins in zip(candidates, found, strict=True):
                estimator = _fit(candidate, features, engaged[training], weights[training], seed)
                margins.append(estimator.decision_function(unseen))
    return np.concatenate(order), [np.concatenate(margins) for margins in found]


def _fit(candidate: Candidate, features: Matrix, engaged: Labels, weights: Floats, seed: int) -> Estimator:
    estimator = candidate.make(seed)
    last = estimator.steps[-1][0] if isinstance(estimator, Pipeline) else ""
    estimator.fit(
        features.astype(np.float64), engaged, **{f"{last}__sample_weight" if last else "sample_weight": weights}
    )
    return estimator


def _calibrate(margins: Floats, engaged: Labels, weights: Floats) -> tuple[float, float]:
    """Slope and shift of a logistic regression of the labels on the margins (Platt 1999)."""
    scale = float(margins.std()) or 1.0
    fitted = LogisticRegression(C=1e3).fit(margins[:, None] / scale, engaged, sample_weight=weights)
    slope = float(fitted.coef_[0, 0]) / scale
    if slope >= LEAST_SLOPE:
        return slope, float(fitted.intercept_[0])
    rate = float(np.average(engaged, weights=weights))
    centre = float(np.average(margins, weights=weights))
    return LEAST_SLOPE, float(np.log(rate / (1 - rate))) - LEAST_SLOPE * centre


def _calibrated(margins: Floats, slope: float, shift: float) -> Floats:
    scores: Floats = expit(slope * margins + shift)
    return scores


def _log_loss_of_contacts(scores: Floats, labels: Labels, held: Places) -> Floats:
    """The log-loss of each contact, over the repetitions."""
    _, contact = np.unique(held, return_inverse=True)
    losses: Floats = np.bincount(contact, weights=log_losses(scores, labels)) / np.bincount(contact)
    return losses


def _mean(values: Floats, weights: Floats) -> tuple[float, float]:
    """A weighted mean and its standard error."""
    share = weights / weights.sum()
    mean = float(share @ values)
    return mean, float(np.sqrt((share**2) @ (values - mean) ** 2))


def _simplest_of_the_best(losses: Sequence[Floats], weights: Floats) -> int:
    """The first candidate whose log-loss is within one standard error, paired by contact, of the best one's."""
    best = min(range(len(losses)), key=lambda i: _mean(losses[i], weights)[0])
    for place, mine in enumerate(losses):
        worse, error = _mean(mine - losses[best], weights)
        if worse <= error:
            return place
    return best
