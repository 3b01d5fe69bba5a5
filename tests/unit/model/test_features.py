"""One featuriser for training and serving, of two named feature sets."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.events import INPUTS, Contact, MonitoredColumns
from model.encoding import ContactTable, fit_featuriser
from model.features import DRIFTLINE, ENCODED, FEATURE_SETS, ORIGINAL, FeatureSet, monitored_columns, role_flags
from model.featuriser import Featuriser

Contacts = list[tuple[Contact, int]]
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
each_set = pytest.mark.parametrize("feature_set", FEATURE_SETS.values(), ids=FEATURE_SETS)

texts = (
    st.none()
    | st.sampled_from(["", "Entry", "UNKNOWN", "other", "37", "10-Feb", "CEO, CTO", "Paris", "a,b,c"])
    | st.text(max_size=30)
)
wild_contacts = st.builds(
    Contact,
    id=st.just("a"),
    sent_at=st.just(WHEN),
    llm_quality=st.none() | st.floats(0, 100),
    llm_engagement=st.none() | st.floats(0, 1),
    llm_decision_maker=st.none() | st.floats(0, 1),
    llm_company_fit=st.none() | st.floats(0, 2),
    companyfoundedon=st.none() | st.floats(0, 2200),
    **{
        name: texts
        for name in INPUTS
        if name not in ("llm_quality", "llm_engagement", "llm_decision_maker", "llm_company_fit", "companyfoundedon")
    },
)


@pytest.fixture(scope="module")
def fitted(calm_contacts: Contacts) -> dict[str, Featuriser]:
    contacts, engaged = [c for c, _ in calm_contacts], np.array([e for _, e in calm_contacts])
    return {name: fit_featuriser(contacts, engaged, feature_set) for name, feature_set in FEATURE_SETS.items()}


def bare(**columns: object) -> Contact:
    return Contact(id="a", sent_at=WHEN, **columns)  # type: ignore[arg-type]


def test_the_original_set_has_its_47_columns_in_their_order() -> None:
    assert len(ORIGINAL.features) == 47
    assert ORIGINAL.features[:5] == (
        "llm_quality",
        "llm_engagement",
        "llm_decision_maker",
        "llm_industry",
        "llm_company_fit",
    )
    assert ORIGINAL.features[-1] == "companytype_UNKNOWN"


@each_set
def test_every_feature_is_made_of_an_input_and_every_input_is_used(feature_set: FeatureSet) -> None:
    assert set(feature_set.column_of.values()) == set(INPUTS)
    assert len(set(feature_set.features)) == len(feature_set.features)
    assert len(feature_set.raw_row(bare())) == len(feature_set.features)


@each_set
def test_rows_are_the_same_bit_for_bit_alone_in_a_batch_and_in_training(
    feature_set: FeatureSet, fitted: dict[str, Featuriser], calm_contacts: Contacts, shifted_contacts: Contacts
) -> None:
    contacts = [c for c, _ in calm_contacts]
    engaged = np.array([e for _, e in calm_contacts])
    featuriser = fitted[feature_set.name]
    batch = featuriser.transform(contacts)
    np.testing.assert_array_equal(np.concatenate([featuriser.transform([c]) for c in contacts[:300]]), batch[:300])
    table = ContactTable([*contacts, *(c for c, _ in shifted_contacts)], feature_set)
    learnt = table.fit(np.arange(len(contacts)), np.concatenate([engaged, np.ones(len(shifted_contacts), int)]))
    everyone = featuriser.transform([*contacts, *(c for c, _ in shifted_contacts)])
    np.testing.assert_array_equal(table.transform(learnt, np.arange(len(table))), everyone)


@each_set
@settings(max_examples=150, deadline=None)
@given(contact=wild_contacts)
def test_whatever_stands_in_a_contact_its_row_is_finite_and_survives_json(
    feature_set: FeatureSet, fitted: dict[str, Featuriser], contact: Contact
) -> None:
    featuriser = fitted[feature_set.name]
    again = Featuriser.from_spec(json.loads(json.dumps(featuriser.to_spec())))
    row = featuriser.transform([contact])
    assert row.dtype == np.float32
    assert np.isfinite(row).all()
    np.testing.assert_array_equal(again.transform([contact]), row)


def test_a_spec_of_other_features_is_refused(fitted: dict[str, Featuriser]) -> None:
    spec = fitted["driftline"].to_spec()
    for wrong in ({"features": ["other"]}, {"feature_set": "another"}):
        with pytest.raises(ValueError, match="retrain"):
            Featuriser.from_spec(spec | wrong)


@each_set
@pytest.mark.parametrize("column", ENCODED)
def test_unseen_and_rare_categories_are_encoded_alike_and_missing_ones_apart(
    feature_set: FeatureSet, fitted: dict[str, Featuriser], column: str
) -> None:
    featuriser = fitted[feature_set.name]
    place = feature_set.features.index(column)
    rows = featuriser.transform([bare(**{column: text}) for text in ("never seen", "nor this", None)])[:, place]
    assert rows[0] == rows[1] == np.float32(featuriser.rates[column]["__other__"])
    assert "never seen" not in featuriser.rates[column]
    if "__missing__" in featuriser.rates[column]:
        assert rows[2] == np.float32(featuriser.rates[column]["__missing__"])


def test_an_unseen_value_of_a_one_hot_sets_no_flag_and_is_not_missing(fitted: dict[str, Featuriser]) -> None:
    featuriser = fitted["driftline"]
    of_type = [j for j, (name, column) in enumerate(DRIFTLINE.column_of.items()) if column == "companytype"]
    unseen, missing, known = featuriser.transform([bare(companytype=t) for t in ("Cooperative", None, "Nonprofit")])
    assert unseen[of_type].sum() == 0
    assert [DRIFTLINE.features[j] for j in of_type if missing[j]] == ["companytype_missing"]
    assert [DRIFTLINE.features[j] for j in of_type if known[j]] == ["companytype_Nonprofit"]


@pytest.mark.parametrize(
    ("written", "people"),
    [("11-50", 23.5), ("37", 37), ("37.0", 37), ("11–50 employees", 23.5), ("Nov-50", 23.5), ("10,001+", 20_002)],
)
def test_the_size_of_a_company_is_a_number_however_it_is_written(
    fitted: dict[str, Featuriser], written: str, people: float
) -> None:
    place = DRIFTLINE.features.index("companysize_log2")
    row = fitted["driftline"].transform([bare(companysize=written)])[0]
    expected = min(np.log2(people), fitted["driftline"].ranges["companysize_log2"][1])
    assert row[place] == pytest.approx(expected, abs=0.01)


def test_a_size_in_words_that_say_none_is_as_good_as_missing_but_not_flagged_so(fitted: dict[str, Featuriser]) -> None:
    size, flag = (DRIFTLINE.features.index(name) for name in ("companysize_log2", "companysize_missing"))
    said, missing = fitted["driftline"].transform([bare(companysize=text) for text in ("quite a few", None)])
    assert said[size] == missing[size] == np.float32(fitted["driftline"].medians["companysize_log2"])
    assert (said[flag], missing[flag]) == (0, 1)


def test_numbers_beyond_the_training_are_moved_to_its_edge(fitted: dict[str, Featuriser]) -> None:
    featuriser = fitted["driftline"]
    place = DRIFTLINE.features.index("summary_length")
    row = featuriser.transform([bare(summary="x" * 50_000)])[0]
    assert row[place] == np.float32(featuriser.ranges["summary_length"][1]) < 50_000


@pytest.mark.parametrize("year", [None, 0.0, 20.0, 2150.0])
def test_a_year_that_cannot_be_is_the_median(fitted: dict[str, Featuriser], year: float | None) -> None:
    place = DRIFTLINE.features.index("companyfoundedon")
    row = fitted["driftline"].transform([bare(companyfoundedon=year)])[0]
    assert row[place] == np.float32(fitted["driftline"].medians["companyfoundedon"])


def test_out_of_fold_encoding_does_not_know_the_label_of_its_row() -> None:
    rng = np.random.default_rng(0)
    contacts = [Contact(id=str(n), sent_at=WHEN, industry=f"sector {n % 60}") for n in range(900)]
    engaged = rng.integers(0, 2, 900)
    table, rows, encoded = ContactTable(contacts), np.arange(900), DRIFTLINE.features.index("industry")
    honest = table.out_of_fold(rows, engaged, seed=0)[:, encoded]
    in_fold = table.transform(table.fit(rows, engaged), rows)[:, encoded]
    assert np.corrcoef(in_fold, engaged)[0, 1] > 0.15, "in-fold encoding finds signal in noise"
    assert np.corrcoef(honest, engaged)[0, 1] < 0.1


def test_a_featuriser_needs_contacts() -> None:
    with pytest.raises(ValueError, match="no labelled contacts"):
        fit_featuriser([], np.array([], int))


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


def test_the_monitor_sees_lengths_in_place_of_texts() -> None:
    columns = monitored_columns(bare(summary="secret", jobtitle="CEO", industry="Retail"))
    assert columns.summary == 6
    assert columns.industry == "Retail"
    assert columns.skills is None
    assert "secret" not in str(columns)


def test_the_monitored_columns_are_the_inputs_of_a_contact() -> None:
    assert MonitoredColumns.__struct_fields__ == INPUTS
