"""`driftline import --enrich openai`: what it would cost, what it costs, and what is said of it."""

from __future__ import annotations

import math
import shlex
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from driftline.options import UsageError
from driftline.salt import installation_salt
from driftline.settings import Settings, SettingsError
from driftline.workers import print_json
from producers.enrichment_batches import Batch, Plan
from producers.enrichment_cache import AnswerCache
from producers.enrichment_fields import Fields, filled
from producers.enrichment_prompts import IDEAL_CUSTOMER, TYPICAL_ANSWER, key, messages, response_format
from producers.enrichment_report import EnrichmentReport
from producers.enrichment_stream import Stream
from producers.importing import Import, ImportReport
from producers.labelled import Labelled
from producers.openai_enrichment import FIRST_WAIT, OVERHEAD, Endpoint, count, input_tokens
from producers.prices import Budget, CapReached, Price, Tokens, price_of

SECONDS_BETWEEN_LINES = 5.0
"""Of progress."""

Say = Callable[[str], None]


def enricher(settings: Settings, options: Namespace, say: Say) -> Enricher:
    """The enrichment by a language model, with the limits that the options set.

    Raises:
        SettingsError: there is no key, or no price to keep the cap by.
    """
    url = urlsplit(settings.openai_base_url)
    if settings.openai_api_key is None and url.hostname == "api.openai.com":
        raise SettingsError("DRIFTLINE_OPENAI_API_KEY is not set: set it, or DRIFTLINE_OPENAI_BASE_URL to an endpoint")
    if settings.openai_api_key is not None and url.scheme == "http" and url.hostname not in ("127.0.0.1", "localhost"):
        say(f"the key goes to {url.hostname} unencrypted: DRIFTLINE_OPENAI_BASE_URL should begin with https://")
    return Enricher(settings, options, say)


class Enricher:
    """An `Enrich`, and what it has done (`report`). Everything that was answered is kept under DRIFTLINE_HOME."""

    def __init__(self, settings: Settings, options: Namespace, say: Say, *, first_wait: float = FIRST_WAIT) -> None:
        self._settings, self._options, self._say = settings, options, say
        self._first_wait = first_wait
        self._told = time.monotonic()
        self._model = model_of(settings, options)
        self._price = _price(settings, self._model)
        if self._price is None and options.max_cost is not None:
            raise SettingsError(
                f"no price of {self._model} is known to keep --max-cost by: set DRIFTLINE_OPENAI_INPUT_PRICE and"
                " DRIFTLINE_OPENAI_OUTPUT_PRICE (USD per million tokens; 0 for a model of your own)"
            )
        self._report = EnrichmentReport(usd=None if self._price is None else 0.0, max_cost=options.max_cost)

    def report(self) -> dict[str, Any]:
        """Counts, tokens, cost and missing values so far, as JSON-able data; see `EnrichmentReport`."""
        return self._report.to_json()

    def __call__(self, contacts: Iterable[Labelled]) -> Iterator[Labelled]:
        """The contacts in order, each as soon as it is answered.

        Raises:
            SettingsError: the endpoint refuses key, model or address.
            RuntimeError: it fails, or the cap is reached; what was answered is kept.
        """
        with AnswerCache(cache_file(self._settings)) as cache:
            try:
                yield from self._enriched(contacts, cache)
            except CapReached:
                raise RuntimeError(self._at_the_cap()) from None
        self._say(self._report.line())

    def _enriched(self, contacts: Iterable[Labelled], cache: AnswerCache) -> Iterator[Labelled]:
        options, report = self._options, self._report
        client = _client(self._settings)
        endpoint = Endpoint(
            client, model=self._model, price=self._price, budget=Budget(options.max_cost), report=report, say=self._say,
            ideal_customer=_ideal_customer(self._settings), answer_tokens=self._settings.openai_answer_tokens,
            first_wait=self._first_wait,
        )  # fmt: skip

        async def ask(batch: Batch) -> None:
            def keep(answers: Mapping[str, Fields]) -> None:
                cache.put(answers)
                batch.answers.update(answers)
                report.kept(answers)

            await endpoint.ask(batch.profiles, keep)
            if report.hopeless:
                raise RuntimeError(
                    f"most of what {self._model} answers cannot be read: take a larger model (DRIFTLINE_OPENAI_MODEL),"
                    " or more room for answers (DRIFTLINE_OPENAI_ANSWER_TOKENS), with --retry-missing"
                )

        stream = Stream(
            _plan(self._settings, options, cache), ask,
            concurrency=options.concurrency, size=options.batch, show=self._show,
        )  # fmt: skip
        for slot, fields in stream.answered(contacts, client.close):
            report.handed_on(slot, fields)
            yield slot.labelled if fields is None else filled(slot.labelled, fields)

    def _show(self) -> None:
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            self._say(self._report.line())

    def _at_the_cap(self) -> str:
        options = self._options
        if not self._report.calls:
            return f"one call may cost more than --max-cost {options.max_cost:g}: raise it, or take a smaller --batch"
        command = ["driftline", "import", options.file, "-o", options.out, "--enrich", "openai"]
        return (
            f"stopped before --max-cost {options.max_cost:g} USD: {self._report.line()}. What was answered is kept;"
            f" another run goes on from there: {shlex.join(command)} --max-cost {options.max_cost:g}"
        )


