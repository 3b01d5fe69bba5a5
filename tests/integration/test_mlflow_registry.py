"""The registry on MLflow's database and on a real MLflow server."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftline.events import Contact
from model.mlflow_registry import MODEL, Registry, RegistryError
from model.retrain import Made, judge, judged, with_reference
from model.split import split
from tests.kafka_server import free_port

Contacts = list[tuple[Contact, int]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


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


def test_versions_aliases_and_bundles(registry: Registry, made: Made) -> None:
    assert registry.champion() is None
    first = registry.register(made)
    registry.set_champion(first.version, NOW)
    second = registry.register(replace(made, report=replace(made.report, trigger="alert x")))
    again = registry.register(replace(made, report=replace(made.report, trigger="alert x")))
    registry.set_challenger(second.version)
    assert [first.version, second.version, again.version] == ["1", "2", "2"]
    assert registry.versions() == ["1", "2"]
    assert (registry.champion(), registry.previous()) == ("1", None)
    assert registry.load("2").to_bytes() == second.to_bytes()
    assert registry.describe("2").aliases == ("challenger",)
    with pytest.raises(ValueError, match="there are 1, 2"):
        registry.load("7")


def test_champion_and_previous_move_together_however_often_it_is_done(registry: Registry, made: Made) -> None:
    first, second = (registry.register(made).version for _ in range(2))
    for version in (first, second, second):
        registry.set_challenger(version)
        registry.set_champion(version, NOW)
    assert registry.describe(second).aliases == ("champion",)
    assert registry.describe(first).aliases == ("previous",)
    assert registry.describe(second).became_champion_at == NOW


def test_a_run_holds_everything_that_explains_a_version(registry: Registry, made: Made) -> None:
    import mlflow
    from mlflow.models import get_model_info

    version = registry.register(made).version
    client = mlflow.MlflowClient()
    found = client.get_model_version(MODEL, version)
    run = mlflow.get_run(found.run_id)
    assert run.data.params["training_sha256"] == made.report.training.sha256
    assert made.report.evaluation is not None
    auc = made.report.evaluation.metrics["roc_auc"]
    metrics = run.data.metrics
    assert [metrics[f"roc_auc{part}"] for part in ("", "_low", "_high")] == [auc.value, auc.low, auc.high]
    files = {file.path for file in client.list_artifacts(found.run_id)}
    assert files >= {"bundle", "report.json", "model_card.md", "calibration.png", "trained_on.json"}
    assert registry.trained(version) == made.trained
    assert f"# Model version {version}" in mlflow.artifacts.load_text(f"{run.info.artifact_uri}/model_card.md")
    parts = {file.path.split("/")[-1] for file in client.list_artifacts(found.run_id, "bundle")}
    assert parts == {"model.onnx", "featuriser.json", "reference.json", "manifest.json"}
    signature = get_model_info(found.source).signature
    assert signature.inputs.inputs[0].shape == (-1, len(made.bundle.featuriser.features))
    assert registry.report(version).to_json() == made.report.to_json()


def test_a_decision_and_a_completed_reference_are_written_down(
    registry: Registry, made: Made, calm_contacts: Contacts
) -> None:
    few = split(calm_contacts).base_held_out[:250]
    challenger = registry.register(
        replace(made, bundle=with_reference(made.bundle, few[:40]), report=replace(made.report, trigger="y"))
    )
    completed = with_reference(challenger, few)
    verdict = judge(made.bundle, completed, few, seed=0, min_labels=200)
    registry.update(completed, judged(registry.report(challenger.version), verdict, "0", NOW))
    assert registry.load(challenger.version).to_bytes() == completed.to_bytes()
    described = registry.describe(challenger.version)
    assert (described.decision, described.why) == (verdict.decision.decision, verdict.decision.why)
    assert described.report is not None
    assert described.report.judgement is not None
    assert described.report.judgement.evidence == verdict.decision.evidence


@pytest.mark.parametrize("file", ["model.onnx", "featuriser.json", "reference.json", "manifest.json"])
@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), Path.unlink])
def test_artefacts_that_are_not_what_was_registered_are_refused(
    tmp_path: Path, made: Made, file: str, damage: Callable[[Path], object]
) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}")
    registry.register(made)
    (path,) = tmp_path.glob(f"mlartifacts/**/bundle/{file}")
    damage(path)
    with pytest.raises(ValueError, match=r"not (those|what) (that were|was) registered|model bundle"):
        registry.load("1")


def test_artefacts_of_another_version_are_refused(tmp_path: Path, made: Made) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}")
    for bundle in (made.bundle, replace(made.bundle, cut=0.9)):
        registry.register(replace(made, bundle=bundle))
    first, second = sorted(tmp_path.glob("mlartifacts/**/bundle"), key=lambda folder: folder.stat().st_ctime)
    for file in second.iterdir():
        (first / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match="not those that were registered"):
        registry.load("1")
    assert registry.load("2").cut == 0.9


def test_a_registration_that_fails_half_way_leaves_no_version(
    tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            registry.register(made)
    assert registry.versions() == []
    assert registry.register(made).version == "1"


def test_a_server_that_is_away_is_said_in_one_line() -> None:
    with pytest.raises(RegistryError) as fault:
        Registry(f"http://127.0.0.1:{free_port()}")
    assert "\n" not in str(fault.value)
