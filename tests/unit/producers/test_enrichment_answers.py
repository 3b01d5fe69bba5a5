"""Reading answers: nothing raises, nothing is invented, and only what means one thing is repaired."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.enrichment_answers import LONGEST_ANSWER, read, read_value
from producers.enrichment_fields import CATEGORIES, FIELDS, LONGEST_INDUSTRY, RANGES, WHOLE
from producers.enrichment_prompts import messages, response_format, short

ANSWERS = st.fixed_dictionaries(
    {
        "quality": st.integers(0, 100),
        "seniority": st.sampled_from(CATEGORIES["llm_seniority"]),
        "engagement": st.floats(0, 1),
        "decision_maker": st.floats(0, 1),
        "industry": st.sampled_from(["Unknown", "Law Practice", 'Say "cheese", [sic] {really}', "Santé, beauté"]),
        "geography": st.sampled_from(CATEGORIES["llm_geography"]),
        "business_type": st.sampled_from(CATEGORIES["llm_business_type"]),
        "company_fit": st.integers(0, 2),
    }
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["index", "value", "profiles", "1", "2", *FIELDS, *map(short, FIELDS)]), inner, max_size=6
        )
    ),
    max_leaves=15,
)


def numbered(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"index": index, **answer} for index, answer in enumerate(answers, 1)]


def fields(answer: dict[str, Any]) -> dict[str, Any]:
    return {f"llm_{name}": value for name, value in answer.items()}


def assert_in_range(found: dict[int, dict[str, Any]], profiles: int) -> None:
    for index, values in found.items():
        assert 1 <= index <= profiles
        for name, value in values.items():
            if name in CATEGORIES:
                assert value in CATEGORIES[name]
            elif name in RANGES:
                assert RANGES[name][0] <= value <= RANGES[name][1]
                assert name not in WHOLE or value == int(value)
            else:
                assert name == "llm_industry"
                assert 0 < len(value) <= LONGEST_INDUSTRY


@given(st.lists(ANSWERS, min_size=1, max_size=6), st.sampled_from(["{}", "```json\n{}\n```", 'He said "{{":\n{}\nso.']))
def test_a_right_answer_is_read_as_it_is_wrapped_or_not(answers: list[dict[str, Any]], form: str) -> None:
    expected = {index: fields(answer) for index, answer in enumerate(answers, 1)}
    for document in ({"profiles": numbered(answers)}, numbered(answers)):
        for indent in (None, 2):
            assert read(form.format(json.dumps(document, indent=indent)), len(answers)) == expected


@given(st.lists(ANSWERS, min_size=1, max_size=6), st.data())
def test_an_answer_that_was_cut_is_read_up_to_the_last_whole_profile(answers: list[dict[str, Any]], data: Any) -> None:
    text = json.dumps({"profiles": numbered(answers)})
    found = read(text[: data.draw(st.integers(0, len(text)))], len(answers))
    assert found == {index: fields(answers[index - 1]) for index in range(1, len(found) + 1)}


@given(st.lists(ANSWERS, min_size=2, max_size=6), st.data())
def test_order_and_surplus_make_no_difference(answers: list[dict[str, Any]], data: Any) -> None:
    surplus = {"index": len(answers) + data.draw(st.integers(1, 9)), **answers[0]}
    shuffled = data.draw(st.permutations([*numbered(answers), surplus]))
    assert read(json.dumps(shuffled), len(answers)) == {
        index: fields(answer) for index, answer in enumerate(answers, 1)
    }


@given(st.integers(1, 4), JSON)
def test_whatever_json_comes_only_values_in_range_are_taken(profiles: int, document: Any) -> None:
    assert_in_range(read(json.dumps(document), profiles), profiles)


@given(st.integers(1, 4), st.text(st.sampled_from('{}[]",:\\ \n0123456789.-eindexvalueqtyNaN'), max_size=200))
def test_whatever_text_comes_nothing_raises(profiles: int, text: str) -> None:
    assert_in_range(read(text, profiles), profiles)


@given(st.sampled_from(FIELDS), JSON)
def test_whatever_stands_in_a_values_place_is_a_value_in_range_or_none(name: str, raw: Any) -> None:
    value = read_value(name, raw)
    assert_in_range({1: {} if value is None else {name: value}}, 1)


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("llm_quality", "85", 85.0),
        ("llm_quality", "85%", 85.0),
        ("llm_quality", 70.0, 70.0),
        ("llm_quality", {"index": 1, "value": {"value": "70"}}, 70.0),
        ("llm_engagement", "0,7", 0.7),
        ("llm_engagement", "70 %", 0.7),
        ("llm_company_fit", "2", 2.0),
        ("llm_seniority", "c-level", "C-Level"),
        ("llm_seniority", "C-Suite", "C-Level"),
        ("llm_seniority", "Mid-Level", "Mid"),
        ("llm_geography", "International Hub", "international_hub"),
        ("llm_business_type", "Expert", "experts"),
        ("llm_business_type", "other", "others"),
        ("llm_industry", "  Technology - SaaS\n", "Technology - SaaS"),
    ],
)
def test_what_means_one_thing_is_repaired(name: str, raw: Any, value: Any) -> None:
    assert read_value(name, raw) == value


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("llm_quality", 0.85),
        ("llm_quality", "85/100"),
        ("llm_quality", True),
        ("llm_quality", None),
        ("llm_quality", "about 85"),
        ("llm_quality", [85]),
        ("llm_quality", 10**400),
        ("llm_engagement", 70),
        ("llm_engagement", "1,200"),
        ("llm_company_fit", "150%"),
        ("llm_company_fit", 1.5),
        ("llm_seniority", "Mid or Senior"),
        ("llm_seniority", ""),
        ("llm_geography", "hub"),
        ("llm_industry", "N/A"),
        ("llm_industry", "x" * 81),
        ("llm_industry", '{"index": 1}'),
        ("llm_industry", "a\x00b"),
    ],
)
def test_what_could_mean_two_things_or_nothing_is_not_there(name: str, raw: Any) -> None:
    assert read_value(name, raw) is None


@pytest.mark.parametrize(
    "text", ['{"a":' * LONGEST_ANSWER, '{"' * LONGEST_ANSWER, '"' + '\\"' * LONGEST_ANSWER, "{[" * LONGEST_ANSWER]
)
def test_an_answer_made_to_take_long_takes_no_second(text: str) -> None:
    began = time.process_time()
    assert read(text, 10) == {}
    assert time.process_time() - began < 2


def test_the_schema_allows_what_the_prompt_asks_for_and_nothing_else() -> None:
    item = response_format()["json_schema"]["schema"]["properties"]["profiles"]["items"]
    assert item["required"] == ["index", *map(short, FIELDS)]
    assert not item["additionalProperties"]
    system = messages([{}])[0]["content"]
    assert all(f'"{name}"' in system for name in item["required"])
    assert all(value in system for values in CATEGORIES.values() for value in values)
