"""What the fit needs of columns with an order: the weights of their levels by what they hang on, and their curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from data import invented
from data.tables import (
    BUSINESS_TYPES,
    FITS,
    MISSING,
    SENIORITIES,
    SIZES,
    Cells,
    Facts,
    counts,
    filled,
    greatest_entropy,
)
from producers.filler import LONGEST_SKILLS, LONGEST_SUMMARY, LONGEST_TITLE
from producers.population import PATTERNS


def ordered_tables(facts: Facts) -> dict[str, Cells]:
    """Of each scale, the weights of its levels for each level of what it hangs on, in the order of both."""
    columns, crossed = facts["columns_profile"], facts["crosstabs"]
    by_seniority = counts(columns["llm_seniority"], SENIORITIES, folded="Executive")
    people = np.array([by_seniority[name] for name in SENIORITIES])

    def crossing(column: str, values: Sequence[str], folded: str | None = None) -> Cells:
        known = {name: dict(crossed[f"llm_seniority x {column}"][name]) for name in SENIORITIES[:3]}
        whole = counts(columns[column], values, folded)
        return filled(SENIORITIES, values, known, people, np.array([whole[value] for value in values]))

    size = crossed["llm_seniority x companysize"]
    missing: Cells = {name: {"gone": size[name][MISSING]} for name in ("Entry", "Mid")}
    absent = round(columns["companysize"]["missing_rate"] * facts["rows"])
    size_known = filled(SENIORITIES, ("known", "gone"), missing, people, np.array([facts["rows"] - absent, absent]))
    with_size = np.array([size_known[name]["known"] for name in SENIORITIES])
    whole = counts(columns["companysize"], SIZES, folded="5001-10000")
    known = {name: {value: n for value, n in size[name].items() if value in SIZES} for name in SENIORITIES[:3]}
    known["Entry"] = dict.fromkeys(SIZES, 0) | known["Entry"]
    patterns = dict.fromkeys(PATTERNS, 5.0) | {
        pattern: n
        for pattern, n in facts["company_missing_patterns(industry,size,type,location,founded;1=missing)_n>=10"].items()
        if pattern in PATTERNS
    }
    business = crossing("llm_business_type", BUSINESS_TYPES)
    flags = facts["flags"]
    untitled, skilless = facts["rows"] - flags["has_jobtitle"]["n"], facts["rows"] - flags["has_skills"]["n"]
    no_summary = facts["rows"] - flags["has_summary"]["n"]
    together = facts["missingness_phi_|>0.3|"]
    n = facts["rows"]
    both = joint(together["skills|jobtitle"], skilless, untitled, n)
    lacking = joint(together["summary|skills"], no_summary, skilless, n)
    no_industry = round(columns["industry"]["missing_rate"] * n)
    return {
        "llm_seniority": {"": by_seniority},
        "llm_business_type": business,
        "company": company_by_position(size_known, patterns, business),
        "llm_company_fit": fits_by_position(facts, business, crossing("llm_company_fit", FITS)),
        "companysize": filled(SENIORITIES, SIZES, known, with_size, np.array([whole[value] for value in SIZES])),
        "no_jobtitle": {"": {"0": -untitled, "1": untitled}},
        "no_skills": {
            "0": {"0": n - untitled - skilless + both, "1": skilless - both},
            "1": {"0": untitled - both, "1": both},
        },
        "no_industry": {"": {"0": both - no_industry, "1": no_industry}},
        "no_summary": {
            "0": {"0": n - skilless - no_summary + lacking, "1": no_summary - lacking},
            "1": {"0": skilless - lacking, "1": lacking},
        },
        **{name: scores_by_position(facts, name, business) for name in invented.SCORES},
    }


def fits_by_position(facts: Facts, business: Cells, by_seniority: Cells) -> Cells:
    """Fit by seniority and type of business: all three tables of two of them, and no more dependence than in those."""
    columns, crossed = facts["columns_profile"], facts["crosstabs"]["llm_business_type x llm_company_fit"]
    known = {name: {fit: n for fit, n in crossed[name].items() if fit in FITS} for name in BUSINESS_TYPES}
    sums = (counts(columns["llm_business_type"], BUSINESS_TYPES), counts(columns["llm_company_fit"], FITS))
    by_business = filled(BUSINESS_TYPES, FITS, known, *(np.array(list(whole.values())) for whole in sums))
    pairs = [
        np.array([list(row.values()) for row in table.values()]) for table in (business, by_seniority, by_business)
    ]
    cells = np.ones((len(SENIORITIES), len(BUSINESS_TYPES), len(FITS)))
    for _ in range(2_000):
        for axis, table in zip((2, 1, 0), pairs, strict=True):
            now = cells.sum(axis=axis)
            cells *= np.expand_dims(np.divide(table, now, out=np.zeros_like(now), where=now > 0), axis)
    return {
        str(place): dict(zip(FITS, np.round(row, 3).tolist(), strict=True))
        for place, row in enumerate(cells.reshape(-1, len(FITS)))
    }


def company_by_position(size_known: Cells, patterns: Mapping[str, float], business: Cells) -> Cells:
    """What is known of the company, by seniority and type of business: the law of the greatest entropy.

    Published is how often the size is missing by seniority; how often all is, by type of business, is invented.
    """
    people = np.array([list(row.values()) for row in business.values()]).ravel()
    place, at = (places.ravel() for places in np.indices((len(people), len(PATTERNS))))
    pattern, kind = np.array(PATTERNS)[at], np.array(BUSINESS_TYPES)[place % len(BUSINESS_TYPES)]
    seniority, sizeless = np.array(SENIORITIES)[place // len(BUSINESS_TYPES)], np.array([p[1] == "1" for p in pattern])
    features = [pattern == one for one in PATTERNS] + [place == one for one in range(len(people))]
    features += [(seniority == one) & sizeless for one in SENIORITIES]
    features += [(kind == one) & (pattern == "11111") for one in BUSINESS_TYPES]
    aims = [patterns[one] for one in PATTERNS] + people.tolist()
    aims += [size_known[one]["gone"] for one in SENIORITIES] + [invented.UNKNOWN_COMPANY[one] for one in BUSINESS_TYPES]
    shares = greatest_entropy(np.array(features, float), np.array(aims) / people.sum())
    return {
        str(position_): dict(zip(PATTERNS, np.round(row, 3).tolist(), strict=True))
        for position_, row in enumerate(shares.reshape(len(people), -1) * people.sum())
    }


def scores_by_position(facts: Facts, name: str, business: Cells) -> Cells:
    """A score by seniority and type of business: the law of the greatest entropy with the published counts and moments.

    Those are of the score's values, of people in each position, and the score's mean and standard deviation by
    seniority and by type of business, where published.
    """
    whole = scores(facts, name)
    values = np.array([float(value) for value in whole])
    people = np.array([list(row.values()) for row in business.values()]).ravel()
    position, score = (places.ravel() for places in np.indices((len(people), len(values))))
    held = values[score]
    features, aims = [*(score == at for at in range(len(values)))], [*whole.values()]
    features += [position == at for at in range(len(people))]
    aims += people.tolist()
    of = {"llm_seniority": np.array(SENIORITIES)[position // len(BUSINESS_TYPES)]}
    of["llm_business_type"] = np.array(BUSINESS_TYPES)[position % len(BUSINESS_TYPES)]
    for column, kinds in of.items():
        for kind, found in facts["numeric_means_by_cat"].get(f"{name} by {column}", {}).items():
            for power in (1, 2):
                features.append((kinds == kind) * ((held - values.mean()) / values.std()) ** power)
            mean = (found["mean"] - values.mean()) / values.std()
            aims += [found["n"] * mean, found["n"] * (mean**2 + (found["sd"] / values.std()) ** 2)]
    if f"{name} by llm_business_type" not in facts["numeric_means_by_cat"]:
        for kind, mean in means_like_quality(facts, name).items():
            features.append((of["llm_business_type"] == kind) * (held - values.mean()) / values.std())
            aims.append(
                people[BUSINESS_TYPES.index(kind) :: len(BUSINESS_TYPES)].sum() * (mean - values.mean()) / values.std()
            )
    shares = greatest_entropy(np.array(features, float), np.array(aims) / people.sum())
    return {
        str(place): {f"{value:g}": round(float(n), 4) for value, n in zip(values, row, strict=True)}
        for place, row in enumerate(shares.reshape(len(people), len(values)) * people.sum())
    }


def means_like_quality(facts: Facts, name: str) -> dict[str, float]:
    """Where a score's means by type of business are not published: those of quality, as spread as ε² says."""
    explained = {
        found["num"]: found["eps2"]
        for found in facts["kruskal_eps2_num_by_cat>0.08"]
        if found["cat"] == "llm_business_type"
    }
    ours, theirs = (facts["columns_profile"][score]["quantiles"] for score in (name, "llm_quality"))
    scale = ours["sd"] / theirs["sd"] * math.sqrt(explained[name] / explained["llm_quality"])
    by = facts["numeric_means_by_cat"]["llm_quality by llm_business_type"]
    return {kind: ours["mean"] + scale * (found["mean"] - theirs["mean"]) for kind, found in by.items()}


