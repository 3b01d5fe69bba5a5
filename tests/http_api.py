"""The HTTP API beside a test: as a thread of the test, or as a process that can be killed; and what it was sent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from consumers.fastapi_worker import run
from driftline.events import INPUTS, Contact, decode
from driftline.kafka_clients import read_all
from driftline.settings import Settings
from driftline.topics import CONTACTS
from tests.kafka_server import free_port
from tests.worker_thread import worker_thread

Labelled = Sequence[tuple[Contact, int]]


def inputs(contact: Contact) -> dict[str, Any]:
    """As a client sends them: what is not known is left out."""
    known = {name: getattr(contact, name) for name in INPUTS}
    return {name: value for name, value in known.items() if value is not None}


def bodies(contacts: Labelled) -> list[dict[str, Any]]:
    """Contacts with their ids, for requests."""
    return [inputs(contact) | {"id": contact.id} for contact, _ in contacts]


def on_topic(settings: Settings) -> Counter[str]:
    """How often each contact stands on the topic."""
    return Counter(decode(Contact, record.value).id for record in read_all(settings, CONTACTS))


def wait_for_topic(settings: Settings, count: int, seconds: float = 30.0) -> Counter[str]:
    """What is on the topic once it holds so many contacts (or, wrongly, more)."""
    deadline = time.monotonic() + seconds
    while (found := on_topic(settings)).total() < count:
        assert time.monotonic() < deadline, f"{found.total()} of {count} contacts are on the topic"
        time.sleep(0.2)
    return found


def wait_for_ready(client: httpx.Client, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = client.get("/ready")
            if answer.status_code == 200:
                return
            told = answer.text
        except httpx.TransportError as fault:
            told = repr(fault)
        assert time.monotonic() < deadline, f"the API did not get ready: {told}"
        time.sleep(0.05)


@contextmanager
def api(settings: Settings, *, ready: bool = True, lines: list[str] | None = None) -> Iterator[httpx.Client]:
    """The API in this process while the block runs."""
    own = settings.model_copy(update={"api_port": free_port()})
    with (
        worker_thread(run, own, [] if lines is None else lines),
        httpx.Client(base_url=own.api_address or "", timeout=30) as client,
    ):
        if ready:
            wait_for_ready(client)
        yield client


class ApiProcess:
    """`driftline api`, to be killed and started again on its port and its spool."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings = settings.model_copy(update={"home": home, "api_port": free_port()})
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTLINE_")}
        told = {name: str(getattr(self.settings, name)) for name in ("home", "api_port", "kafka", "topic_prefix")}
        self.env = kept | {f"DRIFTLINE_{name.upper()}": value for name, value in told.items()}
        self.log = home / "api.log"
        self.client = httpx.Client(base_url=self.settings.api_address or "", timeout=30)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ApiProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.client.close()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        self.settings.home.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "driftline.cli", "api"], env=self.env, stdout=log, stderr=log
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
