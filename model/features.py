"""What a contact says of each feature: the two named feature sets, and what the monitor may see of a contact.

The sets are ``driftline``, and ``original``, the 47 columns of the model that Driftline began with, kept for
comparison. What is learnt in training is in `model.featuriser`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log2
from operator import attrgetter
from typing import Literal

from driftline.company_size import employees
from driftline.events import INPUTS, Contact, MonitoredColumns

FeatureSetName = Literal["driftline", "original"]

ENCODED = ("llm_industry", "industry", "companyindustry", "languages", "location", "companylocation")
"""Columns of many values: each value is encoded as the rate at which its contacts engaged."""
TEXTS = ("summary", "skills", "jobtitle")
SEGMENTS = ("llm_seniority", "llm_geography")
"""The columns whose values a model has to serve, each on its own: judged and watched value by value."""
FOUNDED = (1500.0, 2100.0)
"""Years of foundation that can be; in the ``driftline`` set others count as missing."""
ROLES: Mapping[str, tuple[str, ...]] = {
    "is_founder": ("founder", "ceo", "cto", "co-founder", "cofounder"),
    "is_director": ("director", "vp", "vice president"),
    "is_manager": ("manager", "lead", "head of"),
    "is_sales": ("sales", "business development"),
    "is_marketing": ("marketing", "growth", "cmo"),
    "is_tech_role": ("engineer", "developer", "architect", "cto"),
}
_inputs = attrgetter(*INPUTS)
_FLAGS_OF_WORD: dict[str, frozenset[int]] = {
    word: frozenset(place for place, words in enumerate(ROLES.values()) if word in words)
    for word in {word for words in ROLES.values() for word in words}
}
_ROLE_WORDS = re.compile(
    r"\b(?:" + "|".join(sorted(map(re.escape, _FLAGS_OF_WORD), key=len, reverse=True)) + r")\b", re.IGNORECASE
)


@lru_cache(maxsize=8192)
def role_flags(jobtitle: str) -> tuple[int, ...]:
    """Which roles a job title names, in the order of `ROLES`; whole words only.

    >>> dict(zip(ROLES, role_flags("Director of Growth")))["is_founder"]  # CTO is inside Director
    0
    >>> [role for role, flag in zip(ROLES, role_flags("CTO & co-founder")) if flag]
    ['is_founder', 'is_tech_role']
    """
    held: set[int] = set()
    for found in _ROLE_WORDS.findall(jobtitle):
        held |= _FLAGS_OF_WORD[found.lower()]
    return tuple(int(place in held) for place in range(len(ROLES)))


def monitored_columns(contact: Contact) -> MonitoredColumns:
    """The contact's 19 inputs as the monitor may see them: free texts by their length, the rest as it came."""
    *numbers_and_categories, summary, skills, jobtitle = _inputs(contact)
    lengths = (None if text is None else float(len(text)) for text in (summary, skills, jobtitle))
    return MonitoredColumns(*numbers_and_categories, *lengths)


RawRow = list[float | str | None]
"""What a contact says of each feature: a number, None for a gap, and of an encoded category its value."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """What a model reads of a contact.

    Attributes:
        column_of: feature → the contact's column that it is made of, in the model's order.
        numbers: features that are kept within the range seen in training, and whose gaps get its median.
        raw_row: what a contact says, in the model's order.
    """

    name: FeatureSetName
    column_of: Mapping[str, str]
    numbers: tuple[str, ...]
    raw_row: Callable[[Contact], RawRow]

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the features in the model's order."""
        return tuple(self.column_of)

    def places(self, features: Sequence[str]) -> list[int]:
        """Where some features stand."""
        return [self.features.index(feature) for feature in features]


Flags = Mapping[str | None, tuple[int, ...]]


def _flags(*values: str) -> Flags:
    """For each value the flags of all of them, only its own set."""
    return {value: tuple(int(value == other) for other in values) for value in values}


def _named(column: str, flags: Flags) -> dict[str, str]:
    return {f"{column}_{value}": column for value in flags}


_SENIORITY = _flags("Entry", "Mid", "Senior", "Executive", "C-Level")
_GEOGRAPHY = _flags("international_hub", "regional_hub", "other")
_BUSINESS = _flags("leaders", "experts", "salespeople", "workers", "others")
_TYPE = _flags(
    "Educational Institution", "Government Agency", "Nonprofit", "Partnership", "Privately Held", "Public Company",
    "Self-Employed", "Sole Proprietorship",
)  # fmt: skip
_NO_ROLE = (0,) * len(ROLES)
_NONE_3, _NONE_5, _NONE_8 = (0,) * 3, (0,) * 5, (0,) * 8


def _driftline_row(c: Contact) -> RawRow:
    """An unseen value sets none of its column's flags, and is not missing: that is its place."""
    founded = c.companyfoundedon
    size = employees(c.companysize)
    return [
        c.llm_quality, c.llm_engagement, c.llm_decision_maker, c.llm_company_fit,
        founded if founded is not None and FOUNDED[0] <= founded <= FOUNDED[1] else None,
        None if size is None else log2(size),
        c.languages.count(",") + 1 if c.languages else 0,
        c.skills.count(",") + 1 if c.skills else 0,
        len(c.summary) if c.summary else 0,
        len(c.jobtitle) if c.jobtitle else 0,
        c.llm_industry, c.industry, c.companyindustry, c.languages, c.location, c.companylocation,
        *(role_flags(c.jobtitle) if c.jobtitle else _NO_ROLE),
        *_SENIORITY.get(c.llm_seniority, _NONE_5),
        *_GEOGRAPHY.get(c.llm_geography, _NONE_3),
        *_BUSINESS.get(c.llm_business_type, _NONE_5),
        *_TYPE.get(c.companytype, _NONE_8),
        not c.companysize, not c.companytype, not c.companyindustry, not c.companylocation, founded is None,
        not c.industry, not c.languages, not c.summary, not c.skills, not c.jobtitle,
    ]  # fmt: skip


