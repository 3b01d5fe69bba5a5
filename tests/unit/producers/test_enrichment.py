"""The offline rules: whose title it is, in both languages, and which places and companies are which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.events import Contact, decode, encode
from producers.enrichment import enrich, offline
from producers.enrichment_fields import CATEGORIES, COLUMNS, FIELDS
from producers.labelled import Labelled
from tests.llm_server import contact


@pytest.mark.parametrize(
    ("title", "seniority", "business"),
    [
        ("CEO", "C-Level", "leaders"),
        ("Co-Founder & CEO", "C-Level", "leaders"),
        ("cofondatrice", "C-Level", "leaders"),
        ("PDG", "C-Level", "leaders"),
        ("Présidente", "C-Level", "leaders"),
        ("Assistant to the CEO", "Entry", "workers"),
        ("Assistante du PDG", "Entry", "workers"),
        ("Ex-CEO, consultant", "Mid", "experts"),
        ("VP Sales", "Executive", "salespeople"),
        ("Vice Président", "Executive", "leaders"),
        ("Directeur général adjoint", "Executive", "leaders"),
        ("Directrice Générale", "C-Level", "leaders"),
        ("HR Business Partner", "Mid", "workers"),
        ("Head of Growth", "Senior", "leaders"),
        ("Directeur commercial", "Senior", "salespeople"),
        ("Directeur·rice marketing", "Senior", "leaders"),
        ("Director of Growth", "Senior", "leaders"),  # CTO is inside Director, but is no word of it
        ("Chargé(e) de communication", "Mid", "workers"),
        ("Chargée d'affaires", "Mid", "salespeople"),
        ("INGÉNIEURE LOGICIEL", "Mid", "experts"),
        ("Senior Software Engineer", "Senior", "experts"),
        ("Lead Developer", "Senior", "experts"),
        ("Lead generation specialist", "Mid", "workers"),
        ("Développeuse junior", "Entry", "experts"),
        ("Stagiaire marketing", "Entry", "workers"),
        ("Étudiante en droit", "Entry", "others"),
        ("En recherche d'un poste de CEO", "Entry", "others"),
        ("🚀", "Mid", "workers"),
        (None, "Entry", "others"),
    ],
)
def test_titles(title: str | None, seniority: str, business: str) -> None:
    found = enrich({"jobtitle": title})
    assert (found["llm_seniority"], found["llm_business_type"]) == (seniority, business)


@pytest.mark.parametrize(
    ("location", "geography"),
    [
        ("Paris, Île-de-France, France", "international_hub"),
        ("Greater Paris Metropolitan Region, France", "international_hub"),
        ("Montreuil, Île-de-France, France", "international_hub"),
        ("New York, New York, United States", "international_hub"),
        ("Buffalo, New York, United States", "other"),
        ("Genève, Switzerland", "international_hub"),
        ("Greater Lyon Area", "regional_hub"),
        ("Montréal, Québec, Canada", "regional_hub"),
        ("France", "other"),
        (None, "other"),
    ],
)
def test_places(location: str | None, geography: str) -> None:
    assert enrich({"location": location})["llm_geography"] == geography


@pytest.mark.parametrize(
    ("industry", "fit"),
    [
        ("Software Development", 2),
        ("Business Consulting and Services", 2),
        ("Retail", 1),
        ("Hospitality", 1),
        ("Hospitals and Health Care", 0),
        ("Higher Education", 0),
        (None, 0),
    ],
)
def test_company_fit(industry: str | None, fit: int) -> None:
    assert enrich({"companyindustry": industry})["llm_company_fit"] == fit


@given(st.fixed_dictionaries(dict.fromkeys(COLUMNS, st.none() | st.text(max_size=30))))
def test_whatever_a_profile_holds_the_fields_are_in_their_ranges(profile: dict[str, str | None]) -> None:
    found = enrich(profile)
    assert tuple(found) == FIELDS
    assert all(found[name] in allowed for name, allowed in CATEGORIES.items())
    decode(Contact, encode(contact(1, **found)))


def test_offline_fills_what_has_no_fields_and_hands_on_the_rest() -> None:
    known, broken = Labelled(contact(2, llm_quality=5.0), 0), Labelled(b"{")
    first, *others = offline([Labelled(contact(1, jobtitle="CEO"), 1), known, broken])
    assert isinstance(first.contact, Contact)
    assert (first.contact.llm_seniority, first.engaged) == ("C-Level", 1)
    assert others == [known, broken]
