"""The commands of `driftline` and their options; what they do is in cli.py."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn
from urllib.parse import urlsplit

from driftline.examples import examples_of


class UsageError(ValueError):
    """Wrong usage: one line that names the option and the fix."""


class _Parser(argparse.ArgumentParser):
    more: Callable[[], str] | None = None
    """Told at the end of the help, when it is asked for."""

    def format_help(self) -> str:
        parts = (super().format_help(), self.more and self.more(), examples_of(self.prog.removeprefix("driftline ")))
        return "\n".join(f"{part.rstrip()}\n" for part in parts if part)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def parser(scenarios: Callable[[], str] = str) -> argparse.ArgumentParser:
    """All commands and options; ``scenarios`` tells which there are."""
    root = _Parser(prog="driftline", description="Drift monitoring for streams of scored sales contacts.")
    root.add_argument("--version", action="version", version="driftline 0.1.0")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        found.set_defaults(command=name)
        return found

    demo = add("demo", "the whole loop on a local stack: replay, alert, retraining, promotion; ends by itself")
    _scenario_options(demo)
    demo.add_argument("--scenario", default="sector_shift", help="which scenario (default %(default)s)")
    demo.add_argument("--contacts", type=_at_least(2_000), default=8_000, help="how many (default %(default)s)")
    demo.add_argument("--rate", type=_positive, default=500.0, help="contacts per second (default %(default)s)")
    demo.add_argument("--no-browser", action="store_true", help="do not open the dashboard")
    demo.add_argument("--json", action="store_true", help="print the summary as one JSON document")

    up = add("up", "start the local stack and keep it until Ctrl-C")
    up.add_argument("--json", action="store_true", help="print the addresses as one line when all is ready")

    _replay_options(add("replay", "replay contacts onto the contacts topic, and their labels onto the labels topic"))
    _scenarios_options(add("scenarios", "write the drift scenarios as CSV files"), scenarios)
    _import_options(add("import", "an export to enriched contacts without personal data"))
    add("score", "the scoring worker: contacts to predictions")
    add("monitor", "the monitor: predictions to panes, alerts and Redis")
    add("api", "the HTTP API: POST /predict and /predict/batch, by the scorer of the stream")
    add("dashboard", "the dashboard: what the monitor sees, in a browser")
    add("notify", "the notifier: alerts to webhooks, such as Slack and Alertmanager")
    add("retrain", "the retraining worker: makes the first champion, then of alerts in Redis a better one")

    alerts = add("alerts", "print alerts, one a line")
    alerts.add_argument("--follow", action="store_true", help="keep on printing new ones")
    alerts.add_argument("--since", default="beginning", help="beginning, or a time such as 2026-01-31T12:00:00Z")
    alerts.add_argument("--level", choices=("monitor", "investigate", "alert", "retrain"), help="from this level on")
    alerts.add_argument(
        "--ack", metavar="ID", help="accept the change of this alert: it raises none again until the reference changes"
    )
    alerts.add_argument("--json", action="store_true", help="the alerts as on the topic")

    _backtest_options(
        add("backtest", "the alerts that a table would have raised: the same engine over a file, no broker")
    )
    _report_options(add("report", "the Evidently report of an alert or of the newest window, as one HTML file"))
    _model_options(add("model", "versions of the model: train, evaluate, list, show, compare, promote, rollback"))
    add("watch", "live view: what is firing, drift share, ranked columns, champion, rates")
    status = add("status", "every part: reachable or not, lag, champion, what is firing")
    status.add_argument("--json", action="store_true", help="as one JSON document")
    return root


def _replay_options(found: argparse.ArgumentParser) -> None:
    found.add_argument(
        "source", nargs="+",
        help="LemList CSV, enriched CSV, JSONL of contacts, or scenario:NAME; several are merged by time",
    )  # fmt: skip
    pace = found.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=_positive, metavar="R", help="contacts per second (default 100)")
    pace.add_argument("--speed", type=_positive, metavar="X", help="the original gaps, so many times faster")
    pace.add_argument("--fast", action="store_true", help="as fast as the broker takes them")
    found.add_argument(
        "--order", choices=("time", "file"), default="time",
        help="of time of contact, or as they stand in the file (default %(default)s)",
    )  # fmt: skip
    found.add_argument(
        "--to", type=_destination, default="kafka", metavar="kafka|http|URL",
        help="onto the topics, or in pages through the HTTP API of the stack or of a URL (default %(default)s)",
    )  # fmt: skip
    found.add_argument(
        "--page",
        type=_at_least(1),
        metavar="N",
        help="contacts a request (default 500, fewer where a pace is asked for)",
    )
    found.add_argument("--limit", type=_at_least(1), metavar="N", help="stop after so many contacts")
    found.add_argument("--resume", action="store_true", help="go on where the last run of this replay ended")
    found.add_argument(
        "--labels-delay", type=_delay, metavar="D",
        help="contacts, or a time such as 90s, 12h or 3d, before a label follows (default: at once; with --speed, when"
        " the source says)",
    )  # fmt: skip
    _scenario_options(found)
    found.add_argument(
        "--onset", type=_at_least(0), default=1_000, metavar="N", help="contacts before the drift (default %(default)s)"
    )
    found.add_argument("--shape", choices=("sudden", "gradual", "recurring"), default="sudden", help="of the drift")
    found.add_argument("--json", action="store_true", help="print what was sent as one JSON document")


def _scenarios_options(found: argparse.ArgumentParser, described: Callable[[], str]) -> None:
    found.add_argument("names", nargs="*", metavar="NAME", help="which scenarios (default: all)")
    found.add_argument("-o", "--out", required=True, metavar="DIR", help="where the files go")
    found.add_argument("--contacts", type=_at_least(1), default=300, help="of each (default %(default)s)")
    found.add_argument("--onset", type=_at_least(0), default=0, help="contacts before the drift (default %(default)s)")
    found.add_argument("--shape", choices=("sudden", "gradual", "recurring"), default="sudden", help="of the drift")
    _scenario_options(found)
    found.add_argument("--json", action="store_true", help="print which files were written as JSON")
    if isinstance(found, _Parser):
        found.more = lambda: (
            f"""scenarios:
{described()}

