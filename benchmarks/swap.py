"""What a promotion costs: gaps between predictions, and between panes, while champions are swapped, and how long after
its champion event a new version makes its first prediction."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from driftline.events import ModelEvent, Pane, Prediction, decode
from driftline.kafka_clients import read_all
from driftline.local_stack import LocalStack
from driftline.settings import Settings
from driftline.topics import MODEL_EVENTS, PANES, PREDICTIONS, Topic
from model.kafka_models import champion_event, publish, registered_event
from model.retrain import Maker
from producers.base_set import base_contacts
from producers.kafka_replay import replay
from producers.replay import Pacer
from producers.scenarios import SCENARIOS

CONTACTS, RATE, EVERY = 24_000, 1_000, 2_000


def main() -> None:
    """24,000 contacts at 1,000/s, a new champion every 2,000."""
    bundle = (
        Maker(seed=0, now=datetime(2026, 1, 1, tzinfo=UTC))
        .first_champion(base_contacts(Settings.model_validate({}), print))
        .bundle
    )
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
            waits = first_predictions(settings)
            print(
                f"from the champion event to the first prediction of the new version, {len(waits)} promotions:"
                f" median {np.median(waits):.0f} ms, at most {max(waits)} ms"
            )


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


def first_predictions(settings: Settings) -> list[int]:
    """Milliseconds from each promotion on the topic to the first prediction by its version.

    The first one found no workers yet, and the last one no contacts any more.
    """
    first: dict[str, int] = {}
    for record in read_all(settings, PREDICTIONS):
        version = decode(Prediction, record.value).model_version
        first[version] = min(record.timestamp, first.get(version, record.timestamp))
    events = [(record.timestamp, decode(ModelEvent, record.value)) for record in read_all(settings, MODEL_EVENTS)]
    champions = [(at, event.model_version) for at, event in events if event.event == "champion"]
    return [first[version] - at for at, version in champions[1:-1]]


def show(name: str, found: tuple[list[int], list[int]]) -> None:
    swaps, others = found
    print(
        f"{name}: at {len(swaps)} changes of version at most {max(swaps)} ms;"
        f" elsewhere 99.9% {np.quantile(others, 0.999):.0f} ms, at most {max(others)} ms"
    )
