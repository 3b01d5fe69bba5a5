"""Contact → 47 float32 features, the same code for training and for serving.

The fitted part (category encodings, medians) is JSON. Missing numbers become the training median and missing
categories a value of their own, so a row is always finite.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.events import INPUTS, Contact, MonitoredColumns

Matrix = NDArray[np.float32]

MISSING, OTHER = "__missing__", "__other__"
RARE = 10
"""Category values seen fewer times than this are folded into ``__other__`` before encoding."""
SMOOTHING = 20.0
"""Contacts' worth of the overall rate that each category's engagement rate is pulled towards."""

NUMBERS = ("llm_quality", "llm_engagement", "llm_decision_maker", "llm_company_fit", "companyfoundedon")
ENCODED = ("llm_industry", "industry", "companyindustry", "languages", "location", "companylocation")
TEXTS = ("summary", "skills", "jobtitle")
ROLES: Mapping[str, tuple[str, ...]] = {
    "is_founder": ("founder", "ceo", "cto", "co-founder", "cofounder"),
    "is_director": ("director", "vp", "vice president"),
    "is_manager": ("manager", "lead", "head of"),
    "is_sales": ("sales", "business development"),
    "is_marketing": ("marketing", "growth", "cmo"),
    "is_tech_role": ("engineer", "developer", "architect", "cto"),
}
ONE_HOT: Mapping[str, tuple[str, ...]] = {
    "llm_seniority": ("Executive", "Mid", "Senior"),
    "llm_geography": ("other", "regional_hub"),
    "llm_business_type": ("leaders", "others", "salespeople", "workers"),
    "companysize": ("11-50", "2-10", "201-500", "5001-10000", "501-1000", "51-200", "UNKNOWN"),
    "companytype": (
        "Government Agency", "Nonprofit", "Partnership", "Privately Held", "Public Company",
        "Self-Employed", "Sole Proprietorship", "UNKNOWN",
    ),
}  # fmt: skip

FEATURES: tuple[str, ...] = (
    "llm_quality", "llm_engagement", "llm_decision_maker", "llm_industry", "llm_company_fit", "industry",
    "companyindustry", "languages", "location", "companylocation", "companyfoundedon",
    "has_summary", "has_skills", "has_jobtitle", "summary_length", "skills_count", "jobtitle_length",
    *ROLES,
    *(f"{column}_{value}" for column, values in ONE_HOT.items() for value in values),
)  # fmt: skip
"""The features in the model's order."""

_DERIVED = {"skills_count": "skills"} | dict.fromkeys(ROLES, "jobtitle")
_DERIVED |= {f"has_{text}": text for text in TEXTS} | {f"{text}_length": text for text in TEXTS}
_DERIVED |= {f"{column}_{value}": column for column, values in ONE_HOT.items() for value in values}
COLUMN_OF: Mapping[str, str] = {feature: _DERIVED.get(feature, feature) for feature in FEATURES}
"""The contact's column that each feature is made of."""

_inputs = attrgetter(*INPUTS)
_AT = {feature: place for place, feature in enumerate(FEATURES)}
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


