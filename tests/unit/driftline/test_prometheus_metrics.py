"""What every worker tells Prometheus, and that whoever reads it asks for what there is."""

import shutil
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from driftline.events import AlertReference, AlertWindow, LabelAccount, Promise, WindowReport
from driftline.prometheus_metrics import (
    WAY,
    WORKERS,
    MonitorMetrics,
    RequestMetrics,
    ScoreMetrics,
    WorkerMetrics,
    served,
)
from driftline.settings import Settings, SettingsError
from tests.observability import FOLDER, metrics_in, panel_queries, rule_queries

ROOT = Path(__file__).parents[3]
OF_EVERY_PROCESS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def samples(metrics: WorkerMetrics) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def report(**changed: object) -> WindowReport:
    fields = {
        "at": datetime(2026, 1, 1, tzinfo=UTC), "at_contact": 700, "model_version": "1", "full": True,
        "window": AlertWindow(contacts=500, first={}, last={}), "reference": AlertReference(id="r", rows=1_000),
        "drift_share": 0.5, "drifting": ["a"], "promise": Promise(false_alarm_rate=0.05, horizon=20_000, holds=True),
        "evidence": {"data_drift": 2.5}, "strengths": {"a": 2.0, "b": 0.5}, "columns": [], "distributions": [],
    }  # fmt: skip
    return WindowReport(**(fields | changed))  # type: ignore[arg-type]


def test_names_are_of_one_worker_each_and_say_what_they_are() -> None:
    described = [metric for worker in WORKERS for metric in worker().described]
    own = [metric for metric in described if metric.name != "driftline_build_info"]
    assert len({metric.name for metric in own}) == len(own)
    for worker in WORKERS:
        for metric in worker().described:
            assert metric.name.startswith(f"driftline_{worker.WORKER}_") or metric.name == "driftline_build_info"
            assert metric.help.endswith(".")
            assert metric.name.endswith("_total") == (metric.kind == "counter")
            assert metric.name.endswith("_timestamp_seconds") == metric.help.startswith("When ")


def test_every_metric_of_the_dashboard_and_of_the_rules_exists() -> None:
    exist = {metric.name for worker in WORKERS for metric in worker().described} | OF_EVERY_PROCESS
    for title, query in (panel_queries() | rule_queries()).items():
        asked = metrics_in(query)
        assert asked, title
        assert asked <= exist, title


def test_the_documentation_lists_every_metric_as_it_is() -> None:
    told = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for worker in WORKERS:
        for metric in worker().described:
            labels = f" ({', '.join(metric.labels)})" if metric.labels else ""
            assert f"| `{metric.name}`{labels} | {metric.help.removesuffix('.')} |" in told


def test_every_worker_of_the_compose_stack_is_scraped_and_whoever_scrapes_stays_on_loopback() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    services = compose["services"]
    jobs = {job["job_name"]: job["dns_sd_configs"] for job in scraped}
    assert jobs.keys() == {worker.WORKER for worker in WORKERS}
    workers = {name: service for name, service in services.items() if set(service.get("command", ())) & jobs.keys()}
    assert len(workers) >= 4
    for name, service in workers.items():
        [discovery] = jobs[service["command"][0]]
        assert discovery["names"] == [name]
        assert discovery["port"] == service["environment"]["DRIFTLINE_METRICS_PORT"] == 9100
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["observability"]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
        assert ":latest" not in services[name]["image"]


def test_what_compose_lays_into_prometheus_and_grafana_is_there() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    mounted = [volume for name in ("prometheus", "grafana") for volume in compose["services"][name]["volumes"]]
    sources = [volume.split(":")[0] for volume in mounted if volume.startswith(".")]
    assert sources
    assert all((ROOT / source).is_dir() for source in sources)
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    [dashboards] = [volume for volume in mounted if volume.split(":")[1:2] == [str(Path(home).parent)]]
    assert (ROOT / dashboards.split(":")[0] / Path(home).name).is_file()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with Prometheus")
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", "data/observability/prometheus.yml"],
        ["check", "rules", "data/observability/rules.yml"],
        ["test", "rules", "tests/data/observability/rules_test.yml"],
    ],
    ids=" ".join,
)
def test_prometheus_takes_configuration_and_rules(arguments: list[str]) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@given(st.lists(st.lists(st.floats(0, 1e4), max_size=20), max_size=5))
def test_a_histogram_of_batches_counts_what_one_of_single_values_would(batches: list[list[float]]) -> None:
    metrics = ScoreMetrics()
    for batch in batches:
        metrics.latency.observe(np.array(batch))
    found = samples(metrics)
    values = [value for batch in batches for value in batch]
    name = "driftline_score_latency_seconds"
    assert found[f"{name}_count",] == found[f"{name}_bucket", "+Inf"] == len(values)
    assert found[f"{name}_sum",] == pytest.approx(sum(values))
    for bound in WAY:
        [at] = [key for key in found if key[0] == f"{name}_bucket" and key[1] != "+Inf" and float(key[1]) == bound]
        assert found[at] == sum(value <= bound for value in values)


def test_the_window_is_told_as_its_report_says_and_a_column_that_is_gone_is_told_no_more() -> None:
    metrics = MonitorMetrics()
    metrics.show_window(report())
    found = samples(metrics)
    assert found["driftline_monitor_drift_share",] == 0.5
    assert found["driftline_monitor_strength", "a"] == 2.0
    assert found["driftline_monitor_evidence", "data_drift"] == 2.5
    assert found["driftline_monitor_newest_timestamp_seconds",] == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    metrics.show_window(report(strengths={"b": 0.7}))
    found = samples(metrics)
    assert found["driftline_monitor_strength", "b"] == 0.7
    assert ("driftline_monitor_strength", "a") not in found
    metrics.forget_window()
    assert not any(name == "driftline_monitor_strength" for name, *_ in samples(metrics))


def test_labels_are_told_by_what_became_of_them() -> None:
    metrics = MonitorMetrics()
    metrics.show_labels(LabelAccount(contacts=100, joined=60, unknown=3))
    found = samples(metrics)
    assert found["driftline_monitor_labels", "joined"] == 60
    assert found["driftline_monitor_labels", "unknown"] == 3
    assert np.isnan(found["driftline_monitor_label_delay_seconds",])


def test_which_version_is_in_use_is_asked_at_every_scrape() -> None:
    metrics, versions = RequestMetrics(), iter([None, "1", "2"])
    metrics.model.now = lambda: next(versions)
    told = [{key[1] for key in samples(metrics) if key[0] == "driftline_api_model"} for _ in range(3)]
    assert told == [set(), {"1"}, {"2"}]


def test_metrics_are_served_where_the_settings_say_and_a_taken_port_is_named_in_one_line() -> None:
    with served(ScoreMetrics(), Settings.model_validate({})) as address:
        with urllib.request.urlopen(address, timeout=5) as answer:
            assert b'driftline_build_info{version="' in answer.read()
            assert answer.headers["Content-Type"].startswith("text/plain")
        assert address.startswith("http://127.0.0.1:")
        port = int(address.split(":")[2].split("/")[0])
        taken = Settings.model_validate({"metrics_port": port})
        with (
            pytest.raises(SettingsError, match="DRIFTLINE_METRICS_PORT: cannot listen on 127"),
            served(ScoreMetrics(), taken),
        ):
            pass
    with served(ScoreMetrics(), taken):  # it has been given back
        pass
