"""The notebook's sentences and tables: each follows by a rule from what was found, in Markdown.

So they are true of whatever file the notebook is run on, and none says what was not computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.stats import binomtest

from driftline.events import LEVELS, Alert, DriftedColumn, Kind, Level
from model.evaluation import Evaluation, Interval
from model.gate import MIN_LABELS, GateDecision
from model.split import HELD_OUT_OF_NEWCOMERS
from monitor.contact_backtest import ContactBacktest
from monitor.features import Floats
from monitor.plan import SCORE
from monitor.policy import level_of

LLM = "llm_"
MEANING: Mapping[Level, str] = {
    "monitor": "look at the columns below; often one source changed its format",
    "investigate": "ask what changed upstream: a new campaign, a new list, an import",
    "alert": "do not trust the scores until you know why",
    "retrain": "the retrainer is called for",
}
"""Of a level, what to do; see docs/monitoring.md."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; columns whose head ends in a colon are set to the right.

    >>> print(table(["column", "share:"], [["a|b", "1%"]]))
    | column | share |
    |---|---:|
    | a\\|b | 1% |
    """
    marks = ["---:" if name.endswith(":") else "---" for name in head]
    lines = [[name.removesuffix(":") for name in head], *rows]
    told = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
    return "\n".join([told[0], f"|{'|'.join(marks)}|", *told[1:]])


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names as a sentence has them.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('`a`, `b` and `c`', '`a` and 2 more')
    """
    told = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        told.append(f"{len(names) - most} more")
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told)


def counted(number: int, name: str) -> str:
    """A number and its noun.

    >>> counted(1, "alert"), counted(1_200, "contact")
    ('1 alert', '1,200 contacts')
    """
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def inputs(found: ContactBacktest) -> int:
    """Watched columns but for the score: what the drift share is a share of."""
    return len(set(found.columns) - {SCORE})


def drifted(found: ContactBacktest, kind: Kind) -> list[str]:
    """The columns of one kind of drift in the last window, the strongest first; the score is left out."""
    return [column for column in found.findings.proofs[kind] if column != SCORE]


def data_drift(found: ContactBacktest, thresholds: tuple[float, float]) -> str:
    """What a window's inputs say: how many columns drift, which level that is, and what changed most.

    Args:
        thresholds: of the levels investigate and alert.
    """
    columns, refilled, share = drifted(found, "data_drift"), drifted(found, "data_quality"), found.findings.drift_share
    rate = found.report.promise.false_alarm_rate
    if not columns and not refilled:
        return (
            f"**No column differs from the reference by more than chance allows.** Without drift, {rate:.0%} of such"
            " files at most would show any."
        )
    level = level_of("data_drift", share, investigate_share=thresholds[0], alert_share=thresholds[1])
    told = [
        f"**{len(columns)} of {inputs(found)} columns differ from the reference: a drift share of {share:.0%},"
        f" level *{level}***: {MEANING[level]}.",
        _crossed(share, thresholds),
    ]
    causes = {column.name: column for column in found.report.columns if column.name in columns}
    if causes:
        told.append("Most changed " + "; ".join(f"`{c}` ({changed(one)})" for c, one in list(causes.items())[:3]) + ".")
    if refilled:
        told.append(f"Filled in differently (missing values, or values of another type): {listed(refilled)}.")
    return " ".join([*told, promised(found)])


def _crossed(share: float, thresholds: tuple[float, float]) -> str:
    investigate, alert = thresholds
    if share >= alert:
        return f"That is beyond both thresholds, {investigate:.0%} and {alert:.0%}."
    if share >= investigate:
        return f"That is beyond the threshold of {investigate:.0%} and below that of {alert:.0%}."
    return f"That is below both thresholds, {investigate:.0%} and {alert:.0%}."


def promised(found: ContactBacktest) -> str:
    """Whether a false-alarm rate is promised for these contacts."""
    promise = found.report.promise
    if promise.holds:
        return f"Without drift at most {promise.false_alarm_rate:.0%} of such files would show any drift at all."
    return f"No false-alarm rate is promised here: {promise.why}."


def changed(column: DriftedColumn) -> str:
    """What changed in a column, and the test that says so."""
    return f"{column.cause}; {column.test} {column.statistic:.2g}, threshold {column.threshold:.2g}"


def whose_columns(found: ContactBacktest, filled_here: bool) -> str:
    """Whether it may be the enrichment that drifted, and not the people.

    Args:
        filled_here: whether the ``llm_*`` columns were filled by the offline rules.
    """
    columns = drifted(found, "data_drift")
    mine = [column for column in columns if column.startswith(LLM)]
    if not mine:
        return "None of the drifting columns is one of the enrichment's (`llm_*`)."
    told = f"{len(mine)} of the {len(columns)} are the enrichment's: {listed(mine, 8)}."
    if filled_here:
        return (
            f"{told} This file came without them, so the offline rules filled them in: these columns compare another"
            " enrichment with the reference's, and alone would say nothing of the people."
        )
    return f"{told} They came with the file: ask whether the same model and prompts answered as for the reference."


