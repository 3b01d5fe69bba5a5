"""The dashboard's page in a real browser, over a live stream: one stack, from empty to a drift, a new model and back.

The tests come in the order of the story. Each fixture takes the stream one step further, so a test alone takes it as
far as it needs. Screenshots go to the folder that DRIFTLINE_TEST_ARTEFACTS names; two of them are in the docs:

    DRIFTLINE_TEST_ARTEFACTS=pictures DRIFTLINE_TEST_RATE=60 \\
        .venv/bin/pytest tests/e2e/test_dashboard_page.py -k "full_page or page_of_an_alert"
    cp pictures/dashboard.png pictures/alert_page.png docs/images
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from driftline.events import WindowReport, decode
from driftline.kafka_clients import ensure_topics, read_all
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import WINDOWS
from producers.kafka_replay import replay
from producers.replay import Pacer
from producers.scenarios import SCENARIOS
from tests.browser import SWITCHES, chromium_or_skip

TOKEN = "a token of the test"
LOOKS = (("", False, False), ("_dark", False, True), ("_phone", True, False))
"""Ending of the picture's name, whether it is that of a phone, and whether it is dark."""
PATIENCE = 40_000
"""Milliseconds, for what takes long on a busy machine: a training, a rollback."""
RATE = float(os.environ.get("DRIFTLINE_TEST_RATE", "500"))
"""Contacts a second; fewer make pictures with more to see."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Stream:
    """Contacts that come in while the page is looked at."""

    stack: LocalStack
    pool: ThreadPoolExecutor
    sent: int = 0

    def start(self, kind: Literal["calm", "drifted"], contacts: int) -> Future[Any]:
        """Send contacts in the background."""
        self.sent += 1
        name = "no_drift_baseline" if kind == "calm" else "sector_shift"
        drawn = SCENARIOS[name].contacts(contacts, seed=self.sent, start=datetime.now(UTC))
        pace = Pacer(rate=RATE, speed=None, clock=lambda: datetime.now(UTC), sleep=time.sleep)
        return self.pool.submit(replay, self.stack.settings, f"page {self.sent}", drawn, pace=pace)

    def send(self, kind: Literal["calm", "drifted"], contacts: int) -> None:
        """Send contacts and return when they stand on the topic."""
        self.start(kind, contacts).result()


@dataclass
class Viewer:
    """A browser, and what it complained of and asked for."""

    browser: Browser
    address: str
    complaints: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def open(self, path: str = "/", *, phone: bool = False, dark: bool = False) -> Page:
        """A page in a context of its own, drawn."""
        width, height = (390, 844) if phone else (1280, 900)
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        self._listen(context)
        page = context.new_page()
        page.goto(self.address + path)
        expect(page.locator("main:not([aria-busy])")).to_be_visible(timeout=PATIENCE)
        return page

    def _listen(self, context: BrowserContext) -> None:
        def complained(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                self.complaints.append(message.text)

        context.on("console", complained)
        context.on("weberror", lambda fault: self.complaints.append(str(fault.error)))
        context.on("request", lambda request: self.asked.add(request.url))


@pytest.fixture(scope="module")
def chromium() -> str:
    return chromium_or_skip()


@pytest.fixture(scope="module")
def stack(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    # Only drift is to lead to a new model, and to one: the next would have to wait for the cooldown.
    own = {"home": tmp_path_factory.mktemp("page"), "dashboard_token": TOKEN, "new_labels": 0}
    with LocalStack(Settings.model_validate(own), say=print) as stack:
        stack.start_workers()
        stack.wait_until_ready()
        yield stack


@pytest.fixture(scope="module")
def stream(stack: LocalStack) -> Iterator[Stream]:
    with ThreadPoolExecutor(1) as pool:
        yield Stream(stack, pool)


@pytest.fixture(scope="module")
def viewer(chromium: str, stack: LocalStack) -> Iterator[Viewer]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        address = stack.settings.dashboard_address
        assert address is not None
        yield Viewer(browser, address)
        browser.close()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Keeps a screenshot, or the top of it."""
    folder = Path(os.environ.get("DRIFTLINE_TEST_ARTEFACTS") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str, *, height: int | None = None) -> None:
        path = folder / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        if height is not None:  # for the docs: no larger than need be
            with Image.open(path) as image:
                image.crop((0, 0, image.width, min(height, image.height))).save(path, optimize=True)

    return take


@pytest.fixture(scope="module")
def empty(viewer: Viewer) -> Page:
    page = viewer.open()
    expect(page.locator("#models")).to_contain_text("Version 1 is the champion", timeout=PATIENCE)
    return page


