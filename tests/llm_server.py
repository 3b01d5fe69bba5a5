"""A real HTTP server on loopback that speaks chat completions, and misbehaves as it is told to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import bpe_openai

from driftline.events import Contact
from producers.enrichment_fields import FIELDS
from tests.conftest import START
from tests.stub_server import StubServer

SENIORITIES = ("Entry", "Mid", "Senior", "Executive", "C-Level")


@dataclass(frozen=True)
class Call:
    """What one request asked."""

    number: int
    """From 0, in order of arrival."""
    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def profiles(self) -> list[dict[str, Any]]:
        """As they were sent."""
        found: list[dict[str, Any]] = json.loads(self.body["messages"][1]["content"])
        return found

    @property
    def titles(self) -> list[str]:
        """Which profiles were asked about."""
        return [profile["jobtitle"] for profile in self.profiles]


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Attributes:
        text: of the model; None sends ``body`` instead.
        cut: bytes of the answer after which the connection is closed.
        usage: whether tokens are told.
    """

    text: str | None = None
    finish: str = "stop"
    refusal: str | None = None
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None
    usage: bool = True


def error(status: int, code: str = "", *, message: str = "no", param: str = "", **headers: str) -> Reply:
    """A refusal in the protocol's shape."""
    body = {"error": {"message": message, "type": "error", "param": param, "code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=json.dumps(body).encode(), headers=named)


def contact(number: int, **columns: Any) -> Contact:
    """An invented contact whose title says which one it is, without any of the eight fields."""
    known: dict[str, Any] = {
        "id": f"contact-{number}", "sent_at": START, "jobtitle": f"Example title {number}", "location": "Paris, France",
    }  # fmt: skip
    return Contact(**(known | columns))


def answer(profile: Mapping[str, Any]) -> dict[str, Any]:
    """The right answer about a profile: its quality is the number in its title, so it cannot be another's."""
    number = int(profile["jobtitle"].split()[-1])
    return {
        "index": profile["index"], "quality": number % 101, "seniority": SENIORITIES[number % 5], "engagement": 0.5,
        "decision_maker": number % 11 / 10, "industry": f"Industry {number}", "geography": "international_hub",
        "business_type": "experts", "company_fit": number % 3,
    }  # fmt: skip


def right_fields(number: int) -> dict[str, Any]:
    """The fields that `contact` of this number should get."""
    told = answer({"index": 0, "jobtitle": f"title {number}"})
    return {name: told[name.removeprefix("llm_")] for name in FIELDS}


def told(answers: Sequence[Any], **options: Any) -> Reply:
    """A reply with these answers, as the schema wants them."""
    return Reply(text=json.dumps({"profiles": list(answers)}), **options)


def good(call: Call) -> Reply:
    """All profiles answered as asked."""
    return told([answer(profile) for profile in call.profiles])


Behaviour = Callable[[Call], Reply]


class LlmServer(StubServer):
    """What was asked of it and what it charged for."""

    def __init__(self, behave: Behaviour = good) -> None:
        super().__init__()
        self.behave = behave
        self.calls: list[Call] = []
        self.delivered: list[str] = []
        """Titles of the profiles in answers that were sent whole."""
        self.input_tokens = 0
        self.output_tokens = 0
        """Billed: also of answers that were cut or came too late."""
        self.at_once = 0
        """The most calls that were in flight."""
        self._in_flight = 0
        self.url = f"http://{self.address}/v1"
        self._lock = threading.Lock()

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer as it behaves."""
        with self._lock:
            call = Call(len(self.calls), json.loads(body), dict(handler.headers))
            self.calls.append(call)
            self._in_flight += 1
            self.at_once = max(self.at_once, self._in_flight)
        try:
            reply = self.behave(call)
            payload = self._payload(call, reply) if reply.text is not None or reply.refusal else reply.body
            time.sleep(reply.delay)
            self._send(handler, reply, payload)
            if reply.status == 200 and reply.cut is None:
                with self._lock:
                    self.delivered.extend(call.titles)
        except OSError:  # nobody waits for this answer any more
            handler.close_connection = True
        finally:
            with self._lock:
                self._in_flight -= 1

    def _payload(self, call: Call, reply: Reply) -> bytes:
        encoding = bpe_openai.get_encoding("o200k_base")
        asked = json.dumps([message["content"] for message in call.body["messages"]], ensure_ascii=False)
        usage = {
            "prompt_tokens": len(encoding.encode_ordinary(asked)),
            "completion_tokens": len(encoding.encode_ordinary(reply.text or "")),
        }
        with self._lock:
            self.input_tokens += usage["prompt_tokens"]
            self.output_tokens += usage["completion_tokens"]
        message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
        document = {
            "id": "1", "object": "chat.completion", "created": 0, "model": call.body["model"],
            "choices": [{"index": 0, "finish_reason": reply.finish, "message": message}],
        }  # fmt: skip
        if reply.usage:
            document["usage"] = usage | {"total_tokens": sum(usage.values())}
        return json.dumps(document).encode()

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, reply: Reply, payload: bytes) -> None:
        handler.send_response(reply.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(payload)))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(payload[: reply.cut])
        if reply.cut is not None:
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