def scenario_rows(
    runs: Mapping[str, Mapping[float, Sequence[ContactBacktest]]], onset: int, about: Mapping[str, str]
) -> list[list[str]]:
    """A row per scenario: drift share of the first whole window, and contacts to the first alert, by severity."""
    rows = []
    for name, by in runs.items():
        cells = []
        for severity, found in by.items():
            if not severity:
                continue
            shares = [share_after(one, onset) for one in found]
            cells.append(f"{np.median(shares):.0%} · {delay_told([delay(one, onset) for one in found])}")
        strongest = drifted(list(by.values())[-1][0], "data_drift")
        rows.append([f"`{name}`", about[name], *cells, listed(strongest, 3) or "none"])
    return rows


def share_after(found: ContactBacktest, onset: int) -> float:
    """The drift share of the first window without a contact from before the onset; 0 without such a window."""
    whole = zip(found.tested_at, found.drift_share, strict=True)
    return next((share for at, share in whole if at >= onset + found.config.window), 0.0)


def delay(found: ContactBacktest, onset: int, *kinds: Kind) -> int | None:
    """Contacts from the onset to the first alert after it, None if there was none."""
    return next((alert.at_contact - onset for alert in found.began(*kinds) if alert.at_contact > onset), None)


def delay_told(delays: Sequence[int | None]) -> str:
    """The median of those that were told, and how many were where not all.

    >>> delay_told([12, 20, None]), delay_told([None]), delay_told([7, 9, 30])
    ('16 (2 of 3)', 'never', '9')
    """
    known = [one for one in delays if one is not None]
    if not known:
        return "never"
    of = "" if len(known) == len(delays) else f" ({len(known)} of {len(delays)})"
    return f"{np.median(known):.0f}{of}"


def scenarios(
    runs: Mapping[str, Mapping[float, Sequence[ContactBacktest]]], onset: int, thresholds: tuple[float, float]
) -> str:
    """What the scenarios show: which thresholds each crosses when all contacts drift, and how soon that is told."""
    worst = {name: list(by.values())[-1] for name, by in runs.items()}
    shares = {name: float(np.median([share_after(one, onset) for one in found])) for name, found in worst.items()}
    bands = {
        f"from {thresholds[1]:.0%} (alert)": [n for n, s in shares.items() if s >= thresholds[1]],
        f"from {thresholds[0]:.0%} (investigate)": [n for n, s in shares.items() if thresholds[0] <= s < thresholds[1]],
        "below that": [n for n, s in shares.items() if 0 < s < thresholds[0]],
        "no column at all": [n for n, s in shares.items() if not s],
    }
    told = [
        "At severity 1 the drift share is " + "; ".join(f"{b}: {listed(n, 9)}" for b, n in bands.items() if n) + "."
    ]
    soonest = {name: [delay(one, onset) for one in found] for name, found in worst.items()}
    by_all = {n: float(np.median([d for d in ds if d is not None])) for n, ds in soonest.items() if None not in ds}
    if by_all:
        slowest = max(by_all, key=lambda name: by_all[name])
        quickest = min(by_all, key=lambda name: by_all[name])
        told.append(
            f"The first alert comes after a median of {by_all[quickest]:.0f} contacts (`{quickest}`) to"
            f" {by_all[slowest]:.0f} (`{slowest}`)."
        )
    never = [name for name, delays in soonest.items() if None in delays and name != "no_drift_baseline"]
    if never:
        told.append(f"Not told in every run: {listed(never)}.")
    return " ".join(told)


def false_alarms(calm: Sequence[ContactBacktest]) -> str:
    """What was raised where nothing drifts."""
    contacts, alarms = sum(one.contacts for one in calm), sum(len(one.began()) for one in calm)
    told = "no alert" if not alarms else f"{counted(alarms, 'alert')}, each of them a false one"
    return f"Where nothing drifts, {contacts:,} contacts in {counted(len(calm), 'run')} raised {told}."


def prediction_drift(found: ContactBacktest, before: Floats, cut: float) -> str:
    """Whether the scores have moved, by the monitor's own test, and what that does to who is said to engage.

    Args:
        before: the reference's scores.
    """
    row = found.statistics.query("column == @SCORE and test == 'ks'").iloc[0]
    over = bool(found.findings.proofs["prediction_drift"])
    verdict = "**The scores have moved**" if over else "**The scores have not moved by more than chance allows**"
    now = found.scores
    return (
        f"{verdict}: Kolmogorov-Smirnov D = {row.statistic:.3f}, threshold {row.threshold:.3f}. The median score is"
        f" {np.median(now):.2f}, the reference's {np.median(before):.2f}; {np.mean(now >= cut):.0%} are said to engage"
        f" (score from {cut:.2f} on), of the reference {np.mean(before >= cut):.0%}."
    )


