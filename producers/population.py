"""The law that invented contacts are drawn from, in columns: a Gaussian copula, and tables for what has no order.

Whatever has an order (scores, seniority, sizes, lengths, and whether something is missing) is one of 15 latent normals,
cut where the profile says; the correlations of the normals were fitted until those of the columns were the profile's
(``data/build_profile.py``). This is NORTA, "normal to anything" (Cario & Nelson 1997). Columns without an order hang on
those by tables.

Every contact is a function of its own `WIDTH` uniforms and of nothing else: whoever changes them, in whatever way that
keeps them uniform and independent, changes the contact and not the law.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from driftline.events import INPUTS
from producers.filler import ROLES, jobtitles, skill_lists, summaries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Objects = NDArray[np.object_]
Columns = dict[str, NDArray[Any]]
"""Contacts' inputs by name, each of shape (contacts,): numbers as floats, NaN where missing; texts as objects, None
where missing."""

TEXTS = ("summary", "skills", "jobtitle")
ELSEWHERE = "elsewhere"
COMPANY = ("companyindustry", "companysize", "companytype", "companylocation", "companyfoundedon")
PATTERNS = ("00000", "01000", "00010", "00001", "01001", "00011", "01011", "11111")
"""Which columns of the company (in the order of `COMPANY`) are missing together, from all known to nothing known."""
GONE: Bools = np.array([[gone == "1" for gone in pattern] for pattern in PATTERNS])

POSITION = "position"
"""Seniority and type of business, every pair of them a level: what the company, its fit and the scores hang on."""

Levels = dict[str, Ints]
"""The place of each contact's value on the scale of an ordered column, shape (contacts,)."""


def gone(seen: Levels, column: str) -> Bools:
    """Whether a column of the company is missing."""
    missing: Bools = GONE[seen["company"], COMPANY.index(column)]
    return missing


def absent(column: Objects) -> Bools:
    """Which of some texts are None."""
    return np.fromiter((value is None for value in column), bool, len(column))


def _may_lack_title(seen: Levels) -> Bools:
    """In the profile, whoever lacks a job title is of the lowest seniority, and nothing is known of the company."""
    lowest: Bools = (seen["llm_seniority"] == 0) & (seen["llm_company_fit"] == 0)
    return lowest & gone(seen, "companyindustry")


def position(seen: Levels, business_types: int) -> Ints:
    """See `POSITION`."""
    return seen["llm_seniority"] * business_types + seen["llm_business_type"]


class Scale(NamedTuple):
    """An ordered column. Each level of ``by`` has cuts of its own; who is not ``having`` the column is at level 0."""

    by: str | None = None
    having: Callable[[Levels], Bools] | None = None


SCALES: Mapping[str, Scale] = {
    "llm_seniority": Scale(),
    "llm_business_type": Scale(by="llm_seniority"),
    "company": Scale(by=POSITION),
    "llm_company_fit": Scale(by=POSITION),
    "companysize": Scale(by="llm_seniority", having=lambda seen: ~gone(seen, "companysize")),
    "no_jobtitle": Scale(having=_may_lack_title),
    "no_skills": Scale(by="no_jobtitle"),
    "no_industry": Scale(having=lambda seen: seen["no_jobtitle"] * seen["no_skills"] == 1),
    "no_summary": Scale(by="no_skills"),
    "llm_quality": Scale(by=POSITION),
    "llm_engagement": Scale(by=POSITION),
    "llm_decision_maker": Scale(by=POSITION),
}
"""In the order in which they are cut, since what a column hangs on was cut before it."""
CURVES: Mapping[str, Callable[[Levels], Bools]] = {
    "companyfoundedon": lambda seen: ~gone(seen, "companyfoundedon"),
    "summary": lambda seen: seen["no_summary"] == 0,
    "jobtitle": lambda seen: seen["no_jobtitle"] == 0,
}
"""Columns of many values (of texts, their lengths), and who has them."""
LATENT = (*SCALES, *CURVES)
TABLES = (
    "industry", "companyindustry", "companytype", "companylocation", "llm_industry", "languages", "location",
    "llm_geography", "town", "role",
)  # fmt: skip
"""Columns without an order; ``town`` is the location of who lives in none of the three large places."""
CHOICES = (*TABLES, "skills", "engaged")
"""What a uniform of its own decides, the label last."""
WIDTH = len(LATENT) + len(CHOICES)


class Laws(msgspec.Struct, frozen=True):
    """What is drawn, as in the profile.

    Attributes:
        correlations: of the latent normals, in the order of `LATENT`.
        values: of each scale whose levels are values, from the lowest.
        cuts: of each scale, for each level of what it hangs on, the ranks in (0, 1) between its levels.
        curves: of each curve, ranks and the values there, in between linear.
        tables: for each value of what the column hangs on, in order, the weights of its own values; "" is a gap.
        signal: what some properties add to the log-odds of engagement; see `producers.synthetic.engagement`.
        mean_log_odds: of engagement, by seniority.
    """

    correlations: list[list[float]]
    values: dict[str, list[Any]]
    cuts: dict[str, list[list[float]]]
    curves: dict[str, tuple[list[float], list[float]]]
    tables: dict[str, dict[str, dict[str, float]]]
    signal: dict[str, float]
    mean_log_odds: dict[str, float]