def dry_run(settings: Settings, options: Namespace) -> None:
    """Print what the import would ask and cost, and send nothing.

    Raises:
        UsageError: the enrichment is offline, which costs nothing.
    """
    if options.enrich != "openai":
        raise UsageError("--dry-run is for --enrich openai: the offline rules cost nothing")
    importing = Import(Path(options.file), salt=installation_salt(settings))
    with AnswerCache(cache_file(settings)) as cache:
        found = estimate(settings, options, importing.contacts(ImportReport()), cache)
    if options.json:
        print_json({"file": options.file, **found})
    else:
        print("\n".join(_estimate_lines(found)), flush=True)


def _estimate_lines(found: dict[str, Any]) -> list[str]:
    tokens, usd = found["output_tokens"], found["usd"]
    asked = f"{found['profiles']:,} to ask {found['model']} about, in {found['calls']:,} calls"
    limit = "at most {} where no call has to be repeated"
    cost = f"no price of {found['model']} is known"
    if usd is not None:
        cost = f"about {usd['estimate']:.4f} USD, {limit.format(format(usd['at_most'], '.4f'))}"
    return [
        f"contacts    {found['contacts']:,}: {asked}; {found['cached']:,} answered before, {found['repeated']:,}"
        f" like another, {found['untouched']:,} with fields",
        f"tokens in   {found['input_tokens']:,}",
        f"tokens out  about {tokens['estimate']:,}, {limit.format(format(tokens['at_most'], ','))}",
        f"cost        {cost}",
        "nothing was sent",
    ]


def estimate(
    settings: Settings, options: Namespace, contacts: Iterable[Labelled], cache: AnswerCache
) -> dict[str, Any]:
    """What these contacts would take: ``at_most`` is with the longest answers allowed, each good at the first time."""
    model, customer = model_of(settings, options), _ideal_customer(settings)
    report, price = EnrichmentReport(), _price(settings, model)
    calls, profiles, sent, room = 0, 0, 0, 0
    for slot, batch in _plan(settings, options, cache).slots(contacts):
        if slot is not None:
            report.handed_on(slot, slot.fields)
        if batch is not None:
            calls, profiles = calls + 1, profiles + len(batch.profiles)
            sent += input_tokens(messages(list(batch.profiles.values()), ideal_customer=customer), response_format())
            room += settings.openai_answer_tokens * len(batch.profiles) + OVERHEAD
    likely = profiles * (count(TYPICAL_ANSWER) + 1) + calls * 5
    usd = None if price is None else {
        "estimate": round(price.of(Tokens(input=sent, output=likely)), 6),
        "at_most": round(price.of(Tokens(input=math.ceil(sent * price.margin), output=room)), 6),
    }  # fmt: skip
    return {
        "model": model, "contacts": report.contacts, "profiles": profiles, "cached": report.cached,
        "repeated": report.repeated, "untouched": report.untouched, "calls": calls, "input_tokens": sent,
        "output_tokens": {"estimate": likely, "at_most": room}, "usd": usd,
    }  # fmt: skip


def model_of(settings: Settings, options: Namespace) -> str:
    """The model that is asked."""
    return str(options.llm_model or settings.openai_model)


def cache_file(settings: Settings) -> Path:
    """Where answers are kept."""
    return settings.home / "enrichment.sqlite3"


def _plan(settings: Settings, options: Namespace, cache: AnswerCache) -> Plan:
    def known(question: str) -> Fields | None:
        fields = cache.get(question)
        return None if fields is None or (options.retry_missing and None in fields.values()) else fields

    question = partial(key, model=model_of(settings, options), ideal_customer=_ideal_customer(settings))
    return Plan(question, known, options.batch)


def _ideal_customer(settings: Settings) -> str:
    return settings.ideal_customer or IDEAL_CUSTOMER


def _price(settings: Settings, model: str) -> Price | None:
    """The settings' price if both are set, else the table's."""
    into, out = settings.openai_input_price, settings.openai_output_price
    known = price_of(model)
    if into is None or out is None:
        return known
    return Price(input=into, output=out, cached=into) if known is None else Price(into, out, into, known.margin)


def _client(settings: Settings) -> AsyncOpenAI:
    """A client that retries nothing by itself, since every call has to be in the budget, and asks nobody else."""
    secret = settings.openai_api_key
    return AsyncOpenAI(
        base_url=settings.openai_base_url,
        api_key=secret.get_secret_value() if secret else "none",
        timeout=settings.openai_timeout,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(follow_redirects=False),
    )
