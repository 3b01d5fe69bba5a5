"""What the demo does beside the loop."""

import io
import sys
import threading
import webbrowser

import pytest

from driftline.demo import open_browser


@pytest.mark.parametrize(
    ("screen", "terminal", "opened"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_a_browser_is_opened_where_somebody_sits_before_a_screen_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, screen: bool, terminal: bool, opened: bool
) -> None:
    asked, waits = threading.Event(), threading.Event()

    def browser(address: str) -> bool:
        assert address == "http://127.0.0.1:1"
        asked.set()
        return waits.wait(10)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    monkeypatch.setattr(webbrowser, "open", browser)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":0" if screen else "")
    open_browser("http://127.0.0.1:1")
    assert asked.wait(1.0 if opened else 0.1) is opened
    waits.set()