_DRIFTLINE_NUMBERS = {
    "llm_quality": "llm_quality", "llm_engagement": "llm_engagement", "llm_decision_maker": "llm_decision_maker",
    "llm_company_fit": "llm_company_fit", "companyfoundedon": "companyfoundedon", "companysize_log2": "companysize",
    "languages_count": "languages", "skills_count": "skills", "summary_length": "summary",
    "jobtitle_length": "jobtitle",
}  # fmt: skip
_MAY_LACK = (
    "companysize", "companytype", "companyindustry", "companylocation", "companyfoundedon", "industry", "languages",
    "summary", "skills", "jobtitle",
)  # fmt: skip
DRIFTLINE = FeatureSet(
    "driftline",
    {
        **_DRIFTLINE_NUMBERS,
        **{name: name for name in ENCODED},
        **dict.fromkeys(ROLES, "jobtitle"),
        **_named("llm_seniority", _SENIORITY),
        **_named("llm_geography", _GEOGRAPHY),
        **_named("llm_business_type", _BUSINESS),
        **_named("companytype", _TYPE),
        **{f"{column}_missing": column for column in _MAY_LACK},
    },
    tuple(_DRIFTLINE_NUMBERS),
    _driftline_row,
)
"""The default: sizes as numbers, every gap flagged, every known value told from an unseen one."""

_ORIGINAL_SENIORITY = _flags("Executive", "Mid", "Senior")
_ORIGINAL_GEOGRAPHY = _flags("other", "regional_hub")
_ORIGINAL_BUSINESS = _flags("leaders", "others", "salespeople", "workers")
_ORIGINAL_SIZE = _flags("11-50", "2-10", "201-500", "5001-10000", "501-1000", "51-200", "UNKNOWN")
_ORIGINAL_TYPE = _flags(
    "Government Agency", "Nonprofit", "Partnership", "Privately Held", "Public Company", "Self-Employed",
    "Sole Proprietorship", "UNKNOWN",
)  # fmt: skip
_NONE_2, _NONE_4, _NONE_7 = (0,) * 2, (0,) * 4, (0,) * 7


def _original_row(c: Contact) -> RawRow:
    return [
        c.llm_quality, c.llm_engagement, c.llm_decision_maker, c.llm_industry, c.llm_company_fit, c.industry,
        c.companyindustry, c.languages, c.location, c.companylocation, c.companyfoundedon,
        bool(c.summary), bool(c.skills), bool(c.jobtitle),
        len(c.summary) if c.summary else 0,
        c.skills.count(",") + 1 if c.skills else 0,
        len(c.jobtitle) if c.jobtitle else 0,
        *(role_flags(c.jobtitle) if c.jobtitle else _NO_ROLE),
        *_ORIGINAL_SENIORITY.get(c.llm_seniority, _NONE_3),
        *_ORIGINAL_GEOGRAPHY.get(c.llm_geography, _NONE_2),
        *_ORIGINAL_BUSINESS.get(c.llm_business_type, _NONE_4),
        *_ORIGINAL_SIZE.get(c.companysize or "UNKNOWN", _NONE_7),
        *_ORIGINAL_TYPE.get(c.companytype or "UNKNOWN", _NONE_8),
    ]  # fmt: skip


ORIGINAL = FeatureSet(
    "original",
    {
        "llm_quality": "llm_quality", "llm_engagement": "llm_engagement", "llm_decision_maker": "llm_decision_maker",
        "llm_industry": "llm_industry", "llm_company_fit": "llm_company_fit", "industry": "industry",
        "companyindustry": "companyindustry", "languages": "languages", "location": "location",
        "companylocation": "companylocation", "companyfoundedon": "companyfoundedon",
        **{f"has_{text}": text for text in TEXTS},
        "summary_length": "summary", "skills_count": "skills", "jobtitle_length": "jobtitle",
        **dict.fromkeys(ROLES, "jobtitle"),
        **_named("llm_seniority", _ORIGINAL_SENIORITY),
        **_named("llm_geography", _ORIGINAL_GEOGRAPHY),
        **_named("llm_business_type", _ORIGINAL_BUSINESS),
        **_named("companysize", _ORIGINAL_SIZE),
        **_named("companytype", _ORIGINAL_TYPE),
    },
    (
        "llm_quality", "llm_engagement", "llm_decision_maker", "llm_company_fit", "companyfoundedon",
        "summary_length", "skills_count", "jobtitle_length",
    ),
    _original_row,
)  # fmt: skip
"""The 47 columns of the model that Driftline began with, in its order."""

FEATURE_SETS: Mapping[str, FeatureSet] = {DRIFTLINE.name: DRIFTLINE, ORIGINAL.name: ORIGINAL}
