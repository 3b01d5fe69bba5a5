"""What an Evidently report takes, and how many features it marks where nothing drifts, beside ours."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.timing import show
from consumers.scoring import ScoringModel, score_contacts
from driftline.events import AlertReference
from driftline.settings import Settings
from model.onnx_scorer import OnnxScorer
from model.retrain import Maker
from monitor.comparison import compare
from monitor.config import EngineConfig
from monitor.report_page import About
from monitor.report_process import ReportProcess
from producers.scenarios import SCENARIOS

WINDOW, REPEATS = 500, 7
START = datetime(2026, 1, 1, tzinfo=UTC)


def cpu_of_children() -> float:
    """Seconds of CPU that ended children have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Windows of 500 contacts without drift, each of other people, beside a reference of 1,000."""
    base = list(SCENARIOS["no_drift_baseline"].contacts(3_000, seed=1, start=START))
    bundle = Maker(seed=0, now=START).first_champion(base).bundle.with_version("1")
    model = ScoringModel("1", bundle.featuriser, OnnxScorer(bundle.onnx, len(bundle.featuriser.features)))
    settings, config = Settings.model_validate({}), EngineConfig()
    process = ReportProcess(settings.report_seconds, settings.report_memory_mb)
    seconds: dict[str, list[float]] = {
        "our statistics and thresholds": [],
        "Evidently, in its process": [],
        "of CPU": [],
    }
    marks, ours, sizes, features = [], [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(2, 2 + REPEATS):
            people = SCENARIOS["no_drift_baseline"].contacts(WINDOW, seed=seed, start=START)
            scored = score_contacts([contact for contact, _ in people], range(WINDOW), model)
            began = time.perf_counter()
            compared = compare(bundle, scored, config)
            ready = time.perf_counter()
            about = About(
                alert=None, at=START, at_contact=WINDOW, model_version="1", contacts=WINDOW, notes=[],
                reference=AlertReference(id=bundle.reference_id, rows=len(bundle.inputs)),
                false_alarm_rate=config.false_alarm_rate, horizon=config.horizon,
            )  # fmt: skip
            before = cpu_of_children()
            answer = process.make(about, compared, Path(folder) / "report.html")
            seconds["our statistics and thresholds"].append(ready - began)
            seconds["Evidently, in its process"].append(time.perf_counter() - ready)
            seconds["of CPU"].append(cpu_of_children() - before)
            marks.append(sum(one.drifted for one in answer.tested))
            ours.append(sum(one.strongest.drifted for one in answer.tested))
            sizes.append(answer.size)
            features = len(answer.tested)
    show(seconds, "s")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the process {peak:.0f} MB, page {statistics.median(sizes) / 1e6:.1f} MB")
    print(
        f"without drift, {features} features: Evidently marks {statistics.mean(marks):.1f} a window"
        f" ({min(marks)} to {max(marks)}), Driftline's tests of the window {statistics.mean(ours):.1f}"
    )
