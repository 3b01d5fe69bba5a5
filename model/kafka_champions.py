"""Who is champion: the first one, and changes by hand. The model-events topic is the truth, the registry follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftline.events import ModelEvent
from driftline.settings import Settings, SettingsError
from model.bundle import Bundle
from model.kafka_history import History
from model.kafka_models import champion_event, publish, registered_event
from model.split import Labelled

if TYPE_CHECKING:
    from model.mlflow_registry import Registry

Say = Callable[[str], None]
SEED = 0
BY_HAND = "by hand"
"""What the triggers of decisions begin with that no alert caused."""
FIRST = "the first champion"
"""The trigger of a version that no alert asked for, since there was none before."""


def open_registry(settings: Settings) -> Registry:
    """The registry that the settings name; importing MLflow takes seconds.

    Raises:
        SettingsError: they name none.
    """
    if settings.mlflow is None:
        raise SettingsError("no model registry: set DRIFTLINE_MLFLOW=http://host:5000 or sqlite:///path/mlflow.db")
    from model.mlflow_registry import Registry

    return Registry(settings.mlflow)


def publish_champion(settings: Settings, registry: Registry, base: Callable[[], Sequence[Labelled]], say: Say) -> None:
    """Put a champion on the model-events topic: the registry's, or, where it has none, a first one.

    Raises:
        TrainingError: there is none, and none can be made of the base set.
        ValueError: the registry's is not what was registered.
    """
    from model.training_process import TrainingProcess

    version = registry.champion() or registry.version_of(FIRST)  # the latter where this was killed half way
    if version is None:
        say("training the first champion")
        process = TrainingProcess(
            seed=SEED, feature_set=settings.feature_set, seconds=settings.retrain_seconds,
            memory_mb=settings.retrain_memory_mb, progress=say,
        )  # fmt: skip
        made = process.make(datetime.now(UTC), base())
        champion = registry.register(replace(made, report=replace(made.report, trigger=FIRST)))
    else:
        champion = registry.load(version)
    registry.set_champion(champion.version, datetime.now(UTC))  # there is no other that the topic could name
    publish(settings, [registered_event(champion), champion_event(champion.version, None)])
    say(f"version {champion.version} is champion")


def promote(settings: Settings, registry: Registry, version: str, why: str) -> str | None:
    """Make a version champion by hand: model, featuriser and reference change together, while the stream flows.

    Without a broker only the registry changes; the stream takes it up when it starts.

    Returns:
        The champion before.

    Raises:
        ValueError: there is no such version, it is champion already, or its artefacts are not what was registered.
    """
    from model.retrain import scores_of

    bundle = registry.load(version)
    scores_of(bundle, [])  # loads the graph: what cannot be used is refused here, and not by every scorer
    former = registry.champion()
    if settings.kafka is not None:
        former = History.read(settings).champion or former
    if former == version:
        raise ValueError(f"version {version} is champion already: `driftline model list` shows the others")
    if settings.kafka is not None:
        publish(settings, [registered_event(bundle), _by_hand(bundle, former, why), champion_event(version, None)])
    registry.set_champion(version, datetime.now(UTC))
    registry.conclude(version, "promoted", why)
    return former


def rollback(settings: Settings, registry: Registry, champion: str | None = None) -> tuple[str, str]:
    """Go back to the version that was champion before; returns the versions before and after.

    Args:
        champion: the version that has to be champion still; None takes any.

    Raises:
        ValueError: there is none, or another one is champion.
    """
    before, target = registry.champion(), registry.previous()
    if champion not in (None, before):
        raise ValueError(f"the champion is {before or 'none'} by now: look again before you roll back from {champion}")
    if before is None or target is None or target == before:
        raise ValueError("there is no version to go back to: `driftline model promote V` takes any of the list")
    promote(settings, registry, target, f"rolled back from version {before} by hand")
    return before, target


def _by_hand(bundle: Bundle, former: str | None, why: str) -> ModelEvent:
    now = datetime.now(UTC)
    return ModelEvent(
        event="decided", model_version=bundle.version, at=now, trigger=f"{BY_HAND}, {now.isoformat()}",
        decision="promoted", why=why, champion=former,
    )  # fmt: skip
