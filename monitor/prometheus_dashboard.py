"""What the dashboard tells Prometheus of itself."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE_LATEST", "DashboardMetrics"]


class DashboardMetrics:
    """One registry of its own, so that two dashboards in one process (in tests) do not add up."""

    def __init__(self, viewers: Callable[[], int], broker: Callable[[], bool]) -> None:
        self._registry = CollectorRegistry()
        told = {
            "viewers": ("Open streams of events.", viewers),
            "broker_reachable": ("1 where it answered last time.", broker),
        }
        for name, (help_text, value) in told.items():
            Gauge(f"driftline_dashboard_{name}", help_text, registry=self._registry).set_function(value)
        self._actions = Counter(
            "driftline_dashboard_actions", "Actions asked for.", ("action", "status"), registry=self._registry
        )

    def acted(self, action: str, status: int) -> None:
        """Count one action; ``action`` is acknowledge or rollback."""
        self._actions.labels(action, status).inc()

    def exposition(self) -> bytes:
        """All of it as text."""
        return generate_latest(self._registry)
