"""`--help` of every command ends with examples, and they are commands indeed."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

import pytest

from driftline.examples import EXAMPLES
from driftline.options import UsageError, parser


def commands(found: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command of the real parser, actions of actions included."""
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, child in action.choices.items():
                yield f"{name} {word}".strip(), child
                yield from commands(child, f"{name} {word}".strip())


COMMANDS = dict(commands(parser()))
LINES = [(name, more) for name, examples in EXAMPLES.items() for more in examples]


def words_of(command: str, more: str) -> list[str]:
    """The arguments of an example, without the variables before it."""
    line = more.partition(": ")[2] if more.startswith("#") else f"driftline {command} {more}"
    words = shlex.split(line)
    return words[words.index("driftline") + 1 :]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_examples(name: str) -> None:
    told = COMMANDS[name].format_help().partition("\nexamples:\n")[2].strip().splitlines()
    assert len(told) >= 2, f"add two or three examples of `driftline {name}` to driftline/examples.py"
    assert all(f"driftline {name}" in line for line in told)


@pytest.mark.parametrize(("name", "more"), LINES, ids=lambda value: str(value)[:40])
def test_every_example_is_a_command_that_parses(name: str, more: str) -> None:
    words = words_of(name, more)
    assert " ".join(words).startswith(name)
    assert parser().parse_args(words).command == name.split(maxsplit=1)[0]


def test_an_example_of_nothing_is_noticed() -> None:
    assert set(EXAMPLES) <= set(COMMANDS)
    with pytest.raises(UsageError):
        parser().parse_args(words_of("replay", "contacts.jsonl --sped 3600"))
