"""The registry on MLflow's database and on a real MLflow server."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftline.events import Contact
from model.bundle import Bundle
from model.mlflow_registry import Registry, RegistryError
from model.retrain import Maker
from tests.kafka_server import free_port

Contacts = list[tuple[Contact, int]]


@pytest.fixture(scope="module")
def bundle(calm_contacts: Contacts) -> Bundle:
    return Maker(seed=0, now=datetime(2026, 1, 1, tzinfo=UTC)).first_champion(calm_contacts).bundle


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--serve-artifacts"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    env = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=env) as process:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(params=["database", "server"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    uri = request.getfixturevalue("server") if request.param == "server" else f"sqlite:///{tmp_path / 'mlflow.db'}"
    return Registry(uri)


def test_versions_aliases_and_bundles(registry: Registry, bundle: Bundle) -> None:
    assert registry.champion() is None
    first = registry.register(bundle, metrics={"roc_auc": 0.64}, params={"trained_on": "2000"})
    registry.set_champion(first.version)
    second = registry.register(bundle, metrics={}, params={}, trigger="alert x")
    again = registry.register(bundle, metrics={}, params={}, trigger="alert x")
    registry.set_challenger(second.version)
    assert [first.version, second.version, again.version] == ["1", "2", "2"]
    assert registry.versions() == ["1", "2"]
    assert registry.champion() == "1"
    assert registry.load("2").to_bytes() == second.to_bytes()
    with pytest.raises(ValueError, match="there are 1, 2"):
        registry.load("7")


def test_a_server_that_is_away_is_said_in_one_line() -> None:
    with pytest.raises(RegistryError) as fault:
        Registry(f"http://127.0.0.1:{free_port()}")
    assert "\n" not in str(fault.value)
