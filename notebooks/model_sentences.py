"""What the notebook says of model, alerts and decision; as in `notebooks.drift_sentences`, by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scipy.stats import binomtest

from driftline.events import LEVELS, Alert, Level
from model.evaluation import Evaluation, Interval, Labels
from model.gate import MIN_LABELS, MIN_OF_CLASS, GateDecision
from model.retrain import LEAST_TO_EVALUATE
from model.split import HELD_OUT_OF_NEWCOMERS
from monitor.contact_backtest import ContactBacktest
from notebooks.drift_sentences import LLM, MEANING, Shares, drifted, figure, promised
from notebooks.markdown import counted, listed, table

MOST_ALERTS = 15
"""State changes that are listed."""
ENOUGH = 220
"""Labels after which half of the seeds are told that the relation has turned round for a third of all people; other
changes are told sooner (docs/statistics.md, concept drift)."""


def can_judge(labels: Labels) -> bool:
    """Whether there are labels enough, of either kind, for figures that say anything."""
    return len(labels) >= LEAST_TO_EVALUATE and _rarer(labels) >= MIN_OF_CLASS


def _rarer(labels: Labels) -> int:
    return min(int(labels.sum()), len(labels) - int(labels.sum()))


def labelled(labels: Labels) -> str:
    """How many there are, and whether that is enough."""
    told = f"This file has {counted(len(labels), 'labelled contact')}, {int(labels.sum()):,} of them engaged"
    if can_judge(labels):
        return f"{told}."
    return f"{told}: too few to judge the model by, which takes {LEAST_TO_EVALUATE}, and {MIN_OF_CLASS} of either kind."


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
        return "**Nobody can tell**: there are no labels."
    if not raised:
        few = f": a relation turned round may take some {ENOUGH} to be told" if labels < ENOUGH else ""
        return f"**No alert of concept drift** in {counted(labels, 'label')}{few}."
    first = raised[0]
    when = (
        f"at contact {first.at_contact:,}" if onset is None else f"{first.at_contact - onset:,} labels after the onset"
    )
    promise = first.promise
    rate = (
        f"without concept drift at most {promise.false_alarm_rate:.0%} of runs of {promise.horizon:,} labels have one"
    )
    told = rate if promise.holds else f"without a promised rate of false alarms, since {promise.why}"
    return f'**Concept drift was told {when}** ({told}): "{first.summary}"'


def alert_table(alerts: Sequence[Alert]) -> str:
    """A row for each state change, the first ones; nothing where there is none."""
    rows = [
        [
            f"{alert.at_contact:,}", alert.kind, alert.state, alert.level, f"{alert.drift_share:.0%}",
            listed([column.name for column in alert.columns], 4), alert.summary,
        ]
        for alert in alerts[:MOST_ALERTS]
    ]  # fmt: skip
    head = ["contact:", "kind", "state", "level", "drift share:", "columns", "summary"]
    beyond = f"\n\n{len(alerts) - MOST_ALERTS} more state changes follow." if len(alerts) > MOST_ALERTS else ""
    return table(head, rows) + beyond if rows else ""


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
    evidence = ", ".join(f"{kind} {figure(value)}" for kind, value in seen.evidence.items())
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
        return f"{Interval(*decision.evidence[name]):+.3f}" if name in decision.evidence else "-"

    why = decision.why.split(" on ")[0] if decision.decision != "shadow" else decision.why.split(" (")[0]
    figures = told("delta_auc"), told("log_loss_gain")
    return [case, f"{decision.labels:,}", *figures, f"**{decision.decision}**", why]


def recommendation(found: ContactBacktest, decision: GateDecision | None) -> str:
    """What to do about the model, by the project's own rule: whether to retrain, and what the gate says of it."""
    kinds = list(dict.fromkeys(alert.kind for alert in found.alerts if alert.level == "retrain"))
    asked = (
        f"The monitor calls for a retraining, by {counted(len(kinds), 'kind')} of alert ({listed(kinds)})."
        if kinds
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
    whole: ContactBacktest,
    raised: Sequence[Alert],
    decision: GateDecision | None,
    *,
    labelled: int,
    filled_here: bool,
    thresholds: Shares,
) -> str:
    """What to do next, as a list; each step depends on a figure above.

    Args:
        whole: the file as one window.
        raised: the alerts of the file contact by contact.
    """
    steps = []
    quality, data = drifted(whole, "data_quality"), drifted(whole, "data_drift")
    if quality:
        steps.append(f"Ask whoever makes the export about {listed(quality)}: they are filled in otherwise.")
    if filled_here and any(column.startswith(LLM) for column in data):
        steps.append(
            "Enrich the reference and this file in the same way before you judge the people by the `llm_*` columns"
            " (`driftline import FILE -o OUT.jsonl --enrich openai --dry-run` says what a language model would cost)."
        )
    if whole.findings.drift_share >= thresholds[1]:
        steps.append("Do not rank by these scores until the drift is explained.")
    elif data:
        steps.append("If the change is meant, accept it: `driftline alerts --ack ID`.")
    if any(alert.kind == "concept_drift" for alert in raised):
        steps.append("Others engage than the scores say: labels of the present people are worth most now.")
    steps.append(_about_model(decision, labelled))
    return "\n".join(f"{place}. {step}" for place, step in enumerate(steps, 1))


def _about_model(decision: GateDecision | None, labelled: int) -> str:
    if decision is None or decision.decision == "shadow":
        held_out = 0 if decision is None else decision.labels
        if held_out >= MIN_LABELS:
            return f"Wait for labels of the rarer kind: the gate needs {MIN_OF_CLASS} of either, held out."
        return (
            f"Collect labels: {labelled:,} are known and {held_out:,} of them held out; the gate needs {MIN_LABELS:,}"
            f" held out, and so some {MIN_LABELS / HELD_OUT_OF_NEWCOMERS:,.0f} in all."
        )
    if decision.decision == "promoted":
        return "Let the retrainer promote it, with its reference; `driftline model rollback` goes back."
    return "Leave the champion in place; the next retraining begins when an alert asks for it."
