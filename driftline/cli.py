"""The command line: composes the stages. The only module that imports them all, each when it is asked for."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from driftline.kept_secret import DASHBOARD_TOKEN
from driftline.options import UsageError, parser
from driftline.settings import Settings, SettingsError, load_settings
from driftline.workers import (
    Interrupted,
    clear_ready,
    print_json,
    raise_on_signals,
    say,
    say_why,
    speak_as_told,
    stop_on_signals,
)

if TYPE_CHECKING:
    from driftline.prometheus_metrics import WorkerMetrics
    from producers.replay import Played

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 failed, 2 wrong usage or setting, 130 interrupted)."""
    try:
        speak_as_told("driftline")
        options = parser(scenarios=_described_scenarios).parse_args(argv)
        settings = load_settings()
        speak_as_told(options.command, settings.log_format)
        return COMMANDS[options.command](settings, options)
    except (UsageError, SettingsError) as fault:
        return _fail(fault, WRONG_USAGE)
    except (Interrupted, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (RuntimeError, ValueError, OSError) as fault:
        return _fail(fault, FAILED)


def _fail(fault: Exception, code: int) -> int:
    say_why(fault)
    return code


def demo(settings: Settings, options: Namespace) -> int:
    """The whole loop, then a summary."""
    from driftline.demo import Demo, DemoOptions, open_browser
    from producers.replay_command import scenario_named

    raise_on_signals()
    scenario_named(options.scenario)
    chosen = DemoOptions(options.scenario, options.contacts, options.rate, options.severity, options.seed)
    show = str if options.no_browser or options.json else open_browser
    run = Demo(settings, chosen, replay=_replay_scenario, say=say, show=show)
    summary = run.run()
    if options.json:
        print_json(summary)
    else:
        run.print_summary(summary)
    return DONE


def up(settings: Settings, options: Namespace) -> int:
    """The local stack until Ctrl-C."""
    from driftline.local_stack import LocalStack

    raise_on_signals()
    with LocalStack(settings, say) as stack:
        stack.start_workers()
        stack.wait_until_ready()
        if options.json:
            print_json(stack.addresses())
        else:
            for name, address in stack.addresses().items():
                print(f"{name:10} {address}", flush=True)
            if settings.dashboard_token is None:
                say(f"the dashboard's actions ask for the token in {stack.home / DASHBOARD_TOKEN}")
            say("ready: try `driftline replay data/sample_lemlist_export.csv` in another terminal; Ctrl-C ends it")
        while True:
            time.sleep(0.5)
            stack.supervise()


def score(settings: Settings, options: Namespace) -> int:
    """The scoring worker."""
    stop = stop_on_signals()
    from consumers.kafka_scoring import run
    from driftline.prometheus_metrics import ScoreMetrics

    return _work(settings, metrics := ScoreMetrics(), lambda: run(settings, say, stop, metrics))


def monitor(settings: Settings, options: Namespace) -> int:
    """The monitor."""
    stop = stop_on_signals()  # before the import, which takes seconds
    from driftline.prometheus_metrics import MonitorMetrics
    from monitor.faust_monitor import run

    return _work(settings, metrics := MonitorMetrics(), lambda: run(settings, say, stop, metrics))


def retrain(settings: Settings, options: Namespace) -> int:
    """The retraining worker."""
    raise_on_signals()  # a training takes longer than a worker may to end
    from producers.base_set import base_contacts

    base = base_contacts(settings, say)
    from driftline.prometheus_metrics import RetrainMetrics
    from model.redis_retrain import run

    return _work(settings, metrics := RetrainMetrics(), lambda: run(settings, lambda: base, say, Event(), metrics))


def api(settings: Settings, options: Namespace) -> int:
    """The HTTP API."""
    stop = stop_on_signals()
    from consumers.fastapi_worker import run
    from driftline.prometheus_metrics import RequestMetrics

    return _work(settings, metrics := RequestMetrics(), lambda: run(settings, say, stop, metrics))


def dashboard(settings: Settings, options: Namespace) -> int:
    """The dashboard."""
    stop = stop_on_signals()
    from driftline.prometheus_metrics import DashboardMetrics
    from monitor.fastapi_dashboard_worker import run

    return _work(settings, metrics := DashboardMetrics(), lambda: run(settings, say, stop, metrics))


def notify(settings: Settings, options: Namespace) -> int:
    """The notifier."""
    stop = stop_on_signals()
    from driftline.prometheus_metrics import NotifyMetrics
    from monitor.kafka_notify import receivers_of, run

    receivers_of(settings)
    return _work(settings, metrics := NotifyMetrics(), lambda: run(settings, say, stop, metrics.receivers))


def _work(settings: Settings, metrics: WorkerMetrics, run: Callable[[], None]) -> int:
    """A worker ends only when it is interrupted, or fails; its metrics are served meanwhile."""
    from driftline.kafka_clients import connection
    from driftline.prometheus_metrics import served

    connection(settings)  # what is wrong with it is said before anything else
    clear_ready(settings.home, metrics.WORKER)
    with served(metrics, settings) as address:
        say(f"metrics are at {address}")
        run()
    return INTERRUPTED


def replay(settings: Settings, options: Namespace) -> int:
    """Contacts from a file or a scenario onto the topics."""
    from producers.replay_command import run

    stop = stop_on_signals()
    run(settings, options, say, stop)
    return INTERRUPTED if stop.is_set() else DONE


def _described_scenarios() -> str:
    from producers.scenarios_command import describe

    return describe()


def scenarios(settings: Settings, options: Namespace) -> int:
    """The scenarios as files."""
    import numpy as np

    from model.encoding import fit_featuriser
    from model.features import FEATURE_SETS
    from producers.base_set import base_contacts
    from producers.replay_command import scenario_named
    from producers.scenarios import SCENARIOS
    from producers.scenarios_command import run

    stop = stop_on_signals()
    chosen = [scenario_named(name) for name in options.names or SCENARIOS]
    contacts, engaged = zip(*base_contacts(settings, say), strict=True)
    featuriser = fit_featuriser(contacts, np.array(engaged), FEATURE_SETS["original"])
    run(options, chosen, (featuriser.features, lambda some: featuriser.transform(some).tolist()), say, stop)
    return INTERRUPTED if stop.is_set() else DONE


def import_(settings: Settings, options: Namespace) -> int:
    """An export to enriched contacts."""
    raise_on_signals()
    if options.dry_run:
        from producers.openai_command import dry_run

        dry_run(settings, options)
        return DONE
    from producers.import_command import run

    run(settings, options, say)
    return DONE


def _replay_scenario(settings: Settings, options: Any, progress: Callable[[int], None]) -> Played:
    """The demo's replay: calm up to the onset, then the drift, each contact with its label."""
    from producers.kafka_replay import replay as send
    from producers.replay import Pacer
    from producers.replay_command import scenario_named

    contacts = scenario_named(options.scenario).contacts(
        options.contacts,
        seed=options.seed,
        severity=options.severity,
        onset=options.onset,
        start=datetime.now(UTC),
    )
    pacer = Pacer(rate=options.rate, speed=None, clock=lambda: datetime.now(UTC), sleep=time.sleep)
    return send(settings, "demo", contacts, pace=pacer, progress=progress)


def alerts(settings: Settings, options: Namespace) -> int:
    """The alerts topic, one a line; or one of them acknowledged."""
    from driftline.events import LEVELS, encode
    from driftline.kafka_clients import wait_for_kafka
    from driftline.rich_view import print_alert, stored_alerts

    if options.ack is not None:
        return _acknowledge(settings, options)
    since = _time(options.since)
    levels = LEVELS[LEVELS.index(options.level) :] if options.level else LEVELS
    stop = stop_on_signals()
    wait_for_kafka(settings, say, timeout=None if options.follow else 30, stop=stop)
    for alert in stored_alerts(settings, follow=options.follow, stop=stop):
        if alert.level in levels and (since is None or alert.updated_at >= since):
            if options.json:
                print(encode(alert).decode(), flush=True)
            else:
                print_alert(alert, settings.alert_page(alert.id))
    return INTERRUPTED if stop.is_set() else DONE


def _acknowledge(settings: Settings, options: Namespace) -> int:
    from driftline.events import encode
    from driftline.kafka_acknowledge import acknowledge
    from driftline.kafka_clients import wait_for_kafka
    from driftline.rich_view import print_alert

    raise_on_signals()
    wait_for_kafka(settings, say, timeout=30)
    alert = acknowledge(settings, options.ack)
    if options.json:
        print(encode(alert).decode(), flush=True)
    else:
        print_alert(alert, settings.alert_page(alert.id))
    say("accepted: these columns raise no alert of this kind until the reference changes")
    return DONE


def _time(text: str) -> datetime | None:
    if text == "beginning":
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since {text} is neither `beginning` nor a time such as 2026-01-31T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def backtest(settings: Settings, options: Namespace) -> int:
    """The engine over a file."""
    from driftline.rich_view import backtest_table, file_progress
    from driftline.tables import read_table
    from monitor.backtest import backtest as run

    pane = options.pane or max(1, options.window // 10)
    if pane > options.window:
        raise UsageError(f"--pane {pane} is more than --window {options.window}: take at most the window")
    stream, reference = read_table(Path(options.stream)), read_table(Path(options.reference))
    with file_progress(len(stream)) as progress:
        found = run(
            stream, reference, window=options.window, pane=pane, false_alarm_rate=options.false_alarm_rate,
            horizon=options.horizon, progress=progress,
        )  # fmt: skip
    if options.plot:
        from monitor.matplotlib_backtest import plot_backtest

        plot_backtest(found, Path(options.plot))
        say(f"drawn to {options.plot}")
    if options.json:
        print_json(found.to_json())
    else:
        backtest_table(found.to_json())
    return DONE


def report(settings: Settings, options: Namespace) -> int:
    """The Evidently report of an alert or of the newest window."""
    from driftline.kafka_clients import wait_for_kafka

    out = Path(options.out)
    if not out.parent.is_dir():
        raise UsageError(f"-o {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise UsageError(f"-o {out}: that is a folder; name a file in it")
    raise_on_signals()
    wait_for_kafka(settings, say, timeout=30)
    from monitor.kafka_report import report as run

    found = run(settings, options.alert, out, say)
    if options.json:
        print_json(found)
    else:
        drifted = [column["name"] for column in found["columns"] if column["drifted"]]
        print(f"{found['file']}: {found['bytes'] / 1e6:.1f} MB, made in {found['seconds']:.0f} s")
        print(f"Evidently marks {len(drifted)} of {len(found['columns'])} features: {', '.join(drifted) or 'none'}")
    return DONE


def watch(settings: Settings, options: Namespace) -> int:
    """The live view until Ctrl-C."""
    from driftline.kafka_clients import wait_for_kafka
    from driftline.rich_watch import watch as show

    stop = stop_on_signals()
    wait_for_kafka(settings, say, stop=stop)
    show(settings, stop)
    return INTERRUPTED


def model(settings: Settings, options: Namespace) -> int:
    """Versions: made, shown, compared, promoted."""
    from driftline.kafka_clients import wait_for_kafka

    raise_on_signals()
    from producers.base_set import labelled_contacts

    file = getattr(options, "file", None)
    contacts = None if file is None else labelled_contacts(settings, Path(file), say)
    if options.action in ("train", "promote", "rollback") and settings.kafka is not None:
        wait_for_kafka(settings, say, timeout=10)
    from model import commands  # MLflow takes seconds, and a wrong file none

    models = commands.Models(settings)
    found, text = commands.run(models, options, contacts, now=datetime.now(UTC), say=say)
    if getattr(options, "plot", None):
        models.plot(Path(options.plot))
        say(f"drawn to {options.plot}")
    if options.json:
        print_json(found)
    else:
        print(text)
    return DONE


def status(settings: Settings, options: Namespace) -> int:
    """Every part and every worker."""
    from driftline.status import read_status, status_lines

    found = read_status(settings)
    if options.json:
        print_json(found)
    else:
        print("\n".join(status_lines(found)))
    return DONE


_ALL = (
    demo, up, replay, scenarios, import_, score, monitor, retrain, api, dashboard, notify, alerts, backtest, report,
    model, watch, status,
)  # fmt: skip
COMMANDS: dict[str, Callable[[Settings, Namespace], int]] = {command.__name__.rstrip("_"): command for command in _ALL}

if __name__ == "__main__":
    sys.exit(main())
