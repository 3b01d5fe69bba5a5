"""Drift monitoring: `DriftMonitor` and `Reference` for Python, the workers' parts beside them."""

from monitor.drift_monitor import DriftMonitor
from monitor.reference import Reference

__all__ = ["DriftMonitor", "Reference"]
