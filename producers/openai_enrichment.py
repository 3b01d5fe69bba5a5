"""One endpoint that speaks OpenAI's chat completions: asked within a budget, patiently, and read with care.

What leaves the machine are the columns of `enrichment_fields.COLUMNS`, scrubbed at the import, with long texts cut and
without ids: a profile is known to the endpoint by its place in the batch.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import bpe_openai
import openai
from openai.types.chat import ChatCompletion
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from producers.enrichment_answers import read
from producers.enrichment_fields import FIELDS, MISSING, Fields, Profile, Value
from producers.enrichment_prompts import messages, response_format
from producers.enrichment_report import EnrichmentReport
from producers.openai_faults import explained, names, passes, retry_after
from producers.prices import Budget, Price, Tokens

ATTEMPTS = 6
"""Calls until an endpoint that fails or turns away is given up."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds: a wait is drawn from 0 to a bound that doubles with every retry, from the first to the second."""
OVERHEAD = 64
"""Output tokens of an answer beside those of its profiles."""
MOST_TOKENS = 10**9
"""Of one call: an endpoint that tells of more is not believed."""

WITHOUT = {
    "response_format": "no structured output here: asking for JSON in words",
    "max_completion_tokens": "max_completion_tokens is not known here: taking max_tokens",
    "temperature": "no temperature can be set here: answers may differ from run to run",
}
"""Parameters that not every endpoint knows, and what is done without them."""

Keep = Callable[[Mapping[str, Fields]], None]
Say = Callable[[str], None]


@cache
def _encoding() -> bpe_openai.Encoding:
    return bpe_openai.get_encoding("o200k_base")


def count(text: str) -> int:
    """Tokens of a text in o200k_base, offline; a tokenizer of another vendor may make more or fewer of it."""
    return len(_encoding().encode_ordinary(text))


def input_tokens(asked: Sequence[Mapping[str, str]], form: Mapping[str, Any] | None) -> int:
    """Tokens of a conversation: its texts, what wraps them, and the schema of the answer, if one is sent."""
    schema = 0 if form is None else count(json.dumps(form["json_schema"]["schema"]))
    return sum(count(message["content"]) + 4 for message in asked) + 3 + schema


