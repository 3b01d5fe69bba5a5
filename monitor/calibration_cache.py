"""Simulated laws kept on disk, so that a shape is simulated once on a machine and not once a process."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

Law = tuple[float, ...]


def remembered(about: dict[str, Any], simulate: Callable[[], Law]) -> Law:
    """The law for what is simulated, from the cache if it is there.

    A cache that cannot be read or written is as good as none.

    Args:
        about: everything that the law follows from, JSON-able; the file's name is its hash.
    """
    path = _folder() / f"{hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(path.read_text("utf-8"))
        if kept["about"] == about:
            return tuple(float(q) for q in kept["law"])
    law = simulate()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")  # whoever reads meanwhile finds all of it or nothing
        draft.write_text(json.dumps({"about": about, "law": law}), "utf-8")
        draft.replace(path)
    return law


def _folder() -> Path:
    return user_cache_path("driftline") / "calibration"
