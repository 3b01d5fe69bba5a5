"""Invented contacts: the same ones whenever and however they are drawn, and valid."""

from datetime import UTC, datetime
from itertools import islice

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.events import Contact, decode, encode
from producers import synthetic
from producers.filler import LONGEST_SKILLS, LONGEST_SUMMARY, LONGEST_TITLE, ROLES, jobtitles, skill_lists, summaries
from producers.replay import Pacer
from producers.synthetic import draw_contacts, load_population, uniforms

START = datetime(2026, 1, 1, tzinfo=UTC)


@given(seed=st.integers(0, 2**32), n=st.integers(0, 60), longer=st.integers(0, 60))
def test_a_shorter_stream_is_the_beginning_of_a_longer_one(seed: int, n: int, longer: int) -> None:
    shorter = list(draw_contacts(n, seed=seed, start=START))
    assert shorter == list(draw_contacts(n + longer, seed=seed, start=START))[:n]


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_contacts_do_not_depend_on_how_many_are_drawn_at_once(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(draw_contacts(1_500, seed=3, start=START))
    monkeypatch.setattr(synthetic, "CHUNK", chunk)
    assert list(draw_contacts(1_500, seed=3, start=START)) == expected


def test_a_stream_of_any_length_begins_at_once() -> None:
    assert len(list(islice(draw_contacts(10**12, seed=3, start=START), 3))) == 3


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(1, 20))
def test_uniforms_are_of_the_contact_alone(seed: int, first: int, n: int) -> None:
    one_by_one = [uniforms(seed, "name", first + place, 1) for place in range(n)]
    np.testing.assert_array_equal(np.concatenate(one_by_one), uniforms(seed, "name", first, n))


def test_other_seeds_and_names_are_other_people_with_other_ids() -> None:
    streams = [
        list(draw_contacts(200, seed=seed, name=name, start=START)) for seed in (1, 2) for name in ("one", "other")
    ]
    assert len({contact.id for stream in streams for contact, _ in stream}) == 800
    people = {msgspec.structs.replace(contact, id="") for stream in streams for contact, _ in stream}
    assert len(people) > 780


def test_every_contact_is_one_that_the_topics_take() -> None:
    for contact, engaged in draw_contacts(500, seed=5, start=START):
        assert decode(Contact, encode(contact)) == contact
        assert engaged in (0, 1)


def test_fillers_are_as_long_as_asked() -> None:
    assert [len(text) for text in summaries()] == list(range(LONGEST_SUMMARY + 1))
    for words, titles in zip(ROLES.values(), jobtitles(), strict=True):
        shortest = min(map(len, words))
        assert [len(title) for title in titles[shortest:]] == list(range(shortest, LONGEST_TITLE + 1))
        assert all(title == words[0] for title in titles[:shortest])
    off = [abs(len(text) - n) for n, texts in enumerate(skill_lists()) for text in texts if n >= 15]
    assert len(skill_lists()) == LONGEST_SKILLS + 1
    assert max(off) <= 3
    assert np.mean(off) < 0.2


def test_the_mean_log_odds_in_the_profile_are_those_of_its_people() -> None:
    columns = load_population().draw(uniforms(8, "mean", 0, 40_000))
    odds = synthetic.engagement(columns)
    for seniority, mean in load_population().laws.mean_log_odds.items():
        own = odds[columns["llm_seniority"] == seniority]
        assert own.mean() == pytest.approx(mean, abs=4 * own.std() * (len(own) ** -0.5 + (1.5 * len(own)) ** -0.5))


def test_the_pacer_keeps_the_rate_and_stamps() -> None:
    now = [START]
    slept: list[float] = []
    pacer = Pacer(rate=10, speed=None, clock=lambda: now[0], sleep=slept.append)
    stamped = [pacer(Contact(id=str(n), sent_at=START)) for n in range(3)]
    assert slept == [pytest.approx(0.1), pytest.approx(0.2)]
    assert stamped[0].sent_at == START
