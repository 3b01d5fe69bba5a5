"""What the notebook says of drift: each sentence follows by a rule from what the monitor found.

So they are true of whatever file the notebook is run on, and none says what was not computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from driftline.events import Kind, Level
from monitor.contact_backtest import ContactBacktest
from monitor.features import Floats
from monitor.plan import SCORE
from monitor.policy import level_of
from notebooks.markdown import counted, listed, table

LLM = "llm_"
CHANCE = 0.05
"""P of a mistake of a single look at all columns (Bonferroni)."""
MEANING: Mapping[Level, str] = {
    "monitor": "look at the ranked columns; often one source changed its format",
    "investigate": "ask what changed upstream: a new campaign, a new list, an import",
    "alert": "do not trust the scores until you know why",
    "retrain": "the retrainer is called for",
}
"""Of a level, what to do; see docs/monitoring.md."""
Shares = tuple[float, float]
"""The drift shares from which on the levels investigate and alert begin."""
Runs = Mapping[str, Mapping[float, Sequence[ContactBacktest]]]
"""By scenario and severity."""


def inputs(found: ContactBacktest) -> int:
    """Watched columns but for the score: what the drift share is a share of."""
    return len(set(found.columns) - {SCORE})


def drifted(found: ContactBacktest, kind: Kind) -> list[str]:
    """The columns of one kind of drift in the last window, the strongest first; the score is left out."""
    return [column for column in found.findings.proofs[kind] if column != SCORE]


def headline(found: ContactBacktest, thresholds: Shares) -> str:
    """How many columns of a window drift, and which level that is."""
    columns, refilled = drifted(found, "data_drift"), drifted(found, "data_quality")
    if not columns and not refilled:
        return f"**None of the {inputs(found)} columns differs from the reference by more than chance allows.**"
    if not columns:
        are = "is" if len(refilled) == 1 else "are"
        return f"**The values are the reference's, but {counted(len(refilled), 'column')} {are} filled in otherwise.**"
    share = found.findings.drift_share
    level = level_of("data_drift", share, investigate_share=thresholds[0], alert_share=thresholds[1])
    differ = "differs" if len(columns) == 1 else "differ"
    return (
        f"**{len(columns)} of {inputs(found)} columns {differ} from the reference:"
        f" a drift share of {share:.0%}, level *{level}*.** So {MEANING[level]}."
    )


def data_drift(found: ContactBacktest, thresholds: Shares) -> str:
    """What a window's inputs say: how many columns drift, which level that is, and what changed most."""
    columns, refilled = drifted(found, "data_drift"), drifted(found, "data_quality")
    told = [headline(found, thresholds)]
    if columns:
        told.append(_crossed(found.findings.drift_share, thresholds))
    causes = [f"`{one.name}` ({one.cause})" for one in found.report.columns if one.name in columns]
    if causes:
        told.append(f"Most changed: {'; '.join(causes[:3])}.")
    if refilled:
        told.append(f"Filled in otherwise (missing values, or values of another type): {listed(refilled)}.")
    return " ".join([*told, promised(found)])


def _crossed(share: float, thresholds: Shares) -> str:
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
        return (
            f"Without drift, at most {promise.false_alarm_rate:.0%} of runs of {promise.horizon:,} contacts would show"
            " any."
        )
    return f"No false-alarm rate is promised here: {promise.why}."


def column_table(found: ContactBacktest) -> str:
    """The drifting columns of a window, at most those that its report describes; nothing where none drifts."""
    rows = [
        [f"`{one.name}`", one.test, figure(one.statistic), figure(one.threshold), one.cause]
        for one in found.report.columns
        if one.name in found.report.drifting
    ]
    return table(["column", "test", "statistic:", "threshold:", "what changed"], rows) if rows else ""


def figure(value: float) -> str:
    """A statistic; the evidence under a glaring drift is astronomical, and not to be told to its last digit.

    >>> figure(0.12345), figure(142_857.1), figure(1e90)
    ('0.123', '142,857', 'over 1,000,000')
    """
    return "over 1,000,000" if value > 1e6 else f"{value:,.0f}" if value >= 1_000 else f"{value:.3f}"


def whose_columns(found: ContactBacktest, filled_here: bool) -> str:
    """Whether it may be the enrichment that drifted, and not the people.

    Args:
        filled_here: whether the ``llm_*`` columns were filled by the offline rules.
    """
    columns = drifted(found, "data_drift")
    mine = [column for column in columns if column.startswith(LLM)]
    if not columns:
        return "No column drifts, so none of the enrichment's (`llm_*`) does."
    if not mine:
        return "None of the drifting columns is one of the enrichment's (`llm_*`)."
    told = f"Of the {counted(len(columns), 'drifting column')}, {len(mine)} are the enrichment's: {listed(mine, 8)}."
    if filled_here:
        return (
            f"{told} This file came without them, and the offline rules filled them in; so they compare one enrichment"
            " with another, and alone say nothing of the people."
        )
    return f"{told} They came with the file: ask whether the same model and prompts answered as for the reference."


