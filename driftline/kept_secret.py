"""A secret of this installation: made once, at random, and kept in its home folder."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from driftline.settings import SettingsError

DASHBOARD_TOKEN = "dashboard-token"  # noqa: S105  (the name of its file)


def kept_secret(home: Path, name: str, variable: str) -> str:
    """What is kept in the file ``name`` of a home folder, readable by its owner alone; made where there is none yet.

    Args:
        variable: the one that sets the secret instead, for the message.

    Raises:
        SettingsError: there is none yet, and no place to keep one; or the file is empty, and so no secret.
    """
    kept = home / name
    try:
        if not kept.exists():
            _create(kept)
        secret = kept.read_text("utf-8")
    except OSError as fault:
        raise SettingsError(
            f"{variable} is not set and cannot be kept in {home} ({fault.strerror}): set it,"
            " or set DRIFTLINE_HOME to a folder that you may write to"
        ) from None
    if not secret.strip():
        raise SettingsError(f"{kept} is empty: put back what was in it, or delete it to have a new one made")
    return secret


def _create(path: Path) -> None:
    """All at once; where two processes come together, the first one's is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(16))
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()
