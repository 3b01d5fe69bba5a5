"""Labelled contacts to make models of: the base set, and those of any file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from driftline.events import Contact
from driftline.salt import installation_salt
from driftline.settings import Settings, SettingsError
from producers.contact_files import read_contacts
from producers.synthetic import draw_contacts

Say = Callable[[str], None]
CONTACTS = 3_000
SEED = 2026


def base_contacts(settings: Settings, say: Say) -> list[tuple[Contact, int]]:
    """The base set that every model is trained on: the user's own, or else invented contacts, always the same.

    Raises:
        SettingsError: there is no such file, or no labelled contact in it.
    """
    if settings.training_data is not None:
        try:
            return labelled_contacts(settings, settings.training_data, say)
        except ValueError as fault:
            raise SettingsError(f"DRIFTLINE_TRAINING_DATA: {fault}") from None
    # Of this name, so that they are people of no scenario, whatever its seed.
    return list(draw_contacts(CONTACTS, seed=SEED, name="base", start=datetime(2026, 1, 1, tzinfo=UTC)))


def labelled_contacts(settings: Settings, path: Path, say: Say) -> list[tuple[Contact, int]]:
    """The labelled contacts of a file.

    Raises:
        ValueError: there is no such file, or no labelled contact in it.
    """
    rejected = lambda row, why: say(f"{path.name}, row {row} is no contact: {why}")  # noqa: E731
    contacts = [
        (contact, engaged)
        for contact, engaged, _ in read_contacts(path, salt=installation_salt(settings), rejected=rejected)
        if isinstance(contact, Contact)
    ]
    labelled = [(contact, engaged) for contact, engaged in contacts if engaged is not None]
    if not labelled:
        raise ValueError(
            f"none of the {len(contacts)} contacts of {path} is labelled: add a column engaged (0 or 1), or laststate"
            " and status as LemList exports them"
        )
    say(f"{path.name}: {len(labelled):,} of {len(contacts):,} contacts are labelled")
    return labelled