def health_rows(before: Floats, now: Floats, cut: float) -> list[list[str]]:
    """Reference and file in the ranges that the operators of the original model watched."""
    watched = (
        ("said to engage", 0.15, 0.40, lambda scores: np.mean(scores >= cut)),
        ("median score", 0.3, 0.7, np.median),
        ("95th percentile", 0.7, 1.0, lambda scores: np.quantile(scores, 0.95)),
    )
    rows = []
    for name, low, high, figure in watched:
        held = [float(figure(scores)) for scores in (before, now)]
        told = [f"{value:.2f}" + ("" if low <= value <= high else " (outside)") for value in held]
        rows.append([name, f"{low:g} to {high:g}", *told])
    return rows


def with_accuracy(one: Evaluation) -> dict[str, Interval]:
    """The metrics of an evaluation, and the share of right answers with Wilson's interval."""
    right = round(one.confusion["true_positives"].value + one.confusion["true_negatives"].value)
    bounds = binomtest(right, one.labels).proportion_ci(one.level, method="wilson")
    return dict(one.metrics) | {"accuracy": Interval(right / one.labels, bounds.low, bounds.high)}


def without_skill(one: Evaluation) -> dict[str, dict[str, float]]:
    """What answers without any skill get on the same labels, in expectation, accuracy included.

    *Base rate* says "engaged" at random, as often as people engage.
    """
    rate, said = one.engaged / one.labels, 1 - one.cut
    guess = {"precision": rate, "recall": rate, "f1": rate, "accuracy": rate**2 + (1 - rate) ** 2, "roc_auc": 0.5}
    return {
        "always engaged": {**one.baselines["always_engaged"], "accuracy": rate},
        "base rate": guess,
        "random score": {**one.baselines["random"], "accuracy": said * rate + (1 - said) * (1 - rate)},
    }


def skill(name: str, found: Mapping[str, Interval], floors: Mapping[str, Mapping[str, float]]) -> str:
    """Whether the classifier beats the answers without skill: where its 90% interval is beyond theirs."""
    f1, auc, always = found["f1"], found["roc_auc"], floors["always engaged"]["f1"]
    figures = f"(F1 {f1:.3f}, against {always:.3f})"
    if f1.low > always:
        of_f1 = f'beats always answering "engaged" {figures}'
    elif f1.high < always:
        of_f1 = f'is worse than always answering "engaged" {figures}'
    else:
        of_f1 = f'cannot be told from always answering "engaged" {figures}'
    if auc.low > 0.5:
        of_auc = "ranks better than chance"
    elif auc.high < 0.5:
        of_auc = "ranks worse than chance"
    else:
        of_auc = "cannot be told to rank better than chance"
    return f"*{name}*: the model {of_f1}, and {of_auc} (ROC-AUC {auc:.3f})."


def against(name: str, before: Mapping[str, Interval], now: Mapping[str, Interval]) -> str:
    """How F1 and ROC-AUC stand to those of the training period; intervals that overlap decide nothing."""
    told = []
    for metric, word in (("f1", "F1"), ("roc_auc", "ROC-AUC")):
        old, new = before[metric], now[metric]
        way = "fell" if new.value < old.value else "rose"
        apart = new.high < old.low or new.low > old.high
        chance = "beyond chance" if apart else "which may be chance, since the intervals overlap"
        told.append(f"{word} {way} from {old.value:.3f} to {new.value:.3f}, {chance}")
    return f"*{name}*, against the training period: {'; '.join(told)}."


def concept(found: ContactBacktest, onset: int | None = None) -> str:
    """Whether the labels no longer follow the scores, by the monitor's test.

    Args:
        onset: contact from which on they were made not to, where that is known and all contacts are labelled.
    """
    labels, raised = len(found.labelled()[1]), found.began("concept_drift")
    if not labels:
        return "**nobody can tell**, since there are no labels."
    if not raised:
        return f"**no alert of concept drift** in {counted(labels, 'label')}."
    first = raised[0]
    when = (
        f"at contact {first.at_contact:,}" if onset is None else f"{first.at_contact - onset:,} labels after the onset"
    )
    promise = first.promise
    rate = (
        f"without concept drift at most {promise.false_alarm_rate:.0%} of runs of {promise.horizon:,} labels have one"
    )
    told = rate if promise.holds else f"without a promised rate of false alarms, since {promise.why}"
    return f'**concept drift was told {when}** ({told}): "{first.summary}"'


