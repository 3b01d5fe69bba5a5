"""The retrainers' queue in Redis: alerts of the stream through a consumer group, and the lock around a retraining."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from driftline.events import Alert, decode
from driftline.redis_client import ALERTS_STREAM, RETRAIN_GROUP, RETRAIN_LOCK, RETRAIN_PROGRESS
from driftline.workers import Stopped

LOCK_SECONDS = 15
CLAIM_AFTER_MS = 30_000
"""An entry that its retrainer has held for so long is taken over: that retrainer is gone."""


class LockLostError(RuntimeError):
    """Another retrainer has taken over."""


def entries(redis: Redis, consumer: str, stop: Flag) -> Iterator[tuple[str, Alert] | None]:
    """Alerts of the stream for this group: first what this consumer left unfinished, then new and orphaned ones.

    An entry that is not acknowledged comes again after half a minute. Yields None in quiet moments.
    """
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
        yield None


def _alerts(reply: Any) -> Iterator[tuple[str, Alert]]:
    for _, found in reply or ():
        for entry, fields in found:
            if fields:  # an entry trimmed off the stream is claimed without its fields
                yield entry, decode(Alert, fields["json"].encode())


class Held:
    """The lock while it is held, and what is being done under it, for `driftline status`."""

    def __init__(self, redis: Redis, token: str) -> None:
        self._redis = redis
        self._token = token

    def __bool__(self) -> bool:
        """Whether it still is: it runs out while this process hangs or Redis is away."""
        return bool(self._redis.get(RETRAIN_LOCK) == self._token)

    def tell(self, alert: str, step: str) -> None:
        """Show what is being done; it is forgotten with the lock."""
        about: Any = {"alert": alert, "step": step, "since": datetime.now(UTC).isoformat(timespec="seconds")}
        with suppress(RedisError):  # it is away: this is only shown
            self._redis.hset(RETRAIN_PROGRESS, mapping=about)
            self._redis.pexpire(RETRAIN_PROGRESS, LOCK_SECONDS * 1000)

    def renew(self) -> None:
        """Keep it for another while."""
        with suppress(RedisError):  # it is away; whether the lock survived is checked before publishing
            if self:
                for key in (RETRAIN_LOCK, RETRAIN_PROGRESS):
                    self._redis.pexpire(key, LOCK_SECONDS * 1000)

    def release(self) -> None:
        """Let others have it."""
        if self:
            self._redis.delete(RETRAIN_LOCK, RETRAIN_PROGRESS)


@contextmanager
def lock(redis: Redis, stop: Flag) -> Iterator[Held]:
    """One retraining at a time, across all retrainers; the lock outlives a killed holder by 15 seconds at most.

    Raises:
        Stopped: ``stop`` was set while another one held it.
    """
    token = uuid.uuid4().hex
    while not redis.set(RETRAIN_LOCK, token, nx=True, px=LOCK_SECONDS * 1000):
        if stop.wait(0.5):
            raise Stopped
    held, done = Held(redis, token), Flag()

    def renew() -> None:
        while not done.wait(LOCK_SECONDS / 3):
            held.renew()

    Thread(target=renew, daemon=True).start()
    try:
        yield held
    finally:
        done.set()
        held.release()