WATCH = """() => {
  window.shown = [];
  const newest = () => document.querySelector("#headline .figures div:first-child time").dateTime;
  new MutationObserver(() => {
    if (window.shown.at(-1)?.[0] !== newest()) window.shown.push([newest(), Date.now()]);
  }).observe(document.getElementById("headline"), { subtree: true, attributes: true, childList: true });
}"""
"""Notes when the page shows another window: the time of its newest contact, which names it, and the time by then."""


@pytest.fixture(scope="module")
def calm(empty: Page, stream: Stream) -> Page:
    """A full window of people as the model knows them."""
    stream.send("calm", 200)
    expect(empty.get_by_role("heading", level=1)).to_contain_text("Getting to know the people", timeout=PATIENCE)
    empty.evaluate(WATCH)
    stream.send("calm", 600)
    expect(empty.get_by_role("heading", level=1)).to_contain_text("still those the model knows", timeout=PATIENCE)
    return empty


@dataclass
class Drift:
    """The page once other people have come in, and the picture of the scores before."""

    page: Page
    scores_before: str


@pytest.fixture(scope="module")
def drifted(calm: Page, stream: Stream) -> Drift:
    """Other people have come in, not yet for so long that a new model is asked for."""
    scores_before = calm.locator("#scores .chart svg").inner_html()
    stream.send("drifted", 400)
    expect(calm.get_by_role("heading", level=1)).to_contain_text("Not the same people", timeout=PATIENCE)
    expect(calm.locator("#drift .card.drifts").first).to_be_visible(timeout=PATIENCE)
    return Drift(calm, scores_before)


@pytest.fixture(scope="module")
def promoted(drifted: Drift, stream: Stream) -> Page:
    """They have come for so long that a new model has been trained on them and taken over."""
    page = drifted.page
    stream.send("drifted", 700)
    expect(page.locator("#models")).to_contain_text("Version 2 is the champion", timeout=PATIENCE)
    stream.send("drifted", 900)
    expect(page.get_by_role("heading", level=1)).to_contain_text("still those the model knows", timeout=PATIENCE)
    return page


@pytest.fixture(scope="module")
def rolled_back(promoted: Page) -> Page:
    """Somebody wants the old model back."""
    button = promoted.get_by_role("button", name="Roll back to version 1")
    button.click()
    dialog = promoted.get_by_role("dialog", name="Roll back from version 2 to version 1?")
    dialog.get_by_label("Token").fill("another one")
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog.get_by_role("alert")).to_have_text("This token is not the right one.")
    dialog.get_by_label("Token").fill(TOKEN)
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog).to_be_hidden(timeout=PATIENCE)
    return promoted


def check_accessible(page: Page) -> None:
    """No rule of axe-core is broken, grave or not."""
    broken = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["impact"], [node["target"] for node in rule["nodes"]]) for rule in broken] == []


def check_fits(page: Page) -> None:
    """Nothing reaches beyond the right edge."""
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


# Nobody has come in yet.


def test_an_empty_system_says_in_every_section_that_it_is_empty_and_how_to_fill_it(empty: Page) -> None:
    expect(empty.get_by_role("heading", level=1)).to_have_text("Nobody has come in yet.")
    for section in ("#headline", "#health", "#scores", "#performance", "#drift", "#predictions"):
        expect(empty.locator(section)).to_contain_text("driftline replay")
    expect(empty.locator("#health")).to_contain_text("Every part is there", timeout=PATIENCE)


def test_an_empty_page_is_accessible_and_fits_on_a_phone(
    empty: Page, viewer: Viewer, picture: Callable[..., None]
) -> None:
    check_accessible(empty)
    picture(empty, "dashboard_empty")
    phone = viewer.open(phone=True)
    check_fits(phone)
    check_accessible(phone)
    phone.context.close()


# People come in as the model knows them, then others.


def test_people_as_the_model_knows_them_are_called_so(calm: Page) -> None:
    expect(calm.locator("#headline")).to_contain_text("No alert is firing")
    expect(calm.locator("#scores")).to_contain_text("The scores lie where they lay on the reference.")
    expect(calm.locator("#predictions tbody tr")).to_have_count(20)


def test_other_people_are_named_with_an_alert_that_links_to_its_page(drifted: Drift) -> None:
    expect(drifted.page.get_by_role("heading", level=1)).to_contain_text("industry")
    link = drifted.page.get_by_role("navigation", name="Firing alerts").get_by_role("link").first
    expect(link).to_contain_text("What to do")
    expect(link).to_have_attribute("href", re.compile(r"/alerts/[0-9a-f]+"))


def test_the_distributions_move_with_the_people(drifted: Drift) -> None:
    card = drifted.page.locator("#drift .card", has=drifted.page.get_by_role("heading", name="industry", exact=True))
    expect(card.locator("tr", has_text="unseen")).to_have_text(re.compile(r"unseen\s*[01]%\s*([2-9]\d|100)%"))
    assert drifted.page.locator("#scores .chart svg").inner_html() != drifted.scores_before


