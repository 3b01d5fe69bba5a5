"""The notifier: follows the alerts topic and tells every receiver of each change of state, at least once, in order.

Each receiver has a consumer group and a thread of its own, so one that is away holds up no other. Its offset is
committed once it has taken the alert, or once it has refused it for good and the alert stands among the dead letters; a
notifier that is killed in between sends the alert again, under the same idempotency key.

What a receiver knows to be firing follows from the topic before its offset, so nothing else has to be kept. One that is
new is told what fires now, and not what has been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from driftline.events import Alert, DeadLetter, decode, encode
from driftline.kafka_clients import KafkaError, ensure_topics, open_consumer, open_producer, read_all, wait_for_kafka
from driftline.prometheus_metrics import Deliveries
from driftline.settings import Settings, SettingsError
from driftline.topics import ALERTS, DEAD_LETTERS
from driftline.workers import Stopped, mark_ready
from monitor.httpx_notifier import HttpNotifier, LaterError, RefusedError
from monitor.notifications import Receiver, body, change_id, reaches, receivers

Say = Callable[[str], None]

GROUP = "notify"
LOOK_SECONDS = 0.25
REMIND_SECONDS = 60.0
"""Between two reminders of an Alertmanager, which forgets."""
SAY_AGAIN_SECONDS = 60.0
BACKOFF = wait_random_exponential(multiplier=0.25, max=60.0)
"""Seconds before the next attempt: up to ¼, ½, 1, 2 … 60, at random, so that not all ask a receiver at once."""


def receivers_of(settings: Settings) -> list[Receiver]:
    """Whom to tell.

    Raises:
        SettingsError: nobody is named.
    """
    if settings.webhook_urls is None:
        raise SettingsError("DRIFTLINE_WEBHOOK_URLS is not set: name whom to tell, such as slack+https://…")
    return receivers(settings.webhook_urls.get_secret_value())


def run(settings: Settings, say: Say, stop: Flag, deliveries: dict[str, Deliveries] | None = None) -> None:
    """Tell all receivers until ``stop`` is set.

    Args:
        deliveries: kept up to date, by the receiver's name.

    Raises:
        SettingsError: there is no receiver.
    """
    told = receivers_of(settings)
    counts = {} if deliveries is None else deliveries
    wait_for_kafka(settings, say, stop=stop)
    if stop.is_set():
        return
    ensure_topics(settings)
    with ThreadPoolExecutor(len(told), "notify") as pool:
        running = []
        for receiver in told:
            counts[receiver.name] = Deliveries()
            running.append(pool.submit(_Follower(settings, receiver, counts[receiver.name], say, stop).run))
        ended, _ = wait(running, return_when=FIRST_EXCEPTION)
        stop.set()
        for one in ended:
            one.result()


class _LostError(Exception):
    """The partition is another worker's by now, or was for a while."""