def alert_rows(alerts: Sequence[Alert]) -> list[list[str]]:
    """A row for each state change."""
    return [
        [
            f"{alert.at_contact:,}", alert.kind, alert.state, alert.level, f"{alert.drift_share:.0%}",
            listed([column.name for column in alert.columns], 4), alert.summary,
        ]
        for alert in alerts
    ]  # fmt: skip


def alerts(found: ContactBacktest) -> str:
    """How many alerts, how soon the first, how grave the gravest."""
    began = found.began()
    if not began:
        return f"**No alert** in {counted(found.contacts, 'contact')}."
    gravest = gravest_level(found.alerts)
    still = len(began) - sum(alert.state == "resolved" for alert in found.alerts)
    return (
        f"**{counted(len(began), 'alert')}** in {counted(found.contacts, 'contact')}, the first after"
        f" {counted(began[0].at_contact, 'contact')}; the gravest level is *{gravest}*: {MEANING[gravest]}. At the end"
        f" {counted(still, 'alert')} {'fires' if still == 1 else 'fire'} still."
    )


def window_rows(found: ContactBacktest) -> list[list[str]]:
    """What the dashboard shows of the last window."""
    seen = found.report
    evidence = ", ".join(f"{kind} {value:.2g}" for kind, value in seen.evidence.items())
    return [
        ["drift share", f"{seen.drift_share:.0%}"],
        ["drifting columns", listed(seen.drifting) or "none"],
        ["sequential evidence, as a multiple of its threshold", evidence],
        ["promise", promised(found)],
    ]


def gravest_level(alerts: Sequence[Alert]) -> Level:
    """The gravest of any state change."""
    return max((alert.level for alert in alerts), key=LEVELS.index)


def decision_row(case: str, decision: GateDecision) -> list[str]:
    """What the gate says of a challenger, and on which evidence."""

    def told(name: str) -> str:
        if name not in decision.evidence:
            return "-"
        value, low, high = decision.evidence[name]
        return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"

    return [
        case,
        f"{decision.labels:,}",
        told("delta_auc"),
        told("log_loss_gain"),
        f"**{decision.decision}**",
        decision.why,
    ]


def recommendation(found: ContactBacktest, decision: GateDecision | None) -> str:
    """What to do about the model, by the project's own rule: whether to retrain, and what the gate says of it."""
    called = any(alert.level == "retrain" for alert in found.alerts)
    asked = (
        "The monitor calls for a retraining: an alert lasted a whole window, or a rule asks for it."
        if called
        else "The monitor does not call for a retraining: no alert reached the level *retrain*."
    )
    if decision is None:
        return f"{asked} **No challenger was trained**: there are too few labels to say anything of one."
    say = {
        "promoted": "**Promote the challenger**",
        "rejected": "**Keep the champion**; the challenger is rejected",
        "shadow": "**Keep the champion**; the challenger stays in shadow",
    }[decision.decision]
    return f"{asked} {say}: {decision.why}."


def next_steps(
    found: ContactBacktest,
    decision: GateDecision | None,
    *,
    labelled: int,
    filled_here: bool,
    thresholds: tuple[float, float],
) -> list[str]:
    """What to do next; each step depends on a figure above."""
    steps = []
    quality, data = drifted(found, "data_quality"), drifted(found, "data_drift")
    if quality:
        steps.append(f"Ask whoever makes the export about {listed(quality)}: they are filled in differently.")
    if filled_here and any(column.startswith(LLM) for column in data):
        steps.append(
            "Enrich the reference and this file in the same way before you judge the people by the `llm_*` columns"
            " (`driftline import FILE --enrich openai --dry-run` says what a language model would cost)."
        )
    if found.findings.drift_share >= thresholds[1]:
        steps.append("Do not rank by these scores until the drift is explained.")
    elif data:
        steps.append("If the change is meant, accept it: `driftline alerts --ack ID`.")
    if found.began("concept_drift"):
        steps.append("Others engage than the scores say: labels of the present people are worth most now.")
    steps.append(_about_model(decision, labelled))
    return [f"{place}. {step}" for place, step in enumerate(steps, 1)]


def _about_model(decision: GateDecision | None, labelled: int) -> str:
    if decision is None or decision.decision == "shadow":
        held_out = 0 if decision is None else decision.labels
        return (
            f"Collect labels: {labelled:,} are known and {held_out:,} of them held out; the gate needs {MIN_LABELS:,}"
            f" held out, and so some {MIN_LABELS / HELD_OUT_OF_NEWCOMERS:,.0f} in all."
        )
    if decision.decision == "promoted":
        return "Let the retrainer promote it, with its reference; `driftline model rollback` goes back."
    return "Leave the champion in place; the next retraining begins when an alert asks for it."
