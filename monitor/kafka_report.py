"""The Evidently report of an alert, or of the newest window: what it needs, read off the topics.

The reference comes with the model version on the model-events topic, the window's contacts are those on the predictions
topic, so a report needs no worker to have kept anything. Predictions are kept for 7 days, and so are reports possible.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from driftline.events import Alert, AlertReference, AlertWindow, ModelEvent, Prediction, WindowReport, decode
from driftline.kafka_clients import last_record, open_consumer, read_events, true_end_offsets
from driftline.settings import Settings
from driftline.topics import ALERTS, MODEL_EVENTS, PREDICTIONS, WINDOWS
from model.bundle import Bundle
from monitor.comparison import compare
from monitor.config import EngineConfig
from monitor.report_page import About
from monitor.report_process import Answer, ReportError, ReportProcess

Say = Callable[[str], None]

MOST_CONTACTS = 5_000
"""Of a window, the newest: an alert about labels may reach over all contacts of a model."""
OUT_OF_ORDER = 20_000
"""Records that a scorer which was killed may have written again: more than the largest batch, twice."""
OF_LABELS = ("concept_drift", "performance", "business")


@dataclass(frozen=True)
class Subject:
    """What is reported: the window of an alert as it last fired, or the newest one."""

    alert: Alert | None
    at: datetime
    at_contact: int
    model_version: str
    reference: AlertReference
    window: AlertWindow
    notes: tuple[str, ...] = ()


def report(settings: Settings, alert_id: str | None, out: Path, say: Say) -> dict[str, Any]:
    """Write the Evidently report of an alert (None: of the newest window); returns what ``--json`` prints.

    Raises:
        ReportError: there is no such alert or window, its contacts are not there any more, or Evidently made no report.
    """
    began = time.monotonic()
    subject = subject_of_alert(settings, alert_id) if alert_id is not None else subject_of_newest_window(settings)
    bundle = bundle_of(settings, subject.model_version)
    say(f"reading {subject.window.contacts:,} contacts of model version {subject.model_version}")
    predictions, notes = _predictions(settings, subject)
    config = EngineConfig.of(settings)
    features = compare(bundle, predictions, config)
    about = About(
        alert=subject.alert, at=subject.at, at_contact=subject.at_contact, model_version=subject.model_version,
        reference=subject.reference, contacts=len(predictions), false_alarm_rate=config.false_alarm_rate,
        horizon=config.horizon, notes=[*subject.notes, *notes],
    )  # fmt: skip
    say(f"Evidently compares {len(features)} features, which takes some ten seconds")
    answer = ReportProcess(settings.report_seconds, settings.report_memory_mb).make(about, features, out)
    return _told(about, answer, out, time.monotonic() - began)


def _told(about: About, answer: Answer, out: Path, seconds: float) -> dict[str, Any]:
    return {
        "file": str(out),
        "bytes": answer.size,
        "alert": None if about.alert is None else about.alert.id,
        "model_version": about.model_version,
        "rows": {"reference": about.reference.rows, "current": about.contacts},
        "seconds": round(seconds, 2),
        "columns": msgspec.to_builtins(answer.tested),
        "left_out": answer.left_out,
    }


def subject_of_alert(settings: Settings, alert_id: str) -> Subject:
    """The window of an alert as it last fired, since the one in which it was resolved is calm.

    Raises:
        ReportError: there is no such alert.
    """
    newest: dict[str, Alert] = {}
    fired: Alert | None = None
    for alert in read_events(settings, ALERTS, Alert):
        newest[alert.id] = alert
        if alert.id == alert_id and alert.state == "firing":
            fired = alert
    if fired is None:
        ids = list(newest)[-5:]
        there = f"the newest are {', '.join(reversed(ids))}" if ids else "there is none yet"
        raise ReportError(f"there is no alert {alert_id}: {there} (`driftline alerts` lists them)")
    notes = []
    if newest[alert_id].state == "resolved":
        notes.append(f"It is over by now: {newest[alert_id].summary} This is the window in which it last fired.")
    if fired.kind in OF_LABELS:
        notes.append(
            f"An alert of kind {fired.kind} is about labels or the model's age, which no column of a contact shows."
            " What is compared here are the contacts of its window: who came."
        )
    return Subject(
        fired, fired.updated_at, fired.at_contact, fired.model_version, fired.reference, fired.window, tuple(notes)
    )


def subject_of_newest_window(settings: Settings) -> Subject:
    """The window that the monitor looks at now.

    Raises:
        ReportError: it has not looked at any.
    """
    record = last_record(settings, WINDOWS)
    if record is None:
        raise ReportError("there is no window yet: replay some contacts, and see that `driftline monitor` runs")
    newest = decode(WindowReport, record.value)
    still_filling = "The window is still filling: Driftline's tests of it do not count before it is full."
    notes = () if newest.full else (still_filling,)
    return Subject(None, newest.at, newest.at_contact, newest.model_version, newest.reference, newest.window, notes)


def bundle_of(settings: Settings, version: str) -> Bundle:
    """A model version, reference and all.

    Raises:
        ReportError: it is not on the model-events topic, or not readable.
    """
    found: bytes | None = None
    for event in read_events(settings, MODEL_EVENTS, ModelEvent):
        if event.event == "registered" and event.model_version == version:
            found = event.bundle
    if found is None:
        raise ReportError(f"model version {version} is not on the model-events topic, and its reference neither")
    try:
        return Bundle.from_bytes(found)
    except ValueError as fault:
        raise ReportError(f"model version {version} cannot be read: {fault}") from None


def _predictions(settings: Settings, subject: Subject) -> tuple[list[Prediction], list[str]]:
    """The window's contacts as they were scored, and what has to be said of them."""
    window, most = subject.window, max(MOST_CONTACTS, settings.window)
    spans = {
        int(partition): range(max(first, window.last[partition] + 1 - most), window.last[partition] + 1)
        for partition, first in window.first.items()
    }
    whole = all(span.start == window.first[str(partition)] for partition, span in spans.items())
    found = sorted(predictions_in(settings, spans, subject.model_version), key=lambda one: one.sent_at)
    if not found or (whole and len(found) < window.contacts):
        raise ReportError(
            f"{len(found) or 'none'} of the {window.contacts:,} contacts of that window are still on the predictions"
            f" topic, which keeps them for {PREDICTIONS.retention_days} days, so there is no report of it any more:"
            " `--window last` reports the newest"
        )
    if whole and len(found) <= most:
        return found, []
    newest = found[-most:]
    return newest, [f"Its window reaches over more contacts; the newest {len(newest):,} of them are compared."]


