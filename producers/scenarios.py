"""The drift scenarios: a calm stream that, from the onset on, becomes another one. Each is one entry at the end.

All of one seed begin with the same people, the baseline's. A drift reaches a contact or it does not, by a number of the
contact's own: whom it reaches at a low severity it reaches at a higher one too, and whom it does not reach is the
baseline's contact to the last column and label. At severity 0 that is everybody. Only the ids are the scenario's own,
so that two scenarios on one topic are two sets of people.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from producers import drifts
from producers.drifts import Drawn
from producers.population import Bools, Columns, Floats, Ints
from producers.synthetic import (
    CHUNK,
    Labelled,
    draw_labels,
    engagement,
    labelled_contacts,
    load_population,
    uniforms,
)

Shape = Literal["sudden", "gradual", "recurring"]
SHAPES: tuple[Shape, ...] = ("sudden", "gradual", "recurring")
GRADUAL_OVER = 1_000
RECURS_EVERY = 1_000
RUN = 25
"""Contacts of a campaign's burst that are alike."""
ALIKE = 0.9
"""The correlation of what makes up two contacts of a run."""


class Stretch(NamedTuple):
    """Contacts of a scenario that follow each other.

    Attributes:
        columns: their inputs.
        logits: log-odds of their engagement, shape (contacts,).
        engaged: their labels.
        drifted: whom the drift has reached, shape (contacts,).
    """

    columns: Columns
    logits: Floats
    engaged: list[int]
    drifted: Bools


@dataclass(frozen=True)
class Scenario:
    """A named drift.

    Attributes:
        drifted: contacts of the new kind out of the baseline's and uniforms of their own; see `producers.drifts`.
        in_runs: whether contacts come in runs of alike ones instead, as many runs as ``severity`` says: their law is
            the baseline's, so there is no drift, but they are not independent.
    """

    name: str
    about: str
    drifted: Callable[[Drawn, Floats], Drawn] | None = None
    in_runs: bool = False

    def contacts(
        self,
        n: int,
        *,
        seed: int,
        start: datetime,
        severity: float = 1.0,
        onset: int = 0,
        shape: Shape = "sudden",
    ) -> Iterator[Labelled]:
        """``n`` labelled contacts, lazily; the same arguments give the same contacts with the same ids.

        Those of a shorter stream are the first ones of a longer one.

        Args:
            severity: the share of contacts of the new kind once the drift is complete, 0 to 1.
            onset: contacts before the drift.
            shape: ``sudden`` at the onset, ``gradual`` over the 1,000 contacts after it, or ``recurring``: 1,000
                contacts with, 1,000 without, and so on.
        """
        for first in range(0, n, CHUNK):
            size = min(CHUNK, n - first)
            drawn = self.stretch(first, size, seed=seed, severity=severity, onset=onset, shape=shape)
            yield from labelled_contacts(drawn.columns, drawn.engaged, self.name, seed, first, start)

    def stretch(
        self, first: int, n: int, *, seed: int, severity: float = 1.0, onset: int = 0, shape: Shape = "sudden"
    ) -> Stretch:
        """The contacts from index ``first`` on, in columns; arguments as for `contacts`."""
        people = uniforms(seed, "scenarios", first, n)
        since = np.arange(first, first + n) - onset
        strength = severity * progress(since, shape)
        reached = np.zeros(n, bool)
        if self.in_runs:
            people, reached = _in_runs(people, seed, since, strength)
        columns = load_population().draw(people)
        drawn = Drawn(columns, engagement(columns))
        if self.drifted is not None:
            own = uniforms(seed, self.name, first, n, drifts.WIDTH)
            reached = own[:, 0] < strength
            drawn = _merged(reached, self.drifted(drawn, own), drawn)
        return Stretch(drawn.columns, drawn.logits, draw_labels(drawn.logits, people), reached)


def progress(since: Ints, shape: Shape) -> Floats:
    """How far the drift has come, 0 to 1, so many contacts after its onset."""
    match shape:
        case "sudden":
            reached = np.ones(len(since))
        case "gradual":
            reached = np.minimum(1.0, (since + 1) / GRADUAL_OVER)
        case "recurring":
            reached = (since // RECURS_EVERY % 2 == 0).astype(float)
    return np.where(since < 0, 0.0, reached)


def _merged(reached: Bools, new: Drawn, old: Drawn) -> Drawn:
    columns = {
        name: column if new.columns[name] is column else np.where(reached, new.columns[name], column)
        for name, column in old.columns.items()
    }
    return Drawn(columns, np.where(reached, new.logits, old.logits))


def _in_runs(people: Floats, seed: int, since: Ints, strength: Floats) -> tuple[Floats, Bools]:
    """Uniforms of contacts in runs, as uniform as before, and who is in one. Outcomes are each contact's own."""
    run = np.maximum(since, 0) // RUN
    runs = uniforms(seed, "runs", int(run[0]), int(run[-1] - run[0]) + 1)[run - run[0]]
    reached = runs[:, -1] < strength
    mixed = ndtr(math.sqrt(ALIKE) * ndtri(runs) + math.sqrt(1 - ALIKE) * ndtri(people))
    mixed[:, -1] = people[:, -1]
    return np.where(reached[:, None], np.clip(mixed, 2.0**-54, 1 - 2.0**-53), people), reached


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("no_drift_baseline", "nothing changes: every alert is a false one"),
        Scenario("sector_shift", "the campaign moves to other sectors, where other people engage", drifts.sector_shift),
        Scenario("seniority_shift", "everybody is of the C-Level or an executive", drifts.seniority_shift),
        Scenario("geography_shift", "everybody is in Asia, Africa or South America", drifts.geography_shift),
        Scenario("quality_degradation", "the profiles are sparse, the people the same", drifts.quality_degradation),
        Scenario(
            "concept_drift", "the same people come, but half of them engage for other reasons", drifts.concept_drift
        ),
        Scenario("format_change", "company sizes come as counts, words and mangled dates", drifts.format_change),
        Scenario("campaign_burst", "the same people in runs of alike ones: no drift, no independence", in_runs=True),
        Scenario(
            "llm_version_change", "the enrichment answers otherwise about the same people", drifts.llm_version_change
        ),
    )
}


def scenario(name: str) -> Scenario:
    """A scenario by its name.

    Raises:
        ValueError: there is none of that name; the message names the nearest, or all.
    """
    if name not in SCENARIOS:
        near = difflib.get_close_matches(name, SCENARIOS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SCENARIOS)}"
        raise ValueError(f"no scenario {name}: {hint}")
    return SCENARIOS[name]
