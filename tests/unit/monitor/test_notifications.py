"""What webhooks say of an alert."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from driftline.events import Alert, encode
from driftline.settings import Settings
from monitor.notifications import alertmanager, body, change_id, receivers, signature, slack_text
from tests.some_alerts import NOW, alert

LATER = NOW + timedelta(days=1)
PAGE = "https://drift.example.invalid/alerts/a"
DOCS = Path(__file__).parents[3] / "docs"


def test_an_alertmanager_knows_an_alert_by_the_same_labels_from_firing_to_resolved() -> None:
    states = [alert("a"), alert("a", level="retrain", at_contact=2), alert("a", "resolved", "retrain", at_contact=3)]
    told = [alertmanager(one, PAGE, LATER) for one in states]
    assert len({json.dumps(one["labels"]) for one in told}) == 1
    assert [one["annotations"]["level"] for one in told] == ["monitor", "retrain", "retrain"]


def test_what_fires_ends_later_for_an_alertmanager_and_what_is_over_has_ended() -> None:
    assert alertmanager(alert("a"), None, LATER)["endsAt"] == "2026-01-02T01:00:00.000Z"
    over = alert("a", "resolved", at_contact=7)
    assert alertmanager(over, None, LATER)["endsAt"] == "2026-01-01T00:00:07.000Z"


def test_an_alert_that_contacts_with_a_fast_clock_resolved_is_over_now() -> None:
    told = alertmanager(alert("a", "resolved", at_contact=600), None, NOW + timedelta(seconds=60))
    assert told["endsAt"] == "2026-01-01T00:01:00.000Z"


def test_links_are_there_where_the_dashboard_is_known() -> None:
    assert alertmanager(alert("a"), PAGE, LATER)["generatorURL"] == PAGE
    assert "generatorURL" not in alertmanager(alert("a"), None, LATER)
    assert f"<{PAGE}|alert> · <{PAGE}/report|report>" in slack_text(alert("a"), PAGE)
    assert "drift.example" not in slack_text(alert("a"), None)


def test_a_message_for_people_has_sentence_level_columns_and_no_markup_from_outside() -> None:
    column = msgspec.structs.replace(alert("a").columns[0], cause="share of '<!channel>' & others up")
    text = slack_text(msgspec.structs.replace(alert("a", level="alert"), columns=[column]), PAGE)
    assert text.splitlines() == [
        "*alert* The last 500 contacts are not like the people the model was trained for: company size changed.",
        "data_drift, level alert, 10% of the columns, since 2026-01-01 00:00:00 UTC, model version 1, a false alarm"
        " in at most 5% of runs of 20,000 contacts",
        "• companysize: share of '&lt;!channel&gt;' &amp; others up",
        f"<{PAGE}|alert> · <{PAGE}/report|report> · <https://docs.example.invalid/monitoring.md#data_drift|what to do>",
    ]
    assert slack_text(alert("a", "resolved"), PAGE).startswith("*resolved* ")


def test_without_a_prefix_the_alert_is_sent_as_it_is_on_the_topic() -> None:
    assert body("driftline", [alert("a")], lambda _: None, NOW) == encode(alert("a"))


def test_an_alert_that_changed_has_another_idempotency_key() -> None:
    changes: list[Alert] = [alert("a"), alert("a", level="alert"), alert("a", "resolved"), alert("b")]
    assert len({change_id(one) for one in changes}) == 4


def test_the_documented_verification_accepts_what_is_signed_and_nothing_else() -> None:
    source = re.search(r"```python\n(import hashlib.*?)```", (DOCS / "alert-contract.md").read_text("utf-8"), re.DOTALL)
    assert source is not None
    names: dict[str, Any] = {}
    exec(source[1], names)
    is_ours = names["is_from_driftline"]
    now = datetime.now(UTC)
    header = signature("secret", b"{}", now)
    assert is_ours("secret", b"{}", header)
    assert not is_ours("other", b"{}", header)
    assert not is_ours("secret", b"{ }", header)
    assert not is_ours("secret", b"{}", header.replace("t=", "t=1"))
    assert not is_ours("secret", b"{}", signature("secret", b"{}", now - timedelta(minutes=6)))


def test_receivers_are_named_without_their_secret_and_another_url_is_another_receiver() -> None:
    found = receivers("slack+https://hooks.example.invalid/T1/secret, https://user:pass@drift.example.invalid:8443/x")
    assert [one.name for one in found] == [
        "receiver 1 (slack at hooks.example.invalid)", "receiver 2 (driftline at drift.example.invalid:8443)",
    ]  # fmt: skip
    assert found[0].key != receivers("slack+https://hooks.example.invalid/T1/other")[0].key
    assert "secret" not in repr(found)
    assert "pass" not in repr(found)


@pytest.mark.parametrize("address", ["http://am:9093", "http://am:9093/"])
def test_an_alertmanager_needs_no_path(address: str) -> None:
    assert receivers(f"alertmanager+{address}")[0].url == "http://am:9093/api/v2/alerts"


def test_an_alertmanager_behind_a_prefix_keeps_its_path() -> None:
    assert receivers("alertmanager+https://x/am/api/v2/alerts")[0].url == "https://x/am/api/v2/alerts"


def test_the_page_of_an_alert_is_under_the_address_that_people_use() -> None:
    assert Settings.model_validate({"dashboard_url": "https://drift.example.invalid/"}).alert_page("a") == PAGE
    assert Settings.model_validate({}).alert_page("a") is None
