"""One featuriser for training and serving."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.events import INPUTS, Contact, MonitoredColumns
from model.features import COLUMN_OF, FEATURES, Featuriser, monitored_columns, out_of_fold, role_flags

Contacts = list[tuple[Contact, int]]


def fitted(labelled: Contacts) -> Featuriser:
    return Featuriser.fit([c for c, _ in labelled], np.array([e for _, e in labelled]))


def test_every_feature_is_made_of_an_input() -> None:
    assert len(FEATURES) == 47
    assert set(COLUMN_OF.values()) <= set(INPUTS)


def test_rows_are_the_same_alone_and_in_a_batch(calm_contacts: Contacts) -> None:
    featuriser = fitted(calm_contacts)
    batch = [c for c, _ in calm_contacts[:200]]
    alone = np.concatenate([featuriser.transform([c]) for c in batch])
    np.testing.assert_array_equal(featuriser.transform(batch), alone)


def test_an_empty_contact_has_finite_features(calm_contacts: Contacts) -> None:
    bare = Contact(id="a", sent_at=calm_contacts[0][0].sent_at)
    assert np.isfinite(fitted(calm_contacts).transform([bare])).all()


def test_the_spec_survives_json(calm_contacts: Contacts) -> None:
    featuriser = fitted(calm_contacts)
    again = Featuriser.from_spec(json.loads(json.dumps(featuriser.to_spec())))
    contacts = [c for c, _ in calm_contacts[:100]]
    np.testing.assert_array_equal(again.transform(contacts), featuriser.transform(contacts))


def test_a_spec_of_other_features_is_refused(calm_contacts: Contacts) -> None:
    spec = fitted(calm_contacts).to_spec() | {"features": ["other"]}
    with pytest.raises(ValueError, match="retrain"):
        Featuriser.from_spec(spec)


def test_rare_and_unseen_categories_are_encoded_alike(calm_contacts: Contacts) -> None:
    featuriser = fitted(calm_contacts)
    when = calm_contacts[0][0].sent_at
    unseen = [Contact(id="a", sent_at=when, industry=name) for name in ("never seen", "nor this")]
    rows = featuriser.transform(unseen)
    np.testing.assert_array_equal(rows[0], rows[1])


def test_out_of_fold_encoding_does_not_know_the_label_of_its_row() -> None:
    rng = np.random.default_rng(0)
    when = datetime(2026, 1, 1, tzinfo=UTC)
    contacts = [Contact(id=str(n), sent_at=when, industry=f"sector {n % 60}") for n in range(900)]
    engaged = rng.integers(0, 2, 900)
    encoded = FEATURES.index("industry")
    honest = out_of_fold(contacts, engaged, seed=0)[:, encoded]
    in_fold = Featuriser.fit(contacts, engaged).transform(contacts)[:, encoded]
    assert np.corrcoef(in_fold, engaged)[0, 1] > 0.15, "in-fold encoding finds signal in noise"
    assert np.corrcoef(honest, engaged)[0, 1] < 0.1


@given(st.text(max_size=60))
def test_any_job_title_has_flags(title: str) -> None:
    assert set(role_flags(title)) <= {0, 1}


@pytest.mark.parametrize(
    ("title", "roles"),
    [
        ("Director", ["is_director"]),
        ("CTO", ["is_founder", "is_tech_role"]),
        ("vice president sales", ["is_director", "is_sales"]),
        ("leadership coach", []),
        ("Head of Growth", ["is_manager", "is_marketing"]),
    ],
)
def test_role_flags_match_whole_words(title: str, roles: list[str]) -> None:
    names = ("is_founder", "is_director", "is_manager", "is_sales", "is_marketing", "is_tech_role")
    assert [name for name, flag in zip(names, role_flags(title), strict=True) if flag] == roles


def test_the_monitor_sees_lengths_in_place_of_texts(calm_contacts: Contacts) -> None:
    contact = Contact(id="a", sent_at=calm_contacts[0][0].sent_at, summary="secret", jobtitle="CEO", industry="Retail")
    columns = monitored_columns(contact)
    assert columns.summary == 6
    assert columns.industry == "Retail"
    assert columns.skills is None
    assert "secret" not in str(columns)


def test_the_monitored_columns_are_the_inputs_of_a_contact() -> None:
    assert MonitoredColumns.__struct_fields__ == INPUTS