class Table:
    """Values without an order, by their weights in each row."""

    def __init__(self, rows: Mapping[str, Mapping[str, float]]) -> None:
        names = list(dict.fromkeys(name for row in rows.values() for name in row))
        weights = np.array([[row.get(name, 0.0) for name in names] for row in rows.values()])
        shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        self._edges = (shares + np.arange(len(rows))[:, None]).ravel()
        self.row_of = {row: place for place, row in enumerate(rows)}
        self.names: Objects = np.array([name or None for name in names], object)

    def choose(self, uniform: Floats, row: Ints | int = 0) -> Ints:
        """The places of the values chosen, shape (contacts,)."""
        places: Ints = np.searchsorted(self._edges, row + uniform, "right") - row * len(self.names)
        return np.minimum(places, len(self.names) - 1)


@dataclass(frozen=True, eq=False)
class Population:
    """Draws contacts by some laws."""

    laws: Laws

    def draw(self, uniforms: Floats) -> Columns:
        """The inputs of contacts out of their uniforms, shape (contacts, `WIDTH`), each in (0, 1)."""
        ranks = self.ranks(uniforms)
        seen = self.levels(ranks)
        choice = dict(zip(CHOICES, uniforms[:, len(LATENT) :].T, strict=True))
        self._choose(seen, choice)
        values = {name: scale[seen[name]] for name, scale in self._scales.items()}
        values |= {name: table.names[seen[name]] for name, table in self.tables.items()}
        values |= {name: self._curve(name, seen, ranks) for name in CURVES}
        values["location"] = np.where(values["location"] == ELSEWHERE, values["town"], values["location"])
        for column in COMPANY:
            values[column][gone(seen, column)] = np.nan if column == "companyfoundedon" else None
        values["industry"][seen["no_industry"] == 1] = None
        return {name: values[name] for name in INPUTS if name not in TEXTS} | self._texts(seen, values, choice)

    def ranks(self, uniforms: Floats) -> dict[str, Floats]:
        """Of each latent normal, its rank in (0, 1)."""
        normals = ndtri(uniforms[:, : len(LATENT)]) @ self._mixing.T
        return dict(zip(LATENT, ndtr(normals).T, strict=True))

    def levels(self, ranks: Mapping[str, Floats]) -> Levels:
        """Of each scale, the level at which each contact is."""
        seen: Levels = {}
        for name, scale in SCALES.items():
            cuts = self._cuts[name]
            if scale.by is None:
                level: Ints = np.searchsorted(cuts[0], ranks[name], "right")
            else:
                level = (ranks[name][:, None] >= cuts[seen[scale.by]]).sum(axis=1)
            seen[name] = level if scale.having is None else np.where(scale.having(seen), level, 0)
            if name == "llm_business_type":
                seen[POSITION] = position(seen, len(self.laws.values[name]))
        return seen

    def _choose(self, seen: Levels, choice: Mapping[str, Floats]) -> None:
        """The columns without an order: a contact's row is the value of what the column hangs on."""

        def choose(name: str, row: Ints | int = 0) -> None:
            seen[name] = self.tables[name].choose(choice[name], row)

        def row(name: str, column: str) -> Ints:
            values = self._scales[column] if column in self._scales else self.tables[column].names
            places: Ints = np.array([self.tables[name].row_of[value] for value in values])[seen[column]]
            return places

        unknown, llm = gone(seen, "companyindustry"), self.tables["llm_industry"].row_of
        choose("industry")
        industry = row("companyindustry", "industry")
        choose(
            "companyindustry", np.where(seen["no_industry"] == 1, self.tables["companyindustry"].row_of[""], industry)
        )
        size = row("companytype", "companysize")
        choose("companytype", np.where(gone(seen, "companysize"), self.tables["companytype"].row_of[""], size))
        choose("companylocation")
        answer = np.where(unknown, llm["unknown, but fits"], row("llm_industry", "companyindustry"))
        answer[unknown & (seen["llm_company_fit"] == 0)] = llm["unknown"]
        answer[seen["no_jobtitle"] == 1] = llm["no job title"]
        choose("llm_industry", answer)
        choose("languages")
        choose("location")
        choose("llm_geography", row("llm_geography", "location"))
        choose("town", row("town", "llm_geography"))
        choose("role", row("role", "llm_business_type"))

    def _curve(self, name: str, seen: Levels, ranks: Mapping[str, Floats]) -> Floats:
        """Whole numbers, NaN where missing."""
        at, values = self.laws.curves[name]
        return np.where(CURVES[name](seen), np.floor(np.interp(ranks[name], at, values)), np.nan)

    def _texts(self, seen: Levels, values: Columns, choice: Mapping[str, Floats]) -> Columns:
        """Invented ones, as long as in the profile."""
        at, lengths = self.laws.curves["skills"]
        length = np.floor(np.interp(choice["skills"], at, lengths)).astype(int)
        texts: Columns = {
            "summary": summaries()[np.nan_to_num(values["summary"]).astype(int)],
            "skills": skill_lists()[length, (choice["skills"] * 1e9).astype(int) % skill_lists().shape[1]],
            "jobtitle": jobtitles()[self._roles[seen["role"]], np.nan_to_num(values["jobtitle"]).astype(int)],
        }
        for name, column in texts.items():
            column[seen[f"no_{name}"] == 1] = None
        return texts

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Of the columns without an order, by name."""
        return {name: Table(self.laws.tables[name]) for name in TABLES}

    @cached_property
    def _roles(self) -> Ints:
        return np.array([list(ROLES).index(name) for name in self.tables["role"].names])

    @cached_property
    def _scales(self) -> dict[str, NDArray[Any]]:
        return {
            name: np.array(values, object if isinstance(values[0], str) else float)
            for name, values in self.laws.values.items()
        }

    @cached_property
    def _cuts(self) -> dict[str, Floats]:
        return {name: np.array(cuts) for name, cuts in self.laws.cuts.items()}

    @cached_property
    def _mixing(self) -> Floats:
        return np.linalg.cholesky(np.array(self.laws.correlations))
