"""Training a first champion on 300, 3,000 and 100,000 contacts: seconds, and the peak memory of a process of its own.

Ours is `Maker.first_champion`, whole: of the contacts a third is held out; four candidates are compared by repeated
cross-validation and the chosen one is calibrated, exported and compared with its graph on 10,000 rows; the held-out
contacts judge it, segments included; and it is trained again on the earlier 70% and judged on the later ones.

The peer is the least that one would do with scikit-learn: a DataFrame of the same contacts, an imputer, a scaler and
OneHotEncoder in a ColumnTransformer, a logistic regression, its log-loss by 5-fold `cross_val_score`, and a last fit to
all. One candidate, no calibration, no cut, no intervals, nothing to serve.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from driftline.events import INPUTS
from model.features import monitored_columns
from model.retrain import Maker
from model.split import Labelled
from producers.scenarios import SCENARIOS

SIZES, REPEATS = (300, 3_000, 100_000), 3
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Each figure is of a fresh process on one core."""
    trainings: dict[str, Callable[[Sequence[Labelled]], None]] = {"first champion (ours)": ours, "scikit-learn": peer}
    for n in SIZES:
        for name, training in trainings.items():
            found = [apart(training, n) for _ in range(REPEATS)]
            seconds, cpu, before, peak = ([run[i] for run in found] for i in range(4))
            spread = f"{median(seconds):6.1f} s [{min(seconds):.1f}, {max(seconds):.1f}], {median(cpu):5.1f} of CPU"
            memory = f"peak {max(peak):5.0f} MB, of which {median(before):4.0f} before it began"
            print(f"{n:8,} contacts  {name:22} {spread} {memory}", flush=True)


def apart(training: Callable[[Sequence[Labelled]], None], n: int) -> tuple[float, ...]:
    """`measured`, in a process that has done nothing else."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(measured, training, n).result()


def measured(training: Callable[[Sequence[Labelled]], None], n: int) -> tuple[float, ...]:
    """Seconds by the clock and of CPU, and peak resident MB before (libraries and contacts) and after."""
    contacts = list(SCENARIOS["no_drift_baseline"].contacts(n, seed=1, start=START))
    before, began, used = peak_mb(), time.monotonic(), time.process_time()
    with threadpool_limits(1):
        training(contacts)
    return time.monotonic() - began, time.process_time() - used, before, peak_mb()


def peak_mb() -> float:
    """The most memory this process has had resident; unlike getrusage's it is not inherited from the parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def ours(contacts: Sequence[Labelled]) -> None:
    Maker(seed=0, now=START).first_champion(contacts)


def peer(contacts: Sequence[Labelled]) -> None:
    """Texts by their length, as ours reads them."""
    columns = [monitored_columns(contact) for contact, _ in contacts]
    frame = pd.DataFrame([[getattr(one, name) for name in INPUTS] for one in columns], columns=list(INPUTS))
    engaged = [label for _, label in contacts]
    transformer = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=10), make_column_selector(dtype_exclude="number")),
    )
    pipeline = make_pipeline(transformer, LogisticRegression(max_iter=1_000))
    cross_val_score(pipeline, frame, engaged, cv=5, scoring="neg_log_loss")
    pipeline.fit(frame, engaged)
