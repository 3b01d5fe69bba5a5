"""Runs of alike contacts: that a window shows them, and that neither independent contacts nor a drift pass for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from consumers.scoring import ScoringModel, score_contacts
from model.onnx_scorer import OnnxScorer
from model.retrain import Maker
from model.training import CANDIDATES
from monitor import Reference
from monitor.contact_reference import encode, reference_of
from monitor.dependence import DOUBT, comes_in_runs
from monitor.features import Ints
from monitor.reference import Codes
from producers.scenarios import SCENARIOS, SHAPES, Shape
from producers.synthetic import draw_contacts, labelled_contacts
from tests.known_odds import START
from tests.statistical import streams
from tests.statistical.streams import Frames, Matrix

LONG = [pytest.mark.long, pytest.mark.timeout(1_800)]
WINDOWS = pytest.mark.parametrize("window", [250, 500, 1_000])
INDEPENDENT = [streams.independent, streams.correlated, streams.categories]
STREAMS = pytest.mark.parametrize("frames", INDEPENDENT, ids=lambda frames: frames.__name__)


@cache
def reference(frames: Frames) -> Reference:
    """Of a thousand independent contacts."""
    return Reference.from_frame(frames(np.random.default_rng(90), streams.REFERENCE_ROWS))


def seen(codes: Codes, of: Reference) -> bool:
    """Whether runs are, in contacts of one partition."""
    return comes_in_runs(codes, of.features, np.zeros(len(codes), np.int64))


def taken_for_runs(codes: Codes, of: Reference, window: int) -> int:
    """How many of the windows, one after the other, are."""
    ends = range(window, len(codes) + 1, window)
    return sum(seen(codes[end - window : end], of) for end in ends)


@pytest.mark.parametrize("runs", [20, pytest.param(3_000, marks=LONG)], ids=["quick", "full"])
@WINDOWS
@STREAMS
def test_independent_contacts_are_taken_for_runs_in_one_window_of_1000_at_most(
    frames: Frames, window: int, runs: int
) -> None:
    rng = np.random.default_rng([91, window])
    batches = [min(100, runs - done) for done in range(0, runs, 100)]
    taken = sum(
        taken_for_runs(reference(frames).encode_frame(frames(rng, batch * window)), reference(frames), window)
        for batch in batches
    )
    assert binom.sf(taken - 1, runs, DOUBT) > 0.001, f"{taken} of {runs} windows"


def drifts(frames: Frames, window: int, rng: np.random.Generator) -> Iterator[pd.DataFrame]:
    """Windows in which 0.5 to 3 standard deviations are added to some numbers, at once or little by little, to stay or
    for a while."""
    while True:
        frame = frames(rng, window)
        numbers = [str(name) for name in frame if name != "sector"]
        moved = numbers[: rng.integers(1, len(numbers) + 1)]
        since = np.arange(window) - rng.integers(window)
        lasting = rng.choice([100, window // 2, np.inf])
        strength = rng.choice(
            [(since >= 0) & (since < lasting), np.clip(since / window, 0, 1), np.clip(1 + since / 1_000, 0, 1)]
        )
        by = rng.choice([0.5, 1.0, 2.0, 3.0]) * strength.astype(float)
        yield frame.assign(**{name: frame[name].astype(float) + by for name in moved})


@pytest.mark.parametrize("runs", [34, pytest.param(1_000, marks=LONG)], ids=["quick", "full"])
@WINDOWS
@STREAMS
def test_a_drift_that_sets_in_anywhere_in_the_window_is_not_taken_for_runs(
    frames: Frames, window: int, runs: int
) -> None:
    drifted = drifts(frames, window, np.random.default_rng([92, window]))
    codes = (reference(frames).encode_frame(next(drifted)) for _ in range(runs))
    assert sum(seen(found, reference(frames)) for found in codes) == 0


@dataclass(frozen=True)
class Arrival:
    """A window as the monitor gets it, in panes of several partitions, at any phase: when each contact was sent, and
    to which partition."""

    sent: Ints
    partitions: Ints

    @classmethod
    def of(cls, window: int, partitions: int, rng: np.random.Generator, pane: int = 50) -> Arrival:
        """A window of ``window`` contacts."""
        keys = rng.permuted(np.repeat(np.arange(partitions), 2 * window))
        panes: list[Ints] = []
        for partition in range(partitions):
            mine = np.flatnonzero(keys == partition)[rng.integers(pane) :]
            panes += list(mine[: len(mine) // pane * pane].reshape(-1, pane))
        arrived = np.concatenate(sorted(panes, key=lambda one: int(one[-1])))[pane * partitions :][:window]
        return cls(arrived, keys[arrived])


@pytest.mark.parametrize("runs", [20, pytest.param(1_000, marks=LONG)], ids=["quick", "full"])
@pytest.mark.parametrize("partitions", [2, 4, 8])
def test_panes_of_several_partitions_show_runs_and_no_drift_passes_for_them(partitions: int, runs: int) -> None:
    of, rng = reference(streams.independent), np.random.default_rng([93, partitions])
    found = 0
    for _ in range(runs):
        arrival = Arrival.of(streams.WINDOW, partitions, rng)
        frame = streams.independent(rng, streams.WINDOW)
        frame.iloc[:, : rng.integers(1, streams.FEATURES + 1)] += (
            3.0 * (arrival.sent >= rng.choice(arrival.sent))[:, None]
        )
        assert not comes_in_runs(of.encode_frame(frame), of.features, arrival.partitions)
        codes = of.encode_frame(numbers_in_runs(arrival.sent.max() + 1, 25, 1.0, rng).iloc[arrival.sent])
        found += comes_in_runs(codes, of.features, arrival.partitions)
    assert found >= 0.95 * runs


@cache
def champion(seed: int) -> tuple[ScoringModel, Reference]:
    """A first champion made as the demo's, and its reference."""
    base = list(draw_contacts(3_000, seed=seed, name="base", start=START))
    bundle = Maker(seed=seed, now=START, candidates=CANDIDATES[1:2]).first_champion(base).bundle.with_version("1")
    model = ScoringModel("1", bundle.featuriser, OnnxScorer(bundle.onnx, len(bundle.featuriser.features)))
    return model, reference_of(bundle)


