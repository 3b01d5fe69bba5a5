"""What an endpoint's failures mean: whether they pass, how long to wait, and what a user can do about the rest."""

from __future__ import annotations

import email.utils
import math
import time

import openai

from driftline.settings import SettingsError

LONGEST_RETRY_AFTER = 120.0
"""Seconds that an endpoint may ask to wait; for longer, nobody sits in front of a progress line."""
WORDS = {
    "response_format": ("response_format", "json_schema", "structured output", "schema"),
    "max_completion_tokens": ("max_completion_tokens",),
    "temperature": ("temperature",),
}
"""What the refusal of a parameter says."""
AGAIN = "what was answered is kept: run the same command again to go on"


def passes(fault: BaseException) -> bool:
    """Whether a failure may be over after a while."""
    if isinstance(fault, openai.APIStatusError):
        if fault.code == "insufficient_quota" or (retry_after(fault) or 0) > LONGEST_RETRY_AFTER:
            return False
        return fault.status_code in (408, 409, 429) or fault.status_code >= 500
    return isinstance(fault, openai.APIConnectionError)


def retry_after(fault: BaseException | None) -> float | None:
    """Seconds that the endpoint asked to wait, which it may tell as such or as a date; None where it did not."""
    if not isinstance(fault, openai.APIStatusError):
        return None
    told = fault.response.headers.get("retry-after", "")
    date = email.utils.parsedate_tz(told)
    try:
        seconds = float(told) if date is None else email.utils.mktime_tz(date) - time.time()
    except (ValueError, OverflowError):  # neither, or a date that no clock reaches
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def names(fault: openai.APIStatusError, parameter: str) -> bool:
    """Whether a refusal is about this parameter."""
    told = f"{fault.param} {fault.message}".lower()
    return any(word in told for word in WORDS[parameter])


def explained(fault: openai.APIError, *, model: str, attempts: int) -> Exception:
    """One line on what is wrong and what to do. It quotes nothing, since that may be a contact's text, or the key."""
    if isinstance(fault, openai.APITimeoutError):
        return RuntimeError(
            f"the endpoint does not answer in time, {attempts} times in a row: raise DRIFTLINE_OPENAI_TIMEOUT; {AGAIN}"
        )
    if not isinstance(fault, openai.APIStatusError):
        return RuntimeError(
            f"the endpoint cannot be reached, or hangs up, {attempts} times in a row: is DRIFTLINE_OPENAI_BASE_URL"
            f" right? {AGAIN}"
        )
    status = f"{fault.status_code}{_code(fault)}"
    if fault.status_code in (401, 403):
        return SettingsError(f"the endpoint refuses the key ({status}): set DRIFTLINE_OPENAI_API_KEY to a valid one")
    if fault.status_code == 404 or fault.status_code < 400:  # a redirection: contacts are sent to nobody else
        return SettingsError(
            f"the endpoint knows no model {model}, or is not at this address ({status}): set DRIFTLINE_OPENAI_MODEL"
            " (or --llm-model), or DRIFTLINE_OPENAI_BASE_URL, which mostly ends in /v1"
        )
    return RuntimeError(f"{_status(fault, status, attempts)}; {AGAIN}")


def _status(fault: openai.APIStatusError, status: str, attempts: int) -> str:
    wait = retry_after(fault) or 0.0
    if fault.code == "insufficient_quota":
        return f"the account has no credit left ({status}): add some"
    if wait > LONGEST_RETRY_AFTER:
        return f"the endpoint asks to wait for {wait:,.0f} seconds ({status})"
    if fault.status_code < 500 and not passes(fault):
        return f"the endpoint refuses the question ({status}): try a smaller --batch, or another model"
    return f"the endpoint turns away or fails, {attempts} times in a row ({status}): try a smaller --concurrency"


def _code(fault: openai.APIStatusError) -> str:
    """The error's code, if it is a mere word."""
    code = str(fault.code or fault.type or "")
    return f" {code}" if code.replace("_", "").isalnum() and len(code) <= 60 else ""
