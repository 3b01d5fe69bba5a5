"""What a language model costs: prices as data (``data/llm_prices.json``), and a cap that is never passed."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from importlib.resources import files

MILLION = 1_000_000
EXACT_MARGIN, OTHER_MARGIN = 1.05, 1.5
"""Input tokens are reserved with this margin over the count: the first covers how a vendor wraps messages and schema,
the second a tokenizer that is not the one counted with (o200k_base)."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of one call, or of many."""

    input: int = 0
    output: int = 0
    cached: int = 0
    """Of the input, those that the vendor had seen just before and bills for less."""

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.input + other.input, self.output + other.output, self.cached + other.cached)


@dataclass(frozen=True)
class Price:
    """USD per million tokens.

    >>> Price(input=0.15, output=0.60, cached=0.075).of(Tokens(input=2_000_000, output=1_000_000))
    0.9
    """

    input: float
    output: float
    cached: float
    margin: float = OTHER_MARGIN

    def of(self, tokens: Tokens) -> float:
        """What these tokens cost, in USD."""
        fresh = tokens.input - tokens.cached
        return (fresh * self.input + tokens.cached * self.cached + tokens.output * self.output) / MILLION


def price_of(model: str) -> Price | None:
    """The table's price of a model, by its name or that of a dated snapshot; None where it has none.

    >>> price_of("gpt-4o-mini-2024-07-18") == price_of("gpt-4o-mini")
    True
    """
    models = json.loads((files("data") / "llm_prices.json").read_text("utf-8"))["models"]
    found = models.get(model) or models.get(re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model))
    if found is None:
        return None
    margin = EXACT_MARGIN if found["encoding"] == "o200k_base" else OTHER_MARGIN
    return Price(input=found["input"], output=found["output"], cached=found["cached"], margin=margin)


class CapReached(RuntimeError):  # noqa: N818  (no error: the cap does what it is for)
    """Nothing more can be asked without the risk of passing the cap."""


class Budget:
    """What was spent, and what the calls in flight may come to at most: together never more than the cap.

    Every call reserves the most it can cost before it is sent. Its answer settles that for what was used; a call that
    was refused gives it back; one that was cut or timed out may have been billed, and its reservation counts as spent.

    Args:
        cap: in USD; None sets no limit.
    """

    def __init__(self, cap: float | None) -> None:
        self.cap = cap
        self.spent = 0.0
        self._reserved: list[float] = []

    def reserve(self, cost: float) -> bool:
        """Set aside what a call may cost; False where the calls in flight have to be settled first.

        Raises:
            CapReached: there are none, so it would not fit then, either.
        """
        if self.cap is not None and math.fsum([self.spent, cost, *self._reserved]) > self.cap:
            if not self._reserved:
                raise CapReached
            return False
        self._reserved.append(cost)
        return True

    def settle(self, reserved: float, spent: float) -> None:
        """The call of this reservation is over and cost so much."""
        self._reserved.remove(reserved)
        self.spent += spent
