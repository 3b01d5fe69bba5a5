"""Replaying contacts through the HTTP API, in pages: each is answered, and the API puts its contacts onto the topic.

A page goes under an idempotency key of its own, so one that got no answer is sent again without counting twice. Which
page is under way stands in a file, so that a replay that was interrupted, even by kill -9, goes on with that very page.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event as Flag
from typing import Any, TypeVar

import httpx
import msgspec

from driftline.events import INPUTS, UNREADABLE, Contact, Label
from driftline.whole_file import write_whole
from driftline.workers import Stopped

Say = Callable[[str], None]
A = TypeVar("A")

SHOWN = 5
"""Refused contacts that are told of one by one."""
LONGEST_WAIT = 30.0
_SENT = ("id", "occurred_at", *INPUTS)
"""Of a contact. When it was sent, the API says: the same page has to have the same bytes on every attempt."""
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY,
          HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)  # fmt: skip
_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)


class Journal(msgspec.Struct):
    """How far a replay has come: all contacts before ``answered`` are, the next ``under_way`` perhaps."""

    content: str
    run: str
    answered: int = 0
    under_way: int = 0


class Place:
    """Where the journal of a replay is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, content: str, run: str, *, resume: bool) -> Journal:
        """The journal to go on with.

        Args:
            content: what is replayed, in which order.
            run: a name of this run, which is taken where none is resumed.

        Raises:
            ValueError: what is to be resumed has changed, or its journal is damaged.
        """
        if resume and self._path.exists():
            try:
                found = msgspec.json.decode(self._path.read_bytes(), type=Journal)
            except UNREADABLE:
                raise ValueError(f"{self._path} is damaged: leave --resume out to replay from the beginning") from None
            if found.content != content:
                raise ValueError(
                    "a source has changed since it was replayed: leave --resume out to replay it as it is now"
                )
            return found
        self._path.parent.mkdir(parents=True, exist_ok=True)
        journal = Journal(content, run)
        self.write(journal)
        return journal

    def write(self, journal: Journal) -> None:
        """After a kill there is this one or the one before."""
        write_whole(self._path, msgspec.json.encode(journal))


class Answer(msgspec.Struct):
    """What is read of an answer to a page."""

    count: int
    engaged: int
    mean_score: float
    model_version: str


class Fault(msgspec.Struct):
    """One reason of a refusal: the place in the body, and what is wrong there."""

    loc: list[str | int]
    msg: str


class Refusal(msgspec.Struct):
    """What is read of a refusal."""

    detail: str | list[Fault]


class AnswerToOne(msgspec.Struct):
    """What is read of an answer to a contact that was sent alone."""

    score: float
    label: str
    model_version: str


@dataclass
class Answered:
    """What the API has said so far."""

    count: int = 0
    engaged: int = 0
    refused: int = 0
    """Contacts that it does not take; each would be a dead letter on the topic."""
    versions: set[str] = field(default_factory=set)
    total_score: float = 0.0

    def add(self, answer: Answer) -> None:
        """One more page."""
        self.count += answer.count
        self.engaged += answer.engaged
        self.total_score += answer.count * answer.mean_score
        self.versions.add(answer.model_version)

    def to_json(self) -> dict[str, Any]:
        """As ``driftline replay --to http --json`` prints it."""
        mean = round(self.total_score / self.count, 6) if self.count else None
        return {
            "refused": self.refused, "engaged": self.engaged, "mean_score": mean,
            "model_versions": sorted(self.versions),
        }  # fmt: skip


