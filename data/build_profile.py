"""``python -m data.build_profile FACTS``: ``data/contact_profile.json`` out of the aggregates of a real export.

The facts hold counts of at least 10; rarer values are folded. What is published here are those counts, which the tests
hold the drawn contacts against. What is drawn needs more: the folded values are invented ones of equal weight, tables
of which some cells are folded are filled in by iterative proportional fitting (Deming & Stephan 1940), the latent
correlations are found by simulation (NORTA, Cario & Nelson 1997), and so is the signal in the labels: the logistic
regression under which the published properties engage at their published rates.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, ndtr
from scipy.stats import rankdata

from data import invented
from producers.filler import LONGEST_SKILLS, LONGEST_SUMMARY, LONGEST_TITLE
from producers.population import (
    CURVES,
    ELSEWHERE,
    LATENT,
    PATTERNS,
    POSITION,
    SCALES,
    WIDTH,
    Columns,
    Laws,
    Levels,
    Population,
    absent,
    gone,
    position,
)
from producers.synthetic import SIGNS, engagement

Facts = Mapping[str, Any]
Floats = NDArray[np.float64]
Cells = dict[str, dict[str, float]]

SENIORITIES = ("Entry", "Mid", "Senior", "Executive")
BUSINESS_TYPES = ("others", "experts", "workers", "salespeople", "leaders")
GEOGRAPHIES = ("international_hub", "other", "regional_hub")
SIZES = ("2-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001-10000")
FITS = ("0", "1", "2")
TYPES = (
    "Privately Held", "Public Company", "Partnership", "Sole Proprietorship", "Government Agency",
    "Educational Institution", "Nonprofit", "Self-Employed",
)  # fmt: skip
SIMULATED, ROUNDS = 60_000, 80
MISSING, OTHER, REST = "__missing__", "__other__", "__cells<10_sum__"


def main() -> None:
    """Read, fit, write, and say how near the fit came."""
    facts = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    found = profile(facts)
    path = Path(__file__).with_name("contact_profile.json")
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


def profile(facts: Facts) -> dict[str, Any]:
    """What is published, and what is drawn."""
    fit = Fit(facts)
    fit.run()
    laws = Laws(
        correlations=[[round(float(one), 4) for one in row] for row in fit.correlations],
        values={
            "llm_seniority": list(SENIORITIES),
            "llm_company_fit": [float(value) for value in FITS],
            "llm_business_type": list(BUSINESS_TYPES),
            "companysize": list(SIZES),
            **fit.values,
        },
        cuts=fit.cuts,
        curves=fit.curve_cuts,
        tables=tables(facts),
        signal={},
        mean_log_odds={},
    )
    with_roles(laws, facts)
    columns = Population(laws).draw(np.random.default_rng(2028).random((SIMULATED, WIDTH)))
    weights = signal(columns, facts)
    odds = engagement(columns, weights)
    means = {name: round(float(odds[columns["llm_seniority"] == name].mean()), 3) for name in SENIORITIES}
    laws = msgspec.structs.replace(laws, signal=weights, mean_log_odds=means)
    return {"note": NOTE, "published": published(facts), "drawn": msgspec.to_builtins(laws)}


def filled(rows: Sequence[str], columns: Sequence[str], known: Cells, row_sums: Floats, column_sums: Floats) -> Cells:
    """A table with the known cells and margins; the others as independent as those allow."""
    fixed = np.array([[known.get(row, {}).get(column, np.nan) for column in columns] for row in rows])
    free = np.isnan(fixed)
    cells = np.where(free, 1.0, fixed)
    for _ in range(2_000):
        for axis, sums in ((1, row_sums), (0, column_sums)):
            left = np.maximum(sums - np.where(free, 0.0, cells).sum(axis=axis), 0.0)
            now = np.where(free, cells, 0.0).sum(axis=axis)
            factor = np.divide(left, now, out=np.zeros_like(left), where=now > 0)
            cells = np.where(free, cells * np.expand_dims(factor, axis), cells)
    return {
        row: {column: round(float(cell), 2) for column, cell in zip(columns, line, strict=True)}
        for row, line in zip(rows, cells, strict=True)
    }


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


def greatest_entropy(features: Floats, aims: Floats) -> Floats:
    """Shares of cells, shape (cells,), with the means of features, shape (features, cells), that they should have.

    They are exp(θ · features), with θ at the minimum of a convex function (Jaynes 1957); its small square penalty keeps
    θ finite where the aims contradict each other a little.
    """

    def dual(theta: Floats) -> tuple[float, Floats]:
        odds = theta @ features
        top = odds.max()
        weights = np.exp(odds - top)
        total = float(np.log(weights.sum())) + top
        value = total - float(theta @ aims) + 5e-7 * float(theta @ theta)
        return value, features @ (weights / weights.sum()) - aims + 1e-6 * theta

    best = minimize(dual, np.zeros(len(features)), jac=True, method="L-BFGS-B", options={"maxiter": 5_000}).x
    weights = np.exp(best @ features - (best @ features).max())
    shares: Floats = weights / weights.sum()
    return shares


def joint(phi: float, a: int, b: int, n: int) -> int:
    """How many of ``n`` lack both of two columns that ``a`` and ``b`` lack, by their correlation."""
    return round((phi * math.sqrt(a * (n - a) * b * (n - b)) + a * b) / n)


def counts(column: Mapping[str, Any], values: Sequence[str], folded: str | None = None) -> dict[str, float]:
    """Of each value; ``folded`` is the only value that the profile has folded."""
    found = {name: value["n"] for name, value in column["values"].items()}
    if folded is not None:
        found[folded] = found.pop(OTHER)
    return {value: float(found[value]) for value in values}


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


class Fit:
    """Finds the latent correlations under which those of the columns are the profile's."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.ordered, self.curved = ordered_tables(facts), curves(facts)
        self.normals = np.random.default_rng(2026).standard_normal((SIMULATED, len(LATENT)))
        self.correlations = np.eye(len(LATENT))
        self.values = {name: [float(value) for value in self.ordered[name]["0"]] for name in invented.SCORES}

    def run(self) -> None:
        """Stochastic approximation: each latent correlation moves by what its column's is off."""
        aims = targets(self.facts)
        for turn in range(ROUNDS):
            off = self.step(aims, 0.8 if turn < ROUNDS // 2 else 0.3)
            if turn % 20 == 0 or turn == ROUNDS - 1:
                worst = max(off, key=lambda pair: abs(off[pair]))
                print(f"round {turn}: off by {abs(off[worst]):.3f} at most, {worst}", file=sys.stderr)
        for pair, by in sorted(off.items(), key=lambda item: -abs(item[1]))[:12]:
            print(f"  {pair}: aimed at {aims[pair]:.3f}, off by {by:+.3f}", file=sys.stderr)

    def step(self, aims: Mapping[tuple[str, str], float], pace: float) -> dict[tuple[str, str], float]:
        """One round; returns by how much each correlation is off."""
        seen, curved = self.levels()
        held = observed(seen, curved, self.values)
        off = {}
        for (a, b), aim in aims.items():
            off[a, b] = aim - spearman(held[a], held[b])
            i, j = LATENT.index(a), LATENT.index(b)
            self.correlations[i, j] = self.correlations[j, i] = np.clip(
                self.correlations[i, j] + pace * off[a, b], -0.97, 0.97
            )
        self.correlations = nearest(self.correlations)
        return off

    def levels(self) -> tuple[Levels, dict[str, Floats]]:
        """Cut the simulated contacts where their tables say, and remember the cuts."""
        ranks = dict(zip(LATENT, ndtr(self.normals @ np.linalg.cholesky(self.correlations).T).T, strict=True))
        self.cuts: dict[str, list[list[float]]] = {}
        seen: Levels = {}
        for name, scale in SCALES.items():
            having = np.ones(SIMULATED, bool) if scale.having is None else scale.having(seen)
            level = np.zeros(SIMULATED, np.int64)
            self.cuts[name] = []
            for place, row in enumerate(self.ordered[name].values()):
                among = having & (True if scale.by is None else seen[scale.by] == place)
                weights = np.array(list(row.values()), float)
                if weights[0] < 0:  # so many of all
                    weights[0] = among.sum() / SIMULATED * self.facts["rows"] - weights[1]
                shares = np.minimum(np.cumsum(weights)[:-1] / weights.sum(), 1.0)
                cuts = np.quantile(ranks[name][among], shares) if among.any() else shares
                self.cuts[name].append([round(float(cut), 5) for cut in cuts])
                level[among] = np.searchsorted(cuts, ranks[name][among], "right")
            seen[name] = level
            if name == "llm_business_type":
                seen[POSITION] = position(seen, len(BUSINESS_TYPES))
        curved: dict[str, Floats] = {}
        self.curve_cuts: dict[str, tuple[list[float], list[float]]] = {"skills": self.curved["skills"]}
        for name, having_it in CURVES.items():
            shares, values = self.curved[name]
            among = having_it(seen)
            at = np.quantile(ranks[name][among], shares)
            at[0], at[-1] = 0.0, 1.0
            self.curve_cuts[name] = ([round(float(cut), 5) for cut in at], values)
            curved[name] = np.where(among, np.floor(np.interp(ranks[name], at, values)), np.nan)
        return seen, curved


def observed(seen: Levels, curved: Mapping[str, Floats], values: Mapping[str, list[float]]) -> dict[str, Floats]:
    """What the correlations are of, by latent; NaN where missing. Lengths and counts of missing texts are 0."""
    held = {name: level.astype(float) for name, level in seen.items()}
    held |= {name: np.array(scale)[seen[name]] for name, scale in values.items()}
    held |= {"companyfoundedon": curved["companyfoundedon"]}
    held |= {name: np.nan_to_num(curved[name]) for name in ("summary", "jobtitle")}
    held["company"] = gone(seen, "companyindustry").astype(float)
    held["companysize"] = np.where(gone(seen, "companysize"), np.nan, seen["companysize"])
    return held


def spearman(a: Floats, b: Floats) -> float:
    """Of the contacts that have both."""
    both = ~(np.isnan(a) | np.isnan(b))
    return float(np.corrcoef(rankdata(a[both]), rankdata(b[both]))[0, 1])


def nearest(matrix: Floats) -> Floats:
    """The correlation matrix near a symmetric one: eigenvalues of at least .002, a diagonal of ones."""
    values, vectors = np.linalg.eigh(matrix)
    near = (vectors * np.maximum(values, 0.002)) @ vectors.T
    scale = np.sqrt(np.diag(near))
    result: Floats = near / np.outer(scale, scale)
    return result


def targets(facts: Facts) -> dict[tuple[str, str], float]:
    """The correlations aimed at, by the two latents that carry them.

    Of two numbers, Spearman's as published. Where one is a category, what is published is ε² of Kruskal and Wallis, the
    share of the ranks' variance that the categories explain: its root is the correlation of a category of two values,
    and about that of categories in the order of their means.
    """
    names = {"summary_length": "summary", "jobtitle_length": "jobtitle", "skills_count": "no_skills"}
    aims: dict[tuple[str, str], float] = {}
    for pair, rho in facts["spearman_numeric"].items():
        a, b = (names.get(name, name) for name in pair.split("|"))
        aims[a, b] = -rho if "no_skills" in (a, b) else rho
    explained = {
        (found["cat"], found["num"]): float(np.sqrt(found["eps2"])) for found in facts["kruskal_eps2_num_by_cat>0.08"]
    }
    scores_ = ("llm_quality", "llm_engagement", "llm_decision_maker")
    for score in scores_:
        aims["company", score] = -0.88 * explained["companytype", score]  # which tells known companies apart, too
        aims["no_jobtitle", score] = -explained["has_jobtitle", score]
    aims["company", "llm_company_fit"] = -0.88 * explained["companytype", "llm_company_fit"]
    aims["llm_seniority", "companyfoundedon"] = -explained["llm_seniority", "companyfoundedon"]
    aims["llm_business_type", "companyfoundedon"] = -explained["llm_business_type", "companyfoundedon"]
    aims["companysize", "companyfoundedon"] = -explained["companysize", "companyfoundedon"]
    aims["llm_seniority", "jobtitle"] = explained["llm_seniority", "jobtitle_length"]
    return aims


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


def with_roles(laws: Laws, facts: Facts) -> None:
    """Fill in how often a job title names a role, so that it is as often as published over all."""
    columns = Population(laws).draw(np.random.default_rng(2027).random((SIMULATED, WIDTH)))
    titled = ~absent(columns["jobtitle"])
    share = {name: float(np.mean(titled & (columns["llm_business_type"] == name))) for name in BUSINESS_TYPES}
    for role, (n, leaning) in invented.ROLES.items():
        scale = n / facts["rows"] / sum(share[name] * weight for name, weight in leaning.items())
        for name, weight in leaning.items():
            laws.tables["role"][name][role] = round(scale * weight, 4)
    for row in laws.tables["role"].values():
        row["none"] = round(1.0 - sum(n for role, n in row.items() if role != "none"), 4)
        assert row["none"] > 0
    may = titled & absent(columns["companyindustry"]) & (columns["llm_company_fit"] == 0)
    often = (
        facts["columns_profile"]["llm_industry"]["values"]["Unknown"]["n"] / facts["rows"] - np.mean(~titled)
    ) / may.mean()
    answers = laws.tables["llm_industry"]["unknown"]
    others = sum(answers.values()) - answers["Unknown"]
    answers["Unknown"] = round(float(often / (1 - often)) * others, 3)


def signal(columns: Columns, facts: Facts) -> dict[str, float]:
    """Weights of the log-odds: the logistic regression that makes each property engage at its published rate.

    Those rates are the sufficient statistics of the regression, so this is what it would have found in the contacts
    themselves. That of quality is its correlation with engagement.
    """
    signs = np.array([np.asarray(sign(columns), float) for sign in SIGNS.values()]).T
    profile_, rate = facts["columns_profile"], facts["engaged_rate"]

    def engaged(column: str, value: str) -> float:
        return float(profile_[column]["values"][value]["engaged_rate"])

    quality = signs[:, 1]
    rates = {
        "everyone": rate,
        "unknown company": engaged("companyindustry", MISSING),
        "summary": facts["flags"]["has_summary"]["engaged_rate_if_1"],
        "experts": engaged("llm_business_type", "experts"),
        "regional hub": engaged("llm_geography", "regional_hub"),
        "software": engaged("industry", "Computer Software"),
        "consulting": engaged("industry", "Management Consulting"),
        "marketing": engaged("industry", "Marketing & Advertising"),
    }
    aims = np.array([rates.get(name, 0.0) for name in SIGNS]) * signs.mean(axis=0)
    lean = facts["spearman_vs_engaged"]["llm_quality"] * np.sqrt(rate * (1 - rate)) * quality.std()
    aims[1] = lean + rate * quality.mean()
    weights = np.zeros(len(SIGNS))
    for _ in range(50):
        odds = expit(signs @ weights)
        slope = (signs * (odds * (1 - odds))[:, None]).T @ signs / len(signs)
        weights += np.linalg.solve(slope, aims - signs.T @ odds / len(signs))
    return {name: round(float(weight), 3) for name, weight in zip(SIGNS, weights, strict=True)}


NOTE = (
    "published: aggregates of 303 labelled contacts of a real export; every count is of at least 10 contacts, or of"
    " what such counts leave over. drawn: the laws of the invented contacts, fitted to them by data/build_profile.py;"
    " rarer values, and how they share what is left over, are invented. No row, name or text of a real person is in"
    " here."
)


def published(facts: Facts) -> dict[str, Any]:
    """The aggregates that drawn contacts are held against."""
    columns = facts["columns_profile"]
    categories = {
        name: {value: entry["n"] for value, entry in column["values"].items()}
        for name, column in columns.items()
        if column["kind"] == "categorical"
    }
    categories["industry"][MISSING] = round(columns["industry"]["missing_rate"] * facts["rows"])
    histograms = {name: columns[name]["histogram_lo_hi_n"] for name in (*invented.SCORES, "companyfoundedon")}
    histograms |= {f"{name}_length": columns[name]["length_histogram"] for name in ("summary", "jobtitle", "skills")}
    quantiles = {f"{name}_length": columns[name]["length_quantiles"] for name in ("summary", "jobtitle", "skills")}
    quantiles["companyfoundedon"] = columns["companyfoundedon"]["quantiles"]
    roles = {name: n for name, (n, _) in invented.ROLES.items()}
    return {
        "contacts": facts["rows"],
        "engaged": facts["engaged_counts"]["1"],
        "categories": categories,
        "scores": {name: columns[name]["exact_values_n>=10"] for name in invented.SCORES},
        "histograms": histograms,
        "quantiles": quantiles,
        "missing": {
            name: round(column["missing_rate"] * facts["rows"])
            for name, column in columns.items()
            if column["missing_rate"]
        },
        "missing_together": facts["missingness_phi_|>0.3|"],
        "company_patterns": facts["company_missing_patterns(industry,size,type,location,founded;1=missing)_n>=10"],
        "spearman": facts["spearman_numeric"],
        "explained": {
            f"{found['cat']}|{found['num']}": found["eps2"] for found in facts["kruskal_eps2_num_by_cat>0.08"]
        },
        "crossed": facts["crosstabs"],
        "means": facts["numeric_means_by_cat"],
        "roles": {name: roles[name] for name in ("is_founder", "is_director", "is_manager", "is_marketing")},
        "engaged_by": {
            f"{name}={value}": entry["engaged_rate"]
            for name, column in columns.items()
            for value, entry in column.get("values", {}).items()
            if isinstance(entry, dict) and "engaged_rate" in entry
        },
    }


if __name__ == "__main__":
    main()
