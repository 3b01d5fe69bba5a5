"""Streams of a scenario, scored by a champion and looked back on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from consumers.scoring import ScoringModel, score_contacts
from driftline.events import Prediction
from model.onnx_scorer import OnnxScorer
from model.retrain import Maker
from model.training import CANDIDATES
from monitor.champion import Champion, champion_of
from monitor.config import LabelConfig
from monitor.contact_backtest import ContactBacktest, backtest_contacts
from monitor.engine import Engine
from producers.scenarios import SCENARIOS
from producers.synthetic import draw_contacts

START = datetime(2026, 1, 1, tzinfo=UTC)
TESTS = LabelConfig(min_engagement=0.0, max_champion_days=0.0, new_labels=0)
ENGINE = Engine()


@cache
def scorer() -> tuple[Champion, ScoringModel]:
    """A champion as the monitor keeps it, and as it scores."""
    base = list(draw_contacts(3_000, seed=1, name="base", start=START))
    bundle = Maker(seed=1, now=START, candidates=CANDIDATES[1:2]).first_champion(base).bundle.with_version("1")
    graph = OnnxScorer(bundle.onnx, len(bundle.featuriser.features))
    return champion_of(bundle), ScoringModel("1", bundle.featuriser, graph)


def stream(name: str, n: int, onset: int) -> tuple[list[Prediction], list[int]]:
    """Scored contacts of a scenario, and their labels."""
    labelled = list(SCENARIOS[name].contacts(n, seed=1, start=START, onset=onset))
    predictions = score_contacts([contact for contact, _ in labelled], range(n), scorer()[1])
    return predictions, [engaged for _, engaged in labelled]


@cache
def looked_back(name: str, n: int = 1_000, onset: int = 500, labels: bool = False) -> ContactBacktest:
    """A scenario from a contact on, with its labels or without any."""
    predictions, engaged = stream(name, n, onset)
    known: Sequence[int | None] = engaged if labels else [None] * n
    return backtest_contacts(scorer()[0], predictions, known, engine=ENGINE, labels=TESTS)
