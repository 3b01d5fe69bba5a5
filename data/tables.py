"""Tables out of published counts of which some are folded: the values of the columns, and how the rest is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

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
MISSING, OTHER, REST = "__missing__", "__other__", "__cells<10_sum__"


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


def counts(column: Mapping[str, Any], values: Sequence[str], folded: str | None = None) -> dict[str, float]:
    """Of each value; ``folded`` is the only value that the profile has folded."""
    found = {name: value["n"] for name, value in column["values"].items()}
    if folded is not None:
        found[folded] = found.pop(OTHER)
    return {value: float(found[value]) for value in values}
