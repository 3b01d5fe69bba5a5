"""Decoding and validating a contact: msgspec, pydantic, and the standard library without any validation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pydantic

from benchmarks.timing import cpu_per_item, show
from driftline.events import INPUTS, Contact, decode, encode
from producers.scenarios import SCENARIOS

BATCH = 500


def main() -> None:
    """A batch of 500 contacts."""
    contacts = SCENARIOS["no_drift_baseline"].contacts(BATCH, seed=1, start=datetime(2026, 1, 1, tzinfo=UTC))
    raw = [encode(contact) for contact, _ in contacts]
    fields: dict[str, Any] = dict.fromkeys(INPUTS, (float | str | None, None))
    model = pydantic.create_model("Model", id=(str, ...), sent_at=(datetime, ...), **fields)
    show(
        {
            "msgspec, validated (ours)": cpu_per_item(lambda: [decode(Contact, value) for value in raw], BATCH),
            "pydantic, validated": cpu_per_item(lambda: [model.model_validate_json(value) for value in raw], BATCH),
            "json, not validated": cpu_per_item(lambda: [json.loads(value) for value in raw], BATCH),
        }
    )
