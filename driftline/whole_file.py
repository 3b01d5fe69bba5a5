"""A small file that is replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """At once: a reader, or a start after a kill, finds the old content or the new one, whoever else writes it too.

    Raises:
        OSError: it cannot be written; nothing is left of the attempt.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
