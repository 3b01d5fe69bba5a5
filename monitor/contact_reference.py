"""What is watched of a scored contact: the model's features, its inputs as they came, and its score.

A featuriser fills gaps and folds what it does not know, so features alone would hide that a source has changed its
format. The features that are an input with its gaps filled are therefore replaced by the input, and the other inputs
are watched beside the features made of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

import numpy as np

from driftline.events import MonitoredColumns, Prediction
from model.bundle import Bundle
from model.features import FEATURE_SETS, TEXTS, FeatureSet
from model.featuriser import Matrix
from monitor.features import Floats
from monitor.plan import SCORE
from monitor.reference import Codes, Reference

Texts = dict[int, Sequence[str | None]]
INPUTS = MonitoredColumns.__struct_fields__


@dataclass(frozen=True, eq=False)
class Watched:
    """What is watched of contacts that a model with this feature set scores."""

    feature_set: FeatureSet

    @cached_property
    def with_gaps(self) -> Mapping[str, str]:
        """Features that are an input with its gaps filled, and that input."""
        lengths = {f"{text}_length": text for text in TEXTS}
        same = {feature: feature for feature in self.feature_set.numbers if feature in INPUTS}
        return same | {feature: text for feature, text in lengths.items() if feature in self.feature_set.column_of}

    @cached_property
    def raw(self) -> tuple[str, ...]:
        """The inputs that no feature holds as they came; free texts among them are numbers, their lengths."""
        held = set(self.with_gaps.values())
        return tuple(name for name in INPUTS if name not in held)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The watched features: the model's, the raw inputs, the score."""
        return (*self.feature_set.features, *(f"raw_{column}" for column in self.raw), SCORE)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The contact's column that each watched feature belongs to."""
        return (*self.feature_set.column_of.values(), *self.raw, SCORE)

    def values(self, features: Matrix, scores: Matrix, inputs: Sequence[MonitoredColumns]) -> tuple[Floats, Texts]:
        """Numbers, shape (contacts, watched features) with NaN for missing ones, and the texts by place."""
        width = len(self.feature_set.features)
        numbers = np.full((len(features), len(self.names)), np.nan)
        numbers[:, :width] = features
        numbers[:, -1] = scores
        numbers[:, self._gap_places] = [[math.nan if v is None else v for v in self._gaps_of(one)] for one in inputs]
        texts: Texts = {}
        columns = zip(*map(self._raw_of, inputs), strict=True)
        for place, (column, values) in enumerate(zip(self.raw, columns, strict=True), width):
            if column in TEXTS:
                numbers[:, place] = [math.nan if v is None else v for v in values]
            else:
                texts[place] = values
        return numbers, texts

    @cached_property
    def _gap_places(self) -> list[int]:
        return self.feature_set.places(list(self.with_gaps))

    @cached_property
    def _gaps_of(self) -> attrgetter[tuple[float | None, ...]]:
        return attrgetter(*self.with_gaps.values())

    @cached_property
    def _raw_of(self) -> attrgetter[tuple[str | None, ...]]:
        return attrgetter(*self.raw)


WATCHED: Mapping[str, Watched] = {name: Watched(feature_set) for name, feature_set in FEATURE_SETS.items()}
"""By the name of the feature set."""
_BY_NAMES: Mapping[tuple[str, ...], Watched] = {watched.names: watched for watched in WATCHED.values()}


def reference_of(bundle: Bundle) -> Reference:
    """The bundle's reference window."""
    watched = WATCHED[bundle.featuriser.feature_set.name]
    numbers, texts = reference_values(bundle)
    return Reference.from_features(numbers, watched.names, watched.columns, texts, id=bundle.reference_id)


def reference_values(bundle: Bundle) -> tuple[Floats, Texts]:
    """What is watched of the bundle's reference window, as `Watched.values`."""
    watched = WATCHED[bundle.featuriser.feature_set.name]
    return watched.values(bundle.reference[:, :-1], bundle.reference[:, -1], bundle.inputs)


def encode(reference: Reference, predictions: Sequence[Prediction]) -> Codes:
    """Codes of scored contacts, shape (contacts, watched features).

    Args:
        reference: one of `reference_of`, of the model that scored them.
    """
    return reference.encode(*values(reference, predictions))


def values(reference: Reference, predictions: Sequence[Prediction]) -> tuple[Floats, Texts]:
    """What is watched of scored contacts, as `Watched.values`.

    Features that are not as many as the model takes are all missing: the alert that follows says so.

    Args:
        reference: as `encode`.
    """
    watched = _BY_NAMES[tuple(feature.name for feature in reference.features)]
    width = len(watched.feature_set.features)
    unknown = [math.nan] * width
    features = np.array([one.features if len(one.features) == width else unknown for one in predictions], np.float32)
    scores = np.array([one.score for one in predictions], np.float32)
    return watched.values(features, scores, [one.columns for one in predictions])
