"""Invented contacts and scenarios."""

from datetime import UTC, datetime

import numpy as np
import pytest

from driftline.events import Contact
from producers.replay import Pacer
from producers.scenarios import SCENARIOS, TURNED_ROUND, Scenario, scenario
from producers.synthetic import load_profile

START = datetime(2026, 1, 1, tzinfo=UTC)
Contacts = list[tuple[Contact, int]]


def test_marginals_are_those_of_the_profile(calm_contacts: Contacts) -> None:
    contacts = [contact for contact, _ in calm_contacts]
    profile = load_profile()
    total = sum(profile["llm_seniority"].values())
    for value, n in profile["llm_seniority"].items():
        assert np.mean([c.llm_seniority == value for c in contacts]) == pytest.approx(n / total, abs=0.04)
    assert np.mean([c.companytype is None for c in contacts]) == pytest.approx(1 / 3, abs=0.04)
    assert np.mean([engaged for _, engaged in calm_contacts]) == pytest.approx(0.4, abs=0.04)


def test_company_columns_go_missing_together(calm_contacts: Contacts) -> None:
    for contact, _ in calm_contacts:
        assert (contact.companyindustry is None) == (contact.companytype is None)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_contacts(name: str) -> None:
    first, again = (list(scenario(name).contacts(50, seed=3, start=START, onset=20)) for _ in range(2))
    assert first == again
    assert len({contact.id for contact, _ in first}) == 50


def test_before_the_onset_and_at_severity_zero_nothing_drifts() -> None:
    calm = list(scenario("sector_shift").contacts(300, seed=3, start=START, severity=0.0))
    before = list(scenario("sector_shift").contacts(300, seed=3, start=START, onset=300))
    sectors = {contact.industry for contact, _ in calm + before}
    assert "Higher Education" not in sectors


@pytest.mark.parametrize(
    ("shape", "early", "late"), [("sudden", 1.0, 1.0), ("gradual", 0.1, 0.9), ("recurring", 1.0, 0.0)]
)
def test_shapes(shape: str, early: float, late: float) -> None:
    drawn = list(scenario("sector_shift").contacts(2_000, seed=3, start=START, shape=shape))  # type: ignore[arg-type]
    new = {
        "Hospital & Health Care",
        "Government Administration",
        "Higher Education",
        "Nonprofit Organization Management",
    }
    drifted = np.array([contact.industry in new for contact, _ in drawn])
    assert drifted[:200].mean() == pytest.approx(early, abs=0.1)
    stretch = drifted[800:1000] if shape == "gradual" else drifted[-200:]
    assert stretch.mean() == pytest.approx(late, abs=0.1)


def test_the_pacer_keeps_the_rate_and_stamps() -> None:
    now = [START]
    slept: list[float] = []
    pacer = Pacer(rate=10, speed=None, clock=lambda: now[0], sleep=slept.append)
    stamped = [pacer(Contact(id=str(n), sent_at=START)) for n in range(3)]
    assert slept == [pytest.approx(0.1), pytest.approx(0.2)]
    assert stamped[0].sent_at == START


def test_concept_drift_changes_the_labels_of_half_of_the_segments_and_nothing_else() -> None:
    calm = list(scenario("no_drift_baseline").contacts(4_000, seed=3, start=START))
    turned = Scenario("no_drift_baseline", "", scenario("concept_drift").drifted)  # of that name: the same draws
    drifted = list(turned.contacts(4_000, seed=3, start=START))
    assert [contact for contact, _ in drifted] == [contact for contact, _ in calm]
    concerned = np.array([contact.llm_seniority in TURNED_ROUND for contact, _ in calm])
    before, after = (np.array([engaged for _, engaged in drawn]) for drawn in (calm, drifted))
    assert concerned.mean() == pytest.approx(0.5, abs=0.06)
    assert (before == after)[~concerned].all()
    assert before[concerned].mean() == pytest.approx(after[concerned].mean(), abs=0.05)
    quality = np.array([contact.llm_quality for contact, _ in calm])
    engage = [np.corrcoef(quality[concerned], labels[concerned])[0, 1] for labels in (before, after)]
    assert engage[0] < -0.05 < 0.05 < engage[1]
