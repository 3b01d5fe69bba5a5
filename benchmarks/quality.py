"""How good the models are that come of 300, 1,000 and 3,000 contacts, over 10 seeds, beside what is attainable.

Models are trained on all of these contacts and judged on the same 20,000 others, whose true odds are known, so the
figures have no noise of labels in them. "Who knows the odds" scores with them: what is attainable. The original's
recipe is its 47 columns, target encodings fitted on the very rows that are trained on, scikit-learn's gradient boosting
with default parameters, and the cut at .5. Some three minutes; the table is Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import expit
from sklearn.ensemble import GradientBoostingClassifier

from model.encoding import fit_featuriser
from model.features import DRIFTLINE, ORIGINAL, FeatureSet
from model.split import Labelled
from model.training import train
from producers.scenarios import SCENARIOS
from tests.known_odds import Floats, Known, known

SIZES, SEEDS, JUDGES = (300, 1_000, 3_000), 10, 20_000
BATCHES, BATCH = 10, 10_000
Model = Callable[[Sequence[Labelled], Known, int], tuple[Floats, float]]
"""From contacts to learn from, contacts to judge by and a seed to the judges' scores and the cut."""


def main() -> None:
    """What is attainable, then the table: the mean over seeds ± the standard deviation between seeds."""
    for scenario in SCENARIOS:
        found = [known(BATCH, 100 + batch, scenario).attainable for batch in range(BATCHES)]
        told = f"{np.mean(found):.4f} ± {np.std(found, ddof=1) / np.sqrt(BATCHES):.4f}"
        print(f"attainable ROC-AUC of {BATCHES * BATCH:,} contacts of {scenario}: {told} (standard error)", flush=True)
    table()


def table() -> None:
    """A line for each size and model, and for two answers that learn nothing."""
    judges, pool = known(JUDGES, seed=1), known(SEEDS * max(SIZES), seed=2)
    models: dict[str, Model] = {"driftline": ours(DRIFTLINE), "the original's columns": ours(ORIGINAL)}
    models["the original's recipe"] = original
    print("| contacts | model | ROC-AUC | share of the attainable lift | log-loss | slope | F1 at its cut |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    for n in SIZES:
        for name, model in models.items():
            found = []
            for seed in range(SEEDS):
                first = seed * max(SIZES)
                found.append(figures(judges, *model(pool.labelled[first : first + n], judges, seed)))
            line(f"{n:,}", name, np.array(found))
    odds = expit(judges.logits)
    best = max(np.linspace(0.2, 0.6, 81), key=lambda cut: judges.f1(odds, cut))
    line("", "who knows the odds", np.array([figures(judges, odds, best)]))
    line("", "always the base rate", np.array([figures(judges, np.full(JUDGES, judges.rate), 0.0)]))


def line(contacts: str, model: str, found: Floats) -> None:
    """Of figures in shape (seeds, figures)."""
    spreads = found.std(axis=0, ddof=1) if len(found) > 1 else np.zeros(found.shape[1])
    cells = [
        "-" if np.isnan(middle) else f"{middle:.3f}" + (f" ± {spread:.3f}" if spread else "")
        for middle, spread in zip(found.mean(axis=0), spreads, strict=True)
    ]
    print("|", " | ".join([contacts, model, *cells]), "|", flush=True)


def figures(judges: Known, scores: Floats, cut: float) -> list[float]:
    """In the order of the table."""
    auc = judges.auc(scores)
    slope = judges.recalibration(scores)[0] if np.ptp(scores) else np.nan
    return [auc, (auc - 0.5) / (judges.attainable - 0.5), judges.log_loss(scores), slope, judges.f1(scores, cut)]


def ours(feature_set: FeatureSet) -> Model:
    """Trained as any model of Driftline."""

    def model(labelled: Sequence[Labelled], judges: Known, seed: int) -> tuple[Floats, float]:
        trained = train(labelled, seed=seed, feature_set=feature_set)
        return trained.score(trained.featuriser.transform(judges.contacts)), trained.cut

    return model


def original(labelled: Sequence[Labelled], judges: Known, seed: int) -> tuple[Floats, float]:
    """The original's recipe."""
    contacts, engaged = [contact for contact, _ in labelled], np.array([label for _, label in labelled])
    featuriser = fit_featuriser(contacts, engaged, ORIGINAL)
    trees = GradientBoostingClassifier(random_state=seed).fit(featuriser.transform(contacts), engaged)
    return trees.predict_proba(featuriser.transform(judges.contacts))[:, 1], 0.5