class Endpoint:
    """Asks one model; see `ask`.

    Args:
        price: None where it is not known; then nothing is counted in USD.
        answer_tokens: output tokens that one profile may take, at first.
        first_wait: see `FIRST_WAIT`.
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        *,
        model: str,
        price: Price | None,
        budget: Budget,
        report: EnrichmentReport,
        say: Say,
        ideal_customer: str,
        answer_tokens: int,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._client, self._model, self._say = client, model, say
        self._price = price or Price(0.0, 0.0, 0.0)
        self._budget, self._report = budget, report
        self._ideal_customer, self._answer_tokens = ideal_customer, answer_tokens
        self._backoff = wait_random_exponential(multiplier=first_wait, max=LONGEST_WAIT)
        self._without: set[str] = set()
        self._margin = self._price.margin
        self._overrun = False
        self._settled = asyncio.Event()

    async def ask(self, profiles: Mapping[str, Profile], keep: Keep) -> None:
        """Ask about these profiles, and hand each one's fields to ``keep`` as soon as they are complete.

        Who is not answered in full is asked about again with the others of the kind, then alone, each time with twice
        the room for an answer; what cannot be read then is missing. Of two answers, the first one's values count.

        Raises:
            SettingsError: the endpoint refuses key, model or address.
            RuntimeError: it fails again and again, or the cap does not allow another call.
        """
        found: dict[str, dict[str, Value]] = {key: {} for key in profiles}
        for turn, together in enumerate((len(profiles), len(profiles), 1)):
            unanswered = list(found)
            self._report.asked_again += len(unanswered) if turn == 1 else 0
            for start in range(0, len(unanswered), together):
                keys = unanswered[start : start + together]
                room = (self._answer_tokens * len(keys) + OVERHEAD) << turn
                text = await self._answer([profiles[key] for key in keys], room)
                for index, fields in read(text, len(keys)).items():
                    found[keys[index - 1]] = fields | found[keys[index - 1]]
                complete = {key: found.pop(key) for key in keys if len(found[key]) == len(FIELDS)}
                if complete:
                    keep({key: {**MISSING, **fields} for key, fields in complete.items()})
        if found:
            keep({key: {**MISSING, **fields} for key, fields in found.items()})

    async def _answer(self, profiles: Sequence[Profile], room: int) -> str | None:
        """The text of one answer; None where there is none. Failures that pass are waited out."""
        asked = messages(profiles, ideal_customer=self._ideal_customer)
        retrying = AsyncRetrying(
            retry=retry_if_exception(passes),
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._wait,
            before_sleep=self._retried,
            reraise=True,
        )
        try:
            return await retrying(self._call, asked, room)
        except openai.APIError as fault:
            raise explained(fault, model=self._model, attempts=ATTEMPTS) from None

    async def _call(self, asked: list[Any], room: int) -> str | None:
        """One call that the endpoint understands: parameters that it refuses are left out from then on."""
        while True:
            form = None if "response_format" in self._without else response_format()
            parameters = {"response_format": form, "max_completion_tokens": room, "temperature": 0}
            parameters = {name: value for name, value in parameters.items() if name not in self._without}
            if "max_completion_tokens" in self._without:
                parameters["max_tokens"] = room
            try:
                return await self._paid(asked, form, room, parameters)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as fault:
                if fault.code == "content_filter":
                    return None
                refused = next((name for name in WITHOUT if name in parameters and names(fault, name)), None)
                if refused is None:
                    raise
                if refused not in self._without:
                    self._without.add(refused)
                    self._say(WITHOUT[refused])

    async def _paid(self, asked: list[Any], form: Any, room: int, parameters: Mapping[str, Any]) -> str | None:
        """One call within the budget: reserved at the most it can cost, settled for what it did cost."""
        counted = input_tokens(asked, form)
        reserved = self._price.of(Tokens(input=math.ceil(counted * self._margin), output=room))
        while not self._budget.reserve(reserved):
            self._settled.clear()
            await self._settled.wait()
        self._report.calls += 1
        spent = reserved  # a call that is cut or timed out may have been billed
        try:
            completion = await self._client.chat.completions.create(model=self._model, messages=asked, **parameters)
            used = _usage(completion)
            if used is not None:
                spent = self._price.of(used)
                self._learn(used, counted, room)
            return _text(completion)
        except openai.APIStatusError as fault:
            if fault.status_code < 500:
                spent = 0.0
            raise
        except (ValueError, RecursionError):  # an answer that is no JSON, for which money was taken all the same
            return None
        finally:
            self._budget.settle(reserved, spent)
            self._report.usd = None if self._report.usd is None else self._budget.spent
            self._settled.set()

    def _learn(self, used: Tokens, counted: int, room: int) -> None:
        """A tokenizer that makes more of the same text than was reserved for is reserved for from now on."""
        self._report.tokens += used
        self._margin = max(self._margin, used.input / counted)
        if used.output > room and not self._overrun:
            self._overrun = True
            self._say("the endpoint writes more than it is allowed to: --max-cost may be passed by the calls in flight")

    def _wait(self, state: RetryCallState) -> float:
        asked = None if state.outcome is None else retry_after(state.outcome.exception())
        return self._backoff(state) if asked is None else asked

    def _retried(self, state: RetryCallState) -> None:
        self._report.retries += 1


def _usage(completion: ChatCompletion) -> Tokens | None:
    """The tokens that are billed; None where the endpoint does not say."""
    usage = getattr(completion, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    told = [getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)]
    cached = getattr(details, "cached_tokens", None) or 0
    if not all(type(number) is int and 0 <= number <= MOST_TOKENS for number in (*told, cached)):
        return None
    return Tokens(input=told[0] or 0, output=told[1] or 0, cached=min(cached, told[0] or 0))


def _text(completion: ChatCompletion) -> str | None:
    """What the model wrote; None for a refusal, or an answer in no shape of an answer."""
    choices = getattr(completion, "choices", None)
    first = choices[0] if isinstance(choices, list) and choices else None
    content = getattr(getattr(first, "message", None), "content", None)
    return content if isinstance(content, str) else None
