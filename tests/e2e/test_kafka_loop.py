"""The loop on a real Apache Kafka: transactions, kill -9 of workers, Redis and the broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from driftline.kafka_clients import ensure_topics, has_transactions
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from tests.e2e.faults import Workers, check_the_books, faults_at_random, replay_with_faults, wait_until_settled
from tests.kafka_server import KafkaServer, kafka_server

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    folder = tmp_path / "kafka"
    folder.mkdir()
    with kafka_server(folder) as server:
        yield server


def test_kills_and_a_broker_restart_lose_nothing_and_count_nothing_twice(kafka: KafkaServer, tmp_path: Path) -> None:
    def restart_broker() -> None:
        kafka.kill()
        kafka.start()

    with LocalStack(Settings.model_validate({"home": tmp_path / "redis-only"}), say=print) as stack:
        settings = stack.settings.model_copy(update={"kafka": kafka.address, "home": tmp_path})
        ensure_topics(settings)
        assert has_transactions(settings)
        with Workers(settings, tmp_path) as workers:
            replay_with_faults(settings, faults_at_random(workers, stack, restart_broker, seed=9_000), seed=5)
            wait_until_settled(settings, workers)
            check_the_books(settings, transactions=True)
