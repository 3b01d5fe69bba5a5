"""What the site has beyond the files of docs/: the README as front page, the contracts, links into the repository.

MkDocs calls these functions (``hooks`` in mkdocs.yml). Documents are written for whoever reads them in the repository:
a link out of docs/ leads to the file there, and on the site to a copy of it, or, of data/schemas, to the contracts.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # MkDocs starts in the folder of its configuration, but does not import from it

from data.contract_pages import contracts_page, schema_pages  # noqa: E402
from data.schemas import FOLDER  # noqa: E402

COPIES = "repository"
"""The site's folder for what documents link to outside of docs/."""
CONTRACTS = "data/schemas"
"""The folder whose files are pages of the site."""
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
INDENTED_OR_FENCED = re.compile(r"^(?: {4}[^\n]*|```.*?^```)$", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Sections whose pages follow from what is there."""
    assert config.nav is not None  # mkdocs.yml has one
    more = {
        "Contracts": [f"contracts/{name}.md" for name in schema_pages()],
        "Decisions": [f"decisions/{path.name}" for path in sorted(ROOT.glob("docs/decisions/[0-9]*.md"))],
    }
    config.nav = [
        {title: [page, *more[title]] if title in more else page for title, page in entry.items()}
        for entry in config.nav
    ]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """The front page, a page of every contract, and the contracts themselves to download."""
    files.append(File.generated(config, "index.md", content=front_page()))
    files.append(File.generated(config, "contracts/index.md", content=contracts_page()))
    for name, text in schema_pages().items():
        files.append(File.generated(config, f"contracts/{name}.md", content=text))
    for schema in sorted(FOLDER.iterdir()):
        files.append(File.generated(config, f"contracts/{schema.name}", abs_src_path=str(schema)))
    for page in files.documentation_pages():
        for path in linked_files(page.src_uri, page.content_string):
            if files.get_file_from_path(f"{COPIES}/{path}") is None:
                files.append(File.generated(config, f"{COPIES}/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Links out of docs/ lead to the copies; where there is none, they become plain words."""
    return LINK.sub(lambda link: _on_site(link, page.file.src_uri), markdown)


def front_page() -> str:
    """The README, as if it stood in docs/."""
    text = (ROOT / "README.md").read_text("utf-8")
    text = re.sub(r"\]\((?!docs/|#|\w+:)", "](../", text)
    return re.sub(r"""(\]\(|src="|href="|srcset=")docs/""", r"\1", text)


def outside(page: str, target: str) -> str | None:
    """Where in the repository a link leads that leaves docs/; None where it does not.

    >>> outside("decisions/index.md", "../../data/llm_prices.json")
    'data/llm_prices.json'
    >>> outside("monitoring.md", "statistics.md") is None
    True
    """
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), target))
    return None if path.split("/")[0] == "docs" else path


def linked_files(page: str, text: str) -> Iterator[str]:
    """The files outside of docs/ that a page links to."""
    for link in LINK.finditer(INDENTED_OR_FENCED.sub("", text)):
        path = outside(page, link["target"])
        if path is not None and not _has_no_copy(path) and not path.startswith(CONTRACTS):
            yield path


def _has_no_copy(path: str) -> bool:
    """Folders, and documents, which would be pages with links of their own."""
    return (ROOT / path).is_dir() or path.endswith(".md")


def _on_site(link: re.Match[str], page: str) -> str:
    path = outside(page, link["target"])
    if path is None:
        return link[0]
    if path.startswith(CONTRACTS):
        there = f"contracts/{path.removeprefix(CONTRACTS).strip('/') or 'index.md'}"
    elif _has_no_copy(path):
        return link["text"]
    else:
        there = f"{COPIES}/{path}"
    target = posixpath.relpath(there, posixpath.dirname(page) or ".")
    return f"{link['image']}[{link['text']}]({target})"
