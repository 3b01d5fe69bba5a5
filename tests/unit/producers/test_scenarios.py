"""What each scenario claims, whatever the arguments."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.stats import binom

from driftline.company_size import SIZES, WORDS, company_size
from driftline.events import INPUTS, Contact, decode, encode
from producers import scenarios
from producers.drifts import ABROAD, MANGLED, MAY_BE_SPARSE, NEW_SECTORS, TURNED
from producers.scenarios import GRADUAL_OVER, RECURS_EVERY, RUN, SCENARIOS, SHAPES, Shape, Stretch, scenario
from producers.synthetic import draw_contacts, load_population

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = sorted(SCENARIOS)
every_scenario = pytest.mark.parametrize("name", NAMES)
names, seeds, shapes = st.sampled_from(NAMES), st.integers(0, 2**32), st.sampled_from(SHAPES)
severities = st.floats(0, 1)


def same(one: Stretch, other: Stretch, at: np.ndarray | slice = slice(None)) -> bool:
    """The same inputs and labels, at some places."""
    return np.array_equal(np.array(one.engaged)[at], np.array(other.engaged)[at]) and all(
        np.array_equal(one.columns[name][at], other.columns[name][at], equal_nan=one.columns[name].dtype != object)
        for name in INPUTS
    )


def baseline(first: int, n: int, seed: int) -> Stretch:
    return SCENARIOS["no_drift_baseline"].stretch(first, n, seed=seed)


def full(name: str, n: int = 2_000, seed: int = 3) -> tuple[Stretch, Stretch]:
    """A scenario at severity 1, and the baseline."""
    return SCENARIOS[name].stretch(0, n, seed=seed), baseline(0, n, seed)


def changed(new: Stretch, old: Stretch) -> set[str]:
    """The columns that differ."""
    return {
        name
        for name in INPUTS
        if not same(new._replace(engaged=old.engaged, columns=old.columns | {name: new.columns[name]}), old)
    }


@given(name=names, seed=seeds, shape=shapes, onset=st.integers(0, 100))
def test_severity_0_is_exactly_the_baseline(name: str, seed: int, shape: Shape, onset: int) -> None:
    calm = SCENARIOS[name].stretch(0, 60, seed=seed, severity=0.0, onset=onset, shape=shape)
    assert same(calm, baseline(0, 60, seed))
    assert not calm.drifted.any()


@every_scenario
def test_at_severity_0_the_contacts_differ_from_the_baselines_by_their_ids_alone(name: str) -> None:
    arguments = {"seed": 3, "severity": 0.0, "start": START}
    drawn, calm = (list(SCENARIOS[one].contacts(50, **arguments)) for one in (name, "no_drift_baseline"))  # type: ignore[arg-type]
    assert [(replace(one, id=""), label) for one, label in drawn] == [
        (replace(one, id=""), label) for one, label in calm
    ]
    assert {one.id for one, _ in drawn}.isdisjoint(one.id for one, _ in calm) == (name != "no_drift_baseline")


@given(name=names, seed=seeds, severity=severities, shape=shapes, onset=st.integers(1, 100))
def test_before_the_onset_nothing_drifts(name: str, seed: int, severity: float, shape: Shape, onset: int) -> None:
    drawn = SCENARIOS[name].stretch(0, onset, seed=seed, severity=severity, onset=onset, shape=shape)
    assert same(drawn, baseline(0, onset, seed))


@given(name=names, seed=seeds, severity=severities, shape=shapes, onset=st.integers(0, 40))
def test_whom_the_drift_does_not_reach_is_the_baselines_contact(
    name: str, seed: int, severity: float, shape: Shape, onset: int
) -> None:
    drawn = SCENARIOS[name].stretch(0, 80, seed=seed, severity=severity, onset=onset, shape=shape)
    assert same(drawn, baseline(0, 80, seed), ~drawn.drifted)


@given(name=names, seed=seeds, low=severities, high=severities, shape=shapes)
def test_whom_the_drift_reaches_at_a_low_severity_it_reaches_at_a_higher_one(
    name: str, seed: int, low: float, high: float, shape: Shape
) -> None:
    some, more = (
        SCENARIOS[name].stretch(0, 80, seed=seed, severity=severity, shape=shape) for severity in sorted((low, high))
    )
    assert not (some.drifted & ~more.drifted).any()
    assert same(some, more, some.drifted)


@given(name=names, seed=seeds, severity=severities, shape=shapes, onset=st.integers(0, 90), cut=st.integers(1, 99))
def test_a_stretch_is_the_same_in_one_piece_or_two(
    name: str, seed: int, severity: float, shape: Shape, onset: int, cut: int
) -> None:
    def stretch(first: int, n: int) -> Stretch:
        return SCENARIOS[name].stretch(first, n, seed=seed, severity=severity, onset=onset, shape=shape)

    whole, one, other = stretch(0, 100), stretch(0, cut), stretch(cut, 100 - cut)
    both = {column: np.concatenate([one.columns[column], other.columns[column]]) for column in INPUTS}
    assert same(whole, whole._replace(columns=both, engaged=one.engaged + other.engaged))


@every_scenario
def test_the_same_arguments_give_the_same_contacts_in_chunks_of_any_size(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(n: int) -> list[tuple[Contact, int]]:
        return list(scenario(name).contacts(n, seed=3, start=START, onset=20, severity=0.5))

    expected = drawn(300)
    monkeypatch.setattr(scenarios, "CHUNK", 37)
    assert drawn(300) == expected
    assert drawn(100) == expected[:100]
    assert len({contact.id for contact, _ in expected}) == 300
    assert all(decode(Contact, encode(contact)) == contact for contact, _ in expected)


@settings(max_examples=20)
@given(name=names, seed=seeds, severity=severities)
def test_severity_is_the_share_of_contacts_that_the_drift_reaches(name: str, seed: int, severity: float) -> None:
    if name in ("no_drift_baseline", "campaign_burst"):
        return
    reached = int(SCENARIOS[name].stretch(0, 1_000, seed=seed, severity=severity).drifted.sum())
    assert binom.ppf(1e-7, 1_000, severity) <= reached <= binom.ppf(1 - 1e-7, 1_000, severity)


def test_a_gradual_drift_rises_to_its_severity() -> None:
    drifted = SCENARIOS["sector_shift"].stretch(0, 40_000, seed=3, severity=0.8, shape="gradual", onset=0).drifted
    quarters = drifted[:GRADUAL_OVER].reshape(4, -1).mean(axis=1)
    assert quarters == pytest.approx([0.1, 0.3, 0.5, 0.7], abs=0.12)
    assert drifted[GRADUAL_OVER:].mean() == pytest.approx(0.8, abs=0.01)


def test_a_recurring_drift_comes_and_goes() -> None:
    drifted = SCENARIOS["sector_shift"].stretch(0, 4 * RECURS_EVERY + 100, seed=3, shape="recurring", onset=100).drifted
    assert drifted[:100].sum() == 0
    assert drifted[100:].reshape(4, -1).mean(axis=1).tolist() == [1, 0, 1, 0]


def test_the_sectors_of_a_sector_shift_are_absent_from_training() -> None:
    base = {(contact.industry, contact.companyindustry) for contact, _ in draw_contacts(20_000, seed=1, start=START)}
    known = {value for pair in base for value in pair}
    new, _ = full("sector_shift")
    assert set(new.columns["industry"]) == set(NEW_SECTORS)
    assert known.isdisjoint(new.columns["industry"])
    assert known.isdisjoint(new.columns["companyindustry"])


def test_in_a_seniority_shift_everybody_is_of_the_c_level_or_an_executive() -> None:
    new, old = full("seniority_shift")
    assert set(new.columns["llm_seniority"]) == {"C-Level", "Executive"}
    assert changed(new, old) <= {
        "llm_seniority", "llm_business_type", "llm_decision_maker", "llm_quality", "llm_engagement", "jobtitle",
    }  # fmt: skip


def test_in_a_geography_shift_everybody_is_on_three_other_continents() -> None:
    new, old = full("geography_shift")
    places = {place: continent for continent, towns in ABROAD.items() for place in towns}
    assert {places[place] for place in new.columns["location"]} == {"Asia", "Africa", "South America"}
    countries = {code for towns in ABROAD.values() for code in towns.values()}
    assert {place[-2:] for place in new.columns["companylocation"] if place} == countries
    assert changed(new, old) == {"location", "companylocation", "llm_geography"}


def test_degraded_profiles_lack_most_of_their_columns_and_their_people_engage_as_ever() -> None:
    new, old = full("quality_degradation")
    for name in MAY_BE_SPARSE:
        had = np.array([value is not None and value == value for value in old.columns[name]])  # noqa: PLR0124
        lacks = np.array([value is None or value != value for value in new.columns[name]])  # noqa: PLR0124
        assert lacks[~had].all()
        assert lacks[had].mean() == pytest.approx(0.7, abs=0.05)
    assert (new.columns["llm_quality"] <= old.columns["llm_quality"]).all()
    assert new.engaged == old.engaged


def test_concept_drift_changes_the_labels_of_half_of_the_segments_and_nothing_else() -> None:
    new, old = full("concept_drift", 20_000)
    assert changed(new, old) == set()
    concerned = np.isin(old.columns["llm_seniority"], TURNED)
    before, after = np.array(old.engaged), np.array(new.engaged)
    assert concerned.mean() == pytest.approx(0.54, abs=0.02)
    assert (before == after)[~concerned].all()
    assert before[concerned].mean() == pytest.approx(after[concerned].mean(), abs=0.02)
    for seniority in TURNED:
        own = old.columns["llm_seniority"] == seniority
        engage = [np.corrcoef(old.logits[own], labels[own])[0, 1] for labels in (before, after)]
        assert engage[0] == pytest.approx(-engage[1], abs=0.06)
        assert engage[0] > 0.2


def test_a_format_change_is_of_the_same_companies() -> None:
    new, old = full("format_change", 4_000)
    assert changed(new, old) == {"companysize"}
    assert new.engaged == old.engaged
    kinds = set()
    for now, before in zip(new.columns["companysize"], old.columns["companysize"], strict=True):
        if before is None:
            assert now is None
            continue
        assert WORDS[now] if now in WORDS else company_size(now) == before
        kinds.add("word" if now in WORDS else "mangled" if now in MANGLED.values() else "count")
        assert now not in SIZES
    assert kinds == {"word", "mangled", "count"}


def test_another_version_of_the_model_changes_its_answers_and_nothing_else() -> None:
    new, old = full("llm_version_change")
    assert changed(new, old) == {
        "llm_quality", "llm_seniority", "llm_engagement", "llm_decision_maker", "llm_industry"
    }  # fmt: skip
    assert new.engaged == old.engaged
    assert (new.columns["llm_quality"] >= old.columns["llm_quality"]).all()
    assert set(new.columns["llm_industry"]).isdisjoint(old.columns["llm_industry"])
    senior = [np.isin(one.columns["llm_seniority"], ("Senior", "Executive")).mean() for one in (new, old)]
    assert senior[0] > senior[1] + 0.1


def test_a_burst_comes_in_runs_of_alike_contacts() -> None:
    new, old = full("campaign_burst", 100 * RUN)
    quality = new.columns["llm_quality"].reshape(-1, RUN)
    assert quality.std(axis=1).mean() < 0.5 * quality.std()
    apart = [np.mean([len(set(run)) for run in one.columns["companyindustry"].reshape(-1, RUN)]) for one in (new, old)]
    assert apart[0] < 0.65 * apart[1]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no scenario sector_shif: did you mean sector_shift\?"):
        scenario("sector_shif")
    with pytest.raises(ValueError, match="there are no_drift_baseline, sector_shift"):
        scenario("xyz")


def test_seniorities_that_turn_are_those_of_the_profile() -> None:
    assert set(TURNED) < set(load_population().laws.mean_log_odds)
