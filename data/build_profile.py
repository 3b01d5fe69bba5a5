"""``python -m data.build_profile FACTS``: ``data/contact_profile.json`` out of the aggregates of a real export.

The facts hold counts of at least 10; rarer values are folded. What is published here are those counts, which the tests
hold the drawn contacts against. What is drawn needs more: the folded values are invented ones of equal weight, tables
of which some cells are folded are filled in by iterative proportional fitting (Deming & Stephan 1940), the latent
correlations are found by simulation (NORTA, Cario & Nelson 1997), and so is the signal in the labels: the logistic
regression under which the published properties engage at their published rates.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from scipy.special import expit, ndtr
from scipy.stats import rankdata

from data import invented
from data.ordered_columns import curves, ordered_tables
from data.other_columns import tables
from data.tables import (
    BUSINESS_TYPES,
    FITS,
    MISSING,
    SENIORITIES,
    SIZES,
    Facts,
    Floats,
)
from producers.population import (
    CURVES,
    LATENT,
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

SIMULATED, ROUNDS = 60_000, 80


def main() -> None:
    """Read, fit, write, and say how near the fit came."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m data.build_profile FACTS (a JSON of the aggregates)")
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
    "published: aggregates of 303 labelled contacts of a real export; every count is of at least 10 contacts, of gaps,"
    " or of what such counts leave over. drawn: the laws of the invented contacts, fitted to them by"
    " data/build_profile.py; rarer values, and how they share what is left over, are invented. No row, name or text of"
    " a real person is in here."
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
