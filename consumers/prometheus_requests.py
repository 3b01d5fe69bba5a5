"""What the API tells Prometheus of itself. No contact's text or id is in a label."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds of the latency histogram; .05 is what the p95 is watched against."""

__all__ = ["CONTENT_TYPE_LATEST", "RequestMetrics"]


class RequestMetrics:
    """One registry of its own, so that two APIs in one process (in tests) do not add up."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "driftline_api_requests", "HTTP requests answered.", ("path", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "driftline_api_request_seconds", "From the request's head to its answer.", ("path",),
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._contacts = Counter("driftline_api_contacts_scored", "Contacts answered.", registry=self._registry)
        self._champion = Gauge(
            "driftline_api_model", "1 for the version that scores.", ("version",), registry=self._registry
        )

    def gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """A value that is asked for when Prometheus does."""
        Gauge(f"driftline_api_{name}", help_text, registry=self._registry).set_function(value)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one request; ``path`` is one of the API's own, or "other"."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def scored(self, contacts: int) -> None:
        """Count contacts."""
        self._contacts.inc(contacts)

    def exposition(self, champion: str | None) -> bytes:
        """All of it as text, with the version that scores now."""
        self._champion.clear()
        if champion is not None:
            self._champion.labels(champion).set(1)
        return generate_latest(self._registry)
