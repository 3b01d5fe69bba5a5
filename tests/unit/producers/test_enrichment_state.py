"""What an enrichment remembers: prices and the budget, answers on disk, and which contacts wait for which batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.enrichment_batches import REACH, Plan
from producers.enrichment_cache import AnswerCache
from producers.enrichment_fields import MISSING, Fields
from producers.enrichment_prompts import IDEAL_CUSTOMER, key, sent
from producers.labelled import Labelled
from producers.prices import Budget, CapReached, Price, Tokens, price_of
from tests.llm_server import contact

COSTS = st.floats(0, 1, allow_subnormal=False)


@given(st.floats(0.1, 3), st.lists(st.tuples(COSTS, COSTS, st.integers(0, 3)), max_size=40))
def test_spent_and_reserved_together_never_pass_the_cap(cap: float, calls: list[tuple[float, float, int]]) -> None:
    """Calls reserve in turn, up to four at a time, and each comes to at most what it reserved."""
    budget, flying, spent = Budget(cap), [(0.0, 0.0)][:0], 0.0
    for reserved, share, least in calls:
        while len(flying) > least:
            settled, cost = flying.pop(0)
            budget.settle(settled, cost)
            spent += cost
        try:
            if budget.reserve(reserved):
                flying.append((reserved, reserved * share))
        except CapReached:
            assert not flying
        assert spent + sum(reserved for reserved, _ in flying) <= cap * (1 + 1e-12)
    assert budget.spent == pytest.approx(spent)


def test_without_a_cap_everything_fits() -> None:
    budget = Budget(None)
    assert all(budget.reserve(1e9) for _ in range(10))


def test_cached_tokens_cost_less_and_unknown_models_nothing_known() -> None:
    price = price_of("gpt-4o-mini")
    assert price is not None
    assert price.of(Tokens(input=1_000_000, cached=1_000_000)) == price.cached < price.input
    assert price_of("of-my-own") is None
    assert Price(1, 2, 3).margin > price.margin  # another vendor's tokenizer is not ours


def test_answers_outlive_the_process_that_asked(tmp_path: Path) -> None:
    path = tmp_path / "new" / "answers.sqlite3"
    answer: Fields = {**MISSING, "llm_quality": 70.0, "llm_industry": "Santé"}
    with AnswerCache(path) as one, AnswerCache(path) as other:
        one.put({"a": answer, "b": MISSING})
        assert other.get("a") == answer
        other.put({"b": answer})
    with AnswerCache(path) as later:
        assert (later.get("a"), later.get("b"), later.get("c")) == (answer, answer, None)


def test_a_cache_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(RuntimeError, match=r"cannot be used.*move the file away"):
        AnswerCache(tmp_path / "home" / "answers.sqlite3")


def test_the_key_is_of_what_is_sent() -> None:
    def of(customer: str = IDEAL_CUSTOMER, model: str = "m", **profile: object) -> str:
        return key(profile, model=model, ideal_customer=customer)

    long = "x" * 600
    assert of(summary=long + "a", jobtitle="CEO") == of(jobtitle="CEO", summary=long + "b")
    assert (
        len({of(jobtitle="CEO"), of(skills="CEO"), of("bakeries", jobtitle="CEO"), of(model="n", jobtitle="CEO")}) == 4
    )
    assert sent({"companyfoundedon": 1999.0}) == {"companyfoundedon": 1999.0}


def plan(size: int = 3, known: dict[str, Fields] | None = None) -> Plan:
    return Plan(lambda profile: str(profile["jobtitle"]), ({} if known is None else known).get, size)


def test_a_batch_is_sent_when_it_is_full_and_the_last_one_at_the_end() -> None:
    contacts = [Labelled(contact(n)) for n in (1, 2, 1, 3, 4)]
    found = list(plan().slots(contacts))
    assert [slot.labelled for slot, _ in found if slot] == contacts
    assert [len(batch.profiles) for _, batch in found if batch] == [3, 1]
    assert [slot.repeated for slot, _ in found if slot] == [False, False, True, False, False]


def test_a_batch_that_does_not_fill_is_sent_before_too_much_is_read_ahead() -> None:
    known: dict[str, Fields] = {"Example title 0": MISSING}
    contacts = [Labelled(contact(n)) for n in [1] + [0] * 3 * REACH]
    sent_at = [place for place, (_, batch) in enumerate(plan(10, known).slots(contacts)) if batch]
    assert sent_at == [REACH]


def test_who_comes_after_the_answer_does_not_wait_for_it() -> None:
    known: dict[str, Fields] = {}
    one = plan(1, known)
    slots = one.slots(Labelled(contact(1)) for _ in range(2))
    _, batch = next(slots)
    assert batch is not None
    known["Example title 1"] = MISSING
    one.done(batch)
    slot, _ = next(slots)
    assert slot is not None
    assert (slot.fields, slot.batch) == (MISSING, None)
