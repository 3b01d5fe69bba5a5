"""The engine for Python: rows of any frame in, alerts out, no broker."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from driftline.events import Alert, Pane, Promise
from monitor.engine import EPOCH, Engine, EngineConfig
from monitor.explain import table
from monitor.reference import Codes, Reference
from monitor.state import EngineState

MODEL_VERSION = "none"


class DriftMonitor:
    """Watches rows against a reference; the same engine, and the same alerts, as on a stream.

    Rows may come in one call or a thousand: the window is tested after every ``pane`` of them, and starts to be
    once ``window`` rows are there.

    Args:
        reference: what the rows are compared with.
        window: rows in the current window.
        pane: rows between two tests; it divides the window.
        false_alarm_rate: P(any false alarm within ``horizon`` rows), if rows are independent.
        horizon: rows that the rate is promised for.
        seed: kept for detectors that draw at random; the KS test does not.

    Raises:
        ValueError: the pane does not divide the window.

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
        if pane < 1 or window % pane:
            raise ValueError(f"pane ({pane}) must divide window ({window})")
        self.reference = reference
        self.config = EngineConfig(window, pane, false_alarm_rate, horizon)
        self.seed = seed
        self._engine = Engine(self.config)
        self._state = EngineState()
        self._waiting: Codes = np.empty((0, len(reference.features)), reference.dtype)

    def update(self, rows: pd.DataFrame, at: datetime | None = None) -> list[Alert]:
        """Take in rows and return the alerts whose state changed, oldest first.

        Args:
            rows: any number of rows with the reference's columns.
            at: the rows' time, for the alerts; without it the n-th row is taken to be n seconds after 1970.

        Raises:
            ValueError: a column of the reference is missing.
        """
        if rows.empty:
            return []
        codes = np.concatenate([self._waiting, self.reference.encode_frame(rows)])
        alerts: list[Alert] = []
        size = self.config.pane
        whole = len(codes) - len(codes) % size
        for begin in range(0, whole, size):
            step = self._engine.step(self._state, self._pane(codes[begin : begin + size], at), self.reference)
            self._state = step.state
            alerts += step.alerts
        self._waiting = codes[whole:]
        return alerts

    @property
    def promise(self) -> Promise:
        """The false-alarm rate that every alert carries, and whether it holds for this reference."""
        at = self._engine.plan(self.reference).thresholds
        return Promise(
            false_alarm_rate=self.config.false_alarm_rate, horizon=self.config.horizon, holds=at.holds, why=at.why
        )

    def statistics(self) -> pd.DataFrame:
        """Every test of the current window; empty until the window is full.

        Columns: column, test, statistic, threshold, p_value, effect, note (what changed, or why nothing can be said).
        """
        names = ["column", "test", "statistic", "threshold", "p_value", "effect", "note"]
        window = self._state.window
        if len(window) < self.config.window:
            return pd.DataFrame(columns=names)
        plan = self._engine.plan(self.reference)
        look = self._engine.look(self._state, plan)
        return pd.DataFrame(table(plan, look, window.codes), columns=names)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on elsewhere, as JSON-able data."""
        return {
            "config": asdict(self.config),
            "seed": self.seed,
            "reference": self.reference.to_json(),
            "engine": self._state.to_json(),
            "waiting": base64.b64encode(self._waiting.tobytes()).decode(),
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
        flat = np.frombuffer(base64.b64decode(state["waiting"]), monitor.reference.dtype)
        monitor._waiting = flat.reshape(-1, len(monitor.reference.features))
        return monitor

    def _pane(self, codes: Codes, at: datetime | None) -> Pane:
        first = self._state.entered
        last = first + len(codes) - 1
        return Pane(
            partition=0,
            pane=first // self.config.pane,
            model_version=MODEL_VERSION,
            complete=True,
            contacts=len(codes),
            offsets=list(range(first, last + 1)),
            last_sent_at=at or EPOCH + timedelta(seconds=last + 1),
            codes=codes.tobytes(),
        )
