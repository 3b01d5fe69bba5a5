"""The queries of the dashboard and of the alert rules, which have to be about metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

FOLDER = Path(__file__).parents[1] / "data" / "observability"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "driftline.json"
_NAME = re.compile(r"\b(?:driftline|process)_[a-z_]+|\bup\b")


def panel_queries() -> dict[str, str]:
    """By the panel's title and the query's letter."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return {
        f"{panel['title']} {target['refId']}": target["expr"] for panel in panels for target in panel.get("targets", ())
    }


def rule_queries() -> dict[str, str]:
    """By the alert's name, without the comparison that decides: what it compares."""
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return {rule["alert"]: re.sub(r" [<>] [\d.]+$", "", rule["expr"].strip()) for rule in rules}


def metrics_in(query: str) -> set[str]:
    """The names of the metrics in a query, without the suffixes of a histogram's series."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in _NAME.findall(query)}
