"""Tables of the documents that repeat what the code says agree with it."""

from __future__ import annotations

import re
from pathlib import Path

from driftline.settings import Settings
from driftline.topics import TOPICS

OPERATIONS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")


def section(title: str) -> str:
    return OPERATIONS.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_retention_of_every_topic_is_told() -> None:
    told = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", section("Retention"), re.MULTILINE))
    kept = {topic.name: "newest of each key" if topic.compacted else f"{topic.retention_days} days" for topic in TOPICS}
    assert told == kept


def test_every_setting_is_listed_and_nothing_else_is() -> None:
    told: set[str] = set()
    for row in re.findall(r"^\| (`[^|]+`) \|", section("Settings"), re.MULTILINE):
        whole = ""
        for name in re.findall(r"`([A-Z_]+)`", row):
            # `_REDIS_PORT` after `DRIFTLINE_KAFKA_PORT` stands for a name with as long a beginning as there is one of.
            starts = [whole[:place] for place, letter in enumerate(whole) if letter == "_"]
            names = [start + name for start in starts] if name.startswith("_") else [name]
            settings = [one for one in names if one.removeprefix("DRIFTLINE_").lower() in Settings.model_fields]
            assert settings, f"operations.md lists {name}, which is no setting"
            whole = settings[-1]
            told.add(whole)
    assert told == {f"DRIFTLINE_{name.upper()}" for name in Settings.model_fields}
