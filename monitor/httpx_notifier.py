"""One webhook: a POST that was taken, that is to be sent again later, or that is refused for good."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import quote

import httpx

from monitor.notifications import Receiver, signature

logging.getLogger("httpx").setLevel(logging.WARNING)  # else it tells the URL of every request

LONGEST_WAIT = 3_600.0
"""Seconds that a receiver may ask for; a longer wait is asked for in parts."""
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


class LaterError(Exception):
    """It was not taken, and may be the next time.

    Attributes:
        after: seconds that the receiver asks to wait; None where it does not say.
    """

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class RefusedError(Exception):
    """It was not taken, and never will be."""


class HttpNotifier:
    """Sends to one receiver. Certificates are verified, redirects are not followed: a URL is a secret.

    Args:
        secret: signs what is sent; None leaves the signature out.
        seconds: that a connection, and each wait for an answer, may take.
        now: the clock.
    """

    def __init__(
        self,
        receiver: Receiver,
        secret: str | None,
        seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url, self._secret, self._now = receiver.url, secret, now
        headers = {"Content-Type": "application/json", "User-Agent": "driftline"}
        self._client = httpx.Client(headers=headers, timeout=seconds, follow_redirects=False)

    def post(self, body: bytes, change: str) -> None:
        """Send once.

        Args:
            change: the idempotency key: the same for the same change, however often it is sent.

        Raises:
            LaterError: no answer, or one that says so.
            RefusedError: any other answer but 2xx.
        """
        headers = {"Idempotency-Key": quote(change)}
        if self._secret is not None:
            headers["X-Driftline-Signature"] = signature(self._secret, body, datetime.now(UTC))
        try:
            # What it says beside the status is not read: it may have no end.
            with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise RefusedError("its URL is none") from None
        except httpx.HTTPError as fault:
            raise LaterError(f"{type(fault).__name__}: {fault}") from None
        if status in _LATER or status >= 500:
            raise LaterError(f"status {status}", _seconds(retry_after))
        if not 200 <= status < 300:
            raise RefusedError(f"status {status}")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _seconds(retry_after: str) -> float | None:
    """Of the header, which holds seconds or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(LONGEST_WAIT, float(retry_after))
    try:
        at = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(LONGEST_WAIT, max(0.0, (at - datetime.now(UTC)).total_seconds()))
