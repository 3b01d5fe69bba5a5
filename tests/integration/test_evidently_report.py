"""The Evidently report of a real window: its figures are ours, and its page says nothing of any contact."""

import itertools
import re
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers.scoring import ScoringModel, score_contacts
from driftline.cli import main
from driftline.events import Alert, AlertReference, Prediction, encode
from driftline.kafka_clients import ensure_topics, open_producer
from driftline.settings import Settings
from driftline.topics import ALERTS, PREDICTIONS
from model.bundle import Bundle
from model.kafka_models import publish, registered_event
from model.onnx_scorer import OnnxScorer
from model.retrain import Made
from monitor.comparison import compare
from monitor.config import EngineConfig
from monitor.contact_reference import encode as encode_contacts
from monitor.contact_reference import reference_of
from monitor.engine import Engine
from monitor.kafka_report import report
from monitor.panes import PaneBuilder
from monitor.report_page import About
from monitor.report_process import TELL_NOBODY, ReportError, ReportProcess
from monitor.state import EngineState
from producers.scenarios import SCENARIOS

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)
PLANTED = "Planted"
HOSTILE = "</script><script>alert(1)</script>"
FREE = ("summary", "skills", "jobtitle", "location", "companylocation", "llm_industry", "companyindustry")
CHROMIUM = shutil.which("chromium")


def bundle_of(made: Made) -> Bundle:
    """A first version, in whose reference a type of company is a script."""
    bundle = made.bundle.with_version("1")
    inputs = [msgspec.structs.replace(one, companytype=HOSTILE) for one in bundle.inputs[:50]]
    return replace(bundle, inputs=(*inputs, *bundle.inputs[50:]))


def predictions_of(bundle: Bundle) -> dict[int, list[Prediction]]:
    """By partition: contacts of other sectors, without any quality, with texts that would be found again."""
    model = ScoringModel("1", bundle.featuriser, OnnxScorer(bundle.onnx, len(bundle.featuriser.features)))
    contacts = [
        msgspec.structs.replace(contact, llm_quality=None, **{name: f"{PLANTED} {name} {n}" for name in FREE if n % 3})
        for n, (contact, _) in enumerate(SCENARIOS["sector_shift"].contacts(1_500, seed=5, start=START))
    ]
    return {p: score_contacts(contacts[p::2], range(750), model) for p in (0, 1)}


def alerts_of(bundle: Bundle, predictions: dict[int, list[Prediction]]) -> list[Alert]:
    """What the monitor makes of them."""
    reference, builder, engine, state = reference_of(bundle), PaneBuilder[None](50), Engine(), EngineState()
    for partition, scored in predictions.items():
        for prediction in scored:
            builder.add(partition, prediction, None)
    done = builder.finished(lambda _, some: encode_contacts(reference, some).tobytes())
    panes = sorted(itertools.chain(*(finished.panes for finished in done)), key=lambda pane: pane.pane)
    alerts: list[Alert] = []
    for pane in panes:
        step = engine.step(state, pane, reference)
        state, alerts = step.state, alerts + step.alerts
    return alerts


def scored_again_and_again(scored: list[Prediction]) -> list[Prediction]:
    """After every 50 contacts the last 30 come again, otherwise than before."""
    log: list[Prediction] = []
    for n, one in enumerate(scored, 1):
        log.append(one)
        if n % 50 == 0:
            log += [msgspec.structs.replace(again, score=0.0) for again in scored[n - 30 : n]]
    return log


@dataclass(frozen=True)
class Reported:
    settings: Settings
    alert: Alert
    found: dict[str, Any]
    html: str
    by_hand: dict[str, float | None]
    """D of every number, over the window's contacts as they were first scored."""


