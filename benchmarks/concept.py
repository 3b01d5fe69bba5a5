"""Concept drift: the test as shipped, and what it was chosen over: ``make bench ARGS=concept``, some ten minutes.

As shipped: false alarms in 5,000 labels at the promised threshold, and delays. Then the evidence of three tests and a
CUSUM of the champion's log-loss, each with the threshold that 95% of its runs without drift stay under: with hindsight,
which no monitor has.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from scipy.special import expit

from driftline.events import Pane
from monitor.concept import ConceptEvidence, gains
from monitor.concept import threshold as promised
from monitor.features import Floats
from monitor.relation import log_losses, log_odds
from tests import labelled_streams as streams
from tests.labelled_streams import CALM, FOR_TRAINING, Drift, Watched, people
from tests.statistical.streams import wilson_upper

RUNS, PEER_RUNS, LABELS, LASTING = 200, 60, 5_000, 1_000
REFERENCES = (1_000, 300, 100)
DRIFTS: tuple[tuple[str, Drift], ...] = (
    ("relation turned for two of four seniorities", streams.seniority_turned),
    ("for the other two", streams.entry_turned),
    ("for two of three kinds of place", streams.geography_turned),
    ("for half of all, whom no column tells apart", streams.half_turned),
    ("labels flipped for two of four seniorities", streams.labels_flipped),
)
Path = Callable[[Watched, int, tuple[tuple[int, Drift], ...]], Floats]


def main() -> None:
    """Ours, then the comparison."""
    with ProcessPoolExecutor() as pool:
        print(f"runs of {LABELS:,} labels without drift that raised an alert, of {RUNS}")
        for reference in REFERENCES:
            alarms = sum(pool.map(partial(_false_alarm, reference), range(RUNS)))
            upper = wilson_upper(alarms, RUNS)
            print(f"  reference of {reference:5}  {alarms / RUNS:.3f} (95% under {upper:.3f})", flush=True)
        print(f"labels from the onset to the alert, median [10%, 90%], and share within 400, of {RUNS} runs")
        for reference in REFERENCES[:2]:
            for name, drift in DRIFTS:
                found = np.array(list(pool.map(partial(_delay, reference, drift), range(RUNS))))
                _show(reference, name, found[~np.isnan(found)])
        print(f"the same of {PEER_RUNS} runs, thresholds with hindsight")
        for reference in REFERENCES[:2]:
            for peer, path in PEERS.items():
                calm = list(pool.map(partial(_maximum, reference, path), range(PEER_RUNS)))
                threshold = float(np.quantile(calm, 0.95))
                if path is not cusum:
                    over = np.mean(np.array(calm) >= np.log(promised(0.05, LABELS)))
                    print(f"  {reference:5} {peer}: {over:.0%} of the runs without drift reach the promised threshold")
                for name, drift in DRIFTS[:3]:
                    late = pool.map(partial(_first_over, reference, path, drift, threshold), range(PEER_RUNS))
                    _show(reference, f"{peer}: {name}", np.array(list(late)))


def _show(reference: int, name: str, delays: Floats) -> None:
    low, middle, high = np.quantile(np.minimum(delays, LASTING + 1), [0.1, 0.5, 0.9])
    within = float(np.mean(delays <= 400))
    print(f"  {reference:5} {name:66} {middle:5.0f} [{low:.0f}, {high:.0f}]  {within:.0%}", flush=True)


def _false_alarm(reference: int, seed: int) -> bool:
    return Watched.trained(4_000 + seed, reference).false_alarm(seed, LABELS)


def _delay(reference: int, drift: Drift, seed: int) -> float:
    return Watched.trained(5_000 + seed, reference).delay(seed, drift, LASTING)


def _maximum(reference: int, path: Path, seed: int) -> float:
    return float(path(Watched.trained(6_000 + seed, reference), seed, ((LABELS, streams.none),)).max())


def _first_over(reference: int, path: Path, drift: Drift, threshold: float, seed: int) -> float:
    stretches = ((CALM, streams.none), (LASTING, drift))
    over = path(Watched.trained(7_000 + seed, reference), seed, stretches)[CALM:] >= threshold
    return float(np.argmax(over)) + 1.0 if over.any() else np.inf


def learning(watched: Watched, seed: int, stretches: tuple[tuple[int, Drift], ...]) -> Floats:
    """Log evidence after each label, as shipped."""
    return _evidence(watched, seed, stretches, learn=True)


def fixed(watched: Watched, seed: int, stretches: tuple[tuple[int, Drift], ...]) -> Floats:
    """The same, where the belief stays what the reference's labels say."""
    return _evidence(watched, seed, stretches, learn=False)


