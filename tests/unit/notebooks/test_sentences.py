"""The notebook's sentences follow from what was found, whatever that is."""

from functools import cache

import numpy as np
import pytest

from model.evaluation import Interval, evaluate
from model.gate import GateDecision, decide
from monitor.config import EngineConfig
from monitor.contact_backtest import ContactBacktest, backtest_contacts
from monitor.engine import Engine
from notebooks import drift_sentences, model_sentences
from tests.backtested import looked_back, scorer, stream

SHARES = 0.2, 0.5


@cache
def whole(name: str, n: int = 300) -> ContactBacktest:
    """All contacts of a scenario as one window."""
    predictions, _ = stream(name, n, 0)
    return backtest_contacts(
        scorer()[0], predictions, [None] * n, engine=Engine(EngineConfig(window=n, pane=n, horizon=n))
    )


@pytest.mark.parametrize(
    ("scenario", "says", "crossed"),
    [
        ("no_drift_baseline", "None of the 19 columns differs", "at most 5% of runs of 300 contacts"),
        (
            "format_change",
            "1 of 19 columns differs from the reference: a drift share of 5%, level *monitor*",
            "below both",
        ),
        ("quality_degradation", "level *alert*.** So do not trust the scores", "beyond both thresholds, 20% and 50%"),
    ],
)
def test_the_headline_names_share_and_level_and_the_thresholds_crossed(scenario: str, says: str, crossed: str) -> None:
    told = drift_sentences.data_drift(whole(scenario), SHARES)
    assert says in told
    assert crossed in told


def test_a_column_that_drifts_is_named_with_what_changed() -> None:
    told = drift_sentences.data_drift(whole("format_change"), SHARES)
    assert "`companysize` (" in told
    assert "Filled in otherwise" in told


def test_only_columns_that_drift_are_tabled() -> None:
    told = drift_sentences.column_table(whole("format_change"))
    assert [line.split(" | ")[0] for line in told.split("\n")[2:]] == ["| `companysize`"]
    assert drift_sentences.column_table(whole("no_drift_baseline")) == ""


def test_columns_of_the_enrichment_are_blamed_on_whoever_filled_them() -> None:
    other_model, other_size = whole("llm_version_change"), whole("format_change")
    assert "the offline rules filled them in" in drift_sentences.whose_columns(other_model, filled_here=True)
    assert "came with the file" in drift_sentences.whose_columns(other_model, filled_here=False)
    assert drift_sentences.whose_columns(other_size, filled_here=True).startswith("None of the drifting columns")
    assert drift_sentences.whose_columns(whole("no_drift_baseline"), filled_here=True).startswith("No column drifts")


def test_scores_that_moved_are_told_from_those_that_did_not() -> None:
    before = np.array([0.3, 0.5])
    moved = drift_sentences.prediction_drift(whole("seniority_shift"), before, 0.4)
    still = drift_sentences.prediction_drift(whole("no_drift_baseline"), before, 0.4)
    assert moved.startswith("**The scores have moved**")
    assert still.startswith("**The scores have not moved by more than chance allows**")
    assert "of the reference 50%" in moved


def test_scenarios_are_told_by_the_share_they_reach_and_by_whether_they_are_found() -> None:
    names = "no_drift_baseline", "format_change", "quality_degradation"
    runs = {name: {1.0: [looked_back(name, n=1_100)]} for name in names}
    told = drift_sentences.scenarios(runs, 500, SHARES)
    assert "50% and more (*alert*): `quality_degradation`; less than 20%: `format_change`; no column" in told
    assert "Without an alert in at least one run: `no_drift_baseline`" in told
    rows = drift_sentences.scenario_rows(runs, 500, dict.fromkeys(names, "about"))
    assert rows[0][2] == "0% · never"
    assert rows[1][-1] == "`companysize`"
    assert drift_sentences.reaching(runs, 500, 0.5) == ["quality_degradation"]


@pytest.mark.parametrize(
    ("f1", "auc", "says"),
    [
        (Interval(0.7, 0.62, 0.8), Interval(0.7, 0.6, 0.8), ["beats always answering", "ranks better than chance"]),
        (Interval(0.6, 0.5, 0.7), Interval(0.5, 0.4, 0.6), ["cannot be told from always", "cannot be told to rank"]),
        (Interval(0.4, 0.3, 0.5), Interval(0.3, 0.2, 0.4), ["is worse than always", "ranks worse than chance"]),
    ],
)
def test_skill_is_claimed_only_where_the_interval_is_beyond_the_baseline(
    f1: Interval, auc: Interval, says: list[str]
) -> None:
    told = model_sentences.skill("here", {"f1": f1, "roc_auc": auc}, {"always engaged": {"f1": 0.6}})
    assert all(part in told for part in says)


def test_a_fall_is_beyond_chance_only_where_the_intervals_are_apart() -> None:
    before = {"f1": Interval(0.6, 0.55, 0.65), "roc_auc": Interval(0.7, 0.66, 0.74)}
    now = {"f1": Interval(0.5, 0.45, 0.56), "roc_auc": Interval(0.5, 0.45, 0.55)}
    told = model_sentences.against("here", before, now)
    assert "F1 fell from 0.600 to 0.500, which may be chance" in told
    assert "ROC-AUC fell from 0.700 to 0.500, beyond chance" in told