@pytest.fixture(scope="module")
def reported(services: Settings, made: Made, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """One report, read off the topics as a scorer that was killed and a second model version leave them."""
    folder = tmp_path_factory.mktemp("report")
    settings = services.model_copy(update={"topic_prefix": "reported.", "home": folder})
    ensure_topics(settings)
    bundle = bundle_of(made)
    predictions = predictions_of(bundle)
    alerts = alerts_of(bundle, predictions)
    alert = [one for one in alerts if one.kind == "data_drift" and one.state == "firing"][-1]
    publish(settings, [registered_event(bundle)])
    producer = open_producer(settings)
    for partition, scored in predictions.items():
        others = [msgspec.structs.replace(scored[0], source_offset=749 + n, model_version="2") for n in (1, 2)]
        for one in [*scored_again_and_again(scored), *others]:
            producer.send(settings.topic(PREDICTIONS.name), value=encode(one), partition=partition)
        producer.send(settings.topic(PREDICTIONS.name), value=b"<prediction/>", partition=partition)
    for change in alerts:
        producer.send(settings.topic(ALERTS.name), value=encode(change))
    producer.close()
    out = folder / "report.html"
    found = report(settings, alert.id, out, print)
    window = [
        predictions[int(p)][offset]
        for p, first in alert.window.first.items()
        for offset in range(first, alert.window.last[p] + 1)
    ]
    by_hand = {one.name: one.ks.statistic for one in compare(bundle, window, EngineConfig()) if one.ks is not None}
    return Reported(settings, alert, found, out.read_text("utf-8"), by_hand)


def test_the_rows_are_those_of_the_window_each_once(reported: Reported) -> None:
    assert reported.found["rows"] == {"reference": reported.alert.reference.rows, "current": 500}
    assert reported.found["alert"] == reported.alert.id
    assert {one["name"]: one["d"] for one in reported.found["columns"] if one["test"] == "ks"} == reported.by_hand


def test_evidently_finds_our_d_and_our_p_for_every_number(reported: Reported) -> None:
    numbers = [one for one in reported.found["columns"] if one["test"] == "ks"]
    assert len(numbers) > 40
    for one in numbers:
        assert one["d"] == pytest.approx(one["ks"]["statistic"], rel=0, abs=1e-9), one["name"]
        assert one["p_value"] == pytest.approx(one["ks"]["p_value"], rel=1e-9, abs=1e-300), one["name"]


def test_our_d_is_that_of_the_alert(reported: Reported) -> None:
    told = {one["name"]: one for one in reported.found["columns"]}
    by_ks = [column for column in reported.alert.columns if column.test == "ks"]
    assert by_ks
    for column in by_ks:
        assert column.statistic in [told[name]["d"] for name in column.features if told[name]["d"] is not None]


def test_every_test_is_named_and_every_column_has_both_verdicts(reported: Reported) -> None:
    columns = reported.found["columns"]
    assert {one["test"] for one in columns} == {"ks", "chisquare"}
    assert any(one["drifted"] for one in columns)
    assert any(one["strongest"]["drifted"] for one in columns)
    assert f"marks <b>{sum(one['drifted'] for one in columns)}</b> of these {len(columns)} features" in reported.html


def test_a_column_without_values_is_left_out_and_said(reported: Reported) -> None:
    assert reported.found["left_out"] == {"llm_quality": "no values in the window"}
    assert "llm_quality (no values in the window)" in reported.html


def test_no_contacts_text_gets_into_the_page(reported: Reported) -> None:
    assert PLANTED not in reported.html
    assert "(unseen values)" in reported.html


def test_a_value_cannot_become_a_part_of_the_page(reported: Reported) -> None:
    assert HOSTILE not in reported.html
    assert "‹/script›‹script›alert(1)‹/script›" in reported.html or "\\u2039/script\\u203a" in reported.html


def test_the_page_needs_no_host(reported: Reported) -> None:
    assert "default-src 'none'; script-src 'unsafe-inline'" in reported.html
    loading = r"""<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)\s*=\s*["']?(?:https?:)?//"""
    assert re.search(loading, reported.html) is None
    assert 3_000_000 < reported.found["bytes"] < 12_000_000


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.long
def test_a_browser_draws_the_page_and_asks_nobody(reported: Reported) -> None:
    from playwright.sync_api import sync_playwright

    asked, faults = list[str](), list[str]()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto(f"file://{reported.settings.home / 'report.html'}")
        page.get_by_text("Data Drift Summary").wait_for(timeout=30_000)
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert faults == []


def test_evidently_tells_nobody() -> None:
    """Its telemetry asks for this variable."""
    spec = find_spec("evidently")
    assert spec is not None
    assert spec.origin is not None
    asked = re.search(r'DO_NOT_TRACK_ENV = "(\w+)"', Path(spec.origin).with_name("telemetry.py").read_text("utf-8"))
    assert asked is not None
    assert f"{asked[1]}=1" in TELL_NOBODY


def test_what_cannot_be_reported_is_said_in_one_line(
    reported: Reported, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    def told(own: Settings, *arguments: str) -> str:
        for name, value in own.to_environment().items():
            monkeypatch.setenv(name, value)
        assert main(["report", *arguments, "-o", str(tmp_path / "x.html")]) == 1
        return capsys.readouterr().err.splitlines()[-1]

    assert "there is no window yet" in told(settings)
    assert "there is no alert nope: the newest are " in (line := told(reported.settings, "--alert", "nope"))
    assert reported.alert.id in line
    gone = msgspec.structs.replace(reported.alert, id="gone", window=msgspec.structs.replace(
        reported.alert.window, first={"0": 600, "1": 600}, last={"0": 900, "1": 900}
    ))  # fmt: skip
    producer = open_producer(reported.settings)
    producer.send(reported.settings.topic(ALERTS.name), value=encode(gone))
    producer.close()
    assert "300 of the 500 contacts of that window are still on the predictions topic, which keeps them for 7 days" in (
        told(reported.settings, "--alert", "gone")
    )
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize(
    ("seconds", "memory_mb", "told"),
    [
        (0.3, 4_096, "did not end within 0.3 s: raise DRIFTLINE_REPORT_SECONDS"),
        (60.0, 256, "raise DRIFTLINE_REPORT_MEMORY_MB"),
    ],
    ids=["time", "memory"],
)
def test_a_report_is_bounded(made: Made, tmp_path: Path, seconds: float, memory_mb: int, told: str) -> None:
    with pytest.raises(ReportError, match=told):
        make_report(made, tmp_path / "x.html", seconds, memory_mb)
    assert not (tmp_path / "x.html").exists()


def test_a_page_that_cannot_be_written_leaves_nothing_behind(made: Made, tmp_path: Path) -> None:
    (tmp_path / "x.html").mkdir()
    with pytest.raises(ReportError, match=r"there is no report: .*/x\.html cannot be written \(Is a directory\)"):
        make_report(made, tmp_path / "x.html")
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


def make_report(made: Made, out: Path, seconds: float = 60.0, memory_mb: int = 4_096) -> None:
    bundle = bundle_of(made)
    about = About(
        alert=None, at=START, at_contact=1, model_version="1", reference=AlertReference(id="r", rows=1), contacts=1,
        false_alarm_rate=0.05, horizon=20_000, notes=[],
    )  # fmt: skip
    features = compare(bundle, predictions_of(bundle)[0][:200], EngineConfig())
    ReportProcess(seconds, memory_mb).make(about, features, out)
