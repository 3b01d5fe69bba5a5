"""Looking back on scored contacts: the folds of the stream, whatever the panes, the labels and the end."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from driftline.events import Alert
from monitor.config import EngineConfig
from monitor.contact_backtest import backtest_contacts
from monitor.contact_reference import encode
from monitor.engine import Engine
from monitor.panes import PaneBuilder
from monitor.state import EngineState
from tests.backtested import ENGINE, looked_back, scorer, stream


def told(alerts: Sequence[Alert]) -> list[tuple[int, str, str, str, list[str]]]:
    return [(a.at_contact, a.kind, a.state, a.level, [column.name for column in a.columns]) for a in alerts]


def test_the_alerts_are_those_of_the_stream() -> None:
    predictions, _ = stream("sector_shift", 1_000, 500)
    champion = scorer()[0]
    builder: PaneBuilder[None] = PaneBuilder(50)
    for one in predictions:
        builder.add(0, one, None)
    state, alerts = EngineState(), list[Alert]()
    for finished in builder.finished(lambda _, scored: encode(champion.reference, scored).tobytes()):
        for pane in finished.panes:
            step = Engine().step(state, pane, champion.reference)
            state, alerts = step.state, alerts + step.alerts
    assert alerts
    assert told(looked_back("sector_shift").alerts) == told(alerts)


def test_the_contacts_that_fill_no_pane_count_too() -> None:
    found = looked_back("seniority_shift", n=527, onset=520)
    assert found.contacts == found.report.at_contact == 527
    assert found.began()[0].at_contact > 520


def test_what_began_first_is_first_also_where_it_changes_last() -> None:
    found = looked_back("sector_shift")
    changes = [
        msgspec.structs.replace(found.alerts[0], id=name, at_contact=at) for name, at in [("a", 1), ("b", 2), ("a", 3)]
    ]
    assert [(one.id, one.at_contact) for one in replace(found, alerts=changes).began()] == [("a", 1), ("b", 2)]


def test_a_file_that_is_one_window_is_looked_at_once() -> None:
    predictions, _ = stream("format_change", 300, 0)
    engine = Engine(EngineConfig(window=300, pane=300, horizon=300))
    found = backtest_contacts(scorer()[0], predictions, [None] * 300, engine=engine)
    assert found.tested_at == [300]
    assert set(found.findings.proofs["data_drift"]) == {"companysize"}
    assert found.report.full


def test_labels_tell_concept_drift_and_without_them_nothing_does() -> None:
    with_labels = looked_back("concept_drift", labels=True)
    assert [alert.kind for alert in with_labels.began()] == ["concept_drift"]
    assert with_labels.began()[0].at_contact > 500
    assert not looked_back("concept_drift").alerts


def test_labels_that_are_not_known_are_left_out_and_the_others_stand_with_their_scores() -> None:
    predictions, engaged = stream("no_drift_baseline", 60, 0)
    known = [label if place % 3 else None for place, label in enumerate(engaged)]
    found = backtest_contacts(scorer()[0], predictions, known, engine=ENGINE)
    scores, labels = found.labelled(since=30)
    places = [place for place in range(30, 60) if place % 3]
    np.testing.assert_array_equal(labels, np.array(engaged)[places])
    np.testing.assert_array_equal(scores, [predictions[place].score for place in places])


def test_an_engine_that_has_looked_at_one_stream_sees_the_next_one_afresh() -> None:
    looked_back("sector_shift")
    assert told(looked_back("seniority_shift").alerts) == told(
        backtest_contacts(scorer()[0], stream("seniority_shift", 1_000, 500)[0], [None] * 1_000, engine=Engine()).alerts
    )


@pytest.mark.parametrize(("contacts", "labels", "why"), [(0, 0, "no contacts"), (5, 4, "5 contacts with 4 labels")])
def test_what_cannot_be_looked_back_on_is_refused(contacts: int, labels: int, why: str) -> None:
    predictions, _ = stream("no_drift_baseline", 10, 0)
    with pytest.raises(ValueError, match=why):
        backtest_contacts(scorer()[0], predictions[:contacts], [None] * labels, engine=ENGINE)