def test_the_heat_map_has_a_table_that_says_which_columns_drift(drifted: Drift) -> None:
    drifted.page.get_by_text("The columns as a table").click()
    row = drifted.page.get_by_role("row", name=re.compile(r"^industry"))
    expect(row).to_contain_text("drifts")


def test_a_record_is_on_the_page_within_a_second(drifted: Drift, stack: LocalStack) -> None:
    written: dict[datetime, float] = {}
    for record in read_all(stack.settings, WINDOWS):
        written.setdefault(decode(WindowReport, record.value).at, record.timestamp)
    shown = [(datetime.fromisoformat(at), when) for at, when in drifted.page.evaluate("window.shown")]
    delays = [when - written[at] for at, when in shown if at in written]
    print(f"record to page: median {np.median(delays):.0f} ms, slowest {max(delays):.0f} ms of {len(delays)}")
    assert np.median(delays) < 2_000, "a second on a quiet machine; here other tests run beside it"


def test_an_update_leaves_focus_scrolling_and_opened_details_alone(drifted: Drift, stream: Stream) -> None:
    page = drifted.page
    opened = page.locator("#drift details[open] summary")
    expect(opened).to_have_count(1)
    opened.focus()
    before, top = page.locator("#headline .value").first.inner_text(), page.evaluate("scrollY")
    stream.send("drifted", 30)
    expect(page.locator("#headline .value").first).not_to_have_text(before, timeout=PATIENCE)
    expect(opened).to_be_focused()
    assert page.evaluate("scrollY") == top


def test_a_full_page_is_accessible_in_light_in_dark_and_on_a_phone(
    drifted: Drift, viewer: Viewer, stream: Stream, picture: Callable[..., None]
) -> None:
    for look, phone, dark in LOOKS:
        page = viewer.open(phone=phone, dark=dark)
        expect(page.locator("#drift .card").first).to_be_visible()
        if not look:
            flowing = stream.start("drifted", 60)
            page.wait_for_timeout(1_200)  # for a picture of a stream that flows
        picture(page, f"dashboard{look}", height=None if look else 2_020)
        check_fits(page)
        check_accessible(page)
        page.context.close()
    flowing.result()


def test_the_page_of_an_alert_says_what_since_when_and_what_to_do(
    drifted: Drift, viewer: Viewer, picture: Callable[..., None]
) -> None:
    link = drifted.page.locator("#headline nav a", has_text="Data drift").get_attribute("href")
    assert link is not None
    for look, phone, dark in LOOKS:
        page = viewer.open(link, phone=phone, dark=dark)
        expect(page.get_by_role("heading", level=1)).to_contain_text("not like the people the model was trained for")
        expect(page.get_by_role("heading", name="What to do")).to_be_visible()
        expect(page.locator(".proof tbody tr", has_text="raw_industry").first).to_contain_text("unseen value share")
        expect(page.locator("#now .card").first).to_be_visible()
        expect(page.get_by_role("link", name="The guide on this")).to_have_attribute("href", re.compile("#data_drift$"))
        check_fits(page)
        check_accessible(page)
        picture(page, f"alert_page{look}", height=None if look else 1_120)
        page.context.close()


def test_the_page_of_no_alert_says_so(viewer: Viewer) -> None:
    page = viewer.open("/alerts/none")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such alert")
    page.context.close()
    viewer.complaints[:] = [said for said in viewer.complaints if "404" not in said]


# By keyboard.


def controls(page: Page) -> Locator:
    """All that can be operated and seen."""
    return page.locator("a[href], button:not(:disabled), summary, input, [tabindex='0']").filter(visible=True)


def test_every_control_is_reached_by_tab_and_shows_it(drifted: Drift, viewer: Viewer) -> None:
    for path in ("/", drifted.page.locator("#headline nav a").first.get_attribute("href")):
        page = viewer.open(str(path))
        wanted = set(controls(page).evaluate_all(f"(all) => all.map({NAME})"))
        reached = set()
        for _ in range(len(wanted) + 5):
            page.keyboard.press("Tab")
            focused = "document.activeElement"
            name, outline = page.evaluate(f"[({NAME})({focused}), getComputedStyle({focused}).outlineStyle]")
            reached.add(name)
            assert outline != "none" or name.startswith("BODY"), f"{name} does not show that it has the focus"
        assert wanted - reached == set()
        page.context.close()


NAME = "(e) => e.tagName + ' ' + (e.id || e.getAttribute('href') || e.getAttribute('aria-label') || e.textContent)"


