"""Bootstrap resamples of contacts, as how often each was drawn.

Whatever is measured is then a weighted sum, or a cumulative one over scores that were sorted once, so that a resample
costs no sorting and many are handled at a time. Value and resamples come from the same code: the sample itself is the
resample in which every contact was drawn once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measure = Callable[[Floats], dict[str, Floats]]
"""From draws, shape (resamples, contacts), to named figures, each of shape (resamples,)."""

CHUNK = 1 << 15
"""Draws handled at a time, about: they stay in the processor's cache, and memory does not grow with the resamples."""


def resampled(measure: Measure, contacts: int, *, seed: int, resamples: int) -> dict[str, tuple[float, Floats]]:
    """Each figure of the sample itself, and of so many resamples of its contacts.

    All figures are read off the same resamples, so differences of them are paired (Efron & Tibshirani 1993, ch. 8).
    """
    values = measure(np.ones((1, contacts)))
    chunks = [measure(draws) for draws in _draws(contacts, seed=seed, resamples=resamples)]
    return {name: (float(value[0]), np.concatenate([c[name] for c in chunks])) for name, value in values.items()}


def _draws(contacts: int, *, seed: int, resamples: int) -> Iterator[Floats]:
    rng = np.random.default_rng(seed)
    most = max(1, CHUNK // contacts)
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        drawn = rng.integers(0, contacts, (rows, contacts)) + contacts * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * contacts).reshape(rows, contacts).astype(np.float64)


class Ranking:
    """Scores sorted once, the highest first, and what a resample holds from each distinct score upwards."""

    def __init__(self, scores: NDArray[np.floating[Any]], engaged: NDArray[np.integer[Any]]) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._engaged = (engaged[self._order] == 1).astype(np.float64)
        descending = scores[self._order]
        self._last_of_score = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
        self.distinct: NDArray[np.floating[Any]] = descending[self._last_of_score]

    def above(self, draws: Floats) -> tuple[Floats, Floats]:
        """How many engaged contacts, and how many in all, score at least as high as each distinct score.

        Both of shape (resamples, 1 + distinct scores), from the highest score down after a column of zeros.
        """
        ordered = draws.take(self._order, axis=1)
        return self._cumulated(ordered * self._engaged), self._cumulated(ordered)

    def _cumulated(self, ordered: Floats) -> Floats:
        found = np.zeros((len(ordered), 1 + len(self._last_of_score)))
        if len(self.distinct) == ordered.shape[1]:
            np.cumsum(ordered, axis=1, out=found[:, 1:])
        else:
            found[:, 1:] = np.cumsum(ordered, axis=1).take(self._last_of_score, axis=1)
        return found
