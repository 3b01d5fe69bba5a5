"""Evidently's report over given rows: a process of its own, and the only file that imports Evidently.

It takes seconds and hundreds of MB, and its pandas is pinned, so nothing of it runs in a worker (see
`monitor.report_process`).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from driftline.limited_process import Tell, serve
from driftline.whole_file import write_whole
from monitor.comparison import Compared
from monitor.report_page import P_VALUE, Tested, page
from monitor.report_process import Answer, Request

NUMBERS, CATEGORIES = "ks", "chisquare"
"""The tests are named, since by itself Evidently takes others above 1,000 rows."""


def run_evidently(features: Sequence[Compared]) -> tuple[str, list[Tested], dict[str, str]]:
    """Evidently's page, what it says of each feature, and those that it cannot take, with the reason.

    Raises:
        ValueError: it can take none of them.
        RuntimeError: its KS test is not scipy's any more, so that our D could not be put beside it.
    """
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415  (once the limits stand)
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    left_out = {one.name: why for one in features if (why := _why_not(one)) is not None}
    taken = [one for one in features if one.name not in left_out]
    if not taken:
        raise ValueError("no feature has values both in the reference and in the window")
    definition = DataDefinition(
        numerical_columns=[one.name for one in taken if one.number],
        categorical_columns=[one.name for one in taken if not one.number],
    )
    reference = pd.DataFrame({one.name: _series(one, one.reference) for one in taken})
    current = pd.DataFrame({one.name: _series(one, one.current) for one in taken})
    preset = DataDriftPreset(
        num_method=NUMBERS, cat_method=CATEGORIES, num_threshold=P_VALUE, cat_threshold=P_VALUE
    )  # fmt: skip
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of columns that are constant, and of scipy's choice of the p-value
        tables = (Dataset.from_pandas(rows, data_definition=definition) for rows in (current, reference))
        found = Report([preset]).run(*tables)
        p_values = {
            metric["config"]["column"]: float(metric["value"])
            for metric in found.dict()["metrics"]
            if "column" in metric["config"]
        }
        tested = [_tested(one, reference[one.name], current[one.name], p_values[one.name]) for one in taken]
        return found.get_html_str(as_iframe=False), tested, left_out


def _why_not(feature: Compared) -> str | None:
    for side, held in (("reference", feature.reference), ("window", feature.current)):
        if all(value is None for value in held):
            return f"no values in the {side}"
    return None


def _series(feature: Compared, held: Sequence[Any]) -> pd.Series[Any]:
    return pd.Series(held, dtype=np.float64 if feature.number else object)


def _tested(feature: Compared, reference: pd.Series[Any], current: pd.Series[Any], p_value: float) -> Tested:
    """With D, which Evidently does not tell: it is that of the same call, since the p-value is the same."""
    from scipy.stats import ks_2samp  # noqa: PLC0415  (once the limits stand)

    shown = None if np.isnan(p_value) else p_value
    if not feature.number:
        return Tested.of(feature, CATEGORIES, None, shown)
    same = ks_2samp(reference.dropna(), current.dropna())
    if same.pvalue != p_value:
        raise RuntimeError(
            f"Evidently's p of {feature.name} is {p_value}, that of scipy.stats.ks_2samp {same.pvalue}: this version of"
            " Evidently tests in another way"
        )
    return Tested.of(feature, NUMBERS, float(same.statistic), shown)


def write(request: Request, _: Tell) -> Answer:
    """The child's work: the page, and what was found.

    Raises:
        OSError: the page cannot be written.
    """
    html, tested, left_out = run_evidently(request.features)
    content = page(html, request.about, tested, left_out).encode()
    try:
        write_whole(Path(request.out), content)
    except OSError as fault:
        raise OSError(f"{request.out} cannot be written ({fault.strerror})") from None
    return Answer(tested=tested, left_out=left_out, size=len(content))


if __name__ == "__main__":
    sys.exit(serve(Request, write))
