"""The model card of a version: what it is for, what it was made of, how good it is, and where it is not to be trusted.

After Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from __future__ import annotations

from collections.abc import Mapping

from model.evaluation import Evaluation, Interval
from model.report import DataFingerprint, Judgement, Report

METRIC_NAMES: Mapping[str, str] = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "log_loss": "log-loss (nats)",
    "brier": "Brier score",
    "precision": "precision at the cut",
    "recall": "recall at the cut",
    "f1": "F1 at the cut",
    "precision_at_top": "precision in the top 10%",
    "calibration_error": "calibration error",
}


def model_card(report: Report, version: str) -> str:
    """Markdown."""
    parts = [
        f"# Model version {version}",
        "Scores sales contacts by the probability that they engage (reply or show interest). For ranking and"
        " prioritising contacts of the kind it was trained on; not for decisions about people.",
        _made(report),
        "## How good it is",
        metrics_table(report.evaluation) if report.evaluation else "Too few held-out labels to say.",
        _calibration(report.evaluation),
        "## On what was to come",
        _over_time(report),
        "## By segment",
        segments_table(report.evaluation) if report.evaluation else "Too few held-out labels to say.",
        "## How it was chosen",
        candidates_table(report),
        *(["## The gate's decision", judgement_text(report.judgement)] if report.judgement else []),
        "## Limits",
        "Figures hold for contacts like the held-out ones; the monitor says when the stream's are not. Sizes and other"
        " numbers beyond the training's range are read as its edge; unseen categories as the rare ones. No name,"
        " address, or text of a contact is in the model, its reference or this card: texts enter by their length and"
        " by role words in the job title.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def metrics_table(evaluation: Evaluation) -> str:
    """The figures with their intervals, beside what answers without skill get."""
    skilled = evaluation.metrics["roc_auc"].low > 0.5
    rows = [
        f"{evaluation.labels:,} contacts that it was not trained on, {evaluation.engaged:,} of them engaged; intervals:"
        f" {evaluation.level:.0%}; cut {evaluation.cut:.3f}."
        + ("" if skilled else " **Its order cannot be told from chance on these contacts.**"),
        "",
        '| | this model | always "engaged" | random |',
        "|---|---|---|---|",
    ]
    for name, title in METRIC_NAMES.items():
        base = [evaluation.baselines[kind].get(name) for kind in ("always_engaged", "random")]
        figures = " | ".join("" if value is None else f"{value:.3f}" for value in base)
        rows.append(f"| {title} | {evaluation.metrics[name]:.3f} | {figures} |")
    counts = evaluation.confusion
    rows += [
        "",
        "| | said engaged | said not |",
        "|---|---|---|",
        f"| engaged | {counts['true_positives']:,.0f} | {counts['false_negatives']:,.0f} |",
        f"| not engaged | {counts['false_positives']:,.0f} | {counts['true_negatives']:,.0f} |",
    ]
    return "\n".join(rows)


def segments_table(evaluation: Evaluation) -> str:
    """The figures of each segment with enough labels, and the counts of all."""
    rows = ["| segment | labels | engaged | ROC-AUC | log-loss |", "|---|---|---|---|---|"]
    for column, values in evaluation.segments.items():
        for value, segment in sorted(values.items(), key=lambda one: -one[1].labels):
            auc = "" if segment.roc_auc is None else f"{segment.roc_auc:.3f}"
            loss = "" if segment.log_loss is None else f"{segment.log_loss:.3f}"
            rows.append(f"| {column} = {value} | {segment.labels:,} | {segment.engaged:,} | {auc} | {loss} |")
    return "\n".join(rows)


def candidates_table(report: Report) -> str:
    """What was compared out of fold; the simplest within one standard error of the best was taken."""
    rows = [
        "Repeated cross-validation on the training contacts; the simplest that is not worse than the best beyond one"
        " standard error was taken.",
        "",
        "| candidate | log-loss | ROC-AUC |",
        "|---|---|---|",
    ]
    for one in report.candidates:
        name = f"**{one.name}**" if one.name == report.chosen else one.name
        rows.append(f"| {name} | {one.log_loss:.4f} ± {one.standard_error:.4f} | {one.roc_auc:.3f} |")
    return "\n".join(rows)


def judgement_text(judgement: Judgement) -> str:
    """The decision and what it rests on."""
    rows = [
        f"**{judgement.decision}** on {judgement.labels:,} held-out labels against version {judgement.champion}, at"
        f" {judgement.at:%Y-%m-%d %H:%M} UTC: {judgement.why}.",
        "",
        "| evidence | |",
        "|---|---|",
        *(f"| {name} | {Interval(*bounds):+.3f} |" for name, bounds in judgement.evidence.items()),
    ]
    return "\n".join(rows if judgement.evidence else rows[:1])


def _made(report: Report) -> str:
    rows = [
        "## What it is",
        "",
        f"- {report.chosen} on the {report.features} features of the set `{report.feature_set}`, probabilities"
        f" calibrated out of fold (slope {report.calibration[0]:.2f}, shift {report.calibration[1]:+.2f});"
        f" made {report.created_at:%Y-%m-%d %H:%M} UTC with seed {report.seed}"
        + (f", trigger: {report.trigger}" if report.trigger else ""),
        f"- trained on {_data(report.training)}",
        f"- held out, never trained on: {_data(report.held_out)}",
    ]
    if report.troubles.repeated:
        rows.append(
            f"- {report.troubles.repeated:,} contacts came more than once, {report.troubles.contradictory:,} of them"
            " with different labels: the last one counts"
        )
    return "\n".join(rows)


def _data(data: DataFingerprint) -> str:
    when = f" from {data.first:%Y-%m-%d} to {data.last:%Y-%m-%d}" if data.first and data.last else ""
    return f"{data.contacts:,} contacts, {data.engaged:,} engaged{when} (fingerprint {data.sha256[:12]})"


def _calibration(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return ""
    rows = ["| mean score | share engaged | contacts |", "|---|---|---|"]
    rows += [f"| {score:.3f} | {share:.3f} | {count:,} |" for score, share, count in evaluation.calibration]
    return "Calibration, by tenths of the score (`calibration.png`):\n\n" + "\n".join(rows)


def _over_time(report: Report) -> str:
    if report.over_time is None:
        return f"Not told: {report.over_time_why}."
    found = report.over_time
    return (
        f"Trained on the first 70% by time and judged on the {found.labels:,} contacts after them:"
        f" ROC-AUC {found.metrics['roc_auc']:.3f}, log-loss {found.metrics['log_loss']:.3f}."
    )
