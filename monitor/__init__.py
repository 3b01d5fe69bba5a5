"""Drift monitoring: `DriftMonitor` and `Reference` for Python, the workers' parts beside them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.drift_monitor import DriftMonitor
    from monitor.reference import Reference

__all__ = ["DriftMonitor", "Reference"]

_HOMES = {"DriftMonitor": "monitor.drift_monitor", "Reference": "monitor.reference"}


def __getattr__(name: str) -> Any:
    """Loaded when they are asked for: a dashboard computes nothing, and the engine's compiler takes 80 MB."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
