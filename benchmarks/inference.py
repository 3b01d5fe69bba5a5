"""From a contact in memory to its score, ours beside the way of the model that Driftline began with. CPU, one thread.

Compared, on the same contacts, for one at a time and for batches of 500 and 10,000:

- ours: the featuriser in plain Python, then one numeric ONNX graph; of a logistic regression, and of 150 trees;
- the original's way: a DataFrame of the contacts in every call, the 47 columns by idiomatic pandas (`fillna`,
  `str.len`, `str.contains`, `map` for the target encodings, `get_dummies` and `reindex`), then a scikit-learn model
  loaded from a pickle: its own kind, gradient boosting with default parameters, and 150 trees as ours;
- the same with those trees in ONNX: only the classifier is swapped, the pandas stays;
- our featuriser with scikit-learn: only the pandas is gone;
- last the classifiers alone: how much faster "ONNX" is depends on what is left out of the measurement.

The roles in a job title are cached by the title in ours; the contacts' titles repeat as in the profile. The pandas
columns are checked to be the same numbers as our featuriser's ``original`` set before anything is timed.
"""

from __future__ import annotations

import pickle
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from threadpoolctl import threadpool_limits

from benchmarks.timing import cpu_per_item, show
from driftline.events import INPUTS, Contact
from model.features import ENCODED, ORIGINAL, ROLES, TEXTS
from model.featuriser import MISSING, OTHER, Featuriser, Matrix
from model.onnx_export import to_onnx
from model.onnx_scorer import OnnxScorer
from model.training import CANDIDATES, Trained, train
from producers.scenarios import SCENARIOS

TRAINED_ON, CONTACTS = 3_000, 10_000
LOGISTIC, TREES = CANDIDATES[0], CANDIDATES[-1]
ONE_HOTS = ("llm_seniority", "llm_geography", "llm_business_type", "companysize", "companytype")
ONE_BY_ONE = 50
"""Contacts in a repetition of those that are scored one at a time."""

Ways = dict[str, Callable[[Any], object]]


def main() -> None:
    """The same contacts each way; the median of 15 repetitions, its 10-90% range and the ratio to the first line."""
    drawn = list(
        SCENARIOS["no_drift_baseline"].contacts(TRAINED_ON + CONTACTS, seed=1, start=datetime(2026, 1, 1, tzinfo=UTC))
    )
    contacts = [contact for contact, _ in drawn[TRAINED_ON:]]
    models = Models(drawn[:TRAINED_ON])
    np.testing.assert_array_equal(
        models.columns(contacts).to_numpy(np.float32), models.theirs.featuriser.transform(contacts)
    )
    with threadpool_limits(1):
        for size in (1, 500, CONTACTS):
            print("one contact at a time" if size == 1 else f"batches of {size:,}", flush=True)
            linear, trees, _, pickled, swapped, *_ = compare(models.from_contacts(), contacts, size)
            print(
                f"  {1e6 / linear:,.0f} contacts/s, with trees {1e6 / trees:,.0f}. Pandas with pickled trees becomes"
                f" {pickled / trees:,.1f}x as fast by our way with trees, {pickled / swapped:.1f}x by ONNX alone"
            )
        print("one contact at a time, the classifier alone, its features ready", flush=True)
        compare(models.from_features(), models.theirs.featuriser.transform(contacts), 1)


def compare(ways: Ways, items: Sequence[Contact] | Matrix, size: int) -> list[float]:
    """Time all ways on batches of this size; the median of each in µs a contact."""
    batches = [items[first : first + size] for first in range(0, max(size, ONE_BY_ONE), size)]
    results = {name: cpu_per_item(partial(all_of, batches, score), len(batches) * size) for name, score in ways.items()}
    show(results)
    return [statistics.median(found) for found in results.values()]


def all_of(batches: Sequence[Any], score: Callable[[Any], object]) -> None:
    """Score one batch after the other."""
    for batch in batches:
        score(batch)


