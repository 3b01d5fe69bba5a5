"""What is said of parts that are not well."""

import socket
import time
from pathlib import Path

from driftline.settings import Settings
from driftline.status import read_parts


def test_an_address_is_shown_without_the_password_in_it(tmp_path: Path) -> None:
    own = {"home": tmp_path, "redis": "redis://user:hidden@127.0.0.1:1/0", "mlflow": "http://user:hidden@127.0.0.1:1"}
    parts = read_parts(Settings.model_validate(own))
    assert (parts["redis"]["address"], parts["mlflow"]["address"]) == ("127.0.0.1:1/0", "http://127.0.0.1:1")


def test_a_redis_that_hangs_is_not_waited_for_long(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        own = {"home": tmp_path, "redis": f"redis://127.0.0.1:{hangs.getsockname()[1]}/0"}
        began = time.monotonic()
        assert not read_parts(Settings.model_validate(own))["redis"]["reachable"]
        assert time.monotonic() - began < 9
