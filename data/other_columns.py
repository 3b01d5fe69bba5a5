"""What is drawn of columns without an order: the weights of their values by what they hang on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from data import invented
from data.tables import (
    BUSINESS_TYPES,
    GEOGRAPHIES,
    MISSING,
    OTHER,
    REST,
    SIZES,
    TYPES,
    Cells,
    Facts,
    counts,
    filled,
)
from producers.population import ELSEWHERE


def tables(facts: Facts) -> dict[str, dict[str, dict[str, float]]]:
    """Of the columns without an order; that of roles is only begun."""
    columns = facts["columns_profile"]

    def whole(name: str, others: Sequence[str]) -> dict[str, float]:
        found = {value: float(entry["n"]) for value, entry in columns[name]["values"].items()}
        found.pop(MISSING, None)
        folded = found.pop(OTHER)
        return found | {value: round(folded / len(others), 3) for value in others}

    industry = whole("industry", invented.INDUSTRIES)
    company = whole("companyindustry", invented.COMPANY_INDUSTRIES)
    companies = alike(industry, company) | {"": company}
    llm = {name: relabelled(name) for name in next(iter(companies.values()))}
    unknown = {"Unknown": 19.0, "Technology - SaaS": 4.0, "Legal Services": 4.0, "Education": 6.0, "Marketing": 6.0}
    llm |= {"unknown": unknown, "unknown, but fits": {n: w for n, w in unknown.items() if n != "Unknown"}}
    llm["no job title"] = {"Unknown": 1.0}
    places = {name: float(entry["n"]) for name, entry in columns["location"]["values"].items() if name != OTHER}
    places[ELSEWHERE] = float(columns["location"]["values"][OTHER]["n"])
    languages = {n: float(v["n"]) for n, v in columns["languages"]["values"].items() if n not in (MISSING, OTHER)}
    languages |= dict(invented.LANGUAGES) | {"": float(columns["languages"]["values"][MISSING]["n"])}
    return {
        "industry": {"": industry},
        "companyindustry": companies,
        "companytype": company_types(facts),
        "companylocation": {"": dict(invented.COMPANY_PLACES)},
        "llm_industry": llm,
        "languages": {"": languages},
        "location": {"": places},
        "llm_geography": geographies(facts, places),
        "town": {name: dict.fromkeys(invented.TOWNS[name], 1.0) for name in GEOGRAPHIES},
        "role": {name: {"none": 1.0} for name in BUSINESS_TYPES},
    }


def alike(industry: Mapping[str, float], company: Mapping[str, float]) -> Cells:
    """Industries of people and of their companies: both margins, and a likeness of those that mean the same."""
    cells = np.ones((len(industry), len(company)))
    places = {name: place for place, name in enumerate(company)}
    for row, name in enumerate(industry):
        if name in invented.ALIKE:
            cells[row, places[invented.ALIKE[name]]] = invented.ALIKE_WEIGHT
    rows, columns = (np.array(list(sums.values())) for sums in (industry, company))
    for _ in range(200):
        cells *= (columns / columns.sum() / cells.sum(axis=0))[None, :]
        cells *= (rows / rows.sum() / cells.sum(axis=1))[:, None]
    return {
        name: {other: round(float(cell) * 1_000, 3) for other, cell in zip(company, line, strict=True)}
        for name, line in zip(industry, cells, strict=True)
    }


def relabelled(name: str) -> dict[str, float]:
    """What the enrichment answers where the company is in this industry."""
    often, answer = invented.RELABELLED.get(name, (0.0, ""))
    answers = {name: round(1 - often, 4), answer: round(often, 4)}
    return {answer: weight for answer, weight in answers.items() if weight}


def company_types(facts: Facts) -> Cells:
    """By size; "" of those whose size alone is missing."""
    whole = counts(facts["columns_profile"]["companytype"], TYPES, folded="Self-Employed")
    crossed = facts["crosstabs"]["companysize x companytype"]
    known = {size: {kind: n for kind, n in crossed[size].items() if kind in TYPES} for size in SIZES[:-1]}
    known["5001-10000"] = {}
    known[""] = {kind: n for kind, n in crossed[MISSING].items() if kind in TYPES}
    sizes = counts(facts["columns_profile"]["companysize"], SIZES, folded="5001-10000")
    sizes[""] = sum(whole.values()) - sum(sizes.values())
    return filled(tuple(sizes), TYPES, known, np.array(list(sizes.values())), np.array([whole[kind] for kind in TYPES]))


def geographies(facts: Facts, places: Mapping[str, float]) -> Cells:
    """By place."""
    crossed = facts["crosstabs"]["llm_geography x location"]
    known: Cells = {place: {} for place in places}
    for geography, row in crossed.items():
        for place, n in row.items():
            if place != REST:
                known[ELSEWHERE if place == OTHER else place][geography] = n
    whole = counts(facts["columns_profile"]["llm_geography"], GEOGRAPHIES)
    sums = np.array(list(places.values())), np.array([whole[name] for name in GEOGRAPHIES])
    return filled(tuple(places), GEOGRAPHIES, known, *sums)
