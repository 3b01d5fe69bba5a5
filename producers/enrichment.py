"""The eight ``llm_*`` fields by offline rules: free, instant, the same on every run.

A language model does this better; these rules are good enough to score by, and to run everything without a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from producers.labelled import Labelled

Profile = Mapping[str, str | None]
"""A profile's columns, by their names in the contract."""
Enrich = Callable[[Iterable[Labelled]], Iterator[Labelled]]
"""Contacts in, the same contacts with their eight ``llm_*`` fields out, in the same order."""

_SENIORITY = (
    ("C-Level", r"ceo|cto|cfo|coo|cmo|chief \w+ officer|président|president"),
    ("Executive", r"vp|vice[ -]president|managing director|directeur général|general manager|partner|associé"),
    ("Senior", r"director|directeur|directrice|head of|senior|principal|founder|co-?founder|fondateur|fondatrice"),
    ("Mid", r"manager|lead|responsable|consultant|engineer|ingénieur|developer|développeur|architect|counsel|avocat"),
)
_BUSINESS_TYPE = (
    ("leaders", r"ceo|coo|cto|cfo|cmo|founder|co-?founder|partner|director|directeur|directrice|vp|head of|president"),
    ("salespeople", r"sales|business development|account (?:manager|executive)|commercial|vente"),
    ("experts", r"consultant|expert|engineer|ingénieur|architect|developer|scientist|researcher|lawyer|avocat|counsel"),
    ("workers", r"assistant|technician|coordinator|operator|analyst|designer|officer|chargée?"),
)
_HUBS = re.compile(r"\b(?:paris|london|new york|berlin|amsterdam|brussels|singapore|san francisco|dublin)\b", re.I)
_REGIONAL = re.compile(
    r"\b(?:lyon|marseille|toulouse|bordeaux|lille|nantes|nice|rennes|strasbourg|montpellier)\b", re.I
)
_GOOD_FIT = re.compile(
    r"software|internet|\bit services\b|information technology|consulting|marketing|advertising", re.I
)

_DECISION = {"C-Level": 0.9, "Executive": 0.8, "Senior": 0.7, "Mid": 0.5, "Entry": 0.25}
_QUALITY = {"C-Level": 85, "Executive": 80, "Senior": 75, "Mid": 60, "Entry": 35}


def first_match(rules: tuple[tuple[str, str], ...], text: str, otherwise: str) -> str:
    """The name of the first rule with a whole word in the text.

    >>> first_match(_SENIORITY, "Director of Growth", "Entry")  # CTO is inside Director, but is no word of it
    'Senior'
    """
    return next((name for name, words in rules if re.search(rf"\b(?:{words})\b", text, re.IGNORECASE)), otherwise)


def enrich(profile: Profile) -> dict[str, Any]:
    """The eight ``llm_*`` fields of a profile.

    >>> found = enrich({"jobtitle": "CEO", "location": "Paris, France", "companyindustry": "Software Development"})
    >>> found["llm_seniority"], found["llm_geography"], found["llm_company_fit"]
    ('C-Level', 'international_hub', 2.0)
    """
    title, place = profile.get("jobtitle") or "", profile.get("location") or ""
    industry = profile.get("companyindustry") or profile.get("industry")
    seniority = first_match(_SENIORITY, title, "Entry")
    complete = sum(profile.get(name) is not None for name in ("summary", "skills", "companysize", "companytype")) / 4
    fit = 0.0 if industry is None else (2.0 if _GOOD_FIT.search(industry) else 1.0)
    return {
        "llm_quality": float(min(100, round((_QUALITY[seniority] + 15 * complete + 3 * (fit - 1)) / 5) * 5)),
        "llm_seniority": seniority,
        "llm_engagement": round(min(1.0, 0.3 + 0.3 * complete + 0.2 * _DECISION[seniority]), 2),
        "llm_decision_maker": _DECISION[seniority],
        "llm_industry": industry or "Unknown",
        "llm_geography": _geography(place),
        "llm_business_type": first_match(_BUSINESS_TYPE, title, "others"),
        "llm_company_fit": fit,
    }


def _geography(place: str) -> str:
    if _HUBS.search(place):
        return "international_hub"
    return "regional_hub" if _REGIONAL.search(place) else "other"
