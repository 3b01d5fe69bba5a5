"""The salt of the contact ids: without it, an id cannot be led back to a person by trying addresses."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from driftline.settings import Settings, SettingsError


def installation_salt(settings: Settings) -> str:
    """``DRIFTLINE_SALT``, or else a random one that is made once and kept in ``DRIFTLINE_HOME``.

    Raises:
        SettingsError: there is none yet, and no place to keep one.
    """
    if settings.salt is not None:
        return settings.salt.get_secret_value()
    kept = settings.home / "salt"
    try:
        if not kept.exists():
            _create(kept)
        return kept.read_text("utf-8")
    except OSError as fault:
        raise SettingsError(
            f"DRIFTLINE_SALT is not set and cannot be kept in {settings.home} ({fault.strerror}): set it,"
            " or set DRIFTLINE_HOME to a folder that you may write to"
        ) from None


def _create(path: Path) -> None:
    """All at once, readable by the owner alone; where two processes come together, the first one's is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix="salt-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(16))
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()
