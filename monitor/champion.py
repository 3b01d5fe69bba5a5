"""What the monitor keeps of a model version: its reference window, and how labels follow its scores there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from driftline.events import Pane
from model.bundle import Bundle
from model.features import SEGMENTS
from monitor.concept import weights
from monitor.contact_reference import reference_of
from monitor.features import CategoryFeature, Floats, Ints
from monitor.labels import Segments
from monitor.reference import Reference
from monitor.relation import Relation, log_losses, log_odds

FEWEST_OF_A_SEGMENT = 10
"""Rows of the reference that a value needs to be a segment of its own."""
FEWEST_LABELS = 100
"""Of the reference; below, no rate of false alarms is promised."""


@dataclass(frozen=True, eq=False)
class Champion:
    """A model version as the monitor sees it.

    Attributes:
        relation: what is believed about labels and scores after the reference.
        centre: the mean log-odds of the reference's scores.
        segments: (column, value) of each.
        loss: mean log-loss of the scores on the reference, in nats.
        engaged: share of the reference's contacts that engaged.
        labels: of the reference.
    """

    version: str
    created_at: datetime
    reference: Reference
    relation: Relation
    centre: float
    segments: tuple[tuple[str, str], ...]
    loss: float
    engaged: float
    labels: int

    @cached_property
    def stakes(self) -> Floats:
        """The stake on each rival, see `monitor.concept.weights`."""
        return weights([column for column, _ in self.segments])

    @property
    def why_no_promise(self) -> str | None:
        """Why no rate of false alarms can be promised, None where it can."""
        if self.labels >= FEWEST_LABELS:
            return None
        return f"the model's reference has {self.labels} labels: {FEWEST_LABELS} are needed"

    def row(self, log_odds: float, segments: Segments) -> Floats:
        """A contact as `Relation` takes it."""
        row = np.zeros(2 + len(self.segments))
        row[0], row[1] = 1.0, log_odds - self.centre
        for place in segments:
            row[2 + place] = 1.0
        return row

    def segments_of(self, pane: Pane) -> list[Segments]:
        """The segments, by place, of each contact of a pane of this version."""
        codes = np.frombuffer(pane.codes, self.reference.dtype).reshape(pane.contacts, -1)
        held: list[list[int]] = [[] for _ in range(pane.contacts)]
        for feature, places in self._places:
            for mine, place in zip(held, places[codes[:, feature]].tolist(), strict=True):
                if place >= 0:
                    mine.append(place)
        return [tuple(mine) for mine in held]

    @cached_property
    def _places(self) -> list[tuple[int, Ints]]:
        """The features that tell segments, and for each of their codes the segment's place, -1 for none."""
        found = []
        for j, feature in enumerate(self.reference.features):
            if feature.column in SEGMENTS and isinstance(feature, CategoryFeature):
                places = np.full(feature.size, -1, np.int64)
                for place, (column, value) in enumerate(self.segments):
                    if column == feature.column:
                        places[feature.code(value)] = place
                found.append((j, places))
        return found


def champion_of(bundle: Bundle) -> Champion:
    """What the monitor keeps of a bundle."""
    values = {column: [getattr(one, column, None) for one in bundle.inputs] for column in SEGMENTS}
    scores, engaged = bundle.reference[:, -1].astype(np.float64), np.array(bundle.engaged, np.int64)
    odds = log_odds(scores)
    centre = float(odds.mean())
    segments = tuple(
        (column, value)
        for column, held in values.items()
        for value, count in sorted(Counter(one for one in held if one is not None).items())
        if count >= FEWEST_OF_A_SEGMENT
    )
    return Champion(
        version=bundle.version,
        created_at=bundle.created_at,
        reference=reference_of(bundle),
        relation=Relation.of(_rows(odds - centre, values, segments), engaged, centre),
        centre=centre,
        segments=segments,
        loss=float(log_losses(odds, engaged).mean()),
        engaged=float(engaged.mean()),
        labels=len(engaged),
    )


def _rows(
    odds: Floats, values: dict[str, list[str | None]], segments: Sequence[tuple[str, str]]
) -> NDArray[np.float64]:
    flags = [[float(one == value) for one in values[column]] for column, value in segments]
    return np.column_stack([np.ones(len(odds)), odds, *flags])
