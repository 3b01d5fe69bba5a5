"""Every link of the documents that lead to a file or a heading leads somewhere; addresses are only looked at."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.documents import DOCUMENTS, ROOT

LINK = re.compile(r"""\]\(([^)\s]+)\)|(?:src|href|srcset)="([^"]+)\"""")
CODE = re.compile(r"^```.*?^```$|^ {4}.*?$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
EVERYTHING = [*DOCUMENTS, ROOT / "CONTRIBUTING.md"]


def links(document: Path) -> list[str]:
    text = CODE.sub("", document.read_text("utf-8"))
    return [one or other for one, other in LINK.findall(text)]


def anchors(document: Path) -> set[str]:
    """What a heading is called in a link: lower case, words joined by dashes, without punctuation."""
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", EVERYTHING, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        target = urlsplit(link)
        if target.scheme:
            assert target.scheme in ("http", "https"), link
            assert re.fullmatch(r"[a-z0-9.-]+(:\d+)?", target.netloc), link
            continue
        there = (document.parent / target.path).resolve() if target.path else document
        assert there.exists(), f"{document.relative_to(ROOT)}: {link} leads nowhere"
        if target.fragment and there.suffix == ".md":
            assert target.fragment in anchors(there), f"{document.relative_to(ROOT)}: no heading {link}"


def test_the_documents_link_to_each_other() -> None:
    assert sum(len(links(document)) for document in EVERYTHING) > 60


def test_the_guide_has_a_section_of_every_kind_of_alert() -> None:
    from typing import get_args

    from driftline.events import Kind

    assert set(get_args(Kind)) <= anchors(ROOT / "docs" / "monitoring.md")
