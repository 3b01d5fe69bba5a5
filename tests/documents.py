"""The documents as the tests read them: their blocks, and in these the commands, Python, and what commands print."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples" / "README.md"]
PROGRAMS = {"curl", "docker", "driftline", "git", "jq", "kcat", "kubectl", "make", "node", "npm", "pip", "python"}
PROGRAMS |= {"redis-cli", "source", "tail", "uv"}
"""What a line of a block without a language begins with where it is a command."""
FENCE = re.compile(r"^(?P<fence>```+)(?P<language>\w*)$")
SHELL, PYTHON, OTHER = "sh", "python", ""


@dataclass(frozen=True)
class Block:
    """A fenced or indented block: where it begins, and what is in it.

    ``language`` is `SHELL` or `PYTHON`, by the fence or else by its first line, and `OTHER` for all else.
    """

    document: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """What is to be typed, one command a string, without comments."""
        if self.language != SHELL:
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        typed = [line[2:] for line in lines if line.startswith("$ ")] or lines
        return [bare for line in typed if (bare := re.sub(r"(^|\s\s)#.*", "", line).strip())]

    @property
    def printed(self) -> str:
        """What a block that has `$ ` before its commands shows of their output."""
        if not re.search(r"^\$ ", self.text, re.MULTILINE):
            return ""
        return "\n".join(line for line in self.text.splitlines() if not line.startswith("$ "))


def blocks(document: Path) -> list[Block]:
    """All blocks of a document, in their order."""
    found: list[Block] = []
    lines = [*document.read_text("utf-8").splitlines(), ""]
    number = 0
    while number < len(lines):
        start = number
        if fence := FENCE.match(lines[number]):
            number = next(n for n in range(start + 1, len(lines)) if lines[n] == fence["fence"])
            text = "\n".join(lines[start + 1 : number])
            found.append(Block(document, start + 1, fence["language"] or _language(text), text))
        elif lines[number].startswith("    ") and not _continues(lines, number):
            while number + 1 < len(lines) and (lines[number + 1].startswith("    ") or not lines[number + 1]):
                number += 1
            text = "\n".join(line[4:] for line in lines[start : number + 1]).rstrip()
            found += _parted(Block(document, start + 1, _language(text), text))
        number += 1
    return found


def output_after(block: Block) -> str:
    """What a document shows a block's commands to print: in the block, or in the next one with nothing between."""
    if block.printed:
        return block.printed
    lines = block.document.read_text("utf-8").splitlines()
    for after in blocks(block.document):
        between = lines[block.line + len(block.text.splitlines()) : after.line - 1]
        if after.line > block.line and after.language in (OTHER, "text", "json"):
            return after.text if not "".join(between).strip("`") else ""
    return ""


def _parted(block: Block) -> list[Block]:
    """An indented block of commands and, below an empty line, what they print."""
    if block.language != SHELL:
        return [block]
    found, line = [], block.line
    for text in block.text.split("\n\n"):
        found.append(Block(block.document, line, _language(text), text))
        line += len(text.splitlines()) + 1
    return found


def _continues(lines: list[str], number: int) -> bool:
    """Whether an indented line goes on with a paragraph or an item of a list, and is no block."""
    before = lines[number - 1] if number else ""
    return bool(before) and not before.startswith(("#", "    "))


def _language(text: str) -> str:
    first = text.strip().splitlines()[0]
    if first.startswith("$ ") or first.split()[0] in PROGRAMS:
        return SHELL
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return OTHER
    return PYTHON if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree)) else OTHER


def words_of(command: str) -> list[str]:
    """The words of the first program of a command, without variables before it."""
    words = shlex.split(re.split(r" \| | > ", command)[0])
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    return words
