"""The contracts for people: a page of every schema, with a table of its fields, and one of all topics.

Pure functions of driftline/events.py and driftline/topics.py; docs/build_site.py puts the pages onto the site.
"""

from __future__ import annotations

import json
from typing import Any

from data.schemas import PREFIX, file_name, json_schema
from driftline.events import EVENTS, Event
from driftline.topics import TOPICS, Topic

Schema = dict[str, Any]


def page_name(kind: type[Event]) -> str:
    """The page of an event: ``driftline.alert/1`` is on ``alert``."""
    return file_name(kind).removesuffix(".schema.json")


def schema_pages() -> dict[str, str]:
    """Page name → Markdown, of every event."""
    return {page_name(kind): schema_page(kind) for kind in EVENTS}


def schema_page(kind: type[Event]) -> str:
    """One event: what it is, where it stands, its fields, and those of what it holds."""
    parts: dict[str, Schema] = dict(json_schema(kind)["$defs"])
    own = parts.pop(kind.__name__)
    stands_on = [f"`{PREFIX}{topic.name}`" for topic in TOPICS if kind in topic.events]
    held = [f"\n## {name}\n\n{part['description']}\n\n{_table(part)}" for name, part in parts.items()]
    return (
        f"# {kind.__name__}\n\n{own['description']}\n\n`{kind.SCHEMA}` on {', '.join(stands_on)} ·"
        f" [JSON Schema]({file_name(kind)})\n\n{_table(own)}{''.join(held)}"
    )


def contracts_page() -> str:
    """All topics and what stands on them."""
    rows = "\n".join(_topic_row(topic) for topic in TOPICS)
    return f"""# Contracts

What stands on the topics, for readers in any language: values are UTF-8 JSON with a `schema` field, generated from
`driftline/events.py` (`make schemas`); a test fails when they differ. Additive changes keep the number of a schema, and
readers ignore fields that they do not know.

The topics, their keys, headers and configuration for tools: [asyncapi.yaml](asyncapi.yaml) (AsyncAPI 3.0).

| topic | key | events | kept |
|---|---|---|---|
{rows}
"""


def _topic_row(topic: Topic) -> str:
    events = ", ".join(f"[{kind.__name__}]({page_name(kind)}.md)" for kind in topic.events)
    kept = "the newest of each key" if topic.compacted else f"{topic.retention_days} days"
    return f"| `{PREFIX}{topic.name}` | {topic.key} | {events} | {kept} |"


def _table(part: Schema) -> str:
    required = set(part.get("required", ()))
    rows = [
        f"| `{name}` | {_type(field)} | {_cell(field.get('description', ''))}{_default(name, field, required)} |"
        for name, field in part["properties"].items()
    ]
    return "| field | type | |\n|---|---|---|\n" + "".join(f"{row}\n" for row in rows)


def _default(name: str, field: Schema, required: set[str]) -> str:
    if name in required or "default" not in field or name == "schema":
        return ""
    return f" Default `{json.dumps(field['default'])}`."


def _type(field: Schema) -> str:
    """A schema in a few words.

    >>> _type({"type": "integer", "minimum": 0, "maximum": 1})
    'integer, 0 to 1'
    >>> _type({"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]})
    'string or null'
    """
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return _list(field)
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {_type(field['additionalProperties'])}"
    return f"{field.get('format', field.get('contentEncoding', field.get('type', 'anything')))}{_bounds(field)}"


def _list(field: Schema) -> str:
    if "prefixItems" in field:
        return f"[{', '.join(_type(one) for one in field['prefixItems'])}]"
    return f"list of {_type(field['items'])}" if "items" in field else "list"


def _bounds(field: Schema) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    if low is None:
        return "" if high is None else f", at most {high:g}"
    return f", from {low:g}" if high is None else f", {low:g} to {high:g}"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")