class Models:
    """Models that have learnt from the same contacts: ours, and the original's."""

    def __init__(self, labelled: Sequence[tuple[Contact, int]]) -> None:
        self.linear, self.trees = (train(labelled, seed=0, candidates=[kind]) for kind in (LOGISTIC, TREES))
        self.theirs = train(labelled, seed=0, candidates=[TREES], feature_set=ORIGINAL)
        self.columns = PandasColumns(self.theirs.featuriser)
        features = self.columns([contact for contact, _ in labelled]).to_numpy()
        boosted = GradientBoostingClassifier(random_state=0).fit(features, [label for _, label in labelled])
        self.boosted, self.pickled = through_pickle(boosted), through_pickle(self.theirs.estimator)
        self.swapped = onnx_of(self.theirs)

    def from_contacts(self) -> Ways:
        """Every way from contacts to scores."""
        columns, linear, trees = self.columns, self.linear, self.trees
        return {
            "ours: featuriser, ONNX logistic regression": ours(linear),
            "ours: featuriser, ONNX trees": ours(trees),
            "pandas, pickled gradient boosting": lambda some: self.boosted.predict_proba(columns(some).to_numpy()),
            "pandas, trees as ours, pickled": lambda some: self.pickled.predict_proba(columns(some).to_numpy()),
            "pandas, the same trees in ONNX": lambda some: self.swapped.score(columns(some).to_numpy(np.float32)),
            "our featuriser, scikit-learn's regression": lambda some: linear.score(linear.featuriser.transform(some)),
            "our featuriser, scikit-learn's trees": lambda some: trees.score(trees.featuriser.transform(some)),
        }

    def from_features(self) -> Ways:
        """The classifiers alone, on the same 47 features."""
        return {
            "trees in ONNX": self.swapped.score,
            "the same trees, pickled": self.pickled.predict_proba,
            "pickled gradient boosting": self.boosted.predict_proba,
        }


def ours(trained: Trained) -> Callable[[Any], object]:
    graph, featuriser = onnx_of(trained), trained.featuriser
    return lambda some: graph.score(featuriser.transform(some))


def onnx_of(trained: Trained) -> OnnxScorer:
    return OnnxScorer(to_onnx(trained), len(trained.featuriser.features))


def through_pickle(model: Any) -> Any:
    """Saved and loaded, as the original's model is served."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pkl"
        path.write_bytes(pickle.dumps(model))
        return pickle.loads(path.read_bytes())


@dataclass(frozen=True)
class PandasColumns:
    """The original's 47 columns as pandas is usually written, with what the featuriser has learnt."""

    featuriser: Featuriser

    def __call__(self, contacts: Sequence[Contact]) -> pd.DataFrame:
        """A frame of shape (contacts, 47)."""
        learnt = self.featuriser
        raw = pd.DataFrame([{name: getattr(contact, name) for name in INPUTS} for contact in contacts], columns=INPUTS)
        raw[["companysize", "companytype"]] = raw[["companysize", "companytype"]].fillna("UNKNOWN")
        text = raw[list(TEXTS)].fillna("").astype(str)
        frame = pd.get_dummies(raw[list(ONE_HOTS)]).reindex(columns=learnt.features, fill_value=0)
        for name in ("llm_quality", "llm_engagement", "llm_decision_maker", "llm_company_fit", "companyfoundedon"):
            frame[name] = raw[name].astype(float).fillna(learnt.medians[name])
        for name in ENCODED:
            rates = learnt.rates[name]
            frame[name] = raw[name].fillna(MISSING).map(rates).fillna(rates[OTHER])
        for name in TEXTS:
            frame[f"has_{name}"] = text[name].str.len() > 0
        frame["summary_length"] = text["summary"].str.len()
        frame["jobtitle_length"] = text["jobtitle"].str.len()
        frame["skills_count"] = (text["skills"].str.count(",") + 1).where(text["skills"] != "", 0)
        for role, words in ROLES.items():
            frame[role] = text["jobtitle"].str.contains(rf"\b(?:{'|'.join(words)})\b", case=False)
        for name, (low, high) in learnt.ranges.items():
            frame[name] = frame[name].clip(low, high)
        return frame.astype(float)
