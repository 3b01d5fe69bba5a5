"""From statistics over their thresholds to levels and words: what is drifting, how grave it is, how to say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from driftline.events import LEVELS, DriftedColumn, Kind, Level
from monitor.calibration import Threshold
from monitor.ks import KSReport, p_value, unseen_share
from monitor.reference import Codes, Reference

SCORE = "score"
RUNBOOK = "https://github.com/driftline/driftline/blob/main/docs/monitoring.md#{kind}"
NEW_VALUES = 0.05
"""Share of values unlike any of the reference's from which on they are named as the cause."""
WORDS: Mapping[str, str] = {
    "llm_quality": "profile quality",
    "llm_seniority": "seniority",
    "llm_engagement": "expected engagement",
    "llm_decision_maker": "decision power",
    "llm_industry": "detailed industry",
    "llm_geography": "geography",
    "llm_business_type": "kind of role",
    "llm_company_fit": "company fit",
    "companyindustry": "company industry",
    "companysize": "company size",
    "companytype": "company type",
    "companylocation": "company location",
    "companyfoundedon": "founding year",
    "jobtitle": "job title",
}
"""The contact's columns in a salesperson's words; the others are words already."""


@dataclass(frozen=True)
class Findings:
    """What one test of a window found.

    The drifting columns are described only for an alert that tells of them: their p-values take longer than all the
    tests of the window.
    """

    drift_share: float
    over: Mapping[Kind, Mapping[str, list[int]]]
    """For each kind the drifting columns, and of each the features over their threshold, the strongest first."""
    describe: Callable[[list[int]], DriftedColumn]

    def drifts(self, kind: Kind) -> bool:
        """Whether any column of this kind does."""
        return bool(self.over[kind])

    def columns(self, kind: Kind) -> list[DriftedColumn]:
        """The drifting columns of a kind, the strongest first."""
        found = [self.describe(features) for features in self.over[kind].values()]
        return sorted(found, key=lambda column: (-column.statistic, column.name))


def kind_of(column: str) -> Kind:
    """Which kind of alert a column's drift is."""
    return "prediction_drift" if column == SCORE else "data_drift"


def find(reference: Reference, window: Codes, report: KSReport, threshold: Threshold) -> Findings:
    """The columns with at least one feature at or over its threshold."""
    over: dict[Kind, dict[str, list[int]]] = {"data_drift": {}, "prediction_drift": {}}
    strongest_first = (-report.statistic).argsort(kind="stable")
    for j in strongest_first[report.statistic[strongest_first] >= threshold.statistic].tolist():
        column = reference.features[j].column
        over[kind_of(column)].setdefault(column, []).append(j)
    inputs = [column for column in reference.columns if column != SCORE]
    share = len(over["data_drift"]) / max(1, len(inputs))
    return Findings(share, over, partial(_drifted, reference, window, report, threshold))


def _drifted(
    reference: Reference, window: Codes, report: KSReport, threshold: Threshold, features: list[int]
) -> DriftedColumn:
    strongest = features[0]
    effect = float(report.effect[strongest])
    feature = reference.features[strongest]
    new = float(unseen_share(window[:, [strongest]])[0])
    # A continuous feature hardly ever repeats a reference value, so only coarse ones can be said to be new.
    coarse = len(reference.values[strongest]) * 10 < reference.rows
    what = "more often" if effect > 0 else "less often"
    return DriftedColumn(
        name=feature.column,
        features=[reference.features[j].name for j in features],
        test="ks",
        statistic=float(report.statistic[strongest]),
        threshold=threshold.statistic,
        p_value=p_value(reference, window, strongest),
        effect=effect,
        direction=what if feature.marks is not None else ("higher" if effect > 0 else "lower"),
        cause=f"{new:.0%} of the values are new" if coarse and new > NEW_VALUES else "the distribution moved",
    )


def level_of(kind: Kind, drift_share: float, *, investigate_share: float, alert_share: float) -> Level:
    """The level of a drift that has just begun; one that lasts a whole window becomes ``retrain``."""
    if kind == "prediction_drift" or drift_share >= alert_share:
        return "alert"
    return "investigate" if drift_share >= investigate_share else "monitor"


def graver(one: Level, other: Level) -> Level:
    """The graver of two levels."""
    return max(one, other, key=LEVELS.index)


def summary(kind: Kind, columns: list[DriftedColumn], contacts: int) -> str:
    """One sentence that a salesperson understands."""
    if kind == "prediction_drift":
        way = "higher" if columns[0].effect > 0 else "lower"
        return f"The model scores the last {contacts} contacts {way} than the people it was trained for."
    named = [WORDS.get(column.name, column.name.replace("_", " ")) for column in columns]
    listed = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    return f"The last {contacts} contacts are not like the people the model was trained for: {listed} changed."


def calm_summary(model_version: str, new_model: bool) -> str:
    """The sentence for an alert that is over."""
    if new_model:
        return f"Model version {model_version} has taken over, and the contacts look like those it knows."
    return "The contacts look like those the model knows again."


def handed_over_summary(model_version: str) -> str:
    """The sentence for an alert about a model that has been replaced by one that does not fit either."""
    return f"Model version {model_version} has taken over; what still differs from its contacts is a new alert."
