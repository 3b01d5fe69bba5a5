"""Reading a table of any columns from a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def read_table(path: Path) -> pd.DataFrame:
    """A CSV or Parquet file, by its ending.

    A column of a CSV is one of numbers if most of its values read as such; what does not stays text.

    Raises:
        ValueError: not such a file, or one without rows; the message names it.
    """
    if not path.is_file():
        raise ValueError(f"{path} is no file: give a CSV or Parquet file")
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else typed(pd.read_csv(path, low_memory=False))
    except (ValueError, OSError) as fault:  # pandas and pyarrow tell of faulty files in several subclasses of these
        raise ValueError(f"{path} could not be read as a table ({fault}): give a CSV or Parquet file") from None
    if frame.empty:
        raise ValueError(f"{path} has no rows")
    return frame


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """A table as it was meant: in a file of text, one word makes a whole column of numbers look like words.

    >>> typed(pd.DataFrame({"age": ["31", "n/a", "40", None]}))["age"].tolist()
    [31.0, 'n/a', 40.0, nan]
    """
    out = frame.copy()
    for place, name in enumerate(frame.columns):
        series = frame.iloc[:, place]
        if series.dtype != object and not pd.api.types.is_string_dtype(series):
            continue
        numbers = pd.to_numeric(series, errors="coerce")
        if 2 * int(numbers.notna().sum()) > int(series.notna().sum()):
            out[name] = numbers.astype(object).where(numbers.notna(), series.astype(object))
    return out