def test_a_dialog_keeps_the_focus_until_it_is_left_and_gives_it_back(promoted: Page) -> None:
    button = promoted.get_by_role("button", name="Roll back to version 1")
    button.focus()
    promoted.keyboard.press("Enter")
    dialog = promoted.get_by_role("dialog")
    expect(dialog.get_by_label("Token")).to_be_focused()
    check_accessible(promoted)
    for _ in range(6):
        promoted.keyboard.press("Tab")
        assert promoted.evaluate(
            "document.activeElement.closest('dialog') !== null || document.activeElement === document.body"
        )
    promoted.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_the_theme_is_switched_and_remembered(drifted: Drift, viewer: Viewer) -> None:
    page = viewer.open()
    ground = partial(page.evaluate, "getComputedStyle(document.body).backgroundColor")
    light = ground()
    page.get_by_role("button", name="Dark theme").click()
    assert ground() != light
    page.reload()
    assert ground() != light
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")
    page.context.close()


# A new model, and back.


def test_a_new_champion_ends_the_alert(promoted: Page) -> None:
    expect(promoted.locator("#models .decisions")).to_contain_text("version 2 against 1")
    check_accessible(promoted)
    expect(promoted.locator("#drift")).to_contain_text(re.compile(r"None firing, \d+ resolved"))
    promoted.locator("#drift .timeline a", has_text="Data drift").last.click()
    expect(promoted.locator(".proof tbody tr", has_text="raw_industry").first).to_be_visible()
    promoted.go_back()


def test_nothing_was_complained_of_and_no_other_host_was_asked(promoted: Page, viewer: Viewer) -> None:
    assert viewer.complaints == []
    assert {url for url in viewer.asked if not url.startswith(viewer.address)} == set()


def test_a_rollback_needs_the_token_and_changes_the_champion(rolled_back: Page) -> None:
    expect(rolled_back.locator("#models")).to_contain_text("Version 1 is the champion", timeout=PATIENCE)


def test_an_alert_is_acknowledged_with_the_token_that_was_given_once(rolled_back: Page, stream: Stream) -> None:
    stream.send("drifted", 700)
    firing = rolled_back.get_by_role("navigation", name="Firing alerts").get_by_role("link", name="Data drift")
    firing.first.click(timeout=PATIENCE)
    rolled_back.get_by_role("button", name="It is meant: acknowledge").click()
    dialog = rolled_back.get_by_role("dialog")
    expect(dialog.get_by_label("Token")).to_be_hidden()
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(rolled_back.locator(".explained")).to_contain_text("accepted", timeout=PATIENCE)
    expect(rolled_back.get_by_role("button", name="It is meant: acknowledge")).to_have_count(0)
    rolled_back.get_by_role("link", name="← Dashboard").click()


@pytest.mark.long
def test_the_evidently_report_opens_once_it_is_made(rolled_back: Page, viewer: Viewer) -> None:
    rolled_back.locator("#drift .timeline a", has_text="Data drift").first.click()
    rolled_back.get_by_role("link", name="Evidently report").click()
    expect(rolled_back.get_by_role("status").filter(has_text="Making the report")).to_be_visible()
    rolled_back.wait_for_url("**/report", timeout=4 * PATIENCE)
    assert "Drift" in rolled_back.content()
    rolled_back.goto(viewer.address)


# What it depends on goes away and comes back.


def test_the_page_says_that_redis_is_gone_and_that_it_is_back(rolled_back: Page, stack: LocalStack) -> None:
    end(stack, "redis")
    expect(rolled_back.locator("#health")).to_contain_text("Not there: Redis", timeout=PATIENCE)
    stack.supervise()
    expect(rolled_back.locator("#health")).to_contain_text("Every part is there", timeout=PATIENCE)


def test_the_page_finds_the_dashboard_again_by_itself(rolled_back: Page, stack: LocalStack) -> None:
    line = rolled_back.locator("#connection")
    end(stack, "dashboard")
    expect(line).to_have_text("Connection lost, trying again …", timeout=PATIENCE)
    stack.supervise()
    expect(line).to_have_text("Live", timeout=PATIENCE)


def test_a_broker_that_comes_back_empty_leaves_an_empty_page(rolled_back: Page, stack: LocalStack) -> None:
    end(stack, "kafka")
    expect(rolled_back.locator(".notice")).to_contain_text("does not answer", timeout=PATIENCE)
    stack.children["kafka"].start()
    ensure_topics(stack.settings)
    expect(rolled_back.get_by_role("heading", level=1)).to_have_text("Nobody has come in yet.", timeout=PATIENCE)
    expect(rolled_back.locator(".notice")).to_have_count(0, timeout=PATIENCE)


def end(stack: LocalStack, name: str) -> None:
    process = stack.children[name].process
    assert process is not None
    process.kill()
    process.wait()
