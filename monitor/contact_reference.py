"""What is watched of a scored contact: the model's features, its inputs as they came, and its score.

A featuriser fills gaps and folds what it does not know, so features alone would hide that a source has changed its
format. The features that are an input with its gaps filled are therefore replaced by the input, and the other inputs
are watched beside the features made of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from driftline.events import MonitoredColumns, Prediction
from model.bundle import Bundle
from model.features import COLUMN_OF, FEATURES, NUMBERS, TEXTS, Matrix
from monitor.features import Floats
from monitor.plan import SCORE
from monitor.reference import Codes, Reference

WITH_GAPS: dict[str, str] = {name: name for name in NUMBERS} | {
    feature: text for text in TEXTS if (feature := f"{text}_length") in FEATURES
}
"""Features that are an input with its gaps filled, and that input."""
RAW: tuple[str, ...] = tuple(name for name in MonitoredColumns.__struct_fields__ if name not in set(WITH_GAPS.values()))
"""The inputs that no feature holds as they came; the last of them is a number, the other ones are texts."""
NAMES: tuple[str, ...] = (*FEATURES, *(f"raw_{column}" for column in RAW), SCORE)
COLUMNS: tuple[str, ...] = (*(COLUMN_OF[feature] for feature in FEATURES), *RAW, SCORE)

_gaps_of = attrgetter(*WITH_GAPS.values())
_raw_of = attrgetter(*RAW)
_GAP_PLACES = [FEATURES.index(feature) for feature in WITH_GAPS]
_RAW_PLACES = range(len(FEATURES), len(FEATURES) + len(RAW))
_RAW_NUMBERS = frozenset(TEXTS)  # a free text is watched by its length
Texts = dict[int, Sequence[str | None]]


def reference_of(bundle: Bundle) -> Reference:
    """The bundle's reference window."""
    numbers, texts = _watched(bundle.reference[:, :-1], bundle.reference[:, -1], bundle.inputs)
    return Reference.from_features(numbers, NAMES, COLUMNS, texts, id=bundle.reference_id)


def encode(reference: Reference, predictions: Sequence[Prediction]) -> Codes:
    """Codes of scored contacts, shape (contacts, watched features)."""
    features = np.array([one.features for one in predictions], np.float32)
    scores = np.array([one.score for one in predictions], np.float32)
    return reference.encode(*_watched(features, scores, [one.columns for one in predictions]))


def _watched(features: Matrix, scores: Matrix, inputs: Sequence[MonitoredColumns]) -> tuple[Floats, Texts]:
    """Numbers, shape (contacts, watched features) with NaN for missing ones, and the texts by place."""
    numbers = np.full((len(features), len(NAMES)), np.nan)
    numbers[:, : len(FEATURES)] = features
    numbers[:, -1] = scores
    numbers[:, _GAP_PLACES] = [[math.nan if v is None else v for v in _gaps_of(one)] for one in inputs]
    texts: Texts = {}
    for place, column, values in zip(_RAW_PLACES, RAW, zip(*map(_raw_of, inputs), strict=True), strict=True):
        if column in _RAW_NUMBERS:
            numbers[:, place] = [math.nan if v is None else v for v in values]
        else:
            texts[place] = values
    return numbers, texts