def test_accuracy_and_the_answers_without_skill_are_those_of_the_labels() -> None:
    scores, engaged = np.array([0.9, 0.8, 0.2, 0.6] * 25), np.array([1, 0, 0, 1] * 25)
    one = evaluate(scores, engaged, cut=0.5, seed=0)
    assert model_sentences.with_accuracy(one)["accuracy"].value == 0.75
    floors = model_sentences.without_skill(one)
    assert floors["always engaged"]["accuracy"] == 0.5
    assert floors["base rate"]["f1"] == 0.5
    assert floors["random score"]["accuracy"] == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    said, came = rng.random(100_000) < 0.3, rng.random(100_000) < 0.3
    guess = model_sentences.without_skill(evaluate(np.full(10, 0.4), np.array([1] * 3 + [0] * 7), cut=0.5, seed=0))
    assert guess["base rate"]["accuracy"] == pytest.approx((said == came).mean(), abs=0.01)


@pytest.mark.parametrize(
    ("engaged", "others", "enough"), [(100, 100, True), (10, 20, True), (9, 60, False), (0, 0, False)]
)
def test_labels_that_would_say_nothing_of_the_model_are_told_to_be_too_few(
    engaged: int, others: int, enough: bool
) -> None:
    labels = np.repeat([1, 0], [engaged, others])
    assert model_sentences.can_judge(labels) == enough
    assert ("too few to judge" in model_sentences.labelled(labels)) != enough
    assert f"{engaged} of them engaged" in model_sentences.labelled(labels)


def test_concept_drift_is_told_with_its_delay_or_not_at_all() -> None:
    assert "labels after the onset**" in model_sentences.concept(looked_back("concept_drift", labels=True), 500)
    calm = model_sentences.concept(looked_back("no_drift_baseline", labels=True))
    assert calm == "**No alert of concept drift** in 1,000 labels."
    few = model_sentences.concept(looked_back("no_drift_baseline", n=90, labels=True))
    assert "may take some 220 to be told" in few
    assert "Nobody can tell" in model_sentences.concept(looked_back("no_drift_baseline"))


def test_alerts_are_counted_and_the_gravest_named() -> None:
    found = looked_back("quality_degradation", n=1_200)
    assert "the gravest level is *retrain*" in model_sentences.alerts(found)
    told = model_sentences.alert_table(found.alerts)
    assert len(told.split("\n")) == 2 + len(found.alerts)
    assert "5 more state changes follow" in model_sentences.alert_table(found.alerts[:1] * 20)
    assert model_sentences.alert_table([]) == ""
    assert model_sentences.alerts(looked_back("no_drift_baseline")) == "**No alert** in 1,000 contacts."


def gate(better: float, labels: int) -> GateDecision:
    rng = np.random.default_rng(0)
    engaged = rng.integers(0, 2, labels)
    old, new = (
        np.clip(0.5 + (engaged - 0.5) * skill + rng.normal(0, 0.2, labels), 0.01, 0.99) for skill in (0.1, better)
    )
    return decide(old, new, engaged, seed=0)


@pytest.mark.parametrize(
    ("decision", "say", "step"),
    [
        (gate(0.6, 400), "**Promote the challenger**", "Let the retrainer promote it"),
        (gate(0.1, 400), "the challenger is rejected", "Leave the champion in place"),
        (gate(0.6, 100), "the challenger stays in shadow", "Collect labels: 150 are known and 100 of them held out"),
        (
            decide(np.full(300, 0.4), np.full(300, 0.5), np.zeros(300, np.int64), seed=0),
            "the challenger stays in shadow",
            "Wait for labels of the rarer kind",
        ),
        (None, "No challenger was trained", "Collect labels: 150 are known and 0 of them held out"),
    ],
)
def test_recommendation_and_next_step_follow_the_gate(decision: GateDecision | None, say: str, step: str) -> None:
    found = looked_back("no_drift_baseline")
    assert "calls for a retraining, by 2 kinds of alert" in model_sentences.recommendation(
        looked_back("quality_degradation", n=1_200), decision
    )
    assert say in model_sentences.recommendation(found, decision)
    assert "does not call for a retraining" in model_sentences.recommendation(found, decision)
    steps = model_sentences.next_steps(
        whole("no_drift_baseline"), found.alerts, decision, labelled=150, filled_here=True, thresholds=SHARES
    )
    assert steps.startswith(f"1. {step}")


def test_next_steps_depend_on_what_drifts() -> None:
    found = whole("quality_degradation")
    steps = model_sentences.next_steps(found, found.alerts, None, labelled=0, filled_here=True, thresholds=SHARES)
    assert "Ask whoever makes the export" in steps
    assert "Enrich the reference and this file in the same way" in steps
    assert "Do not rank by these scores" in steps
