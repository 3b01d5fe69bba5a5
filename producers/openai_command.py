"""`driftline import --enrich openai`: what it would cost, what it costs, and what is said of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from driftline.options import UsageError
from driftline.settings import Settings
from producers.enrichment import Enrich

Say = Callable[[str], None]


def enricher(settings: Settings, options: Namespace, say: Say) -> Enrich:
    """The enrichment by a language model, with the limits that the options set."""
    raise UsageError("--enrich openai is not there yet: take --enrich offline")
