"""Invented contacts with the shape of real ones: the marginals and main dependences of ``data/contact_profile.json``.

A contact comes with its label, drawn from the log-odds of `engagement`, a signal as weak as the field's: the ROC-AUC of
those log-odds themselves, the attainable one, is .710. The demo's champion, which learns from 2,000 contacts, reaches
.69, and a model of 300 contacts .645 (``make bench ARGS=quality``).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from driftline.events import Contact

Rng = np.random.Generator
Profile = Mapping[str, Any]
SECONDS_BETWEEN_CONTACTS = 60.0
"""In the invented history: the mean gap between two contacts."""


@cache
def load_profile() -> Profile:
    """The shipped profile: aggregates only, every count at least 10."""
    profile: Profile = json.loads((files("data") / "contact_profile.json").read_text("utf-8"))
    return profile


def draw(rng: Rng, profile: Profile, **fixed: Any) -> dict[str, Any]:
    """One contact's columns as a plain mapping; ``fixed`` columns are taken as they are."""
    columns: dict[str, Any] = {}
    seniority = _pick(rng, profile["llm_seniority"])
    by = profile["by_seniority"][seniority]
    columns["llm_seniority"] = seniority
    columns["llm_business_type"] = _pick(rng, by["llm_business_type"])
    columns |= _company(rng, profile)
    common = rng.standard_normal()  # quality, engagement and decision power rise together
    columns["llm_quality"] = _rounded(by["llm_quality"], common, rng, 5, 0, 100)
    columns["llm_engagement"] = _rounded(by["llm_engagement"], common, rng, 0.05, 0, 1)
    columns["llm_decision_maker"] = _rounded(by["llm_decision_maker"], common, rng, 0.05, 0, 1)
    place = _pick(rng, profile["location"])
    columns["location"] = place
    columns["llm_geography"] = _pick(rng, profile["llm_geography_by_location"][place])
    columns["industry"] = _maybe(rng, profile["missing"]["industry"], profile["industry"])
    columns["languages"] = _maybe(rng, profile["missing"]["languages"], profile["languages"])
    columns["summary"] = _text(rng, profile, "summary")
    columns["skills"] = _skills(rng, profile)
    columns["jobtitle"] = _jobtitle(rng, profile, seniority)
    return columns | fixed


def draw_contacts(
    n: int, *, seed: int, name: str = "synthetic", start: datetime, profile: Profile | None = None
) -> Iterator[tuple[Contact, int]]:
    """``n`` labelled contacts; the same seed gives the same contacts with the same ids."""
    profile = load_profile() if profile is None else profile
    rng = np.random.default_rng(seed)
    for index in range(n):
        columns = draw(rng, profile)
        yield contact(columns, name, seed, index, start), draw_label(rng, engagement(columns))


def contact(columns: Mapping[str, Any], name: str, seed: int, index: int, start: datetime) -> Contact:
    """The columns as an event with a stable id."""
    identity = hashlib.sha256(f"{name}/{seed}/{index}".encode()).hexdigest()[:24]
    occurred = start + timedelta(seconds=index * SECONDS_BETWEEN_CONTACTS)
    return Contact(id=identity, sent_at=occurred, occurred_at=occurred, **columns)


def engagement(columns: Mapping[str, Any]) -> float:
    """Log-odds of engagement, as weak as in the field: people of lower quality and unknown companies engage more."""
    logit: float = -0.95 - 1.1 * (columns["llm_quality"] - 62) / 40
    logit += 0.55 * (columns["companyindustry"] is None)
    logit += 0.6 * (columns["summary"] is not None) - 0.42
    logit += 0.5 * (columns["llm_business_type"] == "experts")
    logit += {"Computer Software": 0.7, "Management Consulting": 0.9, "Marketing & Advertising": -0.9}.get(
        columns["industry"] or "", 0.0
    )
    return logit


def draw_label(rng: Rng, logit: float) -> int:
    """1 with the probability that the log-odds say."""
    return int(rng.random() < 1 / (1 + math.exp(-logit)))


def _pick(rng: Rng, weights: Mapping[str, float]) -> str:
    names, cumulative = _cumulative(tuple(weights.items()))
    return names[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], "right"))]


@cache
def _cumulative(weights: tuple[tuple[str, float], ...]) -> tuple[tuple[str, ...], Any]:
    return tuple(name for name, _ in weights), np.cumsum([weight for _, weight in weights])


def _maybe(rng: Rng, missing: float, weights: Mapping[str, float]) -> str | None:
    return None if rng.random() < missing else _pick(rng, weights)


def _rounded(law: Mapping[str, float], common: float, rng: Rng, step: float, low: float, high: float) -> float:
    noise = 0.85 * common + 0.53 * rng.standard_normal()
    value = law["mean"] + law["sd"] * noise
    return round(min(high, max(low, round(value / step) * step)), 2)


def _company(rng: Rng, profile: Profile) -> dict[str, Any]:
    """Company columns go missing together."""
    pattern = _pick(rng, profile["company_missing_patterns"])
    drawn: dict[str, Any] = {
        "companyindustry": _pick(rng, profile["companyindustry"]),
        "companysize": _pick(rng, profile["companysize"]),
        "companytype": _pick(rng, profile["companytype"]),
        "companylocation": _pick(rng, profile["companylocation"]),
        "companyfoundedon": float(int(_between(rng, profile["companyfoundedon_quantiles"]))),
    }
    company = {name: None if gone == "1" else value for (name, value), gone in zip(drawn.items(), pattern, strict=True)}
    fit = profile["llm_company_fit_known" if company["companyindustry"] else "llm_company_fit_unknown"]
    llm_industry = company["companyindustry"] or _pick(rng, profile["llm_industry_unknown_company"])
    return company | {"llm_company_fit": float(_pick(rng, fit)), "llm_industry": llm_industry}


def _between(rng: Rng, quantiles: Mapping[str, float]) -> float:
    """Inverse transform through the quantiles (probability → value)."""
    at = [float(p) for p in quantiles]
    return float(np.interp(rng.random(), at, list(quantiles.values())))


def _text(rng: Rng, profile: Profile, name: str) -> str | None:
    if rng.random() < profile["missing"][name]:
        return None
    length = max(10, int(_between(rng, profile[f"{name}_length_quantiles"])))
    return (profile["filler"] * (length // len(profile["filler"]) + 1))[:length].rstrip() or "text"


def _skills(rng: Rng, profile: Profile) -> str | None:
    if rng.random() < profile["missing"]["skills"]:
        return None
    drawn = rng.choice(len(profile["skills"]), size=3, replace=False)
    return ", ".join(profile["skills"][i] for i in drawn)


def _jobtitle(rng: Rng, profile: Profile, seniority: str) -> str | None:
    if rng.random() < profile["missing"]["jobtitle"]:
        return None
    title = _pick(rng, profile["jobtitle_by_seniority"][seniority])
    return title if rng.random() < 0.5 else f"{title} - {_pick(rng, profile['jobtitle_suffixes'])}"
