"""What a report shows of contacts: enough to see what changed, and nobody's text."""

import numpy as np
import pytest

from monitor.comparison import LONGEST_NAME, MISFIT, RARE, UNSEEN, _names
from monitor.features import CategoryFeature

REFERENCE = ["often"] * 12 + ["seldom"] * 3 + ["once"] + ["42"] + [None]


def feature() -> CategoryFeature:
    return CategoryFeature.of("raw_x", "x", REFERENCE)


def shown(texts: list[str | None], *, is_reference: bool) -> list[float | str | None]:
    held = feature()
    return _names(held, np.array(held.codes(texts)), is_reference=is_reference)


def test_only_values_that_the_reference_has_often_are_named() -> None:
    came = ["often", "seldom", "once", "never before", "7", None]
    assert shown(came, is_reference=False) == ["often", RARE, RARE, UNSEEN, MISFIT, None]


def test_a_value_that_the_reference_has_once_is_unseen_from_there_as_in_the_monitor() -> None:
    assert shown(REFERENCE, is_reference=True) == ["often"] * 12 + [RARE] * 3 + [UNSEEN, MISFIT, None]


@pytest.mark.parametrize("value", ["<b>IT</b>", "x" * 1_000])
def test_a_value_is_shown_short_and_without_markup(value: str) -> None:
    held = CategoryFeature.of("raw_x", "x", [value] * 10)
    (name,) = _names(held, np.array([0]), is_reference=False)
    assert isinstance(name, str)
    assert "<" not in name
    assert len(name) < LONGEST_NAME + 10
