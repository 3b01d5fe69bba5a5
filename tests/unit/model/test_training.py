"""Training and the graph that comes of it."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from driftline.events import Contact
from model import onnx_export
from model.onnx_export import ExportError, export, to_onnx
from model.onnx_scorer import OnnxScorer
from model.training import CANDIDATES, Candidate, Trained, train

Contacts = list[tuple[Contact, int]]
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=CANDIDATES, ids=lambda candidate: candidate.name)
def trained(request: pytest.FixtureRequest, calm_contacts: Contacts) -> Trained:
    return train(calm_contacts[:1_000], seed=0, candidates=[request.param])


def test_the_graph_computes_what_was_trained(trained: Trained, calm_contacts: Contacts) -> None:
    features = trained.featuriser.transform([contact for contact, _ in calm_contacts])
    graph = export(trained, features, seed=1)
    scores = OnnxScorer(graph, features.shape[1]).score(features)
    assert np.abs(scores - trained.score(features)).max() < 1e-5


def test_a_feature_at_a_trees_threshold_goes_the_same_way_in_the_graph(trained: Trained) -> None:
    width = len(trained.featuriser.features)
    if hasattr(trained.estimator, "steps"):
        thresholds = np.linspace(-3, 3, 50)
    else:
        nodes = np.concatenate([tree[0].nodes for tree in trained.estimator._predictors])
        thresholds = np.unique(nodes["num_threshold"][nodes["is_leaf"] == 0])
    near = thresholds.astype(np.float32)
    around = np.concatenate([near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))])
    rows = np.repeat(around[:, None], width, axis=1)
    scores = OnnxScorer(to_onnx(trained), width).score(rows)
    assert np.abs(scores - trained.score(rows)).max() < 1e-5


def test_a_graph_that_differs_from_the_model_is_not_exported(
    trained: Trained, calm_contacts: Contacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = trained.featuriser.transform([contact for contact, _ in calm_contacts[:200]])
    wrong = to_onnx(replace(trained, shift=trained.shift + 0.001))
    monkeypatch.setattr(onnx_export, "to_onnx", lambda _: wrong)
    with pytest.raises(ExportError, match="not registered"):
        export(trained, features, seed=0)


def test_scores_are_probabilities(calm_contacts: Contacts) -> None:
    trained = train(calm_contacts[:1_500], seed=0)
    later = calm_contacts[1_500:]
    scores = trained.score(trained.featuriser.transform([contact for contact, _ in later]))
    engaged = np.array([label for _, label in later])
    margins = np.log(scores / (1 - scores))[:, None]
    calibration = LogisticRegression(C=1e6).fit(margins, engaged)
    assert calibration.coef_[0, 0] == pytest.approx(1.0, abs=0.25)
    assert scores.mean() == pytest.approx(engaged.mean(), abs=0.03)


def test_the_simplest_candidate_within_one_standard_error_of_the_best_is_taken(calm_contacts: Contacts) -> None:
    alike = [Candidate(name, CANDIDATES[1].make) for name in ("first", "second")]
    assert train(calm_contacts[:300], seed=0, candidates=alike).chosen == "first"
    hopeless = Candidate("hopeless", lambda seed: CANDIDATES[0].make(seed).set_params(logisticregression__C=1e-9))
    assert train(calm_contacts[:1_500], seed=0, candidates=[hopeless, CANDIDATES[1]]).chosen == CANDIDATES[1].name


def test_what_counts_more_is_learnt_better(calm_contacts: Contacts, shifted_contacts: Contacts) -> None:
    both = [*calm_contacts[:900], *shifted_contacts[:300]]
    heavy = np.concatenate([np.ones(900), np.full(300, 20.0)])
    judges = shifted_contacts[300:]
    engaged = np.array([label for _, label in judges])

    def loss(trained: Trained) -> float:
        scores = trained.score(trained.featuriser.transform([contact for contact, _ in judges]))
        return float(-np.log(np.where(engaged == 1, scores, 1 - scores)).mean())

    assert loss(train(both, seed=0, weights=heavy)) < loss(train(both, seed=0))


@pytest.mark.parametrize(
    ("contacts", "words"),
    [
        (lambda some: some[:5], "5 labelled contacts are too few"),
        (lambda some: [(contact, 1) for contact, _ in some], "200 of 200 labelled contacts engaged"),
        (lambda some: [(contact, 0) for contact, _ in some], "0 of 200 labelled contacts engaged"),
        (lambda some: [(Contact(id=contact.id, sent_at=WHEN), engaged) for contact, engaged in some], "all alike"),
    ],
    ids=["5 rows", "all engaged", "nobody engaged", "all features missing"],
)
def test_what_cannot_be_trained_on_is_told(calm_contacts: Contacts, contacts: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        train(contacts(calm_contacts[:200]), seed=0)  # type: ignore[operator]