def scenario_rows(runs: Runs, onset: int, about: Mapping[str, str]) -> list[list[str]]:
    """A row per scenario: drift share of the first whole window, and contacts to the first alert, by severity."""
    rows = []
    for name, by in runs.items():
        cells = [
            f"{_middle_share(found, onset):.0%} · {delay_told([delay(one, onset) for one in found])}"
            for found in by.values()
        ]
        strongest = drifted(list(by.values())[-1][0], "data_drift")
        rows.append([f"`{name}`", about[name], *cells, listed(strongest, 3) or "none"])
    return rows


def _middle_share(found: Sequence[ContactBacktest], onset: int) -> float:
    return float(np.median([share_after(one, onset) for one in found]))


def reaching(runs: Runs, onset: int, share: float) -> list[str]:
    """The scenarios whose drift share, in the median of the runs of the greatest severity, is at least this."""
    return [name for name, by in runs.items() if _middle_share(list(by.values())[-1], onset) >= share]


def share_after(found: ContactBacktest, onset: int) -> float:
    """The drift share of the first window without a contact from before the onset; 0 without such a window."""
    whole = zip(found.tested_at, found.drift_share, strict=True)
    return next((share for at, share in whole if at >= onset + found.config.window), 0.0)


def delay(found: ContactBacktest, onset: int) -> int | None:
    """Contacts from the onset to the first alert after it, None if there was none."""
    return next((alert.at_contact - onset for alert in found.began() if alert.at_contact > onset), None)


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


def scenarios(runs: Runs, onset: int, thresholds: Shares) -> str:
    """What the scenarios show at their greatest severity: which thresholds each crosses, and how soon that is told."""
    worst = {name: list(by.values())[-1] for name, by in runs.items()}
    investigate, alert = (reaching(runs, onset, share) for share in thresholds)
    some = reaching(runs, onset, 1e-9)
    bands = {
        f"{thresholds[1]:.0%} and more (*alert*)": alert,
        f"{thresholds[0]:.0%} and more (*investigate*)": [name for name in investigate if name not in alert],
        f"less than {thresholds[0]:.0%}": [name for name in some if name not in investigate],
        "no column": [name for name in worst if name not in some],
    }
    told = [f"At the greatest severity there drift {_banded(bands)}."]
    delays = {name: [delay(one, onset) for one in found] for name, found in worst.items()}
    known = {name: float(np.median([d for d in all_ if d])) for name, all_ in delays.items() if None not in all_}
    if known:
        first, last = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
        told.append(
            f"The first alert comes {known[first]:.0f} contacts after the onset (`{first}`) to {known[last]:.0f}"
            f" (`{last}`), in the median."
        )
    missed = [name for name, all_ in delays.items() if None in all_]
    if missed:
        told.append(f"Without an alert in at least one run: {listed(missed)}.")
    doubted = [name for name, found in worst.items() if any(not a.promise.holds for one in found for a in one.alerts)]
    if doubted:
        told.append(f"The monitor withdrew its promised rate of false alarms in {listed(doubted)}.")
    return " ".join(told)


def _banded(bands: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{band}: {listed(names, 9)}" for band, names in bands.items() if names)


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
    now, proofs = found.scores, found.findings.proofs["prediction_drift"].get(SCORE, [])
    early = ", but told by the sequential evidence, which sees more" if proofs and proofs[0].early else ""
    return (
        f"**{_moved(found, row.p_value)}**: Kolmogorov-Smirnov D = {row.statistic:.3f}, threshold {row.threshold:.3f},"
        f" p = {row.p_value:.2g}{early}. The median score is {np.median(now):.2f}, the reference's"
        f" {np.median(before):.2f}; {np.mean(now >= cut):.0%} are said to engage (score from {cut:.2f} on), of the"
        f" reference {np.mean(before >= cut):.0%}."
    )


def _moved(found: ContactBacktest, p: float) -> str:
    """The verdict on the scores; the threshold is one for a whole run of looks, so a single one may see more."""
    if found.findings.proofs["prediction_drift"]:
        return "The scores have moved"
    if p < CHANCE / len(found.columns):
        return "The scores have moved, but by less than the monitor raises an alert for"
    return "The scores have not moved by more than chance allows"


def health_rows(before: Floats, now: Floats) -> list[list[str]]:
    """Reference and file in the ranges that the operators of the original model watched, whose cut was .5."""
    watched = (
        ("share of scores from .5 on", 0.15, 0.40, lambda scores: np.mean(scores >= 0.5)),
        ("median score", 0.3, 0.7, np.median),
        ("95th percentile", 0.7, 1.0, lambda scores: np.quantile(scores, 0.95)),
    )
    rows = []
    for name, low, high, measure in watched:
        held = [float(measure(scores)) for scores in (before, now)]
        told = [f"{value:.2f}" + ("" if low <= value <= high else " (outside)") for value in held]
        rows.append([name, f"{low:g} to {high:g}", *told])
    return rows