def predictions_in(settings: Settings, spans: Mapping[int, range], version: str) -> list[Prediction]:
    """What a model made of the contacts at these offsets of the contacts topic, each once, partition by partition.

    As in the monitor, the first scoring of a contact is the one that counts.

    Raises:
        ReportError: the broker does not hand them out in time.
    """
    topic, until = settings.topic(PREDICTIONS.name), time.monotonic() + settings.report_seconds
    consumer = open_consumer(settings)
    try:
        return [
            scored
            for partition, span in spans.items()
            for scored in _Partition(consumer, TopicPartition(topic, partition), until).scored(span)
            if scored.model_version == version
        ]
    finally:
        consumer.close()


class _Partition:
    """One partition of the predictions topic, to be searched by the contacts' own offsets.

    Args:
        until: by `time.monotonic`, when to give up.
    """

    def __init__(self, consumer: KafkaConsumer, partition: TopicPartition, until: float) -> None:
        self._consumer, self._partition, self._until = consumer, partition, until
        self._begin, self._end = 0, 0
        if partition.partition in (consumer.partitions_for_topic(partition.topic) or ()):
            self._end = true_end_offsets(consumer, [partition])[partition]
            self._begin = consumer.beginning_offsets([partition])[partition]
            consumer.assign([partition])

    def scored(self, span: range) -> list[Prediction]:
        """The first scoring of each contact whose offset lies in the span."""

        def contact_at(offset: int) -> int:
            return next((one.source_offset for one in self._read(offset, 1)), span.stop)

        # Contacts are scored in their order, but for what was scored again after a crash.
        offsets = range(self._begin, self._end)
        near = self._begin + bisect_left(offsets, span.start, key=contact_at)
        found: dict[int, Prediction] = {}
        for one in self._read(max(self._begin, near - OUT_OF_ORDER), 5_000):
            if one.source_offset in span:
                found.setdefault(one.source_offset, one)
            if one.source_offset >= span.stop - 1:
                break
        return list(found.values())

    def _read(self, offset: int, at_a_time: int) -> Iterator[Prediction]:
        """From an offset on to the end; what is no prediction of a contact of the topic is left out."""
        if offset < self._end:
            self._consumer.seek(self._partition, offset)
        while offset < self._end:
            if time.monotonic() > self._until:
                raise ReportError("the predictions took too long to read: raise DRIFTLINE_REPORT_SECONDS")
            for record in self._consumer.poll(timeout_ms=500, max_records=at_a_time).get(self._partition, ()):
                with suppress(ValueError):
                    scored = decode(Prediction, record.value or b"")
                    if scored.source_offset >= 0:
                        yield scored
            offset = self._consumer.position(self._partition)