@dataclass(frozen=True)
class Featuriser:
    """A fitted featuriser: medians of the numbers and engagement rates of the encoded categories."""

    medians: Mapping[str, float]
    rates: Mapping[str, Mapping[str, float]]

    @classmethod
    def fit(cls, contacts: Sequence[Contact], engaged: NDArray[np.integer[Any]]) -> Featuriser:
        """Fit on labelled contacts.

        Raises:
            ValueError: there are none.
        """
        if not contacts:
            raise ValueError("no labelled contacts to fit the featuriser on")
        overall = float(np.mean(engaged))
        medians = {name: _median([getattr(contact, name) for contact in contacts]) for name in NUMBERS}
        rates = {name: _rates([_category(contact, name) for contact in contacts], engaged, overall) for name in ENCODED}
        return cls(medians, rates)

    def transform(self, contacts: Sequence[Contact]) -> Matrix:
        """Features of contacts, shape (contacts, 47), all finite."""
        out = np.zeros((len(contacts), len(FEATURES)), dtype=np.float32)
        if not contacts:
            return out
        for name in NUMBERS:
            median = self.medians[name]
            out[:, _AT[name]] = [median if (v := getattr(c, name)) is None else v for c in contacts]
        for name in ENCODED:
            rates = self.rates[name]
            other = rates[OTHER]
            out[:, _AT[name]] = [rates.get(getattr(c, name) or MISSING, other) for c in contacts]
        _fill_texts(out, contacts)
        for name, places in _ONE_HOT_PLACES.items():
            default = places.get("UNKNOWN", -1)
            hot = [places.get(v, -1) if (v := getattr(c, name)) else default for c in contacts]
            _set(out, hot)
        return out

    def to_spec(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {
            "features": list(FEATURES),
            "medians": dict(self.medians),
            "rates": {k: dict(v) for k, v in self.rates.items()},
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Featuriser:
        """The inverse of `to_spec`.

        Raises:
            ValueError: the spec is of other features than this version of Driftline computes.
        """
        if tuple(spec["features"]) != FEATURES:
            raise ValueError("this model was trained on other features: retrain it with this version of Driftline")
        return cls(spec["medians"], spec["rates"])


def out_of_fold(contacts: Sequence[Contact], engaged: NDArray[np.integer[Any]], *, folds: int = 5, seed: int) -> Matrix:
    """Training features whose target encodings never saw the row's own label, shape (contacts, 47).

    Encoding a row with a rate that its own label went into makes the training score a lie.
    """
    fold = np.random.default_rng(seed).permutation(np.arange(len(contacts)) % folds)
    out = np.zeros((len(contacts), len(FEATURES)), dtype=np.float32)
    for held in range(folds):
        inside, outside = np.flatnonzero(fold != held).tolist(), np.flatnonzero(fold == held).tolist()
        fitted = Featuriser.fit([contacts[i] for i in inside], engaged[inside])
        out[outside] = fitted.transform([contacts[i] for i in outside])
    return out


_ONE_HOT_PLACES = {column: {value: _AT[f"{column}_{value}"] for value in values} for column, values in ONE_HOT.items()}


def _fill_texts(out: Matrix, contacts: Sequence[Contact]) -> None:
    summaries = [c.summary or "" for c in contacts]
    skills = [c.skills or "" for c in contacts]
    titles = [c.jobtitle or "" for c in contacts]
    columns: dict[str, list[Any]] = {
        "has_summary": [bool(text) for text in summaries],
        "has_skills": [bool(text) for text in skills],
        "has_jobtitle": [bool(text) for text in titles],
        "summary_length": [len(text) for text in summaries],
        "skills_count": [text.count(",") + 1 if text else 0 for text in skills],
        "jobtitle_length": [len(text) for text in titles],
    }
    for name, values in columns.items():
        out[:, _AT[name]] = values
    first = _AT["is_founder"]
    out[:, first : first + len(ROLES)] = [role_flags(title) for title in titles]


def _set(out: Matrix, hot: list[int]) -> None:
    places = np.asarray(hot)
    rows = np.flatnonzero(places >= 0)
    out[rows, places[rows]] = 1.0


def _category(contact: Contact, name: str) -> str:
    return getattr(contact, name) or MISSING


def _median(values: list[float | None]) -> float:
    present = [value for value in values if value is not None]
    return float(np.median(present)) if present else 0.0


def _rates(values: list[str], engaged: NDArray[np.integer[Any]], overall: float) -> dict[str, float]:
    """Smoothed engagement rate per category; rare ones share ``__other__``."""
    counts = Counter(values)
    fold: Callable[[str], str] = lambda value: value if counts[value] >= RARE else OTHER  # noqa: E731
    seen: Counter[str] = Counter({OTHER: 0})
    hits: Counter[str] = Counter()
    for value, label in zip(map(fold, values), engaged.tolist(), strict=True):
        seen[value] += 1
        hits[value] += label
    return {value: (hits[value] + SMOOTHING * overall) / (n + SMOOTHING) for value, n in sorted(seen.items())}