def contacts(name: str, n: int, seed: int, *, severity: float, onset: int, shape: Shape = "sudden") -> Codes:
    """A scenario's contacts as the champion's monitor sees them."""
    model, of = champion(seed)
    drawn = SCENARIOS[name].stretch(0, n, seed=seed, severity=severity, onset=onset, shape=shape)
    labelled = labelled_contacts(drawn.columns, drawn.engaged, name, seed, 0, START)
    return encode(of, list(score_contacts([one for one, _ in labelled], range(n), model)))


@pytest.mark.parametrize("seeds", [1, pytest.param(10, marks=LONG)], ids=["quick", "full"])
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "campaign_burst"])
def test_no_scenario_that_is_a_drift_is_taken_for_runs_while_it_comes(name: str, seeds: int) -> None:
    taken = 0
    for seed in range(seeds):
        for shape in SHAPES:
            for severity in (0.25, 1.0):
                codes = contacts(name, 1_500, seed, severity=severity, onset=400, shape=shape)
                taken += sum(taken_for_runs(codes[cut:], champion(seed)[1], 500) for cut in (0, 170, 330))
    assert taken == 0


@pytest.mark.parametrize("seeds", [2, pytest.param(20, marks=LONG)], ids=["quick", "full"])
@pytest.mark.parametrize(("severity", "least"), [(0.0, 0.0), (0.25, 0.35), (0.5, 0.85), (0.75, 0.95), (1.0, 0.99)])
def test_a_campaigns_burst_is_seen_in_most_windows_from_half_of_its_runs_on(
    severity: float, least: float, seeds: int
) -> None:
    shares = [
        taken_for_runs(contacts("campaign_burst", 5_000, seed, severity=severity, onset=0), champion(seed)[1], 500) / 10
        for seed in range(seeds)
    ]
    if severity == 0.0:
        assert sum(shares) == 0
    else:
        assert np.mean(shares) >= least - (0.2 if seeds < 20 else 0.0)


def in_runs(n: int, features: int, length: int, share: float, rng: np.random.Generator) -> Matrix:
    """Normal numbers that have a correlation of .9 within a share of the runs, and none elsewhere."""
    run = (np.arange(n) + rng.integers(length)) // length
    alike = (rng.random(run[-1] + 1) < share)[run, None]
    common, own = rng.normal(size=(run[-1] + 1, features))[run], rng.normal(size=(n, features))
    return np.where(alike, np.sqrt(0.9) * common + np.sqrt(0.1) * own, own)


def numbers_in_runs(n: int, length: int, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """As `streams.independent`."""
    values = in_runs(n, streams.FEATURES, length, share, rng)
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(streams.FEATURES)])


def categories_in_runs(n: int, length: int, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """As `streams.categories`."""
    values = in_runs(n, 10, length, share, rng)
    frame = pd.DataFrame(values[:, :9], columns=[f"x{j}" for j in range(9)])
    frame.loc[rng.random(n) < 0.05, "x0"] = np.nan
    places = np.searchsorted([0.4, 0.7, 0.85, 0.95], ndtr(values[:, 9]))
    return frame.assign(sector=np.array(list("abcde"))[places])


@pytest.mark.parametrize("runs", [6, pytest.param(300, marks=LONG)], ids=["quick", "full"])
@pytest.mark.parametrize("length", [5, 10, 25, 50])
@WINDOWS
@pytest.mark.parametrize(
    ("frames", "made"),
    [(streams.independent, numbers_in_runs), (streams.categories, categories_in_runs)],
    ids=["numbers", "categories"],
)
def test_runs_of_5_to_50_are_seen_in_windows_of_250_to_1000(
    frames: Frames, made: Callable[..., pd.DataFrame], window: int, length: int, runs: int
) -> None:
    rng, of = np.random.default_rng([94, window, length]), reference(frames)
    for share, least in ((0.5, 0.65 if window * 2 < 25 * length else 0.9), (1.0, 0.99)):
        found = sum(seen(of.encode_frame(made(window, length, share, rng)), of) for _ in range(runs))
        assert found >= least * runs - 3 * np.sqrt(runs * least * (1 - least)), f"{found} of {runs} at {share}"


@pytest.mark.parametrize("frames", [streams.autoregressive, streams.bursts], ids=lambda frames: frames.__name__)
def test_streams_whose_contacts_depend_on_the_one_before_are_seen(frames: Frames) -> None:
    of, rng = reference(streams.independent), np.random.default_rng(95)
    assert taken_for_runs(of.encode_frame(frames(rng, 20 * streams.WINDOW)), of, streams.WINDOW) == 20