class _Follower:
    """One receiver, and how far it has been told."""

    def __init__(self, settings: Settings, receiver: Receiver, counts: Deliveries, say: Say, stop: Flag) -> None:
        self._settings, self._receiver, self._counts, self._say, self._stop = settings, receiver, counts, say, stop
        secret = settings.webhook_secret
        self._notifier = HttpNotifier(
            receiver, None if secret is None else secret.get_secret_value(), settings.webhook_seconds
        )
        self._partition = TopicPartition(settings.topic(ALERTS.name), 0)
        self._consumer: KafkaConsumer
        self._generation: int | None = None
        """Of the group when it was last looked up what the receiver knows."""
        self._firing: dict[str, Any] = {}
        """What fires and the receiver has to know of, by alert id: the record of its last change."""
        self._reminded = 0.0
        self._said = 0.0

    def run(self) -> None:
        """Follow the topic until stopped; a broker that goes away is waited for."""
        try:
            while not self._stop.is_set():
                try:
                    self._join()
                except (KafkaError, OSError) as fault:
                    self._say(f"{self._receiver}: the alerts topic was lost ({type(fault).__name__}), trying again")
                    self._stop.wait(1.0)
        except Stopped:
            pass
        finally:
            self._notifier.close()

    def _join(self) -> None:
        wait_for_kafka(self._settings, self._say, stop=self._stop)
        self._consumer = open_consumer(self._settings, group=f"{GROUP}.{self._receiver.key}")
        self._generation = None
        try:
            self._consumer.subscribe([self._partition.topic])
            self._follow()
        finally:
            self._consumer.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            records = self._consumer.poll(timeout_ms=int(LOOK_SECONDS * 1_000)).get(self._partition, [])
            if self._partition not in self._consumer.assignment():
                continue
            try:
                if self._is_new():
                    self._take_over()
                    continue
                for record in records:
                    self._take(record)
                self._remind()
            except _LostError:
                self._generation = None

    def _is_new(self) -> bool:
        """Whether the partition was perhaps another worker's since it was last taken over."""
        return bool(self._consumer.group_metadata().generation_id != self._generation)

    def _take_over(self) -> None:
        """Find out how far the receiver has been told and what it knows, and go on from there."""
        self._generation = self._consumer.group_metadata().generation_id
        self._consumer.resume(self._partition)
        log = list(read_all(self._settings, ALERTS))
        begin, new_until = self._place(log[-1].offset + 1 if log else 0)
        self._firing.clear()
        for record in log:
            if record.offset < max(begin, new_until):
                self._is_due(record)
        mark_ready(self._settings.home, GROUP)
        self._say(f"{self._receiver} is told of alerts from level {self._settings.webhook_level} on")
        self._reminded = time.monotonic() - REMIND_SECONDS
        for record in sorted(self._firing.values(), key=lambda one: one.offset):
            if begin <= record.offset < new_until:
                self._deliver(record)
                self._commit(record.offset + 1, new_until)
        if begin < new_until:
            self._commit(new_until)
        self._consumer.seek(self._partition, max(begin, new_until))

    def _place(self, end: int) -> tuple[int, int]:
        """The offset to go on from; and up to which one only what fired there is told, the receiver being new.

        The latter is committed at once, beside the offset: were it lost in a crash, what fired when the receiver was
        first told would not be known, and some of it might be over by then, of which nobody would tell.
        """
        committed = self._consumer.committed(self._partition, metadata=True)
        if committed is None:
            self._commit(0, end)
            return 0, end
        return committed.offset, int(committed.metadata or 0)

    def _take(self, record: Any) -> None:
        if self._is_due(record):
            self._deliver(record)
        self._commit(record.offset + 1)

    def _is_due(self, record: Any) -> bool:
        """Whether the receiver is to be told; takes note of what it then knows to be firing."""
        try:
            alert = decode(Alert, record.value or b"")
        except ValueError as fault:
            self._say(f"the record at offset {record.offset} of the alerts topic is no alert ({fault}): left out")
            return False
        if alert.state == "resolved":
            return self._firing.pop(alert.id, None) is not None
        if reaches(alert, self._settings.webhook_level):
            self._firing[alert.id] = record
        return alert.id in self._firing

    def _deliver(self, record: Any) -> None:
        """Until the receiver has taken it, or refused it.

        Raises:
            Stopped: the worker is to end before that.
            _LostError: another worker is to do it.
        """
        alert = decode(Alert, record.value)
        retrying = Retrying(
            retry=retry_if_exception_type(LaterError), wait=_pause, sleep=self._idle, before_sleep=self._failed
        )
        try:
            retrying(lambda: self._post([alert], change_id(alert)))
        except RefusedError as why:
            self._give_up(record, f"{self._receiver} refuses it: {why}")
            return
        self._counts.delivered += 1
        if self._counts.waiting_since is not None:
            self._say(f"{self._receiver} takes alerts again, after {time.time() - self._counts.waiting_since:.0f} s")
            self._counts.waiting_since = None

    def _post(self, alerts: Iterable[Alert], change: str) -> None:
        page = self._settings.alert_page
        self._notifier.post(body(self._receiver.format, list(alerts), page, datetime.now(UTC)), change)

    def _failed(self, attempt: RetryCallState) -> None:
        assert attempt.outcome is not None
        self._counts.retried += 1
        if self._counts.waiting_since is None:
            self._counts.waiting_since = time.time()
        if time.monotonic() - self._said > SAY_AGAIN_SECONDS:
            self._said = time.monotonic()
            self._say(
                f"{self._receiver} takes no alerts ({attempt.outcome.exception()}): trying again, what follows waits"
            )

    def _idle(self, seconds: float) -> None:
        """Wait, and stay a member of the group meanwhile."""
        until = time.monotonic() + seconds
        self._consumer.pause(self._partition)
        while (left := until - time.monotonic()) > 0:
            if self._stop.wait(min(left, LOOK_SECONDS)):
                raise Stopped
            came = self._consumer.poll(timeout_ms=0)
            if came or self._is_new() or self._partition not in self._consumer.assignment():
                raise _LostError  # what came is read again
        self._consumer.resume(self._partition)

    def _give_up(self, record: Any, why: str) -> None:
        """Among the dead letters, with the alert as it stood on the topic."""
        letter = DeadLetter.of(record, why, datetime.now(UTC))
        producer = open_producer(self._settings, linger_ms=0)
        try:
            producer.send(self._settings.topic(DEAD_LETTERS.name), key=letter.key, value=encode(letter)).get(timeout=30)
        finally:
            producer.close(timeout=5)
        self._counts.given_up += 1
        self._say(f"{why}; the alert at offset {record.offset} is among the dead letters, look at its URL")

    def _commit(self, offset: int, new_until: int | None = None) -> None:
        told = "" if new_until is None else str(new_until)
        self._consumer.commit({self._partition: OffsetAndMetadata(offset, told, -1)})

    def _remind(self) -> None:
        """Tell an Alertmanager again what fires: all it knows is in its memory."""
        due = time.monotonic() - self._reminded >= REMIND_SECONDS
        if self._receiver.format != "alertmanager" or not self._firing or not due:
            return
        self._reminded = time.monotonic()
        alerts = [decode(Alert, record.value) for record in self._firing.values()]
        try:
            self._post(alerts, f"reminder/{int(time.time())}")
        except (LaterError, RefusedError) as why:
            self._say(f"{self._receiver} could not be reminded of what fires ({why}): again in {REMIND_SECONDS:.0f} s")


def _pause(attempt: RetryCallState) -> float:
    """As long as the receiver asks for, else ever longer."""
    fault = attempt.outcome.exception() if attempt.outcome is not None else None
    asked = fault.after if isinstance(fault, LaterError) else None
    return BACKOFF(attempt) if asked is None else asked
