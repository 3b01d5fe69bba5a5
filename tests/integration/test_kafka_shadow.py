"""A challenger in shadow beside the champion, on a real broker."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from driftline.counts import Counter
from driftline.events import Contact
from driftline.settings import Settings
from driftline.topics import PREDICTIONS, SHADOW_PREDICTIONS
from model.bundle import Bundle
from model.kafka_models import champion_event, publish
from model.onnx_export import linear_graph
from model.retrain import Made
from tests.scoring_workers import (
    decided,
    make_champion,
    put_in_shadow,
    scored,
    scorer,
    send_contacts,
    that_scores,
    wait_until,
)

Contacts = list[tuple[Contact, int]]


@pytest.fixture(scope="module")
def champion(made: Made) -> Bundle:
    return that_scores(made.bundle, "1", -2.0)


def test_champion_and_challenger_score_the_same_contacts_and_only_the_champion_counts(
    settings: Settings, calm_contacts: Contacts, champion: Bundle
) -> None:
    make_champion(settings, champion)
    put_in_shadow(settings, that_scores(champion, "2", 2.0))
    with scorer(settings) as lines:
        wait_until(lambda: any("version 2 scores in shadow" in line for line in lines))
        send_contacts(settings, calm_contacts[:500])
        wait_until(lambda: len(scored(settings, SHADOW_PREDICTIONS)) == 500)
    counted, aside = scored(settings, PREDICTIONS), scored(settings, SHADOW_PREDICTIONS)
    assert {place: p.contact_id for place, p in counted.items()} == {place: p.contact_id for place, p in aside.items()}
    assert {(p.model_version, round(p.score, 3)) for p in counted.values()} == {("1", 0.119)}
    assert {(p.model_version, round(p.score, 3)) for p in aside.values()} == {("2", 0.881)}


def test_a_challenger_that_is_promoted_out_of_its_shadow_scores_no_contact_on_both_sides(
    settings: Settings, calm_contacts: Contacts, champion: Bundle
) -> None:
    make_champion(settings, champion)
    put_in_shadow(settings, that_scores(champion, "2", 2.0))
    with scorer(settings):
        send_contacts(settings, calm_contacts[:1_000])
        wait_until(lambda: bool(scored(settings, SHADOW_PREDICTIONS)))
        publish(settings, [decided("2", "promoted"), champion_event("2", None)])
        send_contacts(settings, calm_contacts[1_000:2_000])
        wait_until(lambda: any(p.model_version == "2" for p in scored(settings, PREDICTIONS).values()))
        send_contacts(settings, calm_contacts[2_000:2_100])
        wait_until(lambda: len(scored(settings, PREDICTIONS)) == 2_100)
    aside = scored(settings, SHADOW_PREDICTIONS)
    by_champion = {place: p.model_version for place, p in scored(settings, PREDICTIONS).items()}
    assert {by_champion[place] for place in aside} == {"1"}
    assert {p.model_version for p in aside.values()} == {"2"}


def no_number_for_long_summaries(bundle: Bundle) -> bytes:
    """A graph that passes every trial: sigmoid(√(1200 - summary_length))."""
    features = bundle.featuriser.features
    model = onnx.load_from_string(linear_graph(-np.eye(len(features))[features.index("summary_length")], 1_200.0))
    model.graph.node[1].output[0] = "difference"
    model.graph.node.insert(2, onnx.helper.make_node("Sqrt", ["difference"], ["logit"]))
    serialised: bytes = model.SerializeToString()
    return serialised


def test_a_shadow_that_cannot_score_leaves_the_champion_in_peace_and_is_said_once(
    settings: Settings, calm_contacts: Contacts, champion: Bundle
) -> None:
    make_champion(settings, champion)
    put_in_shadow(settings, replace(champion, version="2", onnx=no_number_for_long_summaries(champion)))
    counter = Counter(settings)
    with scorer(settings) as lines:
        for begin in range(0, 300, 100):
            send_contacts(settings, calm_contacts[begin : begin + 100])
            wait_until(lambda: counter.lag() == 0)
    assert len(scored(settings, PREDICTIONS)) == 300
    assert scored(settings, SHADOW_PREDICTIONS) == {}
    assert len([line for line in lines if line.startswith("version 2 scores in shadow no more")]) == 1
