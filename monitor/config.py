"""How to watch: what of the settings the statistics need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineConfig:
    """How to watch.

    Attributes:
        window: contacts in the current window.
        pane: contacts between two tests of the window, at most ``window``.
        false_alarm_rate: P(any false alarm within ``horizon`` contacts), above 0 and below 1.
        investigate_share, alert_share: drift shares from which on an alert has these levels.

    Raises:
        ValueError: one of them is out of its range; the message names it.
    """

    window: int = 500
    pane: int = 50
    false_alarm_rate: float = 0.05
    horizon: int = 20_000
    investigate_share: float = 0.20
    alert_share: float = 0.50

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"window is {self.window}: it needs at least 2 contacts")
        if not 1 <= self.pane <= self.window:
            raise ValueError(f"pane is {self.pane}: it needs 1 to {self.window} contacts, the window")
        if not 0.0 < self.false_alarm_rate < 1.0:
            raise ValueError(f"false_alarm_rate is {self.false_alarm_rate}: it needs to be above 0 and below 1")
        if self.horizon < 1:
            raise ValueError(f"horizon is {self.horizon}: it needs at least 1 contact")
