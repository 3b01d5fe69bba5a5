"""kill -9 at random moments on the embedded broker."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from driftline.local_stack import LocalStack
from driftline.redis_client import ALERTS_STREAM, open_redis
from driftline.settings import Settings
from driftline.topics import ALERTS
from tests.e2e.faults import (
    RECORDS,
    WORKERS,
    Workers,
    check_the_books,
    events,
    replay_with_faults,
    wait_until_settled,
)


@pytest.mark.timeout(300)
def test_kills_of_every_process_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    # A seed of the day would make failures hard to repeat; the moments are arbitrary, not chosen.
    rng = np.random.default_rng(20_000)
    with LocalStack(Settings.model_validate({"home": tmp_path / "services"}), say=print) as stack:
        settings = stack.settings.model_copy(update={"home": tmp_path})
        with Workers(settings, tmp_path) as workers:

            def restart_redis() -> None:
                redis = stack.children["redis"].process
                assert redis is not None
                redis.kill()
                redis.wait()
                stack.supervise()

            kills = [lambda name=name: workers.restart(name) for name in ("score", "monitor", "retrain") * 2]
            moments = sorted(rng.choice(np.arange(500, RECORDS - 500), len(kills) + 2, replace=False).tolist())
            order = rng.permutation(len(moments)).tolist()
            faults = {moments[place]: [*kills, restart_redis, restart_redis][n] for n, place in enumerate(order)}
            replay_with_faults(settings, faults, seed=6)
            wait_until_settled(settings, workers)
            check_the_books(settings)
            projected: Any = open_redis(settings).xrange(ALERTS_STREAM)
            assert [fields["id"] for _, fields in projected] == [alert.id for _, alert in events(settings, ALERTS)]


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
            check_the_books(settings, alone=False)
