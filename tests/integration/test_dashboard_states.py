"""What the page says in states that a live stream seldom comes to, in a real browser: the feed is the test's own."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from driftline.events import Distribution, ModelEvent
from driftline.fastapi_server import listen, serve
from driftline.prometheus_metrics import DashboardMetrics
from driftline.settings import Settings
from monitor.dashboard_actions import Actions, Reports
from monitor.dashboard_feed import Feed
from monitor.dashboard_state import Tally
from monitor.fastapi_dashboard import Dashboard, create_app
from monitor.kafka_dashboard import new_state
from tests.browser import SWITCHES, chromium_or_skip
from tests.dashboard_server import TOKEN, alert, report

pytestmark = pytest.mark.slow
ASSETS = Path(__file__).parents[2] / "monitor" / "dashboard"
CALM: dict[str, Any] = {"drift_share": 0.0, "drifting": []}


class Shown:
    """A page, and the feed that it shows."""

    def __init__(self, feed: Feed, address: str, page: Page) -> None:
        self.feed, self.address, self.page = feed, address, page

    def tell(self, name: str, *values: Any) -> None:
        """Something for the state to take in."""
        self.feed.update(lambda state: getattr(state, name)(*values))

    def window(self, *, ago: float = 0.0, **values: Any) -> None:
        """A report whose newest contact came so many seconds ago."""
        at = datetime.now(UTC) - timedelta(seconds=ago)
        self.tell("window_reported", msgspec.structs.replace(report(at=at), **values), at)

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.address + path)
        return self.page

    def heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = chromium_or_skip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Iterator[Shown]:
    settings = Settings.model_validate({"home": tmp_path, "kafka": "127.0.0.1:9"})
    feed = Feed(new_state(settings), lambda: datetime.now(UTC))
    feed.update(lambda state: state.troubled(None))
    own = Dashboard(
        feed, Actions(settings, feed, print, {}), Reports(tmp_path, feed, print, {}), ASSETS, TOKEN, "127.0.0.1", print
    )
    stop, listener = threading.Event(), listen("127.0.0.1", 0, "DRIFTLINE_DASHBOARD")
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = threading.Thread(target=serve, args=(create_app(own, DashboardMetrics()), listener, stop))
    server.start()
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(10_000)
    try:
        yield Shown(feed, address, context.new_page())
    finally:
        context.close()
        stop.set()
        feed.close()
        server.join(10)


def test_a_model_that_is_due_says_nothing_about_the_people(shown: Shown) -> None:
    shown.window(**CALM)
    shown.tell("alerted", alert("due", kind="performance", level="retrain"))
    page = shown.open()
    shown.heading("still those the model knows")
    expect(page.locator("#headline")).to_contain_text("Model due")
    expect(page.locator("#headline")).not_to_contain_text("No alert is firing")
    shown.tell("alerted", alert("people"))
    shown.heading("Not the same people")


@pytest.mark.parametrize(("kind", "asked"), [("business", "at once"), ("concept_drift", "lasted a whole window")])
def test_why_a_new_model_is_asked_for_is_told_as_it_is(shown: Shown, kind: str, asked: str) -> None:
    shown.tell("alerted", alert("a", kind=kind, level="retrain"))
    shown.open("/alerts/a")
    expect(shown.page.get_by_role("region", name="What to do")).to_contain_text(asked)


def test_what_people_are_compared_with_is_the_reference_of_the_window(shown: Shown) -> None:
    """Not that of a champion whose first window has yet to come."""
    shown.window(**CALM)
    shown.tell("model_changed", ModelEvent(event="champion", model_version="2", at=datetime.now(UTC)))
    shown.open()
    expect(shown.page.locator("#headline")).to_contain_text("version 1 was judged on")


def test_a_window_that_others_wait_behind_is_said_to_be_old(shown: Shown) -> None:
    shown.window(ago=120, **CALM)
    shown.tell("counted", Tally(3_000, 3_000, 2_500, 0), datetime.now(UTC))
    page = shown.open()
    shown.heading("still those the model knows")
    expect(page.locator(".notice")).to_have_count(0)  # no more than a window: as good as new
    shown.tell("counted", Tally(4_000, 3_900, 2_500, 0), datetime.now(UTC))
    expect(page.locator(".notice")).to_contain_text("1,500 contacts have yet to be monitored")
    expect(page.locator(".notice")).to_contain_text("how it was 2 min ago")
    shown.window(**CALM)
    expect(page.locator(".notice")).to_have_count(0)


def test_before_the_topics_were_read_nothing_is_claimed(shown: Shown) -> None:
    shown.tell("troubled", "Kafka does not answer")
    page = shown.open()
    shown.heading("cannot be told yet")
    expect(page.locator("#headline")).not_to_contain_text("Nobody")
    shown.open("/alerts/a")
    shown.heading("This alert cannot be shown yet")
    expect(page.locator(".notice")).to_contain_text("Kafka does not answer")


def test_the_page_of_an_alert_says_how_old_it_is(shown: Shown) -> None:
    shown.tell("alerted", alert("a", summary="Other people."))
    page = shown.open("/alerts/a")
    shown.heading("Other people.")
    shown.tell("troubled", "Kafka does not answer")
    expect(page.locator(".notice")).to_contain_text("Kafka does not answer")
    shown.tell("troubled", None)
    expect(page.locator(".notice")).to_have_count(0)


@pytest.mark.parametrize("name", ["%E0%A4%A", "%3Cimg%20src=x%3E", "unknown"])
def test_an_address_of_no_alert_says_so(shown: Shown, name: str) -> None:
    page = shown.open(f"/alerts/{name}")
    shown.heading("There is no such alert")
    expect(page.locator("main img")).to_have_count(0)


def test_a_column_that_drifts_and_is_not_described_is_drawn_all_the_same(shown: Shown) -> None:
    drawn = Distribution(
        column="score", feature="score", edges=[], values=["a"], reference=[1_000], current=[500], aside={}
    )
    shown.tell("alerted", alert("a", columns=[msgspec.structs.replace(alert().columns[0], name="score")], summary="1"))
    shown.window(drifting=["industry", "score"], strengths={"industry": 9.0, "score": 0.9}, distributions=[drawn])
    page = shown.open("/alerts/a")
    expect(page.locator("#now")).to_contain_text("found contact by contact")
    shown.tell("alerted", alert("a", summary="2"))
    shown.heading("2")


def test_a_change_by_hand_has_no_alert_to_read(shown: Shown) -> None:
    shown.tell("alerted", alert("a"))
    for trigger in ("a", "by hand, 2026-01-01T00:00:00Z"):
        event = ModelEvent(
            event="decided", model_version="2", at=datetime.now(UTC), trigger=trigger, decision="promoted"
        )
        shown.tell("model_changed", event)
    page = shown.open()
    expect(page.locator("#models .decisions li")).to_have_count(2)
    expect(page.locator("#models .decisions a")).to_have_count(1)
    expect(page.locator("#models .decisions a")).to_have_attribute("href", "/alerts/a")


def test_no_figure_of_an_interval_is_cut_off(shown: Shown) -> None:
    event = ModelEvent(
        event="decided", model_version="2", at=datetime.now(UTC), trigger="a", decision="rejected", delta_auc=0.0,
        interval=(-0.05, 0.05), labels=400,
    )  # fmt: skip
    shown.tell("model_changed", event)
    page = shown.open()
    expect(page.locator("#models .chart svg")).to_be_visible()
    outside = page.locator("#models .chart svg text").evaluate_all(
        """texts => texts.filter((text) => {
            const [one, all] = [text, text.closest(".chart")].map((element) => element.getBoundingClientRect());
            return one.left < all.left || one.right > all.right;
        }).map((text) => text.textContent)"""
    )
    assert outside == []


def test_how_far_behind_the_workers_are_is_not_told_while_the_broker_is_away(shown: Shown) -> None:
    shown.tell("counted", Tally(1_000, 1_000, 1_000, 0), datetime.now(UTC))
    page = shown.open()
    expect(page.locator("#performance")).to_contain_text("The workers keep up.")
    shown.tell("troubled", "Kafka does not answer")
    expect(page.locator("#performance")).to_contain_text("cannot be told")


def test_a_token_that_cannot_be_sent_is_not_the_right_one(shown: Shown) -> None:
    shown.tell("alerted", alert("a"))
    shown.tell("model_changed", ModelEvent(event="champion", model_version="1", at=datetime.now(UTC)))
    page = shown.open("/alerts/a")
    page.get_by_role("button", name="acknowledge").click()
    page.get_by_label("Token").fill("pasted “with” quotes")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("This token is not the right one.")


@pytest.mark.parametrize(
    ("status", "told"),
    [(409, "Nothing was changed: so it is."), (503, "so it is."), (0, "See whether it was done before you try again.")],
)
def test_what_was_perhaps_done_is_not_said_not_to_be(shown: Shown, status: int, told: str) -> None:
    shown.tell("alerted", alert("a"))
    shown.tell("model_changed", ModelEvent(event="champion", model_version="1", at=datetime.now(UTC)))
    shown.page.route(
        "**/acknowledge",
        lambda route: route.fulfill(status=status, json={"detail": "so it is"}) if status else route.abort(),
    )
    page = shown.open("/alerts/a")
    page.get_by_role("button", name="acknowledge").click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text(re.compile(f"^(The dashboard does not answer. )?{told}$"))


FORGETFUL = """for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });"""


def test_a_browser_that_lets_no_page_remember_anything_has_theme_and_dialog_all_the_same(shown: Shown) -> None:
    shown.tell("alerted", alert("a"))
    shown.tell("model_changed", ModelEvent(event="champion", model_version="1", at=datetime.now(UTC)))
    shown.page.add_init_script(FORGETFUL)
    page = shown.open("/alerts/a")
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="acknowledge").click()
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("This token is not the right one.")


def test_a_server_that_says_nothing_any_more_is_asked_anew(shown: Shown) -> None:
    asked = list[str]()
    shown.page.on("request", lambda request: asked.append(request.url) if "/api/events" in request.url else None)
    shown.page.clock.install()
    shown.open()
    shown.heading("Nobody has come in yet")
    shown.page.clock.fast_forward(11_000)
    assert len(asked) == 1
    shown.page.clock.fast_forward(2_000)
    expect(shown.page.locator("#connection")).to_have_text("Live")
    assert len(asked) == 2
