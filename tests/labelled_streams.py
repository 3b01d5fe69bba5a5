"""Champions, and streams of scored contacts with their labels, drawn in bulk; the figures on labels are of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from consumers.scoring import ScoringModel, score_contacts
from driftline.events import Alert, Contact, LabelBatch, Pane
from model.onnx_scorer import OnnxScorer
from model.retrain import Maker
from model.split import HELD_OUT_OF_BASE, is_held_out
from model.training import CANDIDATES
from monitor.alerts import microseconds
from monitor.champion import Champion, champion_of
from monitor.config import LabelConfig
from monitor.contact_reference import encode
from monitor.performance import Performance
from monitor.reference import Codes
from producers.drifts import TURNED
from producers.synthetic import draw_labels, engagement, labelled_contacts, load_population, uniforms

START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE, FOR_TRAINING = 12_000, 8_000
PANE, BATCH = 50, 10
MINUTE, DELAY = timedelta(minutes=1), timedelta(hours=2)
CALM = 600
"""Labels before a drift."""
TEST_ALONE = LabelConfig(min_engagement=0.0, max_champion_days=0.0, new_labels=0)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class People:
    """Contacts without drift, and the log-odds of their engagement."""

    contacts: list[Contact]
    odds: Floats

    def of(self, column: str) -> NDArray[np.str_]:
        """The values of an input."""
        return np.array([str(getattr(one, column)) for one in self.contacts])


Drift = Callable[[People], Floats]
"""Other log-odds of engagement for the same people."""


@cache
def people() -> People:
    """The first 8,000 train champions, the others are the stream."""
    own = uniforms(91, "people", 0, PEOPLE)
    columns = load_population().draw(own)
    odds = engagement(columns)
    drawn = labelled_contacts(columns, draw_labels(odds, own), "people", 91, 0, START)
    return People([contact for contact, _ in drawn], odds)


def none(of: People) -> Floats:
    """No drift."""
    return of.odds


def seniority_turned(of: People) -> Floats:
    """As the scenario concept_drift does it."""
    return _turned(of, "llm_seniority", TURNED)


def entry_turned(of: People) -> Floats:
    """The other half of the seniorities."""
    return _turned(of, "llm_seniority", ("Entry", "Executive"))


def geography_turned(of: People) -> Floats:
    """The third of all people who live in two of the three kinds of place."""
    return _turned(of, "llm_geography", ("other", "regional_hub"))


def half_turned(of: People) -> Floats:
    """Half of all people, whom no column tells apart."""
    half = np.random.default_rng(94).random(len(of.odds)) < 0.5
    return np.where(half, 2 * of.odds.mean() - of.odds, of.odds)


def labels_flipped(of: People) -> Floats:
    """Half of the seniorities engage where they did not, and do not where they did."""
    return np.where(np.isin(of.of("llm_seniority"), TURNED), -of.odds, of.odds)


def _turned(of: People, column: str, values: tuple[str, ...]) -> Floats:
    held = of.of(column)
    odds = of.odds.copy()
    for value in values:
        odds[held == value] = 2 * odds[held == value].mean() - odds[held == value]
    return odds


def keys(offsets: Ints) -> bytes:
    """What names the contacts of partition 0: their offsets."""
    return offsets.astype(">u8").tobytes()


def labels(first: int, engaged: Ints, *, at: int | None = None) -> LabelBatch:
    """The labels of contacts that follow each other, two hours late.

    Args:
        first: offset of the first contact.
        at: offset of the first label, by default the same.
    """
    offsets = np.arange(first, first + len(engaged))
    return LabelBatch(
        partition=0, offsets=(offsets - first + (first if at is None else at)).tolist(), keys=keys(offsets),
        engaged=engaged.tolist(), labelled_at=[START + MINUTE * int(offset) + DELAY for offset in offsets],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Watched:
    """A champion and what it makes of the people of the stream."""

    champion: Champion
    codes: Codes
    scores: NDArray[np.float32]

    @classmethod
    @lru_cache(maxsize=64)
    def trained(cls, seed: int, labels: int) -> Watched:
        """A first champion whose reference has so many labels; twice as many train it.

        One candidate is enough here: how a champion is chosen must not matter to how it is watched.
        """
        rng, all_people = np.random.default_rng([92, seed, labels]), people()
        judges = np.array([is_held_out(one.id, HELD_OUT_OF_BASE) for one in all_people.contacts[:FOR_TRAINING]])
        sides = ((judges, labels), (~judges, 2 * labels))
        chosen = np.concatenate([rng.choice(np.flatnonzero(side), n, replace=False) for side, n in sides])
        engaged = rng.random(len(chosen)) < expit(all_people.odds[chosen])
        base = [(all_people.contacts[i], int(label)) for i, label in zip(chosen, engaged, strict=True)]
        bundle = Maker(seed=seed, now=START, candidates=CANDIDATES[1:2]).first_champion(base).bundle.with_version("1")
        model = ScoringModel("1", bundle.featuriser, OnnxScorer(bundle.onnx, len(bundle.featuriser.features)))
        champion = champion_of(bundle)
        scored = score_contacts(all_people.contacts[FOR_TRAINING:], range(PEOPLE - FOR_TRAINING), model)
        scores = np.array([one.score for one in scored], np.float32)
        return cls(champion, encode(champion.reference, scored), scores)

    def stream(
        self, seed: int, *stretches: tuple[int, Drift], among: Ints | None = None
    ) -> Iterator[Pane | LabelBatch]:
        """Panes, each followed by its labels, of some stretches of (contacts, drift).

        Args:
            among: the people of the stream that come; all of them by default.
        """
        rng, offset = np.random.default_rng([93, seed]), 0
        come = np.arange(len(self.scores)) if among is None else among
        for contacts, drift in stretches:
            odds = drift(people())[FOR_TRAINING:]
            for _ in range(contacts // PANE):
                chosen = rng.choice(come, PANE)
                engaged = (rng.random(PANE) < expit(odds[chosen])).astype(int)
                yield self.pane(offset, chosen)
                for begin in range(0, PANE, BATCH):
                    yield labels(offset + begin, engaged[begin : begin + BATCH])
                offset += PANE

    def pane(self, first: int, chosen: Ints, version: str = "1", since: datetime = START) -> Pane:
        """People of the stream, by place, as the pane of partition 0 that begins at offset ``first``."""
        offsets = np.arange(first, first + len(chosen))
        times = [since + MINUTE * int(at) for at in offsets]
        return Pane(
            partition=0, pane=first // PANE, model_version=version, complete=True, contacts=len(chosen),
            offsets=offsets.tolist(), last_sent_at=times[-1], codes=self.codes[chosen].tobytes(), keys=keys(offsets),
            scores=self.scores[chosen].astype("<f4").tobytes(),
            times=np.array([microseconds(at) for at in times], "<i8").tobytes(),
        )  # fmt: skip

    def alerts(
        self,
        seed: int,
        *stretches: tuple[int, Drift],
        config: LabelConfig = TEST_ALONE,
        among: Ints | None = None,
        until_the_first: bool = True,
    ) -> list[tuple[int, Alert]]:
        """Alerts over such a stream, each with the number of labels until then."""
        performance, labels = Performance(config, lambda _: self.champion), 0
        found: list[tuple[int, Alert]] = []
        for event in self.stream(seed, *stretches, among=among):
            if isinstance(event, Pane):
                changed = performance.pane(event)
            else:
                labels += len(event.offsets)
                changed = performance.labels(event)
            found += [(labels, alert) for alert in changed]
            if found and until_the_first:
                break
        return found

    def false_alarm(self, seed: int, labels: int, among: Ints | None = None) -> bool:
        """Whether so many labels without drift raise an alert."""
        return bool(self.alerts(seed, (labels, none), among=among))

    def delay(self, seed: int, drift: Drift, lasting: int = 1_000) -> float:
        """Labels from the onset to the alert, infinite if there was none, NaN if there was one before."""
        found = self.alerts(seed, (CALM, none), (lasting, drift))
        if not found:
            return np.inf
        return found[0][0] - CALM if found[0][0] > CALM else np.nan
