"""What the tests of the retrainer begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftline.redis_client import open_redis
from driftline.settings import Settings
from model.kafka_models import champion_event, publish, registered_event
from model.retrain import Made
from tests.retraining_workers import NOW


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """The test's topics, an empty Redis and a registry of its own."""
    open_redis(settings).flushall()
    return settings.model_copy(update={"mlflow": f"sqlite:///{tmp_path / 'mlflow.db'}"})


@pytest.fixture
def crowned(own: Settings, made: Made) -> Settings:
    """The same with a champion, so that no test waits for another first one to be trained."""
    from model.mlflow_registry import Registry  # MLflow takes seconds

    registry = Registry(own.mlflow or "")
    first = registry.register(made)
    registry.set_champion("1", NOW)
    publish(own, [registered_event(first), champion_event("1", None)])
    return own
