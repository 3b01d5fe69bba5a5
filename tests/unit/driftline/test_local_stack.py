"""What the local stack decides before it starts anything."""

import socket

import pytest

from driftline.local_stack import LocalStack, StackError
from driftline.settings import Settings


def stack(port: int, host: str = "127.0.0.1") -> LocalStack:
    return LocalStack(Settings.model_validate({"metrics_port": port, "metrics_host": host}), print)


def test_every_worker_has_a_port_of_its_own_for_its_metrics() -> None:
    free = stack(0)
    for place, name in enumerate(("score", "monitor", "retrain", "api", "another", "one more")):
        free.metrics[name] = free._metrics_port(place)
    assert len(set(free.metrics.values())) == 6
    assert 0 not in free.metrics.values()


def test_a_port_that_is_set_is_the_first_workers_and_one_that_is_taken_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} is taken: .* DRIFTLINE_METRICS_PORT"):
            stack(port)._metrics_port(0)
        with pytest.raises(StackError, match=f"port {port} is taken"):
            stack(port - 2)._metrics_port(2)
    with pytest.raises(StackError, match="port 65536 is taken"):
        stack(65_535)._metrics_port(1)
