"""The engine for Python: rows of any frame in, alerts out, no broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from driftline.events import Acknowledgement, Alert, Promise
from monitor.alerts import microseconds, newest_time, promise
from monitor.config import EngineConfig
from monitor.engine import Engine
from monitor.explain import table
from monitor.findings import Report
from monitor.plan import Plan
from monitor.reference import Reference
from monitor.state import EngineState, Window

MODEL_VERSION = "none"


class DriftMonitor:
    """Watches rows against a reference; the same engine, and the same alerts, as on a stream.

    Rows may come in one call or a thousand. The sequential evidence is looked at after every row, the window after
    every ``pane`` of them once it is full.

    Args:
        reference: what the rows are compared with.
        window: rows in the current window.
        pane: rows between two tests of the window, at most the window.
        false_alarm_rate: P(any false alarm within ``horizon`` rows), if rows are independent.
        horizon: rows that the rate is promised for.
        seed: kept in the state; no test draws at random.

    Raises:
        ValueError: a parameter is out of its range.

    >>> rng = np.random.default_rng(0)
    >>> monitor = DriftMonitor(Reference.from_frame(pd.DataFrame({"x": rng.normal(size=1_000)})))
    >>> monitor.update(pd.DataFrame({"x": rng.normal(size=1_000)}))
    []
    >>> [alert.columns[0].name for alert in monitor.update(pd.DataFrame({"x": rng.normal(1.0, size=200)}))]
    ['x']
    """

    def __init__(
        self,
        reference: Reference,
        window: int = 500,
        pane: int = 50,
        false_alarm_rate: float = 0.05,
        horizon: int = 20_000,
        seed: int = 0,
    ) -> None:
        self.reference = reference
        self.config = EngineConfig(window, pane, false_alarm_rate, horizon)
        self.seed = seed
        self._engine = Engine(self.config)
        self._state = EngineState(version=MODEL_VERSION)

    def update(
        self,
        rows: pd.DataFrame,
        at: datetime | None = None,
        observe: Callable[[Report], None] = lambda _: None,
    ) -> list[Alert]:
        """Take in rows and return the alerts whose state changed, oldest first.

        Args:
            rows: any number of rows, in order of arrival.
            at: the rows' time, for the alerts; without it the n-th row is taken to be n seconds after 1970.
            observe: told of every look at the window, alert or not.

        A column of the reference that ``rows`` lack counts as missing in all of them; other columns are left out.

        Raises:
            ValueError: they have none of the reference's columns.
        """
        if rows.empty:
            return []
        codes = self.reference.encode_frame(rows)
        places = np.arange(self._state.entered, self._state.entered + len(codes))
        times = (places + 1) * 1_000_000 if at is None else np.full(len(codes), microseconds(at))
        contacts = Window(codes, np.column_stack([np.zeros_like(places), places]), times)
        state = replace(self._state, entered=self._state.entered + len(codes))
        step = self._engine.take(state, contacts, self.reference)
        self._state = step.state
        for report in step.reports:
            observe(report)
        return step.alerts

    def acknowledge(self, alert_id: str, at: datetime | None = None) -> list[Alert]:
        """Accept the change that an alert is about: its columns raise none of its kind again.

        Returns the state changes: the alert, resolved.

        Args:
            at: when, without it the newest row's time.

        Raises:
            ValueError: no alert of this id fires.
        """
        firing = {held.alert.id: held.alert for held in self._state.firing.values()}
        if alert_id not in firing:
            raise ValueError(f"no alert {alert_id} fires: {', '.join(firing) or 'none'} does")
        accepted = Acknowledgement.of(firing[alert_id], at or newest_time(self._state))
        step = self._engine.acknowledge(self._state, accepted, self.reference)
        self._state = step.state
        return step.alerts

    @property
    def plan(self) -> Plan:
        """The tests, the bets and the thresholds for this reference."""
        return self._engine.plan(self.reference)

    @property
    def promise(self) -> Promise:
        """The false-alarm rate that every alert carries, and whether it holds for this reference."""
        return promise(self.plan, self.config)

    def statistics(self) -> pd.DataFrame:
        """Every test of the current window; empty until the window is full.

        Columns: column, test, statistic, threshold, p_value, effect, note (what changed, or why nothing can be said).
        """
        names = ["column", "test", "statistic", "threshold", "p_value", "effect", "note"]
        window = self._state.window
        if len(window) < self.config.window:
            return pd.DataFrame(columns=names)
        look = self._engine.look(self._state, self.plan)
        return pd.DataFrame(table(self.plan, look, window.codes), columns=names)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on elsewhere, as JSON-able data."""
        return {
            "config": asdict(self.config),
            "seed": self.seed,
            "reference": self.reference.to_json(),
            "engine": self._state.to_json(),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> DriftMonitor:
        """A monitor that goes on where `state` was taken."""
        config = state["config"]
        monitor = cls(
            Reference.from_json(state["reference"]),
            window=config["window"],
            pane=config["pane"],
            false_alarm_rate=config["false_alarm_rate"],
            horizon=config["horizon"],
            seed=state["seed"],
        )
        monitor._state = EngineState.from_json(state["engine"])
        return monitor
