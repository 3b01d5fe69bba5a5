"""How soon each scenario is found, and how much of the contact it drifts: ``make bench ARGS=scenarios``, ten minutes.

Every seed has a champion of its own, made of 3,000 contacts as the demo's, and people of its own: 500 calm contacts,
which fill the window, then 2,000 of the scenario, each with its label. The drift share is that of the first window
without a calm contact. The table is Markdown, the picture docs/images/scenarios.png.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.stats import beta

from benchmarks.matplotlib_scenarios import plot_scenarios
from consumers.scoring import ScoringModel, score_contacts
from driftline.events import LEVELS, Alert, LabelBatch, Pane
from model.onnx_scorer import OnnxScorer
from model.retrain import Maker
from model.training import CANDIDATES
from monitor.champion import champion_of
from monitor.config import LabelConfig
from monitor.contact_reference import encode
from monitor.engine import Engine
from monitor.panes import PaneBuilder
from monitor.performance import Performance
from monitor.state import EngineState
from producers.scenarios import SCENARIOS, Scenario
from producers.synthetic import Labelled, draw_contacts, labelled_contacts

START = datetime(2026, 1, 1, tzinfo=UTC)
SEEDS, BASE, CALM, LASTING, PANE, WINDOW = 20, 3_000, 500, 2_000, 50, 500
SEVERITIES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
BATCH = 10
BY_LABELS = LabelConfig(min_engagement=0.0, max_champion_days=0.0, new_labels=0)
"""The test of concept drift alone."""
PICTURE = Path("docs/images/scenarios.png")


@dataclass(frozen=True)
class Found:
    """What one run found.

    Attributes:
        share: drift share of the first window without a calm contact.
        delay: contacts from the onset to the first alert on what comes in, None if there was none.
        withheld: whether any of them came without a promised rate of false alarms.
        first, gravest: the level of that alert, and the gravest of all of them.
        labels: labels from the onset to the first alert of concept drift, None if there was none.
    """

    scenario: str
    severity: float
    share: float
    delay: int | None
    withheld: bool
    first: str | None
    gravest: str | None
    labels: int | None


def main() -> None:
    """Run, print the table, draw the picture."""
    with ProcessPoolExecutor() as pool:
        found = [one for some in pool.map(of_seed, range(SEEDS)) for one in some]
    by: dict[tuple[str, float], list[Found]] = {}
    for one in found:
        by.setdefault((one.scenario, one.severity), []).append(one)
    head = (
        "scenario", "severity", "drift share", "alerted", "contacts to the first alert", "its level → the gravest",
        "no promise", "concept drift", "labels to it",
    )  # fmt: skip
    print(f"| {' | '.join(head)} |")
    print("|---|---:|---:|---:|---:|---|---:|---:|")
    print(line("any", 0.0, by["no_drift_baseline", 0.0]))
    for (scenario, severity), runs in by.items():
        if severity and scenario != "no_drift_baseline":
            print(line(scenario, severity, runs))
    PICTURE.with_suffix(".json").write_text(json.dumps([asdict(one) for one in found]) + "\n")
    plot_scenarios({name: {s: by[name, s] for s in SEVERITIES} for name in SCENARIOS}, LASTING, PICTURE)
    print(f"\ndrawn to {PICTURE}")


def line(scenario: str, severity: float, runs: list[Found]) -> str:
    """A row: shares of seeds with the 95% interval of Clopper and Pearson, medians with the 10% and 90% quantiles."""
    shares = np.array([one.share for one in runs])
    first, gravest = [one.first for one in runs if one.first], [one.gravest for one in runs if one.gravest]
    levels = f"{mode(first)} → {mode(gravest)}" if first else "-"
    cells = [
        scenario, f"{severity:g}", f"{shares.mean():.2f} ± {shares.std(ddof=1):.2f}",
        rate(sum(one.delay is not None for one in runs), len(runs)), middle([one.delay for one in runs]), levels,
        f"{sum(one.withheld for one in runs) / len(runs):.0%}",
        rate(sum(one.labels is not None for one in runs), len(runs)), middle([one.labels for one in runs]),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def mode(levels: list[str]) -> str:
    """The commonest."""
    return max(sorted(set(levels)), key=levels.count)


def rate(hits: int, runs: int) -> str:
    """With its interval."""
    low = beta.ppf(0.025, hits, runs - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, runs - hits) if hits < runs else 1.0
    return f"{hits / runs:.0%} [{low:.0%}, {high:.0%}]"


def middle(delays: list[int | None]) -> str:
    """Of the runs that had an alert."""
    known = [delay for delay in delays if delay is not None]
    if not known:
        return "-"
    low, median, high = np.quantile(known, [0.1, 0.5, 0.9])
    return f"{median:.0f} [{low:.0f}, {high:.0f}]"


def of_seed(seed: int) -> list[Found]:
    """Every scenario at every severity with one champion; at severity 0 all are one stream."""
    watch = Watch(seed)
    calm = watch.find(SCENARIOS["no_drift_baseline"], 0.0)
    found = []
    for scenario in SCENARIOS.values():
        for severity in SEVERITIES:
            same = severity == 0 or scenario.name == "no_drift_baseline"
            run = replace(calm, severity=severity) if same else watch.find(scenario, severity)
            found.append(replace(run, scenario=scenario.name))
    return found


class Watch:
    """A champion, and a monitor that has seen the calm contacts."""

    def __init__(self, seed: int) -> None:
        base = list(draw_contacts(BASE, seed=seed, name="base", start=START))
        maker = Maker(seed=seed, now=START, candidates=CANDIDATES[1:2])  # one kind, since which must not matter here
        bundle = maker.first_champion(base).bundle.with_version("1")
        self.seed, self.champion = seed, champion_of(bundle)
        self.model = ScoringModel("1", bundle.featuriser, OnnxScorer(bundle.onnx, len(bundle.featuriser.features)))
        self.engine, self.state = Engine(), EngineState()
        self.calm = self.stream(SCENARIOS["no_drift_baseline"], 0.0, 0, CALM)
        for pane, _ in self.calm:
            self.state = self.engine.step(self.state, pane, self.champion.reference).state

    def stream(self, scenario: Scenario, severity: float, first: int, n: int) -> list[tuple[Pane, LabelBatch]]:
        """Panes of the scenario's contacts from index ``first`` on, each with its labels."""
        drawn = scenario.stretch(first, n, seed=self.seed, severity=severity, onset=CALM)
        labelled = list(labelled_contacts(drawn.columns, drawn.engaged, scenario.name, self.seed, first, START))
        builder: PaneBuilder[None] = PaneBuilder(PANE)
        for scored in score_contacts([one for one, _ in labelled], range(first, first + n), self.model):
            builder.add(0, scored, None)
        done = builder.finished(lambda _, scored: encode(self.champion.reference, scored).tobytes())
        panes = [pane for finished in done for pane in finished.panes]
        return [(pane, labels_of(pane, labelled[at * PANE : (at + 1) * PANE])) for at, pane in enumerate(panes)]

    def find(self, scenario: Scenario, severity: float) -> Found:
        """The scenario from the calm contacts on."""
        stream = self.stream(scenario, severity, CALM, LASTING)
        state, share, alerts = self.state, 0.0, list[Alert]()
        for pane, _ in stream:
            step = self.engine.step(state, pane, self.champion.reference)
            state, alerts = step.state, alerts + [alert for alert in step.alerts if alert.state == "firing"]
            for report in step.reports:
                if report.full and report.at_contact == CALM + WINDOW:
                    share = report.findings.drift_share
        levels = [alert.level for alert in alerts]
        return Found(
            scenario=scenario.name,
            severity=severity,
            share=share,
            delay=alerts[0].at_contact - CALM if alerts else None,
            withheld=any(not alert.promise.holds for alert in alerts),
            first=levels[0] if levels else None,
            gravest=max(levels, key=LEVELS.index, default=None),
            labels=self.labels_to_concept_drift(stream),
        )

    def labels_to_concept_drift(self, stream: list[tuple[Pane, LabelBatch]]) -> int | None:
        """From the onset on, each label as soon as its contact has been scored."""
        performance, labels = Performance(BY_LABELS, lambda _: self.champion), -CALM
        for pane, batch in [*self.calm, *stream]:
            performance.pane(pane)
            for engaged in range(0, PANE, BATCH):
                labels += BATCH
                if performance.labels(part(batch, engaged)) and labels > 0:
                    return labels
        return None


def labels_of(pane: Pane, labelled: list[Labelled]) -> LabelBatch:
    """The labels of a pane's contacts."""
    return LabelBatch(
        partition=0, offsets=pane.offsets, keys=pane.keys, engaged=[engaged for _, engaged in labelled],
        labelled_at=[contact.sent_at for contact, _ in labelled],
    )  # fmt: skip


def part(batch: LabelBatch, begin: int) -> LabelBatch:
    """Some of the labels of a pane."""
    end, width = begin + BATCH, len(batch.keys) // len(batch.offsets)
    return LabelBatch(
        partition=0, offsets=batch.offsets[begin:end], keys=batch.keys[begin * width : end * width],
        engaged=batch.engaged[begin:end], labelled_at=batch.labelled_at[begin:end],
    )  # fmt: skip
