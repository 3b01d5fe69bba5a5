"""What the monitor would have said of past contacts: both of its folds over scored contacts, without a broker.

`monitor.backtest` holds any table against another one. Here contacts come as a model has scored them, with such labels
as are known, and are held against that model's own reference, by the very folds that run on the stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from driftline.events import Alert, Kind, LabelBatch, Pane, Prediction, WindowReport
from model.evaluation import Labels
from monitor.champion import Champion
from monitor.config import EngineConfig, LabelConfig
from monitor.contact_reference import encode
from monitor.engine import Engine
from monitor.explain import table
from monitor.features import Floats
from monitor.findings import Findings, Look, Report, find, strengths
from monitor.labels import contact_key
from monitor.panes import PaneBuilder
from monitor.performance import Performance
from monitor.plan import Plan
from monitor.state import EngineState
from monitor.window_report import window_report

AT_ONCE = 10
"""Contacts that are followed by their labels: an alert on labels is told to the nearest ten."""
STATISTICS = ("column", "test", "statistic", "threshold", "p_value", "effect", "note")


@dataclass(frozen=True, eq=False)
class ContactBacktest:
    """What a backtest of contacts found.

    Attributes:
        scores: of each contact, shape (contacts,).
        engaged: what became of each contact, None where that is not known.
        alerts: the state changes in order, of inputs, scores and labels; ``at_contact`` counts contacts.
        columns: the contact's columns that are watched, the score among them.
        tested_at: after how many contacts the full window was tested.
        strength: for each of these tests and each column the strongest test over its threshold, shape
            (tests, columns); 1 and more is drift.
        drift_share: at each of these tests.
        plan, look, state, config: how it was watched, and where that stood after the last contact.
    """

    scores: Floats
    engaged: Sequence[int | None]
    alerts: list[Alert]
    columns: tuple[str, ...]
    tested_at: list[int]
    strength: Floats
    drift_share: list[float]
    plan: Plan
    look: Look
    state: EngineState
    config: EngineConfig

    @cached_property
    def report(self) -> WindowReport:
        """What the window looked like after the last contact, as the dashboard is told."""
        return window_report(self.state, self.look, self.plan, self.config)

    @cached_property
    def findings(self) -> Findings:
        """What of that window is over its threshold."""
        full = self.look.contacts == self.config.window
        return find(self.plan, self.look, self.state.window.codes, self.state.accepted, full=full)

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """Every test of that window, as `monitor.DriftMonitor.statistics` has them."""
        return pd.DataFrame(table(self.plan, self.look, self.state.window.codes), columns=list(STATISTICS))

    @property
    def contacts(self) -> int:
        """How many came."""
        return len(self.scores)

    def labelled(self, since: int = 0) -> tuple[Floats, Labels]:
        """Scores and labels of those, from the contact ``since`` on, whose label is known."""
        known = [place for place in range(since, self.contacts) if self.engaged[place] is not None]
        return self.scores[known], np.array([self.engaged[place] for place in known], np.int64)

    def began(self, *kinds: Kind) -> list[Alert]:
        """The first state change of each alert, in order; of these kinds, or of all."""
        first: dict[str, Alert] = {}
        for alert in self.alerts:
            if not kinds or alert.kind in kinds:
                first.setdefault(alert.id, alert)
        return list(first.values())


def backtest_contacts(
    champion: Champion,
    predictions: Sequence[Prediction],
    engaged: Sequence[int | None],
    *,
    engine: Engine,
    labels: LabelConfig | None = None,
) -> ContactBacktest:
    """Fold scored contacts, in order, and after every ten of them their labels.

    Args:
        predictions: by the champion's version; ``source_offset`` counts from 0 on.
        engaged: what became of each contact, None where that is not known.
        engine: may be used again, and then need not plan its tests anew.

    Raises:
        ValueError: there are no contacts, or not as many labels.
    """
    if not predictions:
        raise ValueError("nothing to look back on: there are no contacts")
    if len(predictions) != len(engaged):
        raise ValueError(f"{len(predictions)} contacts with {len(engaged)} labels: give one each, None where unknown")
    reference, state = champion.reference, EngineState()
    outcomes = Performance(labels or LabelConfig(), lambda _: champion)
    alerts, tested = list[Alert](), list[Report]()
    for pane in _panes(champion, predictions):
        step = engine.step(state, pane, reference)
        state = step.state
        tested += [report for report in step.reports if report.full]
        alerts += [*step.alerts, *outcomes.pane(pane)]
        batch = _labels(pane, engaged)
        alerts += outcomes.labels(batch) if batch else []
    plan = engine.plan(reference)
    return ContactBacktest(
        scores=np.array([one.score for one in predictions]),
        engaged=engaged,
        alerts=alerts,
        columns=reference.columns,
        tested_at=[report.at_contact for report in tested],
        strength=np.array([strengths(plan, report.look) for report in tested]).reshape(-1, len(reference.columns)),
        drift_share=[report.findings.drift_share for report in tested],
        plan=plan,
        look=engine.look(state, plan),
        state=state,
        config=engine.config,
    )


def _panes(champion: Champion, predictions: Sequence[Prediction]) -> Iterator[Pane]:
    """All contacts, also those that would fill no pane of a stream that goes on."""
    builder: PaneBuilder[None] = PaneBuilder(AT_ONCE)
    for scored in predictions:
        builder.add(0, scored, None)

    def codes(_: str, scored: list[Prediction]) -> bytes:
        return encode(champion.reference, scored).tobytes()

    for finished in builder.finished(codes):
        yield from finished.panes
    for pane in builder.partial(0, codes):
        yield Pane(**{name: getattr(pane, name) for name in pane.__struct_fields__} | {"complete": True})


def _labels(pane: Pane, engaged: Sequence[int | None]) -> LabelBatch | None:
    """The labels of a pane's contacts, known as soon as they were sent."""
    known = [(place, offset, engaged[offset]) for place, offset in enumerate(pane.offsets)]
    labelled = [(place, offset, outcome) for place, offset, outcome in known if outcome is not None]
    if not labelled:
        return None
    width = len(contact_key(""))
    return LabelBatch(
        partition=0,
        offsets=[offset for _, offset, _ in labelled],
        keys=b"".join(pane.keys[place * width : (place + 1) * width] for place, _, _ in labelled),
        engaged=[outcome for _, _, outcome in labelled],
        labelled_at=[pane.last_sent_at] * len(labelled),
    )
