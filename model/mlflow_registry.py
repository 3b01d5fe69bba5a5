"""The model registry: MLflow, with the aliases @champion, @challenger and @previous. Opened by one worker at a time.

A version is a run with its parameters, metrics with intervals, plots, model card, the ONNX graph with its signature,
and the bundle as ONNX and JSON files. Each file's checksum is in the bundle's manifest, and that one's in a tag of the
version, so that neither a damaged nor an exchanged artefact is ever loaded.

`import mlflow` takes seconds and 170 MB; only what registers models imports this module, and late.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a server that is away is waited for where it is seen

import mlflow
import mlflow.onnx
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec
from sqlalchemy.exc import SQLAlchemyError

from driftline.events import Decision
from model.bundle import MANIFEST, Bundle
from model.card import model_card
from model.matplotlib_evaluation import plot_calibration
from model.onnx_export import parsed
from model.report import Report
from model.retrain import Made

for _chatty in ("mlflow", "alembic", "sqlalchemy"):
    logging.getLogger(_chatty).setLevel(logging.CRITICAL)  # what they log with a traceback they raise as well

SQLITE = "sqlite:///"
MODEL = "driftline"
EXPERIMENT = "driftline"
DECISION, CHAMPION_SINCE = "driftline.decision", "driftline.champion_since"
TRIGGER, MANIFEST_SHA256 = "driftline.trigger", "driftline.manifest_sha256"
BUNDLE, REPORT, TRAINED, CARD = "bundle", "report.json", "trained_on.json", "model_card.md"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
# Given explicitly, because working them out takes MLflow 6 to 9 seconds.
REQUIREMENTS = ["onnxruntime", "numpy"]


class RegistryError(OSError):
    """MLflow is away, or did not do what it was asked: worth another try."""


@contextmanager
def _registry_errors() -> Iterator[None]:
    try:
        yield
    except (MlflowException, SQLAlchemyError) as fault:
        raise RegistryError(f"MLflow: {_reason(fault)}") from fault


def _reason(fault: Exception) -> str:
    """The line that says what is wrong: of a database's own error, the one that names it."""
    lines = str(fault).splitlines() or [type(fault).__name__]
    return next((line for line in lines if line.startswith("(") and "Error)" in line), lines[0])


@dataclass(frozen=True)
class Version:
    """A registered version.

    Attributes:
        decision, why: the last one about it, the gate's or somebody's; None while there was none.
        report: None where it cannot be read.
    """

    version: str
    aliases: tuple[str, ...]
    registered_at: datetime
    became_champion_at: datetime | None
    decision: str | None
    why: str | None
    report: Report | None


