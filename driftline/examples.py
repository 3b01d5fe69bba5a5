"""Examples of every command, told by its ``--help``; a test parses each of them, and asks for some of every command."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("", "--seed 7 --json", "--scenario seniority_shift --severity 0.5 --contacts 6000"),
    "up": ("", "--json"),
    "replay": (
        "data/sample_lemlist_export.csv",
        "scenario:sector_shift --onset 1000 --limit 4000 --rate 500",
        "contacts.jsonl --speed 3600 --resume",
        "contacts.jsonl --to http --fast --json",
    ),
    "scenarios": (
        "-o scenarios",
        "-o scenarios sector_shift format_change --contacts 5000 --onset 1000 --severity 0.5",
    ),
    "import": (
        "export.csv -o contacts.jsonl",
        "export.csv -o contacts.jsonl --enrich openai --dry-run",
        "export.csv -o contacts.jsonl --enrich openai --max-cost 2",
    ),
    "score": ("", "# a second one on this host: DRIFTLINE_INSTANCE=scorer-2 driftline score"),
    "monitor": ("", "# another window: DRIFTLINE_WINDOW=1000 DRIFTLINE_PANE=100 driftline monitor"),
    "api": ("", "# on a port of your choice: DRIFTLINE_API_PORT=8000 driftline api"),
    "dashboard": ("", "# on a port of your choice: DRIFTLINE_DASHBOARD_PORT=8080 driftline dashboard"),
    "notify": ("", "# to one receiver: DRIFTLINE_WEBHOOK_URLS=http://127.0.0.1:9000/hook driftline notify"),
    "report": ("-o report.html", "--alert 0ab5ddfb4f575373 -o report.html --json"),
    "retrain": ("", "# on contacts of your own: DRIFTLINE_TRAINING_DATA=contacts.csv driftline retrain"),
    "alerts": (
        "",
        "--follow --json",
        "--since 2026-01-31T12:00:00Z --level alert",
        "--ack 0ab5ddfb4f575373",
    ),
    "backtest": (
        "stream.csv --reference reference.csv --plot backtest.png",
        "stream.parquet --reference reference.parquet --window 1000 --false-alarm-rate 0.01 --json",
    ),
    "watch": ("", "# of another stack: DRIFTLINE_HOME=.driftline/demo driftline watch"),
    "status": ("", "--json"),
    "model": ("train contacts.csv", "list", "show 2", "rollback"),
    "model train": ("contacts.csv", "contacts.jsonl --feature-set original --seed 7"),
    "model evaluate": ("contacts.csv", "contacts.csv --model 1 --json"),
    "model list": ("", "--plot lifecycle.png"),
    "model show": ("2", "2 --json"),
    "model compare": ("1 2", "1 2 --on contacts.csv"),
    "model promote": ("2", "2 --json"),
    "model rollback": ("", "--from 3", "--json"),
}
"""Command → what comes after it; after ``#`` a whole line, with its reason, for what is set by a variable."""


def examples_of(command: str) -> str:
    """The examples of a command as its help shows them; nothing for what has none.

    >>> print(examples_of("status"))
    examples:
      driftline status
      driftline status --json
    """
    lines = [
        f"  {more}" if more.startswith("#") else f"  driftline {command} {more}".rstrip()
        for more in EXAMPLES.get(command, ())
    ]
    return "\n".join(["examples:", *lines]) if lines else ""
