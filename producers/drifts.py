"""What each scenario makes of a contact: the contacts of the new kind, out of those of the baseline.

Each takes the baseline's contacts and `WIDTH` uniforms of their own for the drift, and returns the contacts as they
would be if they had drifted, all of them: whom the drift has reached yet is for `producers.scenarios` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from driftline.company_size import SIZES, WORDS
from producers.filler import ROLES, jobtitles
from producers.population import COMPANY, Columns, Floats, Ints, Objects, absent
from producers.synthetic import engagement, load_population

WIDTH = 12
"""Uniforms of a contact's own, the first of which says whether the drift has reached it."""


class Drawn(NamedTuple):
    """Contacts' inputs and the log-odds of their engagement, shape (contacts,)."""

    columns: Columns
    logits: Floats


NEW_SECTORS: Mapping[str, tuple[str, str, float]] = {
    "Hospital & Health Care": ("Hospitals and Health Care", "Healthcare", 0.9),
    "Government Administration": ("Government Administration", "Public Sector", 0.5),
    "Higher Education": ("Higher Education", "Education", -0.9),
    "Nonprofit Organization Management": ("Non-profit Organizations", "Nonprofit", -0.6),
}
"""Industry → company's industry, the enrichment's industry, and what the sector adds to the log-odds."""


def sector_shift(drawn: Drawn, own: Floats) -> Drawn:
    """The campaign has moved on to health care, administrations, education and associations.

    Who engages changes too: there it is the senior people of large, known organisations.
    """
    sector = _place(own[:, 1], len(NEW_SECTORS))
    company, llm, lift = (np.array(column, object) for column in zip(*NEW_SECTORS.values(), strict=True))
    kind = _one_of(("Government Agency", "Nonprofit", "Educational Institution"), own[:, 2])
    columns = drawn.columns | {
        "industry": np.array(list(NEW_SECTORS), object)[sector],
        "companyindustry": company[sector],
        "llm_industry": llm[sector],
        "companysize": _one_of(("201-500", "501-1000", "1001-5000", "5001-10000"), own[:, 3]),
        "companytype": kind,
        "llm_company_fit": np.floor(own[:, 4] * 3),
    }
    logits = -0.3 + lift[sector].astype(float) + 1.6 * (columns["llm_quality"] - 62) / 40
    return Drawn(columns, logits + 0.5 * (kind == "Government Agency"))


def seniority_shift(drawn: Drawn, own: Floats) -> Drawn:
    """Everybody is of the C-Level or an executive, with the title, the decision power and the quality to match."""
    chief = own[:, 1] < 0.5
    role = np.where(chief, list(ROLES).index("is_founder"), list(ROLES).index("is_director"))
    length = 5 + np.floor(30 * own[:, 2]).astype(int)
    columns = drawn.columns | {
        "llm_seniority": np.where(chief, "C-Level", "Executive").astype(object),
        "llm_business_type": np.where(own[:, 3] < 0.85, "leaders", drawn.columns["llm_business_type"]),
        "llm_decision_maker": np.round(0.75 + 0.05 * _place(own[:, 4], 5), 2),
        "llm_quality": 75.0 + 5 * _place(own[:, 5], 5),
        "llm_engagement": np.round(0.6 + 0.05 * _place(own[:, 6], 6), 2),
        "jobtitle": jobtitles()[role, length],
    }
    return Drawn(columns, engagement(columns))


ABROAD: Mapping[str, Mapping[str, str]] = {
    "Asia": {
        "Singapore, Singapore": "SG", "Tokyo, Kanto, Japan": "JP", "Mumbai, Maharashtra, India": "IN",
        "Bangkok, Bangkok City, Thailand": "TH",
    },
    "Africa": {
        "Nairobi, Nairobi County, Kenya": "KE", "Lagos, Lagos State, Nigeria": "NG",
        "Casablanca, Casablanca-Settat, Morocco": "MA", "Cape Town, Western Cape, South Africa": "ZA",
    },
    "South America": {
        "São Paulo, São Paulo, Brazil": "BR", "Bogotá, Distrito Capital, Colombia": "CO",
        "Santiago, Región Metropolitana, Chile": "CL", "Lima, Lima Province, Peru": "PE",
    },
}  # fmt: skip
"""Continent → location, and its country's code."""
HUBS_ABROAD = ("Singapore", "Tokyo", "São Paulo")


def geography_shift(drawn: Drawn, own: Floats) -> Drawn:
    """Everybody, and every company of known location, is in Asia, Africa or South America."""
    places = {place: code for continent in ABROAD.values() for place, code in continent.items()}
    town = _place(own[:, 1], len(places))
    hub = np.array([place.startswith(HUBS_ABROAD) for place in places])
    offices = np.array([f"{place.split(',')[0]}, {code}" for place, code in places.items()], object)
    offices = offices[town]
    offices[absent(drawn.columns["companylocation"])] = None
    columns = drawn.columns | {
        "location": np.array(list(places), object)[town],
        "companylocation": offices,
        "llm_geography": np.where(hub[town], "international_hub", "other").astype(object),
    }
    return Drawn(columns, engagement(columns))


