"""kill -9 at random moments on the embedded broker."""

from pathlib import Path

import pytest

from driftline.local_stack import LocalStack
from driftline.settings import Settings
from tests.e2e.faults import (
    WORKERS,
    Workers,
    check_the_books,
    faults_at_random,
    replay_with_faults,
    wait_until_settled,
)


@pytest.mark.timeout(300)
def test_kills_of_every_process_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    with LocalStack(Settings.model_validate({"home": tmp_path / "services"}), say=print) as stack:
        settings = stack.settings.model_copy(update={"home": tmp_path})
        with Workers(settings, tmp_path) as workers:
            replay_with_faults(settings, faults_at_random(workers, stack, seed=20_000), seed=6)
            wait_until_settled(settings, workers)
            check_the_books(settings)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_of_two_workers_of_a_kind_is_killed_and_the_other_takes_its_partition_over(tmp_path: Path) -> None:
    with LocalStack(Settings.model_validate({"home": tmp_path / "services"}), say=print) as stack:
        settings = stack.settings.model_copy(update={"home": tmp_path})
        with Workers(settings, tmp_path, (*WORKERS, "score-2", "monitor-2")) as workers:
            faults = {
                4_000: lambda: workers.restart("score-2"),
                9_000: lambda: workers.kill("monitor-2"),
                11_000: lambda: workers.kill("score"),
                15_000: lambda: workers.restart("monitor"),
            }
            replay_with_faults(settings, faults, seed=7)
            wait_until_settled(settings, workers)
            check_the_books(settings)