def conformal(watched: Watched, seed: int, stretches: tuple[tuple[int, Drift], ...]) -> Floats:
    """That belief, with each rival's gain over its mean in the labels so far, as the inputs' test has it."""
    return _evidence(watched, seed, stretches, learn=False, pooled=True)


def cusum(watched: Watched, seed: int, stretches: tuple[tuple[int, Drift], ...]) -> Floats:
    """CUSUM of the log-loss above its mean on the reference and a slack of 0.05 nats (Page 1954)."""
    odds, _, engaged = _labels(watched, seed, stretches)
    rises = log_losses(odds, engaged) - watched.champion.loss - 0.05
    sums = np.cumsum(rises)
    walk: Floats = sums - np.minimum.accumulate(np.minimum(sums, 0.0))
    return walk


PEERS: dict[str, Path] = {"learning": learning, "fixed": fixed, "conformal": conformal, "CUSUM": cusum}


def _labels(
    watched: Watched, seed: int, stretches: tuple[tuple[int, Drift], ...]
) -> tuple[Floats, list[tuple[int, ...]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Log-odds of the scores, segments, and labels of a stream."""
    scores: list[float] = []
    segments: list[tuple[int, ...]] = []
    engaged: list[int] = []
    for event in watched.stream(seed, *stretches):
        if isinstance(event, Pane):
            scores += np.frombuffer(event.scores, "<f4").tolist()
            segments += watched.champion.segments_of(event)
        else:
            engaged += event.engaged
    return log_odds(np.array(scores)), segments, np.array(engaged, np.int64)


def _evidence(
    watched: Watched,
    seed: int,
    stretches: tuple[tuple[int, Drift], ...],
    *,
    learn: bool,
    pooled: bool = False,
) -> Floats:
    champion, relation = watched.champion, watched.champion.relation
    evidence = ConceptEvidence.start(len(champion.segments))
    sums, seen = np.zeros(champion.stakes.shape), np.zeros((len(champion.stakes), 1))
    if pooled:  # the reference's own labels are not kept: as many of the people who train are in their place
        sums, seen = _pool(watched, seed)
    found = []
    for odds, held, engaged in zip(*_labels(watched, seed, stretches), strict=True):
        row = champion.row(float(odds), held)
        gained = gains(relation.expects(row), float(relation.mean[0]), int(engaged))
        concerned = [0, *(1 + place for place in held)]
        if learn:
            relation = relation.after(row, int(engaged))
        if pooled:
            sums[concerned] += np.exp(gained)
            seen[concerned] += 1.0
            gained = gained - np.log(sums[concerned] / seen[concerned])
        evidence = evidence.after(gained, concerned)
        found.append(evidence.total(champion.stakes))
    path: Floats = np.log(np.array(found))
    return path


def _pool(watched: Watched, seed: int) -> tuple[Floats, Floats]:
    champion, rng = watched.champion, np.random.default_rng([95, seed])
    chosen = rng.choice(len(watched.scores), champion.labels)
    engaged = rng.random(champion.labels) < expit(people().odds[FOR_TRAINING:][chosen])
    sums, seen = np.zeros(champion.stakes.shape), np.zeros((len(champion.stakes), 1))
    pane = watched.pane(0, chosen)
    rows = zip(log_odds(watched.scores[chosen].astype(float)), champion.segments_of(pane), engaged, strict=True)
    for odds, held, label in rows:
        row = champion.row(float(odds), held)
        concerned = [0, *(1 + place for place in held)]
        sums[concerned] += np.exp(gains(champion.relation.expects(row), float(champion.relation.mean[0]), int(label)))
        seen[concerned] += 1.0
    return sums, seen
