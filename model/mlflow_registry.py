"""The model registry: MLflow, with the aliases @champion and @challenger. Opened by one worker at a time.

`import mlflow` takes seconds and 170 MB; only what registers models imports this module, and late.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a server that is away is waited for where it is seen

import mlflow
import mlflow.onnx
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from model.bundle import Bundle
from model.onnx_export import parsed

for _chatty in ("mlflow", "alembic"):
    logging.getLogger(_chatty).setLevel(logging.ERROR)

SQLITE = "sqlite:///"
MODEL = "driftline"
EXPERIMENT = "driftline"
TRIGGER = "driftline.trigger"
BUNDLE_FILE = "bundle/bundle.bin"
CHAMPION, CHALLENGER = "champion", "challenger"
# Given explicitly, because working them out takes MLflow 6 to 9 seconds.
REQUIREMENTS = ["onnxruntime", "numpy"]


class RegistryError(OSError):
    """MLflow is away, or did not do what it was asked: worth another try."""


@contextmanager
def _registry_errors() -> Iterator[None]:
    try:
        yield
    except (MlflowException, SQLAlchemyError) as fault:
        raise RegistryError(f"MLflow: {str(fault).splitlines()[0]}") from fault


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
    def register(
        self, bundle: Bundle, *, metrics: dict[str, float], params: dict[str, str], trigger: str | None = None
    ) -> Bundle:
        """Log a run with graph and bundle, and register it as a new version; returns the bundle under that version.

        What has been registered for the same trigger before is returned as it is, so that a retraining that was
        interrupted does not leave two versions.
        """
        if trigger is not None and (known := self._version_of(trigger)) is not None:
            return self.load(known)
        with mlflow.start_run(experiment_id=self._experiment) as run:
            mlflow.log_params(params)
            mlflow.log_metrics(metrics)
            logged = mlflow.onnx.log_model(parsed(bundle.onnx), name="graph", pip_requirements=REQUIREMENTS)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(BUNDLE_FILE).name
                path.write_bytes(bundle.to_bytes())
                mlflow.log_artifact(str(path), str(Path(BUNDLE_FILE).parent))
        tags = {} if trigger is None else {TRIGGER: trigger}
        created = self._client.create_model_version(
            MODEL, logged.model_uri, run.info.run_id, tags=tags, model_id=logged.model_id
        )
        return bundle.with_version(str(created.version))

    @_registry_errors()
    def load(self, version: str) -> Bundle:
        """The bundle of a version.

        Raises:
            ValueError: there is no such version.
        """
        try:
            run_id = self._client.get_model_version(MODEL, version).run_id
        except MlflowException as fault:
            if fault.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            known = ", ".join(self.versions()) or "none"
            raise ValueError(f"no model version {version}: there are {known}") from None
        with tempfile.TemporaryDirectory() as folder:
            path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=BUNDLE_FILE, dst_path=folder)
            return Bundle.from_bytes(Path(path).read_bytes()).with_version(version)

    @_registry_errors()
    def versions(self) -> list[str]:
        """All versions, the oldest first."""
        found = self._client.search_model_versions(f"name='{MODEL}'")
        return sorted((str(version.version) for version in found), key=int)

    @_registry_errors()
    def champion(self) -> str | None:
        """The version with the alias @champion, if any."""
        version = self._client.get_registered_model(MODEL).aliases.get(CHAMPION)
        return None if version is None else str(version)

    @_registry_errors()
    def set_champion(self, version: str) -> None:
        """Move @champion; what is champion is no challenger any more."""
        self._client.set_registered_model_alias(MODEL, CHAMPION, version)

    @_registry_errors()
    def set_challenger(self, version: str) -> None:
        """Move @challenger."""
        self._client.set_registered_model_alias(MODEL, CHALLENGER, version)

    def _version_of(self, trigger: str) -> str | None:
        found = self._client.search_model_versions(f"name='{MODEL}'")
        return next((str(v.version) for v in found if v.tags.get(TRIGGER) == trigger), None)

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
