"""How grave a drift is, when it is over, and how to say so."""

from __future__ import annotations

from collections.abc import Mapping

from driftline.events import LEVELS, DriftedColumn, Kind, Level

RUNBOOK = "http://127.0.0.1:28090/monitoring.html#{kind}"
"""Where `make docs-serve` has the guide; DRIFTLINE_RUNBOOK_URL names another place (`monitor.kafka_assessor`)."""
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

ACCEPTED = "The change was accepted: it raises no alert again until the reference changes."
"""The sentence for an alert that somebody has acknowledged."""


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
    named = [WORDS.get(column.name, column.name.replace("_", " ")) for column in columns]
    listed = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    if kind == "data_quality":
        return f"The last {contacts} contacts are filled in differently than those the model was trained for: {listed}."
    if kind == "prediction_drift":
        way = "higher" if columns[0].effect > 0 else "lower"
        return f"The model scores the last {contacts} contacts {way} than the people it was trained for."
    return f"The last {contacts} contacts are not like the people the model was trained for: {listed} changed."


def calm_summary(model_version: str, new_model: bool) -> str:
    """The sentence for an alert that is over."""
    if new_model:
        return f"Model version {model_version} has taken over, and the contacts look like those it knows."
    return "The contacts look like those the model knows again."


def handed_over_summary(model_version: str) -> str:
    """The sentence for an alert about a model that has been replaced by one that does not fit either."""
    return f"Model version {model_version} has taken over; what still differs from its contacts is a new alert."
