"""Recognising the one-hots of one column, so that its drift is told as one."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EXACTLY_ONE = 0.9
"""In so many of the rows one flag of a group is set; a value left out in the encoding may be all of the others."""


def one_hot_columns(frame: pd.DataFrame) -> dict[str, str]:
    """For the flags of a frame that are one-hots of a column, as `pandas.get_dummies` makes them, that column's name.

    They share their name up to the last ``_`` or ``=``; in no row more than one is set, and in most one is.

    >>> sizes = pd.get_dummies(pd.DataFrame({"size": ["2-10", "11-50", "2-10"]}))
    >>> one_hot_columns(sizes.assign(is_founder=[1, 0, 1], is_sales=[1, 1, 0]))
    {'size_11-50': 'size', 'size_2-10': 'size'}
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(map(str, frame.columns)):
        end = max(name.rfind("_"), name.rfind("="))
        if end > 0:
            groups[name[:end]].append(place)
    found: dict[str, str] = {}
    for column, places in groups.items():
        flags = [flag for place in places if (flag := _flag(frame.iloc[:, place])) is not None]
        if len(places) < 2 or len(flags) < len(places):
            continue
        set_in_row = np.sum(flags, axis=0)
        if set_in_row.max(initial=0) == 1 and set_in_row.mean() >= EXACTLY_ONE:
            found |= {str(frame.columns[place]): column for place in places}
    return found


def _flag(series: pd.Series) -> NDArray[np.bool_] | None:
    """Where a flag is set, or None for a column that is none."""
    if not (pd.api.types.is_bool_dtype(series) or pd.api.types.is_numeric_dtype(series)):
        return None
    values = series.to_numpy(np.float64, na_value=np.nan)
    return values == 1.0 if np.isin(values[~np.isnan(values)], (0.0, 1.0)).all() else None