class Registry:
    """Versions of the one registered model, each with its bundle. Every method may raise `RegistryError`."""

    @_registry_errors()
    def __init__(self, tracking_uri: str) -> None:
        if tracking_uri.startswith(SQLITE):
            _ensure_database(Path(tracking_uri.removeprefix(SQLITE)))
        mlflow.set_tracking_uri(tracking_uri)
        self._client = MlflowClient(tracking_uri)
        self._experiment = self._ensure_experiment(tracking_uri)
        if not self._client.search_registered_models(f"name='{MODEL}'"):
            self._client.create_registered_model(MODEL)

    @_registry_errors()
    def register(self, made: Made) -> Bundle:
        """Log a run with everything that is known of a model, and register it as a new version.

        The version comes last, so that whoever is killed amid this leaves a run, and no half of a version. What has
        been registered for the same trigger before is returned as it is, so that a retraining that was interrupted does
        not leave two versions.

        Returns:
            The bundle under the registry's version.
        """
        bundle, report = made.bundle, made.report
        if report.trigger is not None and (known := self.version_of(report.trigger)) is not None:
            return self.load(known)
        with mlflow.start_run(experiment_id=self._experiment) as run:
            mlflow.log_params(report.params())
            logged = mlflow.onnx.log_model(
                parsed(bundle.onnx), name="graph", pip_requirements=REQUIREMENTS, signature=_signature(bundle)
            )
            manifest = self._log(run.info.run_id, bundle, report)
            mlflow.log_dict({"marks": sorted(made.trained)}, TRAINED)
        tags = {MANIFEST_SHA256: manifest} | ({TRIGGER: report.trigger} if report.trigger else {})
        created = self._client.create_model_version(
            MODEL, logged.model_uri, run.info.run_id, tags=tags, model_id=logged.model_id
        )
        version = str(created.version)
        self._client.log_text(run.info.run_id, model_card(report, version), CARD)
        return bundle.with_version(version)

    @_registry_errors()
    def update(self, bundle: Bundle, report: Report) -> None:
        """Write down what a decision has brought: judgement, evaluation, and the reference of a late promotion."""
        run_id = self._found(bundle.version).run_id
        manifest = self._log(run_id, bundle, report)
        self._client.log_text(run_id, model_card(report, bundle.version), CARD)
        self._client.set_model_version_tag(MODEL, bundle.version, MANIFEST_SHA256, manifest)
        if report.judgement is not None:
            self.conclude(bundle.version, report.judgement.decision, report.judgement.why)

    @_registry_errors()
    def conclude(self, version: str, decision: Decision, why: str) -> None:
        """Write what became of a version where MLflow shows it."""
        self._client.set_model_version_tag(MODEL, version, DECISION, decision)
        self._client.update_model_version(MODEL, version, why)

    @_registry_errors()
    def load(self, version: str) -> Bundle:
        """The bundle of a version.

        Raises:
            ValueError: there is no such version, or its artefacts are not those that were registered.
        """
        found = self._found(version)
        files = self._files(found.run_id, BUNDLE)
        if hashlib.sha256(files.get(MANIFEST, b"")).hexdigest() != found.tags.get(MANIFEST_SHA256):
            raise ValueError(
                f"the artefacts of model version {version} are not those that were registered: it is refused; train"
                " another one with `driftline model train`"
            )
        return Bundle.from_files(files, version)

    @_registry_errors()
    def report(self, version: str) -> Report:
        """What is known of a version.

        Raises:
            ValueError: there is no such version, or its report cannot be read.
        """
        files = self._files(self._found(version).run_id, REPORT)
        try:
            return Report.from_json(json.loads(files[REPORT]))
        except (KeyError, ValueError) as fault:
            raise ValueError(f"the report of model version {version} cannot be read ({fault})") from None

    @_registry_errors()
    def trained(self, version: str) -> frozenset[str]:
        """The marks of the contacts that a version was trained on, see `model.split.mark_of`.

        Raises:
            ValueError: there is no such version, or it does not say.
        """
        files = self._files(self._found(version).run_id, TRAINED)
        try:
            return frozenset(json.loads(files[TRAINED])["marks"])
        except (KeyError, ValueError, TypeError):
            raise ValueError(f"model version {version} does not say whom it was trained on") from None

    @_registry_errors()
    def versions(self) -> list[str]:
        """All versions, the oldest first."""
        found = self._client.search_model_versions(f"name='{MODEL}'")
        return sorted((str(version.version) for version in found), key=int)

    @_registry_errors()
    def describe(self, version: str) -> Version:
        """A version with what is known of it.

        Raises:
            ValueError: there is no such version.
        """
        found = self._found(version)
        aliases = self._aliases()
        try:
            report = self.report(version)
        except ValueError:
            report = None
        return Version(
            version=version,
            aliases=tuple(name for name in (CHAMPION, CHALLENGER, PREVIOUS) if aliases.get(name) == version),
            registered_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
            became_champion_at=datetime.fromisoformat(since) if (since := found.tags.get(CHAMPION_SINCE)) else None,
            decision=found.tags.get(DECISION),
            why=found.description or None,
            report=report,
        )

    @_registry_errors()
    def champion(self) -> str | None:
        """The version with the alias @champion, if any."""
        return self._aliases().get(CHAMPION)

    @_registry_errors()
    def previous(self) -> str | None:
        """The version that was champion before: what a rollback goes back to."""
        return self._aliases().get(PREVIOUS)

    @_registry_errors()
    def set_champion(self, version: str, now: datetime) -> None:
        """Move @champion, and @previous to the version that it was on; what is champion is no challenger any more.

        Done twice it changes nothing but the time, so that whoever was killed amid it can do it again.
        """
        former = self._aliases().get(CHAMPION)
        if former not in (None, version):
            self._client.set_registered_model_alias(MODEL, PREVIOUS, former)
        self._client.set_registered_model_alias(MODEL, CHAMPION, version)
        self._client.set_model_version_tag(MODEL, version, CHAMPION_SINCE, now.isoformat(timespec="seconds"))
        self.clear_challenger(version)

    @_registry_errors()
    def set_challenger(self, version: str) -> None:
        """Move @challenger."""
        self._client.set_registered_model_alias(MODEL, CHALLENGER, version)

    @_registry_errors()
    def clear_challenger(self, version: str) -> None:
        """Take @challenger off a version, if it is on it."""
        if self._aliases().get(CHALLENGER) == version:
            self._client.delete_registered_model_alias(MODEL, CHALLENGER)

    @_registry_errors()
    def version_of(self, trigger: str) -> str | None:
        """The version that was made for an alert, if one was."""
        found = self._client.search_model_versions(f"name='{MODEL}' and tags.`{TRIGGER}` = '{trigger}'")
        return next((str(version.version) for version in found), None)

    def _log(self, run_id: str, bundle: Bundle, report: Report) -> str:
        """Artefacts and metrics of a run; returns the manifest's checksum."""
        files = bundle.files()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / BUNDLE).mkdir()
            for file, content in files.items():
                (folder / BUNDLE / file).write_bytes(content)
            (folder / REPORT).write_text(json.dumps(report.to_json(), ensure_ascii=False), "utf-8")
            if report.evaluation is not None:
                plot_calibration(report.evaluation, folder / "calibration.png")
            self._client.log_artifacts(run_id, name)
        for metric, value in report.metrics().items():
            self._client.log_metric(run_id, metric, value)
        return hashlib.sha256(files[MANIFEST]).hexdigest()

    def _found(self, version: str) -> Any:
        try:
            return self._client.get_model_version(MODEL, version)
        except MlflowException as fault:
            if fault.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            known = ", ".join(self.versions()) or "none"
            raise ValueError(f"no model version {version}: there are {known}") from None

    def _files(self, run_id: str, artefact: str) -> dict[str, bytes]:
        """A file, or the files of a folder, by name; empty where there is none."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=artefact, dst_path=folder)
            except (MlflowException, OSError) as fault:
                if isinstance(fault, MlflowException) and fault.error_code == "INTERNAL_ERROR":
                    raise
                return {}
            found = Path(path)
            files = [found] if found.is_file() else [file for file in found.iterdir() if file.is_file()]
            return {file.name: file.read_bytes() for file in files}

    def _aliases(self) -> Mapping[str, str]:
        found = self._client.get_registered_model(MODEL).aliases
        return {name: str(version) for name, version in found.items()}

    def _ensure_experiment(self, tracking_uri: str) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        location = None
        if tracking_uri.startswith(SQLITE):
            location = (Path(tracking_uri.removeprefix(SQLITE)).parent / "mlartifacts").absolute().as_uri()
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=location))


def _ensure_database(path: Path) -> None:
    """Create MLflow's tables all at once: whoever is killed amid its migrations leaves a database beyond repair."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.unlink(missing_ok=True)
    MlflowClient(f"{SQLITE}{draft}").search_experiments(max_results=1)
    draft.replace(path)


def _signature(bundle: Bundle) -> ModelSignature:
    """What the graph takes and makes, as MLflow writes it down."""
    width = len(bundle.featuriser.features)
    rows = TensorSpec(np.dtype(np.float32), (-1, width), "features")
    return ModelSignature(inputs=Schema([rows]), outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), "score")]))
