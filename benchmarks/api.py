"""The HTTP API under sustained load, beside a bare FastAPI echo of the same bodies in the same run.

Both are served by uvicorn in processes of their own, with one event loop and `uvloop`; the client, in a third one,
speaks HTTP over plain sockets, since an HTTP library would take longer than the servers. It sends the next request of a
connection when the last one is answered. The API does all its work: it scores, spools, logs, counts, and puts the
contacts onto the topic of the embedded broker, which shares the cores.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import msgspec
import numpy as np

from driftline.counts import Counter
from driftline.events import INPUTS, Contact
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from model.kafka_models import champion_event, publish, registered_event
from model.retrain import Maker
from producers.scenarios import SCENARIOS

ROUNDS = 3
ECHO = """
import sys, uvicorn
from fastapi import FastAPI, Request, Response
app = FastAPI()
@app.post("/{path:path}")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", access_log=False)
"""


@dataclass
class Load:
    """One kind of request, and the seconds that each took, by server."""

    name: str
    path: str
    bodies: Sequence[bytes]
    connections: int
    seconds: float
    """Of one round."""
    took: dict[str, list[float]] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    """Rounds of each load, our API and the echo in turns."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    contacts = list(SCENARIOS["no_drift_baseline"].contacts(10_000, seed=1, start=start))
    champion = Maker(seed=0, now=start).first_champion(contacts[:3_000]).bundle.with_version("1")
    inputs = [inputs_of(contact) for contact, _ in contacts]
    one = [msgspec.json.encode(contact) for contact in inputs[:1_000]]
    hundred = [msgspec.json.encode({"contacts": inputs[n : n + 100]}) for n in range(0, 2_000, 100)]
    all_of_them = [msgspec.json.encode({"contacts": inputs})]
    loads = [
        Load("/predict, 1 connection", "/predict", one, 1, 3.0),
        Load("/predict, 8 connections", "/predict", one, 8, 3.0),
        Load("/predict/batch of 100, 4 connections", "/predict/batch", hundred, 4, 3.0),
        Load("/predict/batch of 10,000, 1 connection", "/predict/batch", all_of_them, 1, 4.0),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, LocalStack(settings_of(folder), say=lambda _: None) as stack:
        publish(stack.settings, [registered_event(champion), champion_event("1", None)])
        stack.start_workers(("api",))
        stack.wait_until_ready()
        with echo_server() as port:
            servers = {"ours": stack.settings.api_port, "echo": port}
            for load in loads:
                for _ in range(ROUNDS):
                    for name, server in servers.items():
                        asyncio.run(run(load, name, server))
                    settle(stack)
                show(load)


def settings_of(folder: str) -> Settings:
    return Settings.model_validate({"home": Path(folder)})


def inputs_of(contact: Contact) -> dict[str, object]:
    """As a client sends them: what is not known is left out."""
    known = {name: getattr(contact, name) for name in INPUTS}
    return {name: value for name, value in known.items() if value is not None}


@contextmanager
def echo_server() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", ECHO, str(port)], env=dict(os.environ)) as server:
        time.sleep(3)
        yield port
        server.kill()


def settle(stack: LocalStack) -> None:
    """The contacts of one round are not to burden the next."""
    counter, last = Counter(stack.settings), -1
    while (now := counter.read().replayed) != last:
        last = now
        time.sleep(0.3)


async def run(load: Load, name: str, port: int) -> None:
    """One round; its first requests, which warm up, are not counted."""
    took: list[float] = []
    bodies = cycle(load.bodies)
    began = time.perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**26)
        while (sent := time.perf_counter()) < began + load.seconds:
            body = next(bodies)
            writer.write(head(load.path, len(body)) + body)
            await answer(reader)
            took.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(load.connections)))
    load.took.setdefault(name, []).extend(took[load.connections :])
    load.rates.setdefault(name, []).append(len(took) / (time.perf_counter() - began))


def head(path: str, size: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {size}"]
    return "\r\n".join([*lines, "", ""]).encode()


async def answer(reader: asyncio.StreamReader) -> None:
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    assert b" 200 " in lines[0], lines[0]
    size = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    await reader.readexactly(size)


def show(load: Load) -> None:
    print(load.name, flush=True)
    middle = {}
    for name, took in load.took.items():
        p50, p95, p99 = np.quantile(took, [0.5, 0.95, 0.99]) * 1_000
        middle[name] = p50
        low, rate, high = np.quantile(load.rates[name], [0.0, 0.5, 1.0])
        print(
            f"  {name:5} p50 {p50:8.2f} ms  p95 {p95:8.2f}  p99 {p99:8.2f}   {rate:8,.1f} requests/s"
            f"  [{low:,.1f}, {high:,.1f}]  x{p50 / middle['ours']:.2f}",
            flush=True,
        )
