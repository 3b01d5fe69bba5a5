"""The projection of the alerts topic into Redis: a stream to react to, and a hash of what is firing now.

The topic is the truth. A record at offset ``o`` becomes the stream entry ``(o+1)-0``, so the stream itself says
how far the projection has come, an entry cannot be written twice, and a Redis that lost everything is rebuilt
from the beginning.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from driftline.events import Alert, decode
from driftline.kafka_clients import KafkaError, open_consumer, partitions_of, tail, true_end_offsets
from driftline.redis_client import ALERTS_STREAM, CHAMPION, FIRING_HASH, wait_for_redis
from driftline.settings import Settings
from driftline.topics import ALERTS

Say = Callable[[str], None]
KEEP_ENTRIES = 100_000

# One step for Redis: the hash must not move when another projector has already written the entry.
PROJECT = """
local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[6], ARGV[1],
    'id', ARGV[2], 'state', ARGV[3], 'level', ARGV[4], 'kind', ARGV[7], 'json', ARGV[5])
if type(added) == 'table' and added.err then return 0 end
if ARGV[3] == 'firing' then redis.call('HSET', KEYS[2], ARGV[2], ARGV[5])
else redis.call('HDEL', KEYS[2], ARGV[2]) end
return 1
"""


def project_alerts(settings: Settings, champion: Callable[[], str | None], say: Say, stop: Flag) -> None:
    """Keep Redis equal to the alerts topic until ``stop`` is set; an absent Redis or broker is waited for.

    Args:
        champion: the version in use, kept in ``driftline:champion``.
    """
    while not stop.is_set():
        redis = wait_for_redis(settings, say, stop=stop)
        try:
            for _ in projected(settings, redis, say, stop):
                version = champion()
                if version is not None and redis.get(CHAMPION) != version:
                    redis.set(CHAMPION, version)
        except (RedisError, KafkaError, OSError) as fault:
            say(f"the projection into Redis stopped ({type(fault).__name__}), taking it up again")
            stop.wait(0.25)


def projected(settings: Settings, redis: Redis, say: Say, stop: Flag) -> Iterator[Alert | None]:
    """Write every alert that Redis does not have yet, then follow the topic.

    Yields each alert once it is in Redis, and None in quiet moments. Ends when Redis has fallen behind what
    was written (it was emptied), so that the caller starts again.
    """
    written = _resume_at(settings, redis)
    script = redis.register_script(PROJECT)
    checked = time.monotonic()
    for record in tail(settings, ALERTS, stop, start=written, wait_ms=100):
        if record is None:
            if time.monotonic() - checked > 0.5:
                checked = time.monotonic()
                if _next_offset(redis) < written:
                    return
            yield None
            continue
        try:
            alert = decode(Alert, record.value)
        except ValueError as fault:
            say(f"the record at offset {record.offset} of the alerts topic is no alert ({fault}): left out")
            continue
        script(
            keys=[ALERTS_STREAM, FIRING_HASH],
            args=[
                *(f"{record.offset + 1}-0", alert.id, alert.state, alert.level),
                *(record.value.decode(), KEEP_ENTRIES, alert.kind),
            ],
        )
        written = record.offset + 1
        yield alert


def _resume_at(settings: Settings, redis: Redis) -> int:
    """The first offset that Redis lacks; a projection of another log is dropped."""
    position = _next_offset(redis)
    consumer = open_consumer(settings)
    try:
        ends = true_end_offsets(consumer, partitions_of(consumer, settings.topic(ALERTS.name)))
    finally:
        consumer.close()
    if position > sum(ends.values()):
        redis.delete(ALERTS_STREAM, FIRING_HASH)
        return 0
    return position


def _next_offset(redis: Redis) -> int:
    try:
        about: Any = redis.xinfo_stream(ALERTS_STREAM)
    except ResponseError:  # there is no such stream
        return 0
    return int(str(about["last-generated-id"]).split("-", 1)[0])
