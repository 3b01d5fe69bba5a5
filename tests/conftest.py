"""What several tests need: invented contacts, and a real broker and Redis on free ports."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest

from driftline.events import Contact
from driftline.kafka_clients import ensure_topics
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from model.retrain import Made, Maker
from producers.scenarios import SCENARIOS
from tests.kafka_server import kafka_server

# How fast something is, benchmarks say.
hypothesis.settings.register_profile("driftline", deadline=None)
hypothesis.settings.load_profile("driftline")

# A shell starts what it runs in the background deaf to Ctrl-C, and what tests start and interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

START = datetime(2026, 1, 1, tzinfo=UTC)
_prefixes = itertools.count()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own DRIFTLINE_* variables must not reach the tests."""
    for name in list(os.environ):
        if name.startswith("DRIFTLINE_") and not name.startswith("DRIFTLINE_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was simulated in another run must not decide in this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def calm_contacts() -> list[tuple[Contact, int]]:
    """3,000 labelled contacts without drift."""
    return list(SCENARIOS["no_drift_baseline"].contacts(3_000, seed=1, start=START))


@pytest.fixture(scope="session")
def shifted_contacts() -> list[tuple[Contact, int]]:
    """1,000 labelled contacts of other sectors; other people than the calm ones."""
    return list(SCENARIOS["sector_shift"].contacts(1_000, seed=2, start=START))


@pytest.fixture(scope="session")
def made(calm_contacts: list[tuple[Contact, int]]) -> Made:
    """A first champion and what is known of it; made once, since that takes a second or two."""
    return Maker(seed=0, now=START).first_champion(calm_contacts)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker and a Redis without workers: the embedded ones, or, as ``make test-kafka`` asks, an Apache Kafka."""
    with ExitStack() as parts:
        stack = LocalStack(Settings.model_validate({"home": tmp_path_factory.mktemp("services")}), say=print)
        settings = parts.enter_context(stack).settings
        if os.environ.get("DRIFTLINE_TEST_BROKER") == "kafka":
            kafka = parts.enter_context(kafka_server(tmp_path_factory.mktemp("kafka")))
            settings = settings.model_copy(update={"kafka": kafka.address})
        yield settings


@pytest.fixture
def settings(services: Settings, tmp_path: Path) -> Settings:
    """The services with topics of the test's own."""
    own = services.model_copy(update={"topic_prefix": f"test{next(_prefixes)}.", "home": tmp_path})
    ensure_topics(own)
    return own
