"""Answers that were paid for, kept in a file by what was asked, so that nothing is paid for twice.

Each row is committed as its answer comes, so a run that is killed loses no more than the calls in flight. The file
holds answers under hashes, no text of a contact. Several runs may share it (SQLite, write-ahead log).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from producers.enrichment_fields import FIELDS, Fields

SECONDS_TO_WAIT = 30.0
"""For another run that writes."""


class AnswerCache:
    """Fields by the key of their question; see `enrichment_prompts.key`.

    Raises:
        RuntimeError: the file is not ours, or cannot be written; also from `get` and `put`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=SECONDS_TO_WAIT, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, fields TEXT NOT NULL)")
        except (sqlite3.Error, OSError) as fault:
            raise self._unusable(fault) from None

    def get(self, key: str) -> Fields | None:
        """What was answered to this question, if anything was."""
        try:
            with closing(self._database.execute("SELECT fields FROM answers WHERE key = ?", (key,))) as rows:
                row = rows.fetchone()
        except sqlite3.Error as fault:
            raise self._unusable(fault) from None
        return None if row is None else {name: json.loads(row[0]).get(name) for name in FIELDS}

    def put(self, answers: Mapping[str, Fields]) -> None:
        """Keep these answers, all or none of them; they are on disk when this returns."""
        rows = [(key, json.dumps(dict(fields), ensure_ascii=False)) for key, fields in answers.items()]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as fault:
            raise self._unusable(fault) from None

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> AnswerCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _unusable(self, fault: Exception) -> RuntimeError:
        return RuntimeError(
            f"the answers in {self._path} cannot be used ({fault}): make room or move the file away, then run the same"
            " command again"
        )
