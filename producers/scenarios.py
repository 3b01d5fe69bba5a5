"""The drift scenarios: a calm stream that, from the onset on, becomes another one. Each is one entry at the end."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from driftline.events import Contact
from producers.synthetic import Profile, Rng, contact, draw, draw_label, engagement, load_profile

Shape = Literal["sudden", "gradual", "recurring"]
Columns = dict[str, Any]
GRADUAL_OVER = 1_000
RECURS_EVERY = 1_000


@dataclass(frozen=True)
class Scenario:
    """A named drift. ``drifted`` draws a contact of the new kind, and the log-odds of its engagement."""

    name: str
    about: str
    drifted: Callable[[Rng, Profile], tuple[Columns, float]]

    def contacts(
        self,
        n: int,
        *,
        seed: int,
        start: datetime,
        severity: float = 1.0,
        onset: int = 0,
        shape: Shape = "sudden",
        profile: Profile | None = None,
    ) -> Iterator[tuple[Contact, int]]:
        """``n`` labelled contacts; the same arguments give the same contacts with the same ids.

        Args:
            severity: the share of contacts of the new kind once the drift is complete, 0 to 1.
            onset: contacts before the drift.
            shape: ``sudden`` at the onset, ``gradual`` over the 1,000 contacts after it, or ``recurring``: 1,000
                contacts with, 1,000 without, and so on.
        """
        profile = load_profile() if profile is None else profile
        rng = np.random.default_rng([seed, n_of(self.name)])
        for index in range(n):
            if rng.random() < severity * _progress(index - onset, shape):
                columns, logit = self.drifted(rng, profile)
            else:
                columns = draw(rng, profile)
                logit = engagement(columns)
            yield contact(columns, self.name, seed, index, start), draw_label(rng, logit)


def n_of(name: str) -> int:
    """A number for a name, so that scenarios of one seed differ."""
    return int.from_bytes(name.encode()[:6], "big")


def _progress(since: int, shape: Shape) -> float:
    """How far the drift has come, 0 to 1, ``since`` contacts after its onset."""
    if since < 0:
        return 0.0
    match shape:
        case "sudden":
            return 1.0
        case "gradual":
            return min(1.0, (since + 1) / GRADUAL_OVER)
        case "recurring":
            return float(since // RECURS_EVERY % 2 == 0)


def _calm(rng: Rng, profile: Profile) -> tuple[Columns, float]:
    columns = draw(rng, profile)
    return columns, engagement(columns)


NEW_SECTORS: Mapping[str, tuple[str, str, float]] = {
    "Hospital & Health Care": ("Hospitals and Health Care", "Healthcare", 0.9),
    "Government Administration": ("Government Administration", "Public Sector", 0.5),
    "Higher Education": ("Higher Education", "Education", -0.9),
    "Nonprofit Organization Management": ("Non-profit Organizations", "Nonprofit", -0.6),
}
"""Industry → company's industry, the enrichment's industry, and what the sector adds to the log-odds."""


def _other_sector(rng: Rng, profile: Profile) -> tuple[Columns, float]:
    """The campaign has moved on to health care, administrations, education and associations.

    Who engages changes too: there it is the senior people of large, known organisations.
    """
    columns = draw(rng, profile)
    sector = list(NEW_SECTORS)[int(rng.integers(len(NEW_SECTORS)))]
    companyindustry, llm_industry, lift = NEW_SECTORS[sector]
    size = ("201-500", "501-1000", "1001-5000", "5001-10000")[int(rng.integers(4))]
    kind = ("Government Agency", "Nonprofit", "Educational Institution")[int(rng.integers(3))]
    columns |= {
        "industry": sector,
        "companyindustry": companyindustry,
        "llm_industry": llm_industry,
        "companysize": size,
        "companytype": kind,
        "llm_company_fit": float(rng.integers(3)),
    }
    logit = -0.3 + lift + 1.6 * (columns["llm_quality"] - 62) / 40 + 0.5 * (kind == "Government Agency")
    return columns, logit


TURNED_ROUND: Mapping[str, float] = {"Mid": -0.68, "Senior": -1.05}
"""Half of the four seniorities, and of the people, and the mean log-odds of their engagement."""


def _turned_round(rng: Rng, profile: Profile) -> tuple[Columns, float]:
    """The same people, and as many engage, but of half of them the others: log-odds mirrored about their mean."""
    columns, logit = _calm(rng, profile)
    mean = TURNED_ROUND.get(columns["llm_seniority"])
    return columns, logit if mean is None else 2 * mean - logit


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("no_drift_baseline", "nothing changes: every alert is a false one", _calm),
        Scenario("sector_shift", "the campaign moves to other sectors, where other people engage", _other_sector),
        Scenario("concept_drift", "the same people come, but half of them engage for other reasons", _turned_round),
    )
}


def scenario(name: str) -> Scenario:
    """A scenario by its name.

    Raises:
        ValueError: there is none of that name; the message lists them.
    """
    if name not in SCENARIOS:
        near = difflib.get_close_matches(name, SCENARIOS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SCENARIOS)}"
        raise ValueError(f"no scenario {name}: {hint}")
    return SCENARIOS[name]
