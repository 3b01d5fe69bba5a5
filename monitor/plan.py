"""What is tested against a reference and from where on it counts: made once, before the first contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from driftline.events import Kind
from monitor.calibration import Thresholds, thresholds
from monitor.categorical import Shares
from monitor.features import Floats, Ints, NumberFeature
from monitor.reference import Reference
from monitor.sequential import Bets, BetScores, Test

SCORE = "score"
Accepted = Mapping[Kind, Sequence[str]]
"""For kinds of alert the columns whose change somebody has accepted."""
KINDS: tuple[Kind, ...] = ("data_drift", "prediction_drift", "data_quality")


def kind_of(column: str, test: Test) -> Kind:
    """Which kind of alert the drift of a column in a test is."""
    if test in ("missing", "type"):
        return "data_quality"
    return "prediction_drift" if column == SCORE else "data_drift"


@dataclass(frozen=True, eq=False)
class Plan:
    """The tests, bets and thresholds for one reference."""

    reference: Reference
    shares: Shares
    bets: Bets
    thresholds: Thresholds
    _bet_scores: dict[int, BetScores] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, reference: Reference, *, window: int, pane: int, false_alarm_rate: float, horizon: int) -> Plan:
        """The plan for a reference; a shape that was never simulated takes some seconds."""
        shares = Shares.of(reference.features, reference.rows)
        at = thresholds(reference, shares, window=window, pane=pane, false_alarm_rate=false_alarm_rate, horizon=horizon)
        return cls(reference, shares, Bets.on(reference.features, shares, reference.inflation), at)

    @cached_property
    def bet_feature(self) -> Ints:
        """The feature of each bet."""
        return np.repeat(np.arange(len(self.reference.features)), np.diff(self.bets.starts))

    @cached_property
    def bet_kind(self) -> NDArray[np.int64]:
        """The kind of alert, as a place in `KINDS`, that each bet counts for."""
        columns = [self.reference.features[j].column for j in self.bet_feature.tolist()]
        kinds = [KINDS.index(kind_of(column, test)) for column, test in zip(columns, self.bets.test, strict=True)]
        return np.array(kinds, np.int64)

    @cached_property
    def feature_column(self) -> Ints:
        """The column of each feature, as a place in the reference's columns."""
        places = {column: place for place, column in enumerate(self.reference.columns)}
        return np.array([places[feature.column] for feature in self.reference.features], np.int64)

    @cached_property
    def bet_cell(self) -> Ints:
        """A number for the kind of alert and the column of each bet: kind · columns + column."""
        return self.bet_kind * len(self.reference.columns) + self.feature_column[self.bet_feature]

    def cells(self, accepted: Accepted) -> list[int]:
        """The numbers, as in `bet_cell`, of what has been accepted."""
        places = {column: place for place, column in enumerate(self.reference.columns)}
        return [
            KINDS.index(kind) * len(places) + places[column]
            for kind, columns in accepted.items()
            for column in columns
            if column in places
        ]

    def kinds(self, accepted: Accepted) -> Ints:
        """`bet_kind`, with the place after the last kind for bets on what has been accepted."""
        if not accepted:
            return self.bet_kind
        return np.where(np.isin(self.bet_cell, self.cells(accepted)), len(KINDS), self.bet_kind)

    def bet_scores(self, feature: int) -> BetScores:
        """The bets on a feature's distribution as a test of the window."""
        if feature not in self._bet_scores:
            inflation = float(self.reference.inflation[feature])
            self._bet_scores[feature] = BetScores.of(self.reference.features[feature], inflation)
        return self._bet_scores[feature]

    @cached_property
    def rows(self) -> Ints:
        """Values of each number in the reference, 0 for categories."""
        held = self.reference.features
        return np.array([f.counts.sum() if isinstance(f, NumberFeature) else 0 for f in held], np.int64)

    @cached_property
    def inputs(self) -> int:
        """Columns other than the score: what the drift share is a share of."""
        return max(1, len(set(self.reference.columns) - {SCORE}))

    def kind_place(self, feature: int, test: Test) -> int:
        """The kind of alert of a test on a feature, as a place in `KINDS`."""
        return KINDS.index(kind_of(self.reference.features[feature].column, test))

    def holds_numbers(self, feature: int) -> bool:
        """Whether the reference has numbers in a feature, be it as text."""
        held = self.reference.features[feature]
        return isinstance(held, NumberFeature) or held.numbers

    def share_p(self, hits: Ints, contacts: int) -> Floats:
        """Fisher's p of each share of a window of so many contacts."""
        return self.shares.p_values(hits, contacts, self.reference.inflation)

    def least_share(self, place: int, contacts: int, *, more: bool) -> float:
        """The share nearest to the reference's from which on a test is over its threshold, NaN if none is.

        Args:
            more: above the reference's share, or below it.
        """
        near, far = round(self.shares.shares[place].hits / self.shares.rows * contacts), contacts if more else 0
        hits = np.zeros(len(self.shares.shares), np.int64)
        hits[place] = far
        if self.share_p(hits, contacts)[place] > self.thresholds.share[place]:
            return float("nan")
        while abs(far - near) > 1:
            hits[place] = (near + far) // 2
            over = self.share_p(hits, contacts)[place] <= self.thresholds.share[place]
            near, far = (near, hits[place]) if over else (hits[place], far)
        return float(far) / contacts
