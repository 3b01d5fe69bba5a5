"""A contact on its way from a source onto the topics, with what the source knows of its label."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from driftline.events import Contact


class Labelled(NamedTuple):
    """A contact and its label, if it has one; or the bytes of what should have been a contact.

    Those bytes are replayed as they are, and the scorer makes a dead letter of them.
    """

    contact: Contact | bytes
    engaged: int | None = None
    labelled_at: datetime | None = None
    """When the source says the outcome was known; None where it does not say."""


Rejected = Callable[[int, str], None]
"""Told the number of a row or line (the first is 1) that is no contact, and why, without its content."""