MAY_BE_SPARSE = ("summary", "skills", "jobtitle", "languages", "industry", *COMPANY)
SPARSE = 0.7
"""The share of such columns that a sparse profile lacks."""


def quality_degradation(drawn: Drawn, own: Floats) -> Drawn:
    """Sparse profiles of the same people, who engage as ever; the enrichment makes less of them."""
    columns = dict(drawn.columns)
    lacks = own[:, 1 : 1 + len(MAY_BE_SPARSE)] < SPARSE
    for name, lacking in zip(MAY_BE_SPARSE, lacks.T, strict=True):
        columns[name] = columns[name].copy()
        columns[name][lacking] = np.nan if name == "companyfoundedon" else None
    unknown = absent(columns["companyindustry"])
    gaps = lacks.mean(axis=1)
    columns["llm_industry"] = np.where(unknown, "Unknown", columns["llm_industry"])
    columns["llm_company_fit"] = np.where(unknown, 0.0, columns["llm_company_fit"])
    columns["llm_quality"] = np.maximum(0.0, 5 * np.round((columns["llm_quality"] - 40 * gaps) / 5))
    columns["llm_engagement"] = np.round(np.maximum(0.1, columns["llm_engagement"] - 0.3 * gaps) * 20) / 20
    return Drawn(columns, drawn.logits)


TURNED = ("Mid", "Senior")
"""Half of the four seniorities, and of the people."""


def concept_drift(drawn: Drawn, own: Floats) -> Drawn:
    """The same people, and as many engage, but of half of them the others: log-odds mirrored about their mean."""
    logits = drawn.logits.copy()
    for seniority in TURNED:
        at = drawn.columns["llm_seniority"] == seniority
        logits[at] = 2 * load_population().laws.mean_log_odds[seniority] - logits[at]
    return Drawn(drawn.columns, logits)


MANGLED: Mapping[str, str] = {"2-10": "10-Feb", "11-50": "Nov-50"}
"""What a spreadsheet makes of a range that it takes for a date."""


def format_change(drawn: Drawn, own: Floats) -> Drawn:
    """The same companies, whose size the next export gives as a count, in words, or as a spreadsheet mangled it."""
    sizes = drawn.columns["companysize"]
    words = {size: word for word, size in reversed(list(WORDS.items()))}
    changed = sizes.copy()
    for size in SIZES[:-1]:
        low, high = (int(edge) for edge in size.split("-"))
        at = np.flatnonzero(sizes == size)
        counts = np.floor(low * (high / low) ** own[at, 1]).astype(int).astype(str).astype(object)
        said = np.where(own[at, 2] < 0.1, words.get(size), counts) if size in words else counts
        changed[at] = np.where(own[at, 3] < 0.3, MANGLED[size], said) if size in MANGLED else said
    return Drawn(drawn.columns | {"companysize": changed}, drawn.logits)


HIGHER: Mapping[str, tuple[str, float]] = {
    "Entry": ("Mid", 0.4), "Mid": ("Senior", 0.4), "Senior": ("Executive", 0.3)
}  # fmt: skip
"""Seniority → the one above, and how often the new version answers with it."""


def llm_version_change(drawn: Drawn, own: Floats) -> Drawn:
    """The same people, enriched by another version of the model: kinder, and with other words for industries."""
    old = drawn.columns
    seniority = old["llm_seniority"].copy()
    for now, (above, often) in HIGHER.items():
        seniority[(old["llm_seniority"] == now) & (own[:, 1] < often)] = above
    unknown = old["llm_industry"] == "Unknown"
    columns = old | {
        "llm_seniority": seniority,
        "llm_industry": np.where(unknown, "Not specified", "B2B: " + old["llm_industry"]),
        "llm_quality": np.minimum(100.0, old["llm_quality"] + 5 * (1 + _place(own[:, 2], 3))),
        "llm_engagement": np.round(np.minimum(1.0, old["llm_engagement"] + 0.1), 2),
        "llm_decision_maker": np.round(np.minimum(1.0, old["llm_decision_maker"] + 0.05), 2),
    }
    return Drawn(columns, drawn.logits)


def _place(uniform: Floats, n: int) -> Ints:
    """One of ``n`` places, each as likely."""
    return np.floor(uniform * n).astype(np.int64)


def _one_of(values: tuple[str, ...], uniform: Floats) -> Objects:
    chosen: Objects = np.array(values, object)[_place(uniform, len(values))]
    return chosen
