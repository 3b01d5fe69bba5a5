"""The site: built without a warning, offline, with every contract readable and to download."""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from data import contract_pages
from data.contract_pages import schema_pages
from data.schemas import FOLDER, documents
from driftline.events import EVENTS
from tests.documents import ROOT

LOADS = {"script": "src", "img": "src", "source": "srcset", "link": "href", "iframe": "src", "object": "data"}
FOREIGN = re.compile(r"https?://|^//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return out


class Loaded(HTMLParser):
    """What a page loads, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and given.get("rel") in ("prev", "next", "canonical"):
            return
        if tag in LOADS and LOADS[tag] in given:
            self.loads.append(given[LOADS[tag]])
        if tag == "a" and "href" in given:
            self.leads.append(given["href"])


def test_no_page_loads_anything_from_another_host_or_that_is_not_there(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        if page.name == "404.html":  # addresses from the root, wherever that is
            continue
        found = Loaded()
        found.feed(page.read_text("utf-8"))
        for loaded in found.loads:
            assert not FOREIGN.search(loaded), f"{page.name} loads {loaded}"
            assert (page.parent / loaded.split("?")[0]).exists(), f"{page.name} loads {loaded}, which is not there"
        for lead in found.leads:
            path = lead.split("#")[0]
            if path and not FOREIGN.search(path):
                assert (page.parent / path).exists(), f"{page.name} leads to {lead}, which is not there"


def test_no_style_loads_anything_from_another_host(site: Path) -> None:
    for style in site.rglob("*.css"):
        urls = re.findall(r"url\(([^)]*)\)|@import\s+([^;]+)", style.read_text("utf-8"))
        assert not [url for pair in urls for url in pair if FOREIGN.match(url.strip("\"' "))]


def test_every_contract_is_a_page_and_a_file(site: Path) -> None:
    for name, text in documents().items():
        assert (site / "contracts" / name).read_text("utf-8") == text
    for kind in EVENTS:
        name = kind.SCHEMA.removeprefix("driftline.").split("/")[0]
        page = (site / "contracts" / f"{name}.html").read_text("utf-8")
        properties = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))["$defs"][kind.__name__]
        assert all(f"<code>{field}</code>" in page for field in properties["properties"])


def test_the_examples_of_the_pages_hold() -> None:
    tried = doctest.testmod(contract_pages)
    assert (tried.failed, tried.attempted) == (0, 2)


def test_a_page_of_a_contract_says_what_a_field_means() -> None:
    alert = schema_pages()["alert"]
    assert "| `summary` | string | One sentence that a salesperson understands. |" in alert
    assert "| `columns` | list of [DriftedColumn](#driftedcolumn) |" in alert
    assert "`firing`, `resolved`" in alert


def test_the_runbook_of_an_alert_is_a_heading_of_the_site(site: Path) -> None:
    from monitor.policy import RUNBOOK

    page, _, anchor = RUNBOOK.format(kind="data_drift").rpartition("/")[2].partition("#")
    assert f'id="{anchor}"' in (site / page).read_text("utf-8")
