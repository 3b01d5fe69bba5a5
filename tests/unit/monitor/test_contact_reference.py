"""What is watched of a contact: features, inputs as they came, and the score."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
import pandas as pd
import pytest

from consumers.scoring import ScoringModel, score_contacts
from driftline.events import Alert, Contact, Prediction
from model.bundle import Bundle
from model.features import FEATURE_SETS
from model.onnx_scorer import OnnxScorer
from model.retrain import Maker
from monitor import DriftMonitor, Reference
from monitor.contact_reference import WATCHED, Watched, encode, reference_of
from monitor.engine import Engine
from monitor.panes import PaneBuilder
from monitor.state import EngineState
from producers.scenarios import SCENARIOS

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=list(FEATURE_SETS.values()), ids=list(FEATURE_SETS))
def bundle(request: pytest.FixtureRequest) -> Bundle:
    base = list(SCENARIOS["no_drift_baseline"].contacts(1_500, seed=1, start=START))
    return Maker(seed=0, now=START, feature_set=request.param).first_champion(base).bundle.with_version("1")


@pytest.fixture(scope="module")
def reference(bundle: Bundle) -> Reference:
    return reference_of(bundle)


@pytest.fixture(scope="module")
def watched(bundle: Bundle) -> Watched:
    return WATCHED[bundle.featuriser.feature_set.name]


@pytest.fixture(scope="module")
def scored(bundle: Bundle) -> Callable[[Sequence[Contact]], list[Prediction]]:
    model = ScoringModel("1", bundle.featuriser, OnnxScorer(bundle.onnx, len(bundle.featuriser.features)))
    return lambda contacts: score_contacts(contacts, range(len(contacts)), model)


def calm(n: int, seed: int = 3) -> list[Contact]:
    return [contact for contact, _ in SCENARIOS["no_drift_baseline"].contacts(n, seed=seed, start=START)]


def fold(reference: Reference, predictions: Sequence[Prediction]) -> list[Alert]:
    """The alerts of a partition of predictions, as the worker folds them."""
    builder: PaneBuilder[None] = PaneBuilder(50)
    for prediction in predictions:
        builder.add(0, prediction, None)
    engine, state = Engine(), EngineState()
    alerts: list[Alert] = []
    for done in builder.finished(lambda _, contacts: encode(reference, contacts).tobytes()):
        for pane in done.panes:
            step = engine.step(state, pane, reference)
            state, alerts = step.state, alerts + step.alerts
    return alerts


def test_every_feature_the_score_and_every_input_are_watched(reference: Reference, watched: Watched) -> None:
    assert tuple(feature.name for feature in reference.features) == watched.names
    assert set(Contact.__struct_fields__[4:]) == set(watched.columns) - {"score"}
    columns = dict(zip(watched.names, watched.columns, strict=True))
    assert columns.items() > watched.feature_set.column_of.items()


def test_the_stream_is_coded_as_the_reference_was(bundle: Bundle, reference: Reference, watched: Watched) -> None:
    rows = [
        Prediction(
            contact_id="c", source_offset=n, model_version="1", score=float(row[-1]), features=row[:-1].tolist(),
            columns=inputs, sent_at=START,
        )
        for n, (row, inputs) in enumerate(zip(bundle.reference, bundle.inputs, strict=True))
    ]  # fmt: skip
    codes = encode(reference, rows)
    for j, feature in enumerate(reference.features):
        counts = np.bincount(codes[:, j], minlength=feature.size)
        assert counts[-2] == feature.missing
        assert counts[-3 if watched.names[j].startswith("raw_") else -1] == 0


def test_a_change_of_format_that_the_featuriser_hides_is_told_by_the_input(
    reference: Reference, scored: Callable[[Sequence[Contact]], list[Prediction]]
) -> None:
    contacts = calm(1_500)
    changed = [
        msgspec.structs.replace(contact, companysize="137" if contact.companysize else None)
        for contact in contacts[1_000:]
    ]
    alerts = {alert.kind: alert for alert in reversed(fold(reference, scored([*contacts[:1_000], *changed])))}
    quality = alerts["data_quality"]
    assert 1_000 < quality.at_contact <= 1_030
    assert quality.columns[0].name == "companysize"
    assert quality.columns[0].features[0] == "raw_companysize"
    assert quality.columns[0].cause.startswith("numbers among text, share up from 0.00 to ")


def test_gaps_that_the_featuriser_fills_are_told(
    reference: Reference, scored: Callable[[Sequence[Contact]], list[Prediction]]
) -> None:
    contacts = calm(1_500)
    gaps = [msgspec.structs.replace(contact, companyfoundedon=None) for contact in contacts[1_000:]]
    alerts = fold(reference, scored([*contacts[:1_000], *gaps]))
    told = [alert.columns[0] for alert in alerts if alert.kind == "data_quality"]
    assert told[0].name == "companyfoundedon"
    assert told[0].cause.endswith(" to 1.00")


def test_panes_and_rows_of_a_frame_give_the_same_alerts(
    bundle: Bundle, watched: Watched, scored: Callable[[Sequence[Contact]], list[Prediction]]
) -> None:
    drifted = SCENARIOS["sector_shift"].contacts(2_000, seed=5, start=START, onset=1_000)
    predictions = scored([contact for contact, _ in drifted])
    columns = dict(zip(watched.names, watched.columns, strict=True))
    past = frame(watched, bundle.reference[:, :-1], bundle.reference[:, -1], bundle.inputs)
    monitor = DriftMonitor(Reference.from_frame(past, columns))
    features = np.array([one.features for one in predictions], np.float32)
    scores = np.array([one.score for one in predictions], np.float32)
    alerts = monitor.update(frame(watched, features, scores, [one.columns for one in predictions]))
    through_panes = fold(reference_of(bundle), predictions)
    assert len(alerts) >= 3
    assert [comparable(alert) for alert in alerts] == [comparable(alert) for alert in through_panes]


def frame(watched: Watched, features: np.ndarray, scores: np.ndarray, inputs: Sequence[msgspec.Struct]) -> pd.DataFrame:
    """The watched columns as a user would lay them out."""
    table = pd.DataFrame(features.astype(np.float64), columns=list(watched.feature_set.features)).assign(
        score=scores.astype(np.float64)
    )
    as_they_came = {**watched.with_gaps, **{f"raw_{column}": column for column in watched.raw}}
    for name, column in as_they_came.items():
        table[name] = [getattr(one, column) for one in inputs]
    return table[list(watched.names)]


def comparable(alert: Alert) -> tuple[object, ...]:
    """What must not depend on the way in: all but times, offsets and versions."""
    return alert.kind, alert.state, alert.level, alert.at_contact, alert.drift_share, alert.columns, alert.summary


def test_features_of_another_width_are_missing_and_told(
    reference: Reference, scored: Callable[[Sequence[Contact]], list[Prediction]]
) -> None:
    predictions = scored(calm(300))
    cut = [msgspec.structs.replace(one, features=one.features[:10]) for one in predictions[200:]]
    alerts = fold(reference, [*predictions[:200], *cut])
    assert "data_quality" in {alert.kind for alert in alerts}
