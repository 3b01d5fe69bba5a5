"""Alerts to webhooks: each change of state at least once and in order, whatever the receivers do."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from driftline.events import DeadLetter, decode
from driftline.kafka_clients import read_all
from driftline.prometheus_metrics import Deliveries
from driftline.settings import Settings, SettingsError
from driftline.topics import ALERTS, DEAD_LETTERS
from monitor.kafka_notify import run
from tests.some_alerts import alert, publish
from tests.webhook_server import Hook, Reply, WebhookServer


def telling(settings: Settings, *urls: str, **more: Any) -> Settings:
    return settings.model_copy(update={"webhook_urls": SecretStr(",".join(urls)), "webhook_seconds": 0.3, **more})


@contextmanager
def notifier(settings: Settings) -> Iterator[tuple[dict[str, Deliveries], list[str]]]:
    """A worker in this process; what it counts and says."""
    stop, counts, said = threading.Event(), dict[str, Deliveries](), list[str]()
    thread = threading.Thread(target=run, args=(settings, said.append, stop, counts))
    thread.start()
    try:
        yield counts, said
    finally:
        stop.set()
        thread.join()


def changes(hooks: list[Hook]) -> list[str]:
    return [hook.change for hook in hooks]


def test_a_new_receiver_is_told_what_fires_and_then_of_every_change_it_has_to_know(settings: Settings) -> None:
    publish(settings, alert("over"), alert("over", "resolved"), alert("mild"), alert("grave", level="alert"))
    with WebhookServer() as server, notifier(telling(settings, server.url, webhook_level="investigate")):
        server.wait_for(1)
        publish(
            settings, b"<alert/>", alert("mild", "resolved", at_contact=2), alert("rises", at_contact=3),
            alert("rises", level="retrain", at_contact=4), alert("grave", "resolved", "alert", at_contact=5),
        )  # fmt: skip
        hooks = server.wait_for(3)
    assert changes(hooks) == ["grave/firing/alert/1", "rises/firing/retrain/4", "grave/resolved/alert/5"]


def test_a_receiver_that_misbehaves_gets_all_in_order_and_holds_up_no_other(settings: Settings) -> None:
    trouble = [
        Reply(500), Reply(429, {"Retry-After": "1"}), Reply(delay=0.6), Reply(cut=True), Reply(503), Reply(301),
    ]  # fmt: skip
    release = threading.Event()

    def misbehave(hook: Hook) -> Reply:
        if hook.number < len(trouble):
            return trouble[hook.number]
        release.wait(30)
        return Reply()

    publish(settings, *(alert(str(n), at_contact=n) for n in range(3)))
    with WebhookServer(misbehave) as bad, WebhookServer() as good:
        own = telling(settings, bad.url, f"slack+{good.url}")
        with notifier(own) as (counts, said):
            good.wait_for(3)
            assert not bad.taken
            release.set()
            hooks = bad.wait_for(2)
    assert list(dict.fromkeys(changes(hooks))) == [f"{n}/firing/monitor/{n}" for n in range(3)]
    assert changes(bad.taken) == ["1/firing/monitor/1", "2/firing/monitor/2"]
    assert hooks[2].at - hooks[1].at >= 1.0
    assert changes(good.hooks) == [f"{n}/firing/monitor/{n}" for n in range(3)]
    first, second = counts.values()
    assert (first.delivered, first.given_up, first.retried) == (2, 1, 5)
    assert (second.delivered, second.given_up, second.retried) == (3, 0, 0)
    letter = decode(DeadLetter, next(read_all(settings, DEAD_LETTERS)).value)
    assert (letter.reason, letter.offset) == (f"receiver 1 (driftline at {bad.address}) refuses it: status 301", 0)
    assert letter.value == next(read_all(settings, ALERTS)).value
    assert not any("secret-path" in line for line in said)


def test_a_receiver_that_asks_for_no_time_is_not_asked_all_the_time(settings: Settings) -> None:
    later = Reply(503, {"Retry-After": "0"})
    publish(settings, alert("a"))
    with WebhookServer(lambda _: later) as server, notifier(telling(settings, server.url)):
        deadline = time.monotonic() + 20
        while len(server.hooks) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)
        asked = len(server.hooks)
        server.behave = lambda _: Reply()
        server.wait_for(1)
    assert 3 <= asked < 25


class Process:
    """`driftline notify`, to be killed."""

    def __init__(self, settings: Settings) -> None:
        told = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
        self._env, self._home = told | settings.to_environment(), settings.home
        self._running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        with (self._home / "notify.log").open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "driftline.cli", "notify"], env=self._env, stderr=log
            )

    def run_until_killed(self) -> None:
        self.start()
        assert self._running is not None
        assert self._running.wait(60) == -signal.SIGKILL

    def kill(self) -> None:
        assert self._running is not None
        self._running.kill()
        self._running.wait()


@pytest.mark.long
def test_a_notifier_that_is_killed_tells_again_under_the_same_key_and_loses_nothing(settings: Settings) -> None:
    """Killed again and again while the receiver answers, so that it does not know whether the alert was taken."""
    with WebhookServer() as server, Process(telling(settings, server.url)) as process:

        def kill_at_times(hook: Hook) -> Reply:
            if hook.number in (1, 2, 4):
                process.kill()
            return Reply()

        server.behave = kill_at_times
        publish(settings, alert("a", at_contact=1), alert("b", at_contact=2), alert("c", at_contact=3))
        process.run_until_killed()
        publish(settings, alert("a", "resolved", at_contact=4))  # while nobody looks, and before all were told of it
        process.run_until_killed()
        process.run_until_killed()
        process.start()
        hooks = server.wait_for_change("a/resolved/monitor/4")
    told = changes(hooks)
    assert list(dict.fromkeys(told)) == [
        "a/firing/monitor/1", "b/firing/monitor/2", "c/firing/monitor/3", "a/resolved/monitor/4",
    ]  # fmt: skip
    assert len(told) > len(set(told))


def test_without_anybody_to_tell_the_command_says_so(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="DRIFTLINE_WEBHOOK_URLS is not set"):
        run(settings, print, threading.Event())
