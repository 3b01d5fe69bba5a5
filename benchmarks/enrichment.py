"""The enrichment: how well the offline rules agree with a person's labels, and what a language model would cost.

The sample (``data/enrichment_sample.csv``) are invented profiles in English and French, labelled by one person by
`enrichment_prompts.MEANINGS`. The rules were adjusted to its part ``development``. The part ``held_out`` was drawn when
they were done, and they have not been touched since: titles at random from lists of occupations in both languages, and
from ranks times functions, so that nobody chose them with the rules in mind. The figures are of these alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from scipy.stats import bootstrap, spearmanr
from sklearn.metrics import cohen_kappa_score

from producers.enrichment import enrich
from producers.enrichment_fields import COLUMNS, FIELDS, Profile
from producers.enrichment_prompts import TYPICAL_ANSWER, messages, response_format, short
from producers.openai_enrichment import count, input_tokens
from producers.prices import Tokens, price_of

NUMBERS = ("llm_quality", "llm_engagement", "llm_decision_maker")
RESAMPLES = 2_000
BATCH = 10

Statistic = Callable[[Any, Any], float]


def main() -> None:
    """Agreement, then tokens."""
    agreement()
    cost()


def sample(part: str) -> list[tuple[Profile, dict[str, str]]]:
    """Profiles of one part and their labels."""
    rows = list(csv.DictReader((files("data") / "enrichment_sample.csv").read_text("utf-8").splitlines()))
    return [
        ({name: row[name] for name in COLUMNS if row[name]}, {name: row[name] for name in FIELDS})
        for row in rows
        if row["part"] == part
    ]


def answers(part: str) -> dict[str, tuple[Any, Any]]:
    """By field, the labels and what the rules say, one each per profile."""
    labelled = sample(part)
    found = [enrich(profile) for profile, _ in labelled]
    read: dict[str, Callable[[Any], Any]] = {name: float if name in NUMBERS else _category for name in FIELDS}
    labels = [label for _, label in labelled]
    return {
        name: (np.array([read[name](one[name]) for one in labels]), np.array([read[name](one[name]) for one in found]))
        for name in FIELDS
    }


def _category(value: Any) -> str:
    """Also of ``llm_company_fit``, which has three values.

    >>> _category("2") == _category(2.0)
    True
    """
    return str(value).removesuffix(".0").casefold()


def accuracy(labels: Any, said: Any) -> float:
    """The share of equal ones."""
    return float(np.mean(labels == said))


def kappa(labels: Any, said: Any) -> float:
    """Agreement beyond chance (Cohen 1960): 0 is chance, 1 all alike."""
    return 1.0 if np.array_equal(labels, said) else float(cohen_kappa_score(labels, said))


def rank_correlation(labels: Any, said: Any) -> float:
    """Spearman's."""
    return float(spearmanr(labels, said).statistic)


def mean_error(labels: Any, said: Any) -> float:
    """Mean absolute difference."""
    return float(np.mean(np.abs(labels - said)))


def agreement() -> None:
    """Each figure with its 95% bootstrap interval over profiles."""
    found = answers("held_out")
    print(f"offline rules against labels, {len(found['llm_quality'][0])} held-out profiles")
    for name, (labels, said) in found.items():
        first, second = (rank_correlation, mean_error) if name in NUMBERS else (accuracy, kappa)
        told = [f"{statistic.__name__} {_interval(statistic, labels, said)}" for statistic in (first, second)]
        print(f"  {name:20} {told[0]:42} {told[1]}", flush=True)


def _interval(statistic: Statistic, labels: Any, said: Any) -> str:
    columns = (labels, said) if labels.dtype.kind == "f" else tuple(map(_codes(labels, said), (labels, said)))
    drawn = bootstrap(
        columns, statistic, paired=True, vectorized=False, n_resamples=RESAMPLES, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return f"{statistic(labels, said):.3f} [{drawn.low:.3f}, {drawn.high:.3f}]"


def _codes(*columns: Any) -> Callable[[Any], Any]:
    """Categories as numbers, which is what can be resampled."""
    values = np.unique(np.concatenate(columns))
    return lambda column: np.searchsorted(values, column)


def cost() -> None:
    """Tokens of one batch of ten, all eight fields at once, or one at a time as the original asked."""
    profiles = [profile for profile, _ in sample("held_out")]
    batches = [profiles[start : start + BATCH] for start in range(0, len(profiles), BATCH)]
    at_once = _tokens(batches, [FIELDS])
    one_by_one = _tokens(batches, [(name,) for name in FIELDS])
    price = price_of("gpt-4o-mini")
    assert price is not None
    print(f"tokens per 1,000 profiles in batches of {BATCH} (o200k_base), and USD at the table's price of gpt-4o-mini")
    for name, tokens in (("all eight fields at once", at_once), ("one field at a time", one_by_one)):
        per = Tokens(*(round(number * 1_000 / len(profiles)) for number in (tokens.input, tokens.output)))
        print(f"  {name:26} {per.input:9,} in {per.output:9,} out  {price.of(per):.3f} USD", flush=True)
    ratio = price.of(one_by_one) / price.of(at_once)
    print(f"  one at a time costs {ratio:.1f} times as much, without the reasoning that the original asked for")


def _tokens(batches: Sequence[Sequence[Profile]], questions: Sequence[Sequence[str]]) -> Tokens:
    """Of calls that ask these questions of every batch, and of answers of the usual length."""
    total = Tokens()
    for fields in questions:
        form, answer = response_format(fields), count(_typical(fields))
        for batch in batches:
            asked = messages(batch, fields=fields)
            total += Tokens(input=input_tokens(asked, form), output=len(batch) * (answer + 1) + 5)
    return total


def _typical(fields: Sequence[str]) -> str:
    whole = json.loads(TYPICAL_ANSWER)
    return json.dumps({name: whole[name] for name in ("index", *map(short, fields))}, separators=(",", ":"))
