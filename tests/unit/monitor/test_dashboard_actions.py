"""What the dashboard has other processes do."""

import sys

import pytest

from monitor.dashboard_actions import RefusedError, _run


def test_a_command_that_fails_is_told_by_its_last_line() -> None:
    fails = "import sys; sys.exit('much before\\ndriftline: there is no version to go back to')"
    with pytest.raises(RefusedError, match="there is no version to go back to") as failed:
        _run([sys.executable, "-c", fails], 30, {})
    assert (failed.value.status, str(failed.value)[:5]) == (500, "there")


def test_a_command_that_does_not_end_is_stopped() -> None:
    with pytest.raises(RefusedError, match="was stopped") as failed:
        _run([sys.executable, "-c", "import time; time.sleep(30)"], 0.3, {})
    assert failed.value.status == 504
