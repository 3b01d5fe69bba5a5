"""The retrainers' queue in Redis: alerts of the stream through a consumer group, and the lock around a retraining."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from driftline.events import Alert, decode
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, RETRAIN_LOCK
from driftline.workers import Stopped

LOCK_SECONDS = 15
CLAIM_AFTER_MS = 30_000
"""An entry that its retrainer has held for so long is taken over: that retrainer is gone."""


class LockLostError(RuntimeError):
    """Another retrainer has taken over."""


def entries(redis: Redis, consumer: str, stop: Flag) -> Iterator[tuple[str, Alert]]:
    """Alerts of the stream for this group: first what this consumer left unfinished, then new and orphaned ones."""
    try:
        redis.xgroup_create(ALERTS_STREAM, RETRAIN_GROUP, id="0", mkstream=True)
    except ResponseError as fault:
        if "BUSYGROUP" not in str(fault):
            raise
    yield from _alerts(redis.xreadgroup(RETRAIN_GROUP, consumer, {ALERTS_STREAM: "0"}))
    while not stop.is_set():
        orphaned: Any = redis.xautoclaim(ALERTS_STREAM, RETRAIN_GROUP, consumer, CLAIM_AFTER_MS, count=10)
        yield from _alerts([(ALERTS_STREAM, orphaned[1])])
        yield from _alerts(redis.xreadgroup(RETRAIN_GROUP, consumer, {ALERTS_STREAM: ">"}, count=10, block=500))


def _alerts(reply: Any) -> Iterator[tuple[str, Alert]]:
    for _, found in reply or ():
        for entry, fields in found:
            if fields:  # an entry trimmed off the stream is claimed without its fields
                yield entry, decode(Alert, fields["json"].encode())


@contextmanager
def lock(redis: Redis, stop: Flag) -> Iterator[Callable[[], bool]]:
    """One retraining at a time, across all retrainers; the lock outlives a killed holder by 15 seconds at most.

    Yields a function that tells whether it is still held.

    Raises:
        Stopped: ``stop`` was set while another one held it.
    """
    token = uuid.uuid4().hex
    while not redis.set(RETRAIN_LOCK, token, nx=True, px=LOCK_SECONDS * 1000):
        if stop.wait(0.5):
            raise Stopped
    done = Flag()

    def held() -> bool:
        return bool(redis.get(RETRAIN_LOCK) == token)

    def renew() -> None:
        while not done.wait(LOCK_SECONDS / 3):
            try:
                if held():
                    redis.pexpire(RETRAIN_LOCK, LOCK_SECONDS * 1000)
            except RedisError:
                continue  # it is away; whether the lock survived is checked before publishing

    Thread(target=renew, daemon=True).start()
    try:
        yield held
    finally:
        done.set()
        if held():
            redis.delete(RETRAIN_LOCK)
