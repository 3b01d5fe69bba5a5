"""How to watch: what of the settings the statistics need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who uses the engine from Python needs no pydantic
    from driftline.settings import Settings


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

    @classmethod
    def of(cls, settings: Settings) -> EngineConfig:
        """The engine's part of the settings."""
        return cls(
            window=settings.window,
            pane=settings.pane,
            false_alarm_rate=settings.false_alarm_rate,
            horizon=settings.horizon,
            investigate_share=settings.investigate_share,
            alert_share=settings.alert_share,
        )


@dataclass(frozen=True)
class LabelConfig:
    """How to watch what became of the contacts.

    Attributes:
        window: labels in the current window.
        false_alarm_rate: P(any false alarm of concept drift within ``horizon`` labels), above 0 and below 1.
        horizon: labels that the rate is promised for.
        min_engagement: share of a window below which a new model is asked for; 0 never.
        max_champion_days: age of the champion above which one is asked for; 0 never.
        new_labels: labels since the champion above which one is asked for, and again when they have doubled; 0 never.
    """

    window: int = 500
    false_alarm_rate: float = 0.05
    horizon: int = 5_000
    min_engagement: float = 0.10
    max_champion_days: float = 90.0
    new_labels: int = 500

    @classmethod
    def of(cls, settings: Settings) -> LabelConfig:
        """What of the settings the labels are watched by."""
        return cls(
            window=settings.window,
            false_alarm_rate=settings.false_alarm_rate,
            horizon=settings.label_horizon,
            min_engagement=settings.min_engagement,
            max_champion_days=settings.max_champion_days,
            new_labels=settings.new_labels,
        )
