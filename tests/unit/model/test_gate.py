"""What the gate decides in clear cases, and what it says; how often it errs is in tests/statistical/test_gate.py."""

import numpy as np
import pytest
from scipy.special import expit, logit

from model.gate import LARGE_SEGMENT, MARGIN, decide
from tests.rivals import MIDDLING, STRONG, WEAK, rivals


def test_a_challenger_that_says_the_same_is_never_promoted() -> None:
    for seed in range(20):
        made = rivals(seed, 300, MIDDLING, MIDDLING)
        verdict = decide(made.champion, made.champion.copy(), made.engaged, seed=seed)
        assert (verdict.decision, verdict.delta_auc, verdict.interval) == ("rejected", 0.0, (0.0, 0.0))


def test_a_better_challenger_is_promoted_with_its_evidence() -> None:
    made = rivals(0, 1_000, WEAK, STRONG)
    verdict = decide(made.champion, made.challenger, made.engaged, seed=0)
    assert verdict.decision == "promoted"
    assert verdict.why.startswith("it ranks and predicts better beyond chance on 1000 held-out contacts")
    assert verdict.evidence["delta_auc"] == (verdict.delta_auc, *verdict.interval)
    assert set(verdict.evidence) == {
        "delta_auc", "log_loss_gain", "champion roc_auc", "challenger roc_auc", "champion log_loss",
        "challenger log_loss",
    }  # fmt: skip
    for figure in ("roc_auc", "log_loss"):
        for who in ("champion", "challenger"):
            assert verdict.metrics[f"{who}_{figure}"] == pytest.approx(verdict.evidence[f"{who} {figure}"][0])
    assert all(low <= value <= high for value, low, high in verdict.evidence.values())


def test_a_worse_challenger_is_rejected() -> None:
    made = rivals(0, 1_000, STRONG, WEAK)
    verdict = decide(made.champion, made.challenger, made.engaged, seed=0)
    assert verdict.decision == "rejected"
    assert "not better beyond chance" in verdict.why


def test_one_that_ranks_alike_and_is_better_calibrated_is_promoted() -> None:
    made = rivals(0, 1_000, STRONG, STRONG)
    exaggerated = expit(3 * logit(made.champion))
    verdict = decide(exaggerated, made.champion, made.engaged, seed=0)
    assert (verdict.decision, verdict.delta_auc) == ("promoted", 0.0)
    assert verdict.why.startswith("it predicts better")


def test_one_that_ranks_better_and_predicts_worse_is_rejected() -> None:
    made = rivals(0, 1_000, WEAK, STRONG)
    verdict = decide(made.champion, expit(8 * logit(made.challenger)), made.engaged, seed=0)
    assert verdict.decision == "rejected"
    assert verdict.why.startswith("it ranks better but predicts worse")


@pytest.mark.parametrize(
    ("labels", "engaged", "said"),
    [
        (0, 0, "0 held-out labels are too few"),
        (1, 1, "1 held-out labels are too few"),
        (199, 80, "199 held-out labels are too few"),
        (500, 0, "0 held-out labels of one class are too few"),
        (500, 500, "0 held-out labels of one class are too few"),
        (500, 9, "9 held-out labels of one class are too few"),
    ],
)
def test_too_few_labels_keep_a_challenger_in_shadow(labels: int, engaged: int, said: str) -> None:
    label = np.arange(labels) < engaged
    surely = np.where(label, 0.99, 0.01)
    verdict = decide(np.full(labels, 0.5), surely, label.astype(np.int64), seed=0)
    assert (verdict.decision, verdict.labels) == ("shadow", labels)
    assert said in verdict.why
    assert bool(verdict.evidence) == bool(labels)


def test_how_many_labels_are_needed_can_be_said() -> None:
    made = rivals(0, 150, WEAK, STRONG)
    assert decide(made.champion, made.challenger, made.engaged, seed=0, min_labels=150).decision != "shadow"


@pytest.mark.parametrize(("members", "decision"), [(LARGE_SEGMENT, "rejected"), (LARGE_SEGMENT - 1, "promoted")])
def test_a_large_segment_where_it_is_worse_stops_a_better_challenger(members: int, decision: str) -> None:
    made = rivals(0, 1_500, WEAK, STRONG)
    entry = np.arange(1_500) < members
    inverted = np.where(entry, 1 - made.challenger, made.challenger)
    segments = {"llm_seniority": np.where(entry, "Entry", "Mid").tolist(), "llm_geography": [None] * 1_500}
    verdict = decide(made.champion, inverted, made.engaged, seed=0, segments=segments)
    assert verdict.decision == decision
    assert ("worse where llm_seniority=Entry" in verdict.why) == (decision == "rejected")
    assert ("segment llm_seniority=Entry log_loss_gain" in verdict.evidence) == (members >= LARGE_SEGMENT)
    assert "segment llm_geography=(missing) log_loss_gain" in verdict.evidence


def test_a_segment_may_lose_less_than_the_margin_however_surely() -> None:
    made = rivals(0, 4_000, WEAK, STRONG)
    entry = np.arange(4_000) < 2_000
    a_little_worse = expit(logit(made.champion) * 1.35)
    challenger = np.where(entry, a_little_worse, made.challenger)
    segments = {"llm_seniority": np.where(entry, "Entry", "Mid").tolist()}
    verdict = decide(made.champion, challenger, made.engaged, seed=0, segments=segments)
    value, _, high = verdict.evidence["segment llm_seniority=Entry log_loss_gain"]
    assert -MARGIN < value < 0
    assert verdict.decision == "promoted", (value, high)


def test_the_same_seed_decides_the_same() -> None:
    made = rivals(0, 400, WEAK, STRONG)
    verdicts = [decide(made.champion, made.challenger, made.engaged, seed=4) for _ in range(2)]
    assert verdicts[0] == verdicts[1]
