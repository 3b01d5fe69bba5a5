"""The parts of the dashboard's document, as they are written into JSON.

Nothing here holds personal data or a contact's id: of a prediction three categories are shown, and only by the values
that the contract names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from msgspec import Struct

from driftline.events import Alert, Level, Prediction
from driftline.verdict import confidence, label

OTHER = "other"

SENIORITIES = frozenset({"Entry", "Mid", "Senior", "Executive", "C-Level"})
GEOGRAPHIES = frozenset({"international_hub", "regional_hub", OTHER})
BUSINESS_TYPES = frozenset({"leaders", "experts", "salespeople", "workers", "others"})


class Moment(Struct, frozen=True):
    """One window report in the course of them."""

    at: datetime
    at_contact: int
    model_version: str
    full: bool
    drift_share: float
    drifting: list[str]
    strengths: dict[str, float]


class Change(Struct, frozen=True):
    """One change of state of an alert."""

    state: str
    level: Level
    at: datetime
    at_contact: int
    drift_share: float


class AlertStory(Struct, frozen=True):
    """An alert as it is now, and how it came to that, the oldest change first."""

    alert: Alert
    changes: list[Change]
    fired: Alert | None
    """As it last fired: one that is resolved has no columns of its own any more."""


class Recent(Struct, frozen=True):
    """A prediction without anything that tells whose it is."""

    at: datetime
    score: float
    label: str
    confidence: str
    model_version: str
    latency_ms: float
    seniority: str | None
    geography: str | None
    business_type: str | None


class Latency(Struct, frozen=True):
    """From a contact being sent to its prediction being written, over the newest predictions; milliseconds."""

    p50: float
    p95: float
    p99: float
    contacts: int


class Reason(Struct, frozen=True):
    """Why inputs became dead letters."""

    reason: str
    count: int
    last_at: datetime


@dataclass(frozen=True)
class Written:
    """A prediction and when it was written onto its topic."""

    prediction: Prediction
    at: datetime


def plain_reason(reason: str) -> str:
    """The reason of a dead letter without what tells one from the next.

    >>> plain_reason("not JSON: invalid character (byte 17)")
    'not JSON: invalid character'
    """
    return re.sub(r" ?\(byte \d+\)", "", reason)[:200]


def recent(written: Written) -> Recent:
    """A prediction as it is shown."""
    prediction, columns = written.prediction, written.prediction.columns
    return Recent(
        at=written.at,
        score=prediction.score,
        label=label(prediction.score),
        confidence=confidence(prediction.score),
        model_version=prediction.model_version,
        latency_ms=milliseconds(written),
        seniority=_known(columns.llm_seniority, SENIORITIES),
        geography=_known(columns.llm_geography, GEOGRAPHIES),
        business_type=_known(columns.llm_business_type, BUSINESS_TYPES),
    )


def _known(value: str | None, values: frozenset[str]) -> str | None:
    """What is none of the contract's values may be anything, a name among it."""
    return value if value is None or value in values else OTHER


def milliseconds(written: Written) -> float:
    """From the contact being sent to its prediction being written; 0 where their clocks say less."""
    return max(0.0, round((written.at - written.prediction.sent_at).total_seconds() * 1000, 1))


def latency(milliseconds: Sequence[float]) -> Latency | None:
    """Percentiles of some delays; None of none."""
    if not milliseconds:
        return None
    p50, p95, p99 = (round(float(value), 1) for value in np.percentile(milliseconds, (50, 95, 99)))
    return Latency(p50, p95, p99, len(milliseconds))
