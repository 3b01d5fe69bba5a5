"""What the dashboard has other processes do."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.dashboard_actions import RefusedError, Reports, _name, _run
from monitor.dashboard_feed import Feed
from monitor.dashboard_state import DashboardState
from tests.dashboard_server import NOW, alert, until


def test_a_command_that_fails_is_told_by_its_last_line() -> None:
    fails = "import sys; sys.exit('much before\\ndriftline: there is no version to go back to')"
    with pytest.raises(RefusedError, match="there is no version to go back to") as failed:
        _run([sys.executable, "-c", fails], 30, {})
    assert (failed.value.status, str(failed.value)[:5]) == (500, "there")


def test_a_command_that_does_not_end_is_stopped() -> None:
    with pytest.raises(RefusedError, match="was stopped") as failed:
        _run([sys.executable, "-c", "import time; time.sleep(30)"], 0.3, {})
    assert failed.value.status == 504


def test_while_a_report_is_made_anew_the_one_of_a_while_before_is_shown(tmp_path: Path) -> None:
    feed, said = Feed(DashboardState({}), lambda: NOW), list[str]()
    reports = Reports(tmp_path, feed, said.append, {})
    before, now = alert("a"), alert("a", updated_at=NOW + timedelta(seconds=1))
    kept = tmp_path / _name(before)
    kept.write_text("as it was")
    feed.update(lambda state: state.alerted(before))
    assert reports.get("a") == kept
    feed.update(lambda state: (*state.alerted(now), *state.alerted(alert("b"))))
    assert reports.get("a") == kept, "and another one is begun"
    with pytest.raises(RefusedError, match="another report is being made"):
        reports.get("b")
    until(lambda: said)
    assert "no report of alert a" in said[0], "there is no broker here"
    assert list(tmp_path.iterdir()) == [kept]
    (tmp_path / _name(now)).write_text("as it is")
    assert reports.get("a") == tmp_path / _name(now)
    feed.update(lambda state: state.alerted(alert("a", "resolved", updated_at=NOW + timedelta(seconds=2))))
    assert reports.get("a") == tmp_path / _name(now), "as it last fired"