def joint(phi: float, a: int, b: int, n: int) -> int:
    """How many of ``n`` lack both of two columns that ``a`` and ``b`` lack, by their correlation."""
    return round((phi * math.sqrt(a * (n - a) * b * (n - b)) + a * b) / n)


def scores(facts: Facts, name: str) -> dict[str, float]:
    """A score's values from the lowest, and how many have each."""
    exact = {float(value): n for value, n in facts["columns_profile"][name]["exact_values_n>=10"].items()}
    return {str(value): float(n) for value, n in sorted((exact | dict(invented.SCORES[name])).items())}


def curves(facts: Facts) -> dict[str, tuple[list[float], list[float]]]:
    """Of columns of many values, shares and the values there."""
    years = list(invented.FOUNDED)
    shares = np.cumsum([0.0, *invented.FOUNDED.values()])[:-1] / sum(invented.FOUNDED.values())
    found = {"companyfoundedon": (shares.tolist(), [float(year) for year in years])}
    for name, longest in (("summary", LONGEST_SUMMARY), ("jobtitle", LONGEST_TITLE), ("skills", LONGEST_SKILLS)):
        column = facts["columns_profile"][name]
        bins = column["length_histogram"]
        total = sum(n for *_, n in bins)
        knots = {float(invented.SHORTEST[name]): 0.0, float(longest): 1.0}
        below = 0
        for low, _, n in bins:
            if below:
                knots[float(low)] = below / total
            below += n
        for share, value in column["length_quantiles"].items():
            if share.startswith("p"):
                knots.setdefault(float(value), float(share[1:]) / 100)
        values = sorted(knots)
        rising = np.maximum.accumulate([knots[value] for value in values])
        found[name] = (rising.tolist(), values)
    return found
