"""The pause that a promotion makes: gaps between predictions, and between panes, while champions are swapped."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from driftline.cli import base_contacts
from driftline.events import Pane, Prediction, decode
from driftline.kafka_clients import read_all
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import PANES, PREDICTIONS, Topic
from model.kafka_models import champion_event, publish, registered_event
from model.retrain import train_first_champion
from producers.kafka_replay import replay
from producers.replay import Pacer
from producers.scenarios import SCENARIOS

CONTACTS, RATE, EVERY = 24_000, 1_000, 2_000


def main() -> None:
    """24,000 contacts at 1,000/s, a new champion every 2,000."""
    bundle = train_first_champion(base_contacts(), seed=0, now=datetime(2026, 1, 1, tzinfo=UTC))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"home": Path(folder), "new_labels": 0})
        with LocalStack(settings, say=lambda _: None) as stack:
            settings = stack.settings

            def promote(version: int) -> None:
                model = bundle.with_version(str(version))
                publish(settings, [registered_event(model), champion_event(model.version, None)])

            promote(1)
            stack.start_workers(("score", "monitor"))
            stack.wait_until_ready()
            contacts = SCENARIOS["no_drift_baseline"].contacts(CONTACTS, seed=1, start=datetime.now(UTC))
            pacer = Pacer(rate=RATE, speed=None, clock=lambda: datetime.now(UTC), sleep=time.sleep)

            def progress(sent: int) -> None:
                if sent % EVERY == 0:  # beside the replay, which is not to pause for it
                    threading.Thread(target=promote, args=(1 + sent // EVERY,)).start()

            replay(settings, "swap", contacts, pace=pacer, progress=progress)
            time.sleep(2)
            show("scorer, between two predictions", gaps(settings, PREDICTIONS, Prediction))
            show("monitor, between two panes", gaps(settings, PANES, Pane))


def gaps(settings: Settings, topic: Topic, kind: type[Prediction] | type[Pane]) -> tuple[list[int], list[int]]:
    """Milliseconds between neighbouring records, where the version changes and where it does not."""
    found = []
    for record in read_all(settings, topic):
        with suppress(ValueError):  # labels stand among the panes
            found.append((record.timestamp, decode(kind, record.value).model_version))
    found.sort()
    swaps: list[int] = []
    others: list[int] = []
    for (at, version), (then, after) in itertools.pairwise(found):
        (swaps if version != after else others).append(then - at)
    return swaps, others


def show(name: str, found: tuple[list[int], list[int]]) -> None:
    swaps, others = found
    print(
        f"{name}: at {len(swaps)} changes of version at most {max(swaps)} ms;"
        f" elsewhere 99.9% {np.quantile(others, 0.999):.0f} ms, at most {max(others)} ms"
    )
