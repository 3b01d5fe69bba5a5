"""What is known of a model version: its data, how it was chosen, how good it is. The model card says it in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from driftline.events import Decision
from model.evaluation import Evaluation
from model.features import monitored_columns
from model.split import Labelled, ids, time_of
from model.training import CandidateResult, Trained

UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""What stands for the time of a contact from a file that has none."""


@dataclass(frozen=True)
class DataFingerprint:
    """Which contacts these were, without saying who: the same fingerprint means the same ids, inputs and labels."""

    sha256: str
    contacts: int
    engaged: int
    first: datetime | None
    last: datetime | None

    @classmethod
    def of(cls, labelled: Sequence[Labelled]) -> DataFingerprint:
        """Of some labelled contacts, in whatever order."""
        rows = sorted(
            msgspec.json.encode((contact.id, engaged, monitored_columns(contact))) for contact, engaged in labelled
        )
        times = [at for contact, _ in labelled if (at := time_of(contact)) > UNKNOWN]
        return cls(
            sha256=hashlib.sha256(b"\n".join(rows)).hexdigest(),
            contacts=len(labelled),
            engaged=sum(engaged for _, engaged in labelled),
            first=min(times, default=None),
            last=max(times, default=None),
        )


@dataclass(frozen=True)
class LabelTroubles:
    """What was amiss among the labelled contacts: how many came twice, and how many of these with another label."""

    repeated: int = 0
    contradictory: int = 0

    @classmethod
    def among(cls, labelled: Sequence[Labelled]) -> LabelTroubles:
        """Count them."""
        seen: dict[str, set[int]] = {}
        for contact, engaged in labelled:
            seen.setdefault(contact.id, set()).add(engaged)
        return cls(len(labelled) - len(seen), sum(len(said) > 1 for said in seen.values()))


@dataclass(frozen=True)
class Judgement:
    """What the gate decided about a challenger, and what both models were worth on the same held-out contacts."""

    decision: Decision
    why: str
    champion: str
    labels: int
    evidence: Mapping[str, tuple[float, float, float]]
    champion_evaluation: Evaluation | None
    at: datetime


@dataclass(frozen=True)
class Report:
    """Everything that a team needs to read why a version is as it is.

    Attributes:
        trigger: the alert that it was trained for, or what else made it necessary; None for one made by hand.
        evaluation: on held-out contacts; None while there are none.
        over_time: trained on the earlier contacts, judged on those that came after; None where that cannot be told.
        over_time_why: why not.
        judgement: the gate's, of a challenger.
    """

    created_at: datetime
    seed: int
    feature_set: str
    features: int
    chosen: str
    candidates: tuple[CandidateResult, ...]
    calibration: tuple[float, float]
    cut: float
    training: DataFingerprint
    held_out: DataFingerprint
    troubles: LabelTroubles
    evaluation: Evaluation | None
    over_time: Evaluation | None
    over_time_why: str | None
    trigger: str | None = None
    judgement: Judgement | None = None

    @classmethod
    def of(
        cls,
        trained: Trained,
        training: Sequence[Labelled],
        held_out: Sequence[Labelled],
        troubles: LabelTroubles,
        *,
        seed: int,
        now: datetime,
        evaluation: Evaluation | None,
        over_time: Evaluation | str,
    ) -> Report:
        """Of a model just trained."""
        if ids(training) & ids(held_out):
            raise AssertionError("a contact both trained and judged the model")
        return cls(
            created_at=now,
            seed=seed,
            feature_set=trained.featuriser.feature_set.name,
            features=len(trained.featuriser.features),
            chosen=trained.chosen,
            candidates=trained.candidates,
            calibration=(trained.slope, trained.shift),
            cut=trained.cut,
            training=DataFingerprint.of(training),
            held_out=DataFingerprint.of(held_out),
            troubles=troubles,
            evaluation=evaluation,
            over_time=over_time if isinstance(over_time, Evaluation) else None,
            over_time_why=over_time if isinstance(over_time, str) else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """The inverse of `to_json`.

        Raises:
            ValueError: that is no report; the message names the field.
        """
        return msgspec.convert(data, cls)

    def metrics(self) -> dict[str, float]:
        """The figures for a registry's columns, each with the bounds of its interval."""
        found: dict[str, float] = {}
        for prefix, evaluation in (("", self.evaluation), ("over_time_", self.over_time)):
            for name, interval in evaluation.metrics.items() if evaluation else ():
                found[f"{prefix}{name}"] = interval.value
                found |= {f"{prefix}{name}_low": interval.low, f"{prefix}{name}_high": interval.high}
        for name, bounds in self.judgement.evidence.items() if self.judgement else ():
            if not name.startswith("segment "):
                plain = name.replace(" ", "_")
                found |= {plain: bounds[0], f"{plain}_low": bounds[1], f"{plain}_high": bounds[2]}
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def params(self) -> dict[str, str]:
        """What it was made of and with."""
        return {
            "feature_set": self.feature_set,
            "model": self.chosen,
            "seed": str(self.seed),
            "cut": f"{self.cut:.4f}",
            "trained_on": str(self.training.contacts),
            "training_sha256": self.training.sha256,
            "held_out": str(self.held_out.contacts),
            "held_out_sha256": self.held_out.sha256,
            "trigger": self.trigger or "by hand",
        }
