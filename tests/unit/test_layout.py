"""The rule that a newcomer needs: only a file whose name holds a technology imports it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("driftline", "producers", "consumers", "monitor", "model", "data", "notebooks")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TECHNOLOGIES = {
    "kafka": {"kafka"},
    "faust": {"faust", "aiokafka", "mode"},
    "redis": {"redis"},
    "mlflow": {"mlflow", "sqlalchemy"},
    "onnx": {"onnx", "onnxruntime"},
    "fastapi": {"fastapi", "starlette", "uvicorn"},
    "openai": {"openai", "bpe_openai"},
    "httpx": {"httpx"},
    "evidently": {"evidently"},
    "prometheus": {"prometheus_client"},
    "rich": {"rich"},
    "matplotlib": {"matplotlib"},
}


def imported(path: Path) -> set[str]:
    """The top-level modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_the_technologies_that_its_name_holds(path: Path) -> None:
    words = path.stem.split("_")
    modules = imported(path)
    foreign = {technology for technology, names in TECHNOLOGIES.items() if names & modules and technology not in words}
    assert not foreign
