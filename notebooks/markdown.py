"""Tables, lists and numbers as the notebook's Markdown has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; columns whose head ends in a colon are set to the right.

    >>> print(table(["column", "share:"], [["a|b", "1%"]]))
    | column | share |
    |---|---:|
    | a\\|b | 1% |
    """
    marks = ["---:" if name.endswith(":") else "---" for name in head]
    lines = [[name.removesuffix(":") for name in head], *rows]
    told = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
    return "\n".join([told[0], f"|{'|'.join(marks)}|", *told[1:]])


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names as a sentence has them.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('`a`, `b` and `c`', '`a` and 2 more')
    """
    told = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        told.append(f"{len(names) - most} more")
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told)


def counted(number: int, name: str) -> str:
    """A number and its noun.

    >>> counted(1, "alert"), counted(1_200, "contact")
    ('1 alert', '1,200 contacts')
    """
    return f"{number:,} {name}{'' if number == 1 else 's'}"
