"""Replays from a JSONL onto the embedded broker: contacts per second, beside kafka-python alone with the same bytes.

And the rates that are asked for, as the ``sent_at`` of the contacts on the topic show them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import show
from driftline.events import Contact, Label, decode, encode
from driftline.kafka_clients import ensure_topics, open_producer, read_all
from driftline.kafka_sent import sent_header
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import CONTACTS, LABELS
from producers.jsonl import to_jsonl
from producers.labelled import Labelled
from producers.scenarios import SCENARIOS

N, REPEATS = 20_000, 5
RATES, SECONDS = (100, 1_000, 5_000), 4


def main() -> None:
    """20,000 contacts a repetition; in their order and out of it, with and without a label each."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    drawn = list(SCENARIOS["no_drift_baseline"].contacts(N, seed=1, start=start))
    kinds = ("in order, no labels", "in order, a label each", "out of order, a label each")
    results: dict[str, list[float]] = {
        f"{who}: {kind}": [] for kind in kinds for who in ("kafka-python alone", "replay")
    }
    with tempfile.TemporaryDirectory() as folder:
        files = written(Path(folder), drawn)
        with LocalStack(Settings.model_validate({"home": Path(folder)}), say=lambda _: None) as stack:
            for repeat in range(REPEATS):
                for kind, (path, labels) in zip(kinds, files.items(), strict=True):
                    own = stack.settings.model_copy(update={"topic_prefix": f"bench{repeat}{path.stem}."})
                    ensure_topics(own)
                    results[f"kafka-python alone: {kind}"].append(bare(own, drawn, labels))
                    results[f"replay: {kind}"].append(replayed(own, path, "--fast")["rate"])
            for kind in kinds:
                show({name: found for name, found in results.items() if name.endswith(f": {kind}")}, "contacts/s")
            for rate in RATES:
                own = stack.settings.model_copy(update={"topic_prefix": f"rate{rate}."})
                replayed(own, next(iter(files)), "--rate", str(rate), "--limit", str(rate * SECONDS))
                print(f"asked for {rate:5,}/s, held {held(own):9,.2f}/s", flush=True)


def written(folder: Path, drawn: list[tuple[Contact, int]]) -> dict[Path, bool]:
    """The files of the three kinds, and whether they hold labels."""
    mixed = np.random.default_rng(0).permutation(len(drawn)).tolist()
    files = {
        "plain": [Labelled(contact) for contact, _ in drawn],
        "labelled": [Labelled(*one) for one in drawn],
        "mixed": [Labelled(*drawn[n]) for n in mixed],
    }
    for name, found in files.items():
        (folder / f"{name}.jsonl").write_bytes(b"".join(map(to_jsonl, found)))
    return {folder / f"{name}.jsonl": name != "plain" for name in files}


def replayed(settings: Settings, path: Path, *options: str) -> dict[str, Any]:
    """What the command says of a replay, in a process of its own."""
    command = [sys.executable, "-m", "driftline.cli", "replay", str(path), *options, "--json"]
    environment = dict(os.environ) | settings.to_environment() | {"DRIFTLINE_TOPIC_PREFIX": settings.topic_prefix}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def bare(settings: Settings, drawn: list[tuple[Contact, int]], labels: bool) -> float:
    """Contacts per second of a producer that is handed its bytes, until all are acknowledged."""
    contacts, labelled = settings.topic(CONTACTS.name), settings.topic(LABELS.name)
    ready: list[tuple[str, bytes, bytes, list[tuple[str, bytes]]]] = []
    for position, (contact, engaged) in enumerate(drawn):
        key, headers = contact.id.encode(), [sent_header("0123456789abcdef.01234567.0123456789a", position)]
        ready.append((contacts, key, encode(contact), headers))
        if labels:
            label = Label(contact_id=contact.id, engaged=engaged, labelled_at=contact.sent_at)
            ready.append((labelled, key, encode(label), headers))
    producer = open_producer(settings)
    producer.partitions_for(contacts)
    began = time.monotonic()
    for topic, key, value, headers in ready:
        producer.send(topic, key=key, value=value, headers=headers)
    producer.flush()
    took = time.monotonic() - began
    producer.close()
    return len(drawn) / took


def held(settings: Settings) -> float:
    """Contacts per second, between the first and the last on the topic."""
    sent = sorted(decode(Contact, record.value).sent_at for record in read_all(settings, CONTACTS))
    return (len(sent) - 1) / (sent[-1] - sent[0]).total_seconds()
