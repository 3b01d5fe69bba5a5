"""What a score says in words."""

from __future__ import annotations

from typing import Literal

ENGAGED = 0.5
"""The score from which on a contact is called engaged."""
CUTS = (0.4, 0.7)
"""Scores from which confidence is medium, and high."""


def label(score: float) -> Literal["engaged", "not_engaged"]:
    """What a contact is called.

    >>> label(0.49), label(0.5)
    ('not_engaged', 'engaged')
    """
    return "engaged" if score >= ENGAGED else "not_engaged"


def confidence(score: float) -> Literal["low", "medium", "high"]:
    """How sure the model is that a contact engages.

    >>> [confidence(score) for score in (0.39, 0.4, 0.7)]
    ['low', 'medium', 'high']
    """
    return "low" if score < CUTS[0] else "medium" if score < CUTS[1] else "high"
