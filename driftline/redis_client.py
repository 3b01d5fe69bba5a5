"""Opening Redis, and the names of what Driftline keeps there."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event as Flag

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from driftline.settings import Settings, SettingsError

ALERTS_STREAM = "driftline:alerts"
FIRING_HASH = "driftline:firing"
CHAMPION = "driftline:champion"
RETRAIN_LOCK = "driftline:retrain-lock"
RETRAIN_PROGRESS = "driftline:retrain-progress"
RETRAIN_GROUP = "retrain"

UNREACHABLE = (RedisConnectionError, RedisTimeoutError, BusyLoadingError)
"""What a Redis that is away, restarting or loading raises."""

__all__ = [
    "ALERTS_STREAM",
    "CHAMPION",
    "FIRING_HASH",
    "RETRAIN_GROUP",
    "RETRAIN_LOCK",
    "RETRAIN_PROGRESS",
    "UNREACHABLE",
    "Redis",
    "RedisError",
    "open_redis",
    "redis_address",
    "wait_for_redis",
]


def open_redis(settings: Settings, *, seconds: float = 5.0) -> Redis:
    """A client; it connects on first use.

    Args:
        seconds: that an answer may take.

    Raises:
        SettingsError: no Redis is named and no local stack is up.
    """
    if settings.redis_url is None:
        raise SettingsError(
            "no Redis: set DRIFTLINE_REDIS=redis://host:6379/0, or start a local stack with `driftline up`"
        )
    password = settings.redis_password
    return Redis.from_url(
        settings.redis_url,
        decode_responses=True,
        socket_timeout=seconds,
        socket_connect_timeout=2,
        health_check_interval=15,
        retry=Retry(ConstantBackoff(0.1), 1),
        **({} if password is None else {"password": password.get_secret_value()}),
    )


def redis_address(settings: Settings) -> str:
    """The address without user, password or options, for messages."""
    if settings.redis_url is None:
        return "(not set)"
    return settings.redis_url.split("//", 1)[-1].rsplit("@", 1)[-1].split("?", 1)[0]


def wait_for_redis(
    settings: Settings, say: Callable[[str], None], *, timeout: float | None = None, stop: Flag | None = None
) -> Redis:
    """A client that has been answered; says in one line what is being waited for.

    Raises:
        SettingsError: it refuses the password.
        TimeoutError: it did not answer within ``timeout`` seconds (None waits for ever).
    """
    client = open_redis(settings)
    started, said = time.monotonic(), -10.0
    while not (stop and stop.is_set()):
        try:
            client.ping()
        except AuthenticationError:
            raise SettingsError(
                f"Redis at {redis_address(settings)} refuses the password: set DRIFTLINE_REDIS_PASSWORD"
            ) from None
        except UNREACHABLE as fault:
            waited = time.monotonic() - started
            if timeout is not None and waited > timeout:
                raise TimeoutError(
                    f"no Redis at {redis_address(settings)} after {timeout:.0f} s:"
                    " start it, or set DRIFTLINE_REDIS to where it is"
                ) from fault
            if waited - said >= 5:
                say(f"waiting for Redis at {redis_address(settings)} ({waited:.0f} s), trying again")
                said = waited
            time.sleep(0.25)
        else:
            break
    return client
