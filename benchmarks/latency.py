"""From a drifted contact on the topic to its alert in Redis, at 1,000 contacts/s; and the workers' peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from driftline.events import Alert, decode
from driftline.local_stack import LocalStack
from driftline.redis_client import ALERTS_STREAM, open_redis
from driftline.settings import Settings
from model.kafka_champions import open_registry, publish_champion
from producers.base_set import base_contacts

CONTACTS, RATE = 60_000, 1_000


def main() -> None:
    """A drift that comes and goes every 1,000 contacts; no retrainer, so that the alerts keep on coming."""
    delays: list[float] = []
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"home": Path(folder), "new_labels": 0})
        with LocalStack(settings, say=lambda _: None) as stack:
            stack.start_workers(("score", "monitor"))
            publish_champion(
                stack.settings, open_registry(stack.settings), lambda: base_contacts(settings, print), lambda _: None
            )
            stack.wait_until_ready()
            watcher = threading.Thread(target=watch, args=(stack.settings, delays, stop))
            watcher.start()
            began = time.monotonic()
            replay(stack)
            rate = CONTACTS / (time.monotonic() - began)
            time.sleep(3)
            stop.set()
            watcher.join()
            for name, child in stack.children.items():
                print(f"peak memory of {name:8} {peak_memory(child.process.pid if child.process else 0):6.0f} MB")
    found = np.array(delays)
    quantiles = np.quantile(found, [0.5, 0.95, 1.0]) if len(found) else [np.nan] * 3
    print(f"{len(found)} state changes at {rate:,.0f} contacts/s: newest contact to alert in Redis")
    print("median {:.3f} s, p95 {:.3f} s, max {:.3f} s".format(*quantiles))


def replay(stack: LocalStack) -> None:
    """In a process of its own, as users do it: inside this one the watcher would hold it up, and be held up."""
    command = [sys.executable, "-m", "driftline.cli", "replay", "scenario:sector_shift", "--shape", "recurring"]
    command += ["--onset", "1000", "--limit", str(CONTACTS), "--rate", str(RATE)]
    environment = dict(os.environ) | {"DRIFTLINE_HOME": str(stack.home)}
    subprocess.run(command, env=environment, capture_output=True, check=True)


def watch(settings: Settings, delays: list[float], stop: threading.Event) -> None:
    redis, last = open_redis(settings), "0-0"
    while not stop.is_set():
        reply: Any = redis.xread({ALERTS_STREAM: last}, block=100)
        for _, entries in reply or ():
            for entry, fields in entries:
                last = entry
                delays.append(time.time() - decode(Alert, fields["json"].encode()).updated_at.timestamp())


def peak_memory(pid: int) -> float:
    """MB of resident memory at most, so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")