Of each, NAME.csv has the 47 features of the original model, and NAME_contacts.csv the contacts with their labels,
which `driftline replay` and `driftline backtest` read. All of one seed are the same people, changed or not.
"""
        )


def _import_options(found: argparse.ArgumentParser) -> None:
    found.add_argument("file", help="LemList CSV or enriched CSV")
    found.add_argument("-o", "--out", required=True, metavar="OUT.jsonl", help="where the contacts go")
    found.add_argument("--strict", action="store_true", help="write nothing if any row has to be repaired or dropped")
    found.add_argument("--json", action="store_true", help="print the report as one JSON document")
    _enrich_options(found)


def _enrich_options(found: argparse.ArgumentParser) -> None:
    found.add_argument(
        "--enrich",
        choices=("offline", "openai"),
        default="offline",
        help="who fills the llm_* fields (default %(default)s)",
    )
    found.add_argument("--max-cost", type=_positive, metavar="USD", help="of --enrich openai; it stops before more")
    found.add_argument("--dry-run", action="store_true", help="say what --enrich openai would cost; send nothing")
    found.add_argument("--llm-model", metavar="MODEL", help="instead of DRIFTLINE_OPENAI_MODEL")
    found.add_argument("--batch", type=_at_least(1), default=10, help="profiles a call (default %(default)s)")
    found.add_argument("--concurrency", type=_at_least(1), default=4, help="calls at a time (default %(default)s)")
    found.add_argument("--retry-missing", action="store_true", help="ask again for what no answer could be read of")


def _backtest_options(found: argparse.ArgumentParser) -> None:
    found.add_argument("stream", help="CSV or Parquet, rows in order of arrival, any columns")
    found.add_argument("--reference", required=True, help="CSV or Parquet of rows as they should be")
    found.add_argument("--window", type=_at_least(2), default=500, help="rows compared (default %(default)s)")
    found.add_argument("--pane", type=_at_least(1), help="rows between two tests (default a tenth of the window)")
    found.add_argument(
        "--false-alarm-rate", type=_rate, default=0.05, metavar="A",
        help="P(any false alarm within the horizon) (default %(default)s)",
    )  # fmt: skip
    found.add_argument("--horizon", type=_at_least(1), default=20_000, help="in rows (default %(default)s)")
    found.add_argument("--plot", metavar="OUT.png", help="draw drift share, alerts and columns")
    found.add_argument("--json", action="store_true", help="as one JSON document")


def _report_options(found: argparse.ArgumentParser) -> None:
    subject = found.add_mutually_exclusive_group()
    subject.add_argument("--alert", metavar="ID", help="of this alert, as it last fired")
    subject.add_argument(
        "--window", choices=("last",), default="last", help="of the window that the monitor looks at now (the default)"
    )
    found.add_argument("-o", "--out", required=True, metavar="OUT.html", help="where the page goes")
    found.add_argument("--json", action="store_true", help="print what was found as one JSON document")


def _model_options(found: argparse.ArgumentParser) -> None:
    actions = found.add_subparsers(
        title="actions", metavar="ACTION", required=True, dest="action", parser_class=_Parser
    )

    def add(name: str, text: str) -> argparse.ArgumentParser:
        action: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
        action.add_argument("--json", action="store_true", help="as one JSON document")
        return action

    contacts = "LemList CSV, enriched CSV or JSONL of contacts; those without a label are left out"
    train = add("train", "train and register a version; the first one becomes champion")
    train.add_argument("file", help=contacts)
    train.add_argument("--seed", type=_at_least(0), default=0, help="of folds and trees (default %(default)s)")
    train.add_argument(
        "--feature-set", choices=("driftline", "original"), default="driftline",
        help="what the model reads of a contact (default %(default)s)",
    )  # fmt: skip
    evaluate = add("evaluate", "what a version is worth on labelled contacts, with intervals and baselines")
    evaluate.add_argument("file", help=contacts)
    evaluate.add_argument("--model", metavar="V", help="which version (default: the champion)")
    listed = add("list", "all versions, the oldest first")
    listed.add_argument("--plot", metavar="OUT.png", help="draw the lifecycle: each version beside its champion")
    show = add("show", "the model card of a version: data, figures, the gate's decision and its evidence")
    show.add_argument("version", metavar="V")
    compare = add("compare", "two versions side by side")
    compare.add_argument("first", metavar="V1")
    compare.add_argument("second", metavar="V2")
    compare.add_argument("--on", metavar="FILE", dest="file", help="paired, on these labelled contacts")
    promote = add("promote", "make a version champion; the stream swaps model and reference together")
    promote.add_argument("version", metavar="V")
    rollback = add("rollback", "go back to the version that was champion before")
    rollback.add_argument("--from", metavar="V", dest="champion", help="only if V is the champion still")


def _scenario_options(found: argparse.ArgumentParser) -> None:
    found.add_argument("--severity", type=_share, default=1.0, help="of the drift, 0 to 1 (default %(default)s)")
    found.add_argument("--seed", type=_at_least(0), default=0, help="of the invented contacts (default %(default)s)")


def _destination(text: str) -> str:
    with suppress(ValueError):  # of a port, or of brackets
        url = urlsplit(text)
        if text in ("kafka", "http") or (url.scheme in ("http", "https") and url.hostname and url.port != 0):
            return text
    raise argparse.ArgumentTypeError(f"{text} is neither kafka nor http nor a URL such as http://127.0.0.1:28000")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def _delay(text: str) -> int | timedelta:
    """A number of contacts, or a duration.

    >>> _delay("50"), _delay("90s"), _delay("1.5h")
    (50, datetime.timedelta(seconds=90), datetime.timedelta(seconds=5400))
    """
    units = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if found is not None and not found[2] and "." not in found[1]:
        return int(found[1])
    if found is None or found[2] not in units:
        raise argparse.ArgumentTypeError(f"{text} is neither a number of contacts nor a time such as 90s, 12h or 3d")
    try:
        return timedelta(**{units[found[2]]: float(found[1])})
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text} is longer than any replay") from None


_positive.__name__ = "number"  # what argparse calls a text that is none


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1, both excluded")
    return value


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        if value > sys.maxsize:
            raise argparse.ArgumentTypeError(f"{text} is more than {sys.maxsize}")
        return value

    number.__name__ = "whole number"
    return number
