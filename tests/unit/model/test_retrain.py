"""Making models, and judging a challenger."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from driftline.events import Contact
from model.card import model_card
from model.features import ORIGINAL
from model.report import DataFingerprint, LabelTroubles, Report
from model.retrain import Made, Maker, evaluated, judge, judged, scores_of, with_reference
from model.split import ids, split

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAKER = Maker(seed=0, now=NOW)


@pytest.fixture(scope="module")
def challenger(calm_contacts: Contacts, shifted_contacts: Contacts) -> Made:
    return MAKER.challenger(calm_contacts, shifted_contacts)


def test_the_same_maker_makes_the_same_model(calm_contacts: Contacts) -> None:
    first, again = (MAKER.first_champion(calm_contacts[:600]) for _ in range(2))
    assert again.bundle.to_bytes() == first.bundle.to_bytes()
    assert again.report == first.report


def test_a_first_champion_is_judged_by_the_third_that_it_was_not_trained_on(
    made: Made, calm_contacts: Contacts
) -> None:
    report = made.report
    assert report.training.contacts + report.held_out.contacts == len(calm_contacts)
    assert report.held_out.contacts == pytest.approx(len(calm_contacts) / 3, rel=0.05)
    assert made.bundle.trained_on == report.training.contacts
    assert report.evaluation is not None
    assert report.evaluation.labels == report.held_out.contacts
    assert report.evaluation.metrics["roc_auc"].low > 0.6


def test_the_reference_is_of_the_newest_held_out_contacts_with_their_labels_and_scores(
    made: Made, calm_contacts: Contacts
) -> None:
    held_out = split(calm_contacts).base_held_out[-1_000:]
    assert made.bundle.engaged == tuple(engaged for _, engaged in held_out)
    scores = scores_of(made.bundle, [contact for contact, _ in held_out])
    np.testing.assert_array_equal(made.bundle.reference[:, -1], scores)


def test_a_challenger_is_trained_on_the_newcomers_that_do_not_judge_it(
    challenger: Made, calm_contacts: Contacts, shifted_contacts: Contacts
) -> None:
    sides = split(calm_contacts, shifted_contacts)
    assert challenger.report.training == DataFingerprint.of(sides.training)
    assert challenger.report.held_out == DataFingerprint.of(sides.newcomers_held_out)
    assert len(challenger.bundle.reference) == len(sides.newcomers_held_out)


def test_a_challenger_that_knows_the_new_sectors_is_promoted(
    made: Made, challenger: Made, calm_contacts: Contacts, shifted_contacts: Contacts
) -> None:
    held_out = split(calm_contacts, shifted_contacts).newcomers_held_out
    verdict = judge(made.bundle, challenger.bundle, held_out, seed=0, min_labels=200)
    assert verdict.decision.decision == "promoted"
    assert verdict.decision.interval[0] > 0
    assert verdict.champion is not None
    assert verdict.challenger is not None
    assert verdict.challenger.metrics["roc_auc"].low > verdict.champion.metrics["roc_auc"].high
    report = judged(replace(challenger.report, trigger="x"), verdict, "1", NOW)
    assert report.judgement is not None
    assert report.judgement.evidence == verdict.decision.evidence
    assert report.metrics()["delta_auc_low"] > 0


def test_too_few_labels_keep_a_challenger_in_shadow_and_a_later_judgement_completes_its_reference(
    made: Made, calm_contacts: Contacts, shifted_contacts: Contacts
) -> None:
    early = MAKER.challenger(calm_contacts, shifted_contacts[:100])
    few = split(calm_contacts, shifted_contacts[:100]).newcomers_held_out
    assert judge(made.bundle, early.bundle, few, seed=0, min_labels=200).decision.decision == "shadow"
    enough = split(calm_contacts, shifted_contacts).newcomers_held_out
    completed = with_reference(early.bundle, enough)
    assert completed.onnx == early.bundle.onnx
    assert completed.featuriser.to_spec() == early.bundle.featuriser.to_spec()
    assert len(completed.reference) == len(enough)
    assert judge(made.bundle, completed, enough, seed=0, min_labels=200).decision.decision != "shadow"


def test_without_newcomers_a_challenger_is_the_model_of_the_base_set(made: Made, calm_contacts: Contacts) -> None:
    nobody = MAKER.challenger(calm_contacts, [])
    assert nobody.bundle.onnx == made.bundle.onnx
    assert (len(nobody.bundle.reference), nobody.report.evaluation) == (0, None)
    assert judge(made.bundle, nobody.bundle, [], seed=0, min_labels=200).decision.decision == "shadow"


def test_a_model_of_the_original_features_is_made_too(calm_contacts: Contacts) -> None:
    made = Maker(seed=0, now=NOW, feature_set=ORIGINAL).first_champion(calm_contacts[:600])
    assert made.bundle.reference.shape[1] == 48
    assert made.report.feature_set == "original"


def test_contacts_that_come_twice_are_counted_and_the_last_label_trains(calm_contacts: Contacts) -> None:
    some = calm_contacts[:600]
    turned = [(contact, 1 - engaged) for contact, engaged in some[:5]]
    made = MAKER.first_champion([*some, *some[5:20], *turned])
    assert made.report.troubles == LabelTroubles(repeated=20, contradictory=5)
    assert made.report.training == MAKER.first_champion([*turned, *some[5:]]).report.training


def test_over_time_it_is_told_or_said_why_not(made: Made, calm_contacts: Contacts) -> None:
    assert made.report.over_time is not None
    assert made.report.over_time.labels == round(0.3 * len(calm_contacts))
    import msgspec

    timeless = [
        (msgspec.structs.replace(contact, occurred_at=None, sent_at=NOW), engaged)
        for contact, engaged in calm_contacts[:600]
    ]
    report = MAKER.first_champion(timeless).report
    assert (report.over_time, report.over_time_why) == (
        None, "the contacts carry no times to tell the earlier from the later ones by"
    )  # fmt: skip


def test_an_evaluation_needs_labelled_contacts(made: Made) -> None:
    with pytest.raises(ValueError, match="no labelled contacts"):
        evaluated(made.bundle, [], seed=0)


def test_a_report_survives_json_and_holds_no_contact(made: Made, calm_contacts: Contacts) -> None:
    import json

    text = json.dumps(made.report.to_json())
    assert Report.from_json(json.loads(text)).to_json() == made.report.to_json()
    assert not any(contact_id in text for contact_id in ids(calm_contacts[:500]))


def test_a_fingerprint_tells_other_labels_but_not_another_order(calm_contacts: Contacts) -> None:
    some = calm_contacts[:50]
    assert DataFingerprint.of(some[::-1]) == DataFingerprint.of(some)
    other = [(some[0][0], 1 - some[0][1]), *some[1:]]
    assert DataFingerprint.of(other).sha256 != DataFingerprint.of(some).sha256


def test_the_model_card_says_what_a_version_is_and_how_good(
    made: Made, challenger: Made, calm_contacts: Contacts, shifted_contacts: Contacts
) -> None:
    held_out = split(calm_contacts, shifted_contacts).newcomers_held_out
    verdict = judge(made.bundle, challenger.bundle, held_out, seed=0, min_labels=200)
    card = model_card(judged(challenger.report, verdict, "1", NOW), "2")
    for words in (
        "# Model version 2", "ROC-AUC", 'always "engaged"', "llm_seniority = Entry", "**promoted**", "delta_auc",
        challenger.report.training.sha256[:12], "On what was to come", "## Limits",
    ):  # fmt: skip
        assert words in card
    assert "None" not in card
    assert "nan" not in card.lower().replace("nano", "")
