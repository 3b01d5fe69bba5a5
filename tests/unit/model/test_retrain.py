"""Training, the bundle and the gate."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from driftline.events import Contact
from model.bundle import Bundle
from model.evaluation import log_losses, roc_auc
from model.gate import decide
from model.onnx_export import logistic_graph
from model.onnx_scorer import OnnxScorer
from model.retrain import is_held_out, retrain, train_first_champion
from model.training import train

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def champion(calm_contacts: Contacts) -> Bundle:
    return train_first_champion(calm_contacts, seed=0, now=NOW).with_version("1")


def test_the_graph_computes_what_was_trained(calm_contacts: Contacts, champion: Bundle) -> None:
    trained = train(calm_contacts[:2000], seed=0)
    features = trained.featuriser.transform([c for c, _ in calm_contacts])
    by_hand = 1 / (1 + np.exp(-(features.astype(np.float64) @ trained.coefficients + trained.intercept)))
    scores = OnnxScorer(logistic_graph(trained.coefficients, trained.intercept)).score(features)
    assert np.abs(scores - by_hand).max() < 1e-5


def test_training_is_reproducible(calm_contacts: Contacts, champion: Bundle) -> None:
    again = train_first_champion(calm_contacts, seed=0, now=NOW).with_version("1")
    assert again.to_bytes() == champion.to_bytes()


def test_a_bundle_survives_its_bytes_and_stays_small(champion: Bundle) -> None:
    again = Bundle.from_bytes(champion.to_bytes())
    assert again.reference_id == champion.reference_id
    np.testing.assert_array_equal(again.reference, champion.reference)
    assert again.inputs == champion.inputs
    assert len(champion.to_bytes()) < 300_000


@pytest.mark.parametrize("data", [b"", b"not a bundle"])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a model bundle"):
        Bundle.from_bytes(data)


def test_seventy_percent_of_contacts_are_held_out_for_good() -> None:
    share = np.mean([is_held_out(f"contact {n}") for n in range(20_000)])
    assert share == pytest.approx(0.7, abs=0.02)


def test_no_contact_both_trains_and_judges(
    calm_contacts: Contacts, shifted_contacts: Contacts, champion: Bundle
) -> None:
    made = retrain(calm_contacts, shifted_contacts, champion, seed=0, now=NOW, min_labels=200)
    held_out = sum(is_held_out(contact.id) for contact, _ in shifted_contacts)
    assert made.verdict.labels == held_out
    assert made.challenger.trained_on == len(calm_contacts) + len(shifted_contacts) - held_out
    assert len(made.challenger.reference) == held_out


def test_a_challenger_that_knows_the_new_sectors_is_promoted(
    calm_contacts: Contacts, shifted_contacts: Contacts, champion: Bundle
) -> None:
    verdict = retrain(calm_contacts, shifted_contacts, champion, seed=0, now=NOW, min_labels=200).verdict
    assert verdict.decision == "promoted"
    assert verdict.interval[0] > 0


def test_too_few_labels_keep_a_challenger_in_shadow(calm_contacts: Contacts, champion: Bundle) -> None:
    verdict = retrain(calm_contacts, calm_contacts[:150], champion, seed=0, now=NOW, min_labels=200).verdict
    assert verdict.decision == "shadow"
    assert "too few" in verdict.why


def test_a_worse_challenger_is_rejected() -> None:
    rng = np.random.default_rng(0)
    engaged = rng.integers(0, 2, 500)
    good = np.clip(0.5 + 0.2 * (engaged - 0.5) + rng.normal(0, 0.1, 500), 0.01, 0.99)
    verdict = decide(good, rng.uniform(size=500), engaged, seed=0)
    assert verdict.decision == "rejected"


def test_metrics_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    engaged, scores = rng.integers(0, 2, 300), rng.uniform(0.01, 0.99, 300).round(1).clip(0.05, 0.95)
    assert roc_auc(scores, engaged) == pytest.approx(roc_auc_score(engaged, scores))
    assert log_losses(scores, engaged).mean() == pytest.approx(log_loss(engaged, scores))


def test_too_little_to_train_on_is_said(calm_contacts: Contacts) -> None:
    with pytest.raises(ValueError, match="too few"):
        train(calm_contacts[:20], seed=0)
