"""Following the model events on a real broker: who is champion, whatever is on the topic."""

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from consumers.kafka_scoring import scoring_model
from consumers.scoring import ScoringModel
from driftline.events import Contact, ModelEvent
from driftline.kafka_clients import open_producer
from driftline.settings import Settings
from driftline.topics import MODEL_EVENTS
from model.bundle import GRAPH, Bundle
from model.kafka_models import PREPARED, KafkaModels, champion_event, publish, registered_event
from model.retrain import Made
from tests.scoring_workers import NOW, decided, make_champion, put_in_shadow, wait_until

Contacts = list[tuple[Contact, int]]
Damage = Callable[[Bundle], bytes]


@pytest.fixture(scope="module")
def bundle(made: Made) -> Bundle:
    return made.bundle


class Following:
    """Models as the scorer follows them, and what is said about them."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.prepared: list[str] = []
        self.models: KafkaModels[ScoringModel] = KafkaModels(
            settings, self._prepare, self.lines.append, self.stop, **options
        )

    def _prepare(self, bundle: Bundle) -> ScoringModel:
        self.prepared.append(bundle.version)
        return scoring_model(bundle)

    def wait_for(self, champion: str | None = None, line: str | None = None, shadow: str | None = None) -> None:
        if champion is not None:
            wait_until(lambda: self.models.champion_version == champion)
        if line is not None:
            wait_until(lambda: any(line in said for said in self.lines))
        if shadow is not None:
            wait_until(lambda: self.models.shadow_version == (shadow or None))


@pytest.fixture
def follow(settings: Settings) -> Iterator[Callable[..., Following]]:
    started: list[Following] = []

    def start(**options: Any) -> Following:
        started.append(Following(settings, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop.set()


def registered(version: str, data: bytes) -> ModelEvent:
    return ModelEvent(event="registered", model_version=version, at=NOW, bundle=data)


def with_another_weight(bundle: Bundle) -> bytes:
    document = json.loads(zlib.decompress(bundle.to_bytes()))
    document["files"][GRAPH] = document["files"][GRAPH].replace("A", "B", 1)
    return zlib.compress(json.dumps(document).encode())


DAMAGED: dict[str, tuple[Damage, str]] = {
    "nothing": (lambda _: b"", "not a model bundle"),
    "a pickle": (lambda _: b"\x80\x04K\x01.", "not a model bundle"),
    "another format": (lambda _: zlib.compress(b'{"format": "theirs/1"}'), "not a model bundle"),
    "half of it": (lambda bundle: bundle.to_bytes()[:2_000], "not a model bundle"),
    "another weight": (with_another_weight, "checksum"),
    "another version's": (lambda bundle: bundle.with_version("3").to_bytes(), "of version 3"),
    "no graph": (lambda bundle: replace(bundle, onnx=b"no graph").to_bytes(), "the ONNX graph is refused"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_champion_that_is_refused_leaves_the_last_one_until_it_is_mended(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle, name: str
) -> None:
    damage, reason = DAMAGED[name]
    second = bundle.with_version("2")
    make_champion(settings, bundle.with_version("1"))
    running = follow()
    running.wait_for(champion="1")
    publish(settings, [registered("2", damage(second)), champion_event("2", None)])
    running.wait_for(line="version 2 is refused")
    starting = follow()
    starting.wait_for(champion="1", line="version 2 is refused")
    publish(settings, [registered_event(bundle.with_version("9"))])  # something else happens
    publish(settings, [registered_event(second)])
    for one in (running, starting):
        one.wait_for(champion="2")
        refusals = [line for line in one.lines if "version 2 is refused" in line]
        assert len(refusals) == 1
        assert reason in refusals[0]
        assert "\n" not in refusals[0]


def test_a_champion_that_is_registered_late_takes_over_then(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    publish(settings, [champion_event("1", None)])
    one = follow()
    one.wait_for(line="version 1 has not been registered")
    publish(settings, [registered_event(bundle.with_version("1"))])
    one.wait_for(champion="1")
    publish(settings, [champion_event("2", None)])
    one.wait_for(line="version 2 has not been registered")
    make_champion(settings, bundle.with_version("3"))
    one.wait_for(champion="3")
    publish(settings, [registered_event(bundle.with_version("2")), champion_event("4", None)])
    one.wait_for(line="version 4")
    assert one.models.champion_version == "3"  # its event is newer than that of version 2


def test_the_running_champion_is_what_it_was_when_it_is_registered_again_damaged(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    make_champion(settings, bundle.with_version("1"))
    one = follow()
    one.wait_for(champion="1")
    champion = one.models.champion
    publish(settings, [registered("1", b"damaged"), champion_event("1", None), champion_event("2", None)])
    one.wait_for(line="version 2 has not been registered")
    assert one.models.champion is one.models.get("1") is champion
    assert not any("version 1 " in line for line in one.lines)


def test_a_worker_that_starts_takes_up_no_champion_of_the_past(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    for version in range(1, 6):
        make_champion(settings, bundle.with_version(str(version)))
    one = follow()
    one.models.wait_for_champion()
    assert one.models.champion_version == "5"
    assert one.prepared == ["5"]


def test_what_is_no_model_event_is_said_and_left_aside(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    producer = open_producer(settings)
    for value in (b"?", b"{}", None):
        producer.send(settings.topic(MODEL_EVENTS.name), key=b"k", value=value)
    producer.close()
    make_champion(settings, bundle.with_version("1"))
    one = follow()
    one.wait_for(champion="1")
    assert [line.split(" is left aside")[0] for line in one.lines] == [
        f"the model event at offset {offset}" for offset in range(3)
    ]


def test_old_versions_are_let_go_of_and_prepared_again_when_asked_for(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    make_champion(settings, bundle.with_version("0"))
    one = follow()
    one.wait_for(champion="0")
    versions = [str(version) for version in range(1, PREPARED + 4)]
    publish(settings, [registered_event(bundle.with_version(version)) for version in versions])
    for version in versions:
        one.models.wait_for(version)
    assert [version for version in ["0", *versions] if one.models.is_prepared(version)] == ["0", *versions[-PREPARED:]]
    again = one.models.wait_for("1")
    assert again.version == "1"


def test_a_challenger_is_in_shadow_until_something_else_is_decided(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    make_champion(settings, bundle.with_version("1"))
    one = follow(with_shadow=True)
    put_in_shadow(settings, bundle.with_version("2"))
    one.wait_for(shadow="2")
    put_in_shadow(settings, bundle.with_version("3"))
    one.wait_for(shadow="3")
    publish(settings, [decided("2", "rejected", trigger="y")])  # about another one
    put_in_shadow(settings, bundle.with_version("4"))
    one.wait_for(shadow="4")
    publish(settings, [decided("4", "rejected")])
    one.wait_for(shadow="")
    put_in_shadow(settings, bundle.with_version("5"))
    one.wait_for(shadow="5")
    publish(settings, [champion_event("5", None)])
    one.wait_for(champion="5", shadow="")
    publish(settings, [champion_event("1", None), champion_event("9", None)])
    one.wait_for(champion="1", line="version 9 has not been registered")
    assert one.models.shadow_version is None


def test_a_shadow_that_cannot_be_prepared_is_said_once_and_taken_up_when_it_is_mended(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    make_champion(settings, bundle.with_version("1"))
    one = follow(with_shadow=True)
    publish(settings, [registered("2", b"damaged"), decided("2", "shadow"), decided("3", "rejected", trigger="y")])
    one.wait_for(line="version 2 is refused")
    make_champion(settings, bundle.with_version("4"))
    one.wait_for(champion="4")
    assert len([line for line in one.lines if "version 2 is refused" in line]) == 1
    publish(settings, [registered_event(bundle.with_version("2"))])
    one.wait_for(shadow="2")


def test_shadows_are_prepared_only_where_they_are_asked_for(
    settings: Settings, follow: Callable[..., Following], bundle: Bundle
) -> None:
    put_in_shadow(settings, bundle.with_version("2"))
    make_champion(settings, bundle.with_version("1"))
    one = follow()
    one.wait_for(champion="1")
    time.sleep(0.3)
    assert one.models.shadow is None
    assert not one.models.is_prepared("2")