class HttpSender:
    """A `producers.replay.Sender` to the API, which is to be asked for each contact once, in the order of the replay.

    The API takes no labels.

    Args:
        address: of the API.
        key: that it asks for; None without.
        page: contacts a request.
        say: told in one line what is waited for, and what was refused.
        stop: ends the waiting.
    """

    def __init__(
        self, address: str, key: str | None, place: Place, journal: Journal, *, page: int, say: Say, stop: Flag
    ) -> None:
        headers = {"Content-Type": "application/json"} | ({} if key is None else {"X-API-Key": key})
        self._address = address
        self._client = httpx.Client(base_url=address, headers=headers, timeout=60.0)
        self._place, self._journal, self._size = place, journal, page
        self._say, self._stop = say, stop
        self._passed = 0
        self._page: list[Contact | bytes] = []
        self._room = journal.under_way or page
        self.answered = Answered()

    @property
    def owed(self) -> int:
        """How many contacts wait for an answer."""
        return len(self._page)

    def has_contact(self, source: str, position: int) -> bool:
        """As in `producers.replay.Sender`."""
        self._passed += 1
        return self._passed <= self._journal.answered

    def has_label(self, source: str, position: int) -> bool:
        """As in `producers.replay.Sender`: none goes this way."""
        return True

    def contact(self, source: str, position: int, contact: Contact | bytes) -> None:
        """As in `producers.replay.Sender`. What is no contact goes alone, since it is refused with all beside it."""
        if isinstance(contact, bytes) and self._page:
            self._send()
        self._page.append(contact)
        if len(self._page) >= self._room or isinstance(contact, bytes):
            self._send()

    def label(self, source: str, position: int, label: Label) -> None:
        """As in `producers.replay.Sender`."""

    def flush(self) -> None:
        """Send the last page.

        Raises:
            RuntimeError: the API does not take it.
            Stopped: it was to end before the API answered.
        """
        if self._page and not self._stop.is_set():
            self._send()
        self._place.write(self._journal)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()
        if self.answered.refused > SHOWN:
            self._say(f"{self.answered.refused - SHOWN:,} more contacts were refused")

    def _send(self) -> None:
        journal, page = self._journal, self._page
        journal.under_way = len(page)
        self._place.write(journal)
        alone = isinstance(page[0], bytes)
        answer = None if alone else self._post("/predict/batch", _batch(page), f"{journal.run}-{journal.answered}")
        if answer is not None and answer.status_code == HTTPStatus.OK:
            self.answered.add(self._read(answer, Answer))
        else:
            for place, contact in enumerate(page, journal.answered):
                self._send_alone(contact, place)
        journal.answered += len(page)
        journal.under_way, self._page, self._room = 0, [], self._size

    def _send_alone(self, contact: Contact | bytes, place: int) -> None:
        body = contact if isinstance(contact, bytes) else _one(contact)
        answer = self._post("/predict", body, f"{self._journal.run}-{place}-alone")
        if answer.status_code == HTTPStatus.OK:
            one = self._read(answer, AnswerToOne)
            self.answered.add(Answer(1, int(one.label == "engaged"), one.score, one.model_version))
            return
        self.answered.refused += 1
        if self.answered.refused <= SHOWN:
            self._say(f"contact {place + 1} is refused: {_reason(answer)}")

    def _post(self, path: str, body: bytes, key: str) -> httpx.Response:
        """The answer, once there is one: an API that is away, or has no room, is waited for."""
        began, said = time.monotonic(), -math.inf
        while not self._stop.is_set():
            wait = 0.25
            try:
                answer = self._client.post(path, content=body, headers={"Idempotency-Key": key})
            except httpx.TransportError as fault:
                why = type(fault).__name__
            except httpx.DecodingError:
                raise self._stranger("what it does not encode as it says") from None
            else:
                if answer.status_code not in _LATER:
                    return self._accepted(answer)
                why = _reason(answer)
                wait = min(LONGEST_WAIT, _seconds(answer.headers.get("Retry-After", "")))
            if time.monotonic() - said >= 5.0:
                said = time.monotonic()
                self._say(f"waiting for the API at {self._address} ({said - began:.0f} s, {why}), trying again")
            self._stop.wait(wait)
        raise Stopped

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        match answer.status_code:
            case HTTPStatus.OK:
                return answer
            case status if status in _REFUSED:
                return answer
            case HTTPStatus.UNAUTHORIZED:
                raise RuntimeError(f"the API at {self._address} asks for another key: set DRIFTLINE_API_KEY to its own")
            case HTTPStatus.CONFLICT:
                raise RuntimeError("the API has taken this page with other contacts: leave --resume out, or undo that")
            case status:
                raise self._stranger(str(status))

    def _read(self, answer: httpx.Response, kind: type[A]) -> A:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except UNREADABLE:
            raise self._stranger("something else than predictions") from None

    def _stranger(self, answers: str) -> RuntimeError:
        return RuntimeError(f"{self._address} answers {answers}: is that a Driftline API? Name it with --to")


def _batch(page: list[Contact | bytes]) -> bytes:
    return b'{"contacts":[' + b",".join(_one(one) for one in page if isinstance(one, Contact)) + b"]}"


def _one(contact: Contact) -> bytes:
    return msgspec.json.encode({name: value for name in _SENT if (value := getattr(contact, name)) is not None})


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 1.0


def _reason(answer: httpx.Response) -> str:
    """What the API says of its refusal, which never holds a value."""
    try:
        detail = msgspec.json.decode(answer.content, type=Refusal).detail
    except UNREADABLE:
        return f"status {answer.status_code}"
    if isinstance(detail, str):
        return detail
    return "; ".join(f"{fault.msg} ({'.'.join(map(str, fault.loc[1:]))})" for fault in detail)
