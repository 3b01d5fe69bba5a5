"""What looking on costs: CPU of dashboard, monitor and broker at 500 contacts/s, with no viewer and with ten.

The rounds alternate, in one run. Of the viewers one notes how late a window report is: from its being written onto its
topic to its being read off the stream of events.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.latency import peak_memory
from driftline.events import WindowReport, decode
from driftline.kafka_clients import read_all
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import WINDOWS

RATE, SECONDS, ROUNDS, VIEWERS = 500, 10.0, 3, 10
SETTLE_SECONDS = 2.0
PARTS = ("dashboard", "monitor", "kafka")


def main() -> None:
    """Rounds without and with viewers, over one long replay."""
    cpu: dict[tuple[str, int], list[float]] = {}
    seen: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"home": Path(folder), "new_labels": 0})
        with LocalStack(settings, say=lambda _: None) as stack:
            stack.start_workers(("score", "monitor", "retrain", "dashboard"))
            stack.wait_until_ready()
            with replaying(stack):
                for viewers in (0, VIEWERS) * ROUNDS:
                    for name, used in one_round(stack, viewers, seen).items():
                        cpu.setdefault((name, viewers), []).append(used)
            late = [seen[n] - at for n, at in written(stack.settings).items() if n in seen]
            memory = peak_memory(pid_of(stack, "dashboard"))
    print(f"CPU, ms a second, median of {ROUNDS} rounds of {SECONDS:.0f} s at {RATE} contacts/s [lowest, highest]")
    for name in PARTS:
        without, ten = cpu[name, 0], cpu[name, VIEWERS]
        print(f"  {name:10} no viewer {told(without)}   {VIEWERS} viewers {told(ten)}")
    print("written to seen: median {:.2f} s, p95 {:.2f} s, max {:.2f} s".format(*np.quantile(late, [0.5, 0.95, 1.0])))
    print(f"peak memory of the dashboard {memory:.0f} MB")


def told(used: list[float]) -> str:
    return f"{np.median(used):6.1f} [{min(used):.1f}, {max(used):.1f}]"


@contextmanager
def replaying(stack: LocalStack) -> Iterator[None]:
    """Contacts while the block runs, from a process of their own."""
    command = [sys.executable, "-m", "driftline.cli", "replay", "scenario:sector_shift", "--onset", "1000"]
    command += ["--limit", "1000000", "--rate", str(RATE)]
    environment = dict(os.environ) | {"DRIFTLINE_HOME": str(stack.home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as replay:
        time.sleep(3 * SETTLE_SECONDS)
        yield
        replay.terminate()


def one_round(stack: LocalStack, viewers: int, seen: dict[int, float]) -> dict[str, float]:
    """CPU of each part, ms a second."""
    stop = threading.Event()
    address = stack.settings.dashboard_address or ""
    threads = [threading.Thread(target=look_on, args=(address, stop, seen if n == 0 else {})) for n in range(viewers)]
    for thread in threads:
        thread.start()
    time.sleep(SETTLE_SECONDS)
    before, began = cpu_of(stack), time.monotonic()
    time.sleep(SECONDS)
    passed = time.monotonic() - began
    used = {name: (seconds - before[name]) / passed * 1_000 for name, seconds in cpu_of(stack).items()}
    stop.set()
    for thread in threads:
        thread.join()
    return used


def look_on(address: str, stop: threading.Event, seen: dict[int, float]) -> None:
    """Note when each moment, by its number of contacts, was first seen."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request("GET", "/api/events")
    answer = connection.getresponse()
    name = b""
    while not stop.is_set():
        line = answer.readline()
        if line.startswith(b"event: "):
            name = line[7:].strip()
        elif name == b"moment" and line.startswith(b"data: "):
            seen.setdefault(json.loads(line[6:])["at_contact"], time.time())
    connection.close()


def written(settings: Settings) -> dict[int, float]:
    """When each window report, by its number of contacts, was first written onto its topic."""
    found: dict[int, float] = {}
    for record in read_all(settings, WINDOWS):
        found.setdefault(decode(WindowReport, record.value).at_contact, record.timestamp / 1_000)
    return found


def cpu_of(stack: LocalStack) -> dict[str, float]:
    """Seconds of CPU of each part so far."""
    found = {}
    for name in PARTS:
        fields = Path(f"/proc/{pid_of(stack, name)}/stat").read_text().rsplit(")", 1)[1].split()
        found[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def pid_of(stack: LocalStack, name: str) -> int:
    process = stack.children[name].process
    assert process is not None
    return process.pid
