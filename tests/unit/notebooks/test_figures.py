"""The notebook's figures can be drawn of whatever was found, also of little."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from model.evaluation import evaluate, log_losses
from model.gate import decide
from monitor.config import EngineConfig
from monitor.contact_backtest import ContactBacktest, backtest_contacts
from monitor.engine import Engine
from notebooks import matplotlib_drift, matplotlib_skill
from notebooks.model_sentences import with_accuracy, without_skill
from tests.backtested import looked_back, scorer, stream

THRESHOLDS = (0.2, "investigate"), (0.5, "alert")


def short(n: int) -> ContactBacktest:
    """Few contacts, a window of half of them."""
    predictions, _ = stream("format_change", n, 0)
    engine = Engine(EngineConfig(window=n // 2, pane=n // 2))
    return backtest_contacts(scorer()[0], predictions, [None] * n, engine=engine)


def told(figure: Figure) -> str:
    """The figure's words; it has been drawn then."""
    content = io.StringIO()
    figure.savefig(content, format="svg")
    return " ".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


@pytest.mark.parametrize("shown", [1, 3, 9])
def test_columns_are_drawn_beside_the_reference(shown: int) -> None:
    distributions = looked_back("quality_degradation").report.distributions[:shown]
    words = told(matplotlib_drift.columns_beside_reference(distributions, {}, "the title"))
    assert all(found.column in words for found in distributions[:6])


def test_scenarios_have_a_panel_each_and_both_thresholds() -> None:
    runs = {name: {0.5: looked_back(name), 1.0: looked_back(name)} for name in ("sector_shift", "format_change")}
    words = told(matplotlib_drift.scenario_panels(runs, 500, THRESHOLDS, "the title"))
    for part in ("sector shift", "format change", "investigate from 20%", "alert from 50%", "severity 0.5"):
        assert part in words


def test_columns_over_their_threshold_have_their_figure_in_the_matrix() -> None:
    found = looked_back("format_change")
    words = told(matplotlib_drift.columns_by_stream({"format_change": found}, "the title"))
    assert f"{found.report.strengths['companysize']:.1f}" in words


def test_scores_are_drawn_with_the_cut() -> None:
    found = looked_back("sector_shift")
    scores = {"reference": np.array([0.2, 0.4]), "this file": found.scores}
    assert "cut 0.32" in told(matplotlib_drift.score_shift(found.report.distributions[0], scores, 0.32, "the title"))


@pytest.mark.parametrize("found", [looked_back("no_drift_baseline"), short(20)], ids=["no alert", "few contacts"])
def test_alerts_are_drawn_also_where_there_are_none_or_few_contacts(found: ContactBacktest) -> None:
    words = told(matplotlib_drift.alert_timeline(found, THRESHOLDS, "the title"))
    assert ("no alert" in words) == (not found.alerts)


def test_the_stretches_of_an_alert_are_its_levels_one_after_the_other() -> None:
    found = looked_back("quality_degradation", n=1_200)
    stretches = matplotlib_drift._stretches(found, "data_drift")
    assert [level for _, _, level in stretches][-1] == "retrain"
    assert [end for _, end, _ in stretches[:-1]] == [begin for begin, _, _ in stretches[1:]]
    assert stretches[-1][1] == 1_200


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_the_models_worth_is_drawn_with_baselines(streams: int) -> None:
    scores, engaged = looked_back("concept_drift", labels=True).labelled()
    worth = {f"stream {n}": evaluate(scores, engaged, cut=0.3, seed=0, resamples=50) for n in range(streams)}
    assert "1,000 labels" in told(matplotlib_skill.confusion_matrices(worth, "the title"))
    figures = {name: {m: with_accuracy(one)[m] for m in ("f1", "accuracy")} for name, one in worth.items()}
    floors = {name: without_skill(one) for name, one in worth.items()}
    words = told(matplotlib_skill.measures(figures, floors, "the title"))
    assert all(part in words for part in ("F1", "always engaged", "base rate", "random score"))


@pytest.mark.parametrize("alerted", [True, False])
def test_losses_are_drawn_with_the_alert_if_there_is_one(alerted: bool) -> None:
    found = looked_back("concept_drift", labels=True)
    alert = found.began()[0] if alerted else None
    losses = {"drift": log_losses(*found.labelled())}
    words = told(matplotlib_skill.rolling_loss(losses, 500, {"on the reference": 0.6}, alert, "the title"))
    assert ("alert after" in words) == alerted


def test_the_gates_evidence_is_drawn_also_without_labels() -> None:
    none = decide(np.array([]), np.array([]), np.array([], np.int64), seed=0)
    some = decide(np.array([0.1, 0.9]), np.array([0.2, 0.8]), np.array([0, 1]), seed=0)
    assert "shadow" in told(matplotlib_skill.gate_evidence({"this_file": none, "other": some}, "the title"))
