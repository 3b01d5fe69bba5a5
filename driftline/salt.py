"""The salt of the contact ids: without it, an id cannot be led back to a person by trying addresses."""

from __future__ import annotations

from driftline.kept_secret import kept_secret
from driftline.settings import Settings


def installation_salt(settings: Settings) -> str:
    """``DRIFTLINE_SALT``, or else a random one that is made once and kept in ``DRIFTLINE_HOME``.

    Raises:
        SettingsError: there is none yet, and no place to keep one.
    """
    if settings.salt is not None:
        return settings.salt.get_secret_value()
    return kept_secret(settings.home, "salt", "DRIFTLINE_SALT")
