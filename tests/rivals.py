"""Two models of known skill on the same contacts, and what the gate makes of them; docs/statistics.md has the rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.special import expit

from model.gate import GateDecision, decide

Floats = NDArray[np.float64]

MEAN, SPREAD = -0.5, 1.3
"""Of the contacts' true log-odds: 41% engage, and who knew the log-odds would have an AUC of .79."""
RARE = -4.6
"""A mean of log-odds with which 2% engage."""
WEAK, MIDDLING, STRONG = 4.0, 3.0, 0.5
"""Variances of a model's noise. The true AUCs are .65, .67 and .75: strong is .10 better than weak."""
_NODES, _WEIGHTS = hermegauss(21)


@dataclass(frozen=True)
class Rivals:
    """What a champion and a challenger say of labelled contacts; of 1,000, each value of a segment has over 100."""

    seed: int
    log_odds: Floats
    champion: Floats
    challenger: Floats
    engaged: NDArray[np.int64]
    segments: dict[str, list[str | None]]

    def verdict(self) -> GateDecision:
        """The gate's."""
        return decide(self.champion, self.challenger, self.engaged, segments=self.segments, seed=self.seed)

    def with_entry(self, challenger: Floats) -> Rivals:
        """The same but for what the challenger says of the 15% with entry seniority."""
        entry = np.array(self.segments["llm_seniority"]) == "Entry"
        return replace(self, challenger=np.where(entry, challenger, self.challenger))


def rivals(seed: int, contacts: int, champion: float, challenger: float, *, mean: float = MEAN) -> Rivals:
    """Contacts of this mean log-odds, and the scores of two models with independent noise of these variances."""
    rng = np.random.default_rng([2_000, seed])
    log_odds = rng.normal(mean, SPREAD, contacts)
    engaged = (rng.random(contacts) < expit(log_odds)).astype(np.int64)
    seniority = np.array(["Entry", "Mid", "Senior", "Executive"], object)
    geography = np.array(["regional_hub", "other", None], object)
    return Rivals(
        seed, log_odds, scores(log_odds, champion, rng, mean), scores(log_odds, challenger, rng, mean), engaged,
        segments={
            "llm_seniority": list(rng.choice(seniority, contacts, p=[0.15, 0.4, 0.3, 0.15])),
            "llm_geography": list(rng.choice(geography, contacts, p=[0.5, 0.3, 0.2])),
        },
    )  # fmt: skip


def scores(log_odds: Floats, noise: float, rng: np.random.Generator, mean: float = MEAN) -> Floats:
    """P(engaged | the true log-odds seen through noise): calibrated, the AUC as good as the noise is small."""
    seen = log_odds + rng.normal(0, np.sqrt(noise), len(log_odds))
    known = SPREAD**2 / (SPREAD**2 + noise)
    about = mean + known * (seen - mean)
    found: Floats = expit(about[:, None] + np.sqrt(known * noise) * _NODES) @ (_WEIGHTS / _WEIGHTS.sum())
    return found


def wrong_in_entry(made: Rivals) -> Rivals:
    """The challenger says the opposite there."""
    return made.with_entry(1 - made.challenger)


def useless_in_entry(made: Rivals) -> Rivals:
    """The challenger says the share engaged of everyone there."""
    return made.with_entry(np.full(len(made.engaged), made.engaged.mean()))


def equal_in_entry(made: Rivals) -> Rivals:
    """The challenger is as weak as a weak champion there, and errs about others."""
    return made.with_entry(scores(made.log_odds, WEAK, np.random.default_rng([2_001, made.seed])))


def promotions(
    runs: int,
    contacts: int,
    champion: float,
    challenger: float,
    change: Callable[[Rivals], Rivals] = lambda made: made,
    *,
    mean: float = MEAN,
) -> int:
    """Runs that promote."""
    made = (rivals(seed, contacts, champion, challenger, mean=mean) for seed in range(runs))
    return sum(change(one).verdict().decision == "promoted" for one in made)
