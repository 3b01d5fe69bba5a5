"""The contracts for other languages: JSON Schemas and an AsyncAPI document, generated from driftline/events.py.

Run ``python -m data.schemas`` (``make schemas``) after a change of the events; a test fails when the files differ.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from driftline import events
from driftline.events import EVENTS, Event
from driftline.topics import ALERTS, TOPICS, Topic

FOLDER = Path(__file__).parent / "schemas"
PREFIX = "driftline."
CLOUD_EVENT_HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")


def file_name(kind: type[Event]) -> str:
    """The schema's file: ``driftline.alert/1`` is in ``alert.schema.json``."""
    return kind.SCHEMA.removeprefix(PREFIX).split("/")[0] + ".schema.json"


def json_schema(kind: type[Event]) -> dict[str, Any]:
    """JSON Schema (2020-12) of one event; the same whether Python strips docstrings' indentation (3.13) or not."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(kind)
    for name, part in schema["$defs"].items():
        part["description"] = cleandoc(part["description"])
        for field, text in described_fields().get(name, {}).items():
            said = part["properties"][field].get("description")
            part["properties"][field]["description"] = text if said is None else f"{text} ({said})"
    return schema


@cache
def described_fields() -> dict[str, dict[str, str]]:
    """Type → field → what the docstring below the field says, which Python itself forgets."""
    described: dict[str, dict[str, str]] = {}
    for node in ast.parse(Path(events.__file__).read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            described[node.name] = {
                field.target.id: cleandoc(text.value.value)
                for field, text in zip(node.body, node.body[1:], strict=False)
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
                if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
                if isinstance(text.value.value, str)
            }
    return described


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0 of all topics."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Driftline",
            "version": "1",
            "description": "Contacts in, predictions, panes and alerts out. Readers ignore fields they do not know.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            f"consume-{topic.name}": {"action": "receive", "channel": {"$ref": f"#/channels/{topic.name}"}}
            for topic in TOPICS
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": PREFIX + topic.name,
        "messages": {kind.__name__: _message(topic, kind) for kind in topic.events},
        "bindings": {"kafka": {"topicConfiguration": _typed(topic.configs())}},
    }


def _typed(configs: dict[str, str]) -> dict[str, Any]:
    """A topic's configuration as AsyncAPI has it: policies as a list, numbers as numbers."""
    return {name: [value] if name == "cleanup.policy" else int(value) for name, value in configs.items()}


def _message(topic: Topic, kind: type[Event]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "contentType": "application/json",
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}}},
        "payload": {"$ref": f"./{file_name(kind)}"},
    }
    if topic is ALERTS:
        headers = {name: {"type": "string"} for name in CLOUD_EVENT_HEADERS}
        message["headers"] = {"type": "object", "required": list(headers), "properties": headers}
    return message


def documents() -> dict[str, str]:
    """File name → text of everything generated. The YAML is JSON, which is YAML too."""
    texts = {file_name(kind): json_schema(kind) for kind in EVENTS} | {"asyncapi.yaml": asyncapi()}
    return {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in texts.items()}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
