"""Asking a language model that misbehaves in every way it can, over real HTTP: nothing invented, nothing paid twice."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from driftline.events import Contact
from driftline.options import parser
from driftline.settings import Settings, SettingsError
from producers.enrichment_fields import FIELDS, MISSING
from producers.labelled import Labelled
from producers.openai_command import Enricher, cache_file, enricher
from producers.prices import Tokens, price_of
from tests.llm_server import Behaviour, Call, LlmServer, Reply, answer, contact, error, good, right_fields, told

KEY = "sk-hunter2"
IMPORT = ("import", "export.csv", "-o", "out.jsonl", "--enrich", "openai")


class Run:
    """One home folder, and runs of the enrichment in it, each with a report and what it said."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said: list[str] = []
        self.report: dict[str, Any] = {}

    def __call__(self, server: LlmServer, contacts: list[Labelled], *options: str, **settings: Any) -> list[Labelled]:
        enrich = self.enricher(server, *options, **settings)
        try:
            return list(enrich(contacts))
        finally:
            self.report = enrich.report()

    def enricher(self, server: LlmServer, *options: str, **settings: Any) -> Enricher:
        known = {"home": self.home, "openai_base_url": server.url, "openai_api_key": KEY, "openai_timeout": 1.0}
        parsed = parser().parse_args([*IMPORT, *options])
        made = Settings.model_validate(known | settings)
        return Enricher(made, parsed, self.said.append, first_wait=0.01)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def people(count: int) -> list[Labelled]:
    return [Labelled(contact(number), engaged=number % 2) for number in range(count)]


def fields_of(labelled: Labelled) -> dict[str, Any]:
    assert isinstance(labelled.contact, Contact)
    return {name: getattr(labelled.contact, name) for name in FIELDS}


def assert_all_right(found: list[Labelled], count: int) -> None:
    """Every contact has its own answer, its place and its label."""
    assert [labelled.engaged for labelled in found] == [number % 2 for number in range(count)]
    assert [fields_of(labelled) for labelled in found] == [right_fields(number) for number in range(count)]


def answers(call: Call) -> list[dict[str, Any]]:
    return [answer(profile) for profile in call.profiles]


def changed(name: str, change: Callable[[dict[str, Any]], Any]) -> Behaviour:
    """Every answer has something else in this field."""
    return lambda call: told([given | {name: change(given)} for given in answers(call)])


def text_of(call: Call) -> str:
    return json.dumps({"profiles": answers(call)})


REPAIRED: dict[str, Behaviour] = {
    "fenced": lambda call: Reply(text=f"```json\n{text_of(call)}\n```"),
    "prose around it": lambda call: Reply(text=f"Sure {{here}} you are:\n{text_of(call)}\nAnything else?"),
    "thought aloud": lambda call: Reply(text=f'<think>{{"index": 1, "quality": 3}}</think>{text_of(call)}'),
    "a bare array": lambda call: Reply(text=json.dumps(answers(call))),
    "one object a line": lambda call: Reply(text="\n".join(map(json.dumps, answers(call)))),
    "trailing commas": lambda call: Reply(text=text_of(call).replace("}", ",}").replace("]", ",]")),
    "extra profiles": lambda call: told([*answers(call), answers(call)[0] | {"index": 99, "quality": 1}]),
    "the same twice": lambda call: told(answers(call) * 2),
    "counted from 0": lambda call: told([given | {"index": given["index"] - 1} for given in answers(call)]),
    "in another order": lambda call: told(answers(call)[::-1]),
    "numbers as text": changed("decision_maker", lambda given: f"{given['decision_maker']:.1f}".replace(".", ",")),
    "per cent": changed("quality", lambda given: f"{given['quality']} %"),
    "other case": changed("seniority", lambda given: given["seniority"].upper().replace("-", " ")),
    "the whole object": changed(
        "quality", lambda given: {"index": given["index"], "value": given["quality"], "reasoning": "because"}
    ),
    "the whole object as text": changed("quality", lambda given: json.dumps({"value": given["quality"]})),
    "no usage": lambda call: told(answers(call), usage=False),
    "a usage that nobody can pay": lambda call: Reply(
        body=json.dumps(
            {
                "choices": [{"message": {"content": text_of(call)}}],
                "usage": {"prompt_tokens": 10**400, "completion_tokens": 1},
            }
        ).encode()
    ),
}


EACH = 3
"""Profiles a batch, where each batch is answered in another way."""


def each_in_its_way(ways: dict[str, Behaviour]) -> Behaviour:
    """The n-th batch is at first answered in the n-th way; who is asked about again, well."""
    asked: set[str] = set()

    def behave(call: Call) -> Reply:
        first = call.titles[0] not in asked and len(call.titles) == EACH
        asked.update(call.titles)
        return list(ways.values())[int(call.titles[0].split()[-1]) // EACH](call) if first else good(call)

    return behave


def not_right(found: list[Labelled], ways: dict[str, Behaviour]) -> list[str]:
    """The ways after which a contact does not have the answer about itself, its place or its label."""
    assert [labelled.engaged for labelled in found] == [number % 2 for number in range(EACH * len(ways))]
    wrong = {n // EACH for n, labelled in enumerate(found) if fields_of(labelled) != right_fields(n)}
    return [way for n, way in enumerate(ways) if n in wrong]


def test_an_answer_that_can_mean_one_thing_is_repaired_without_another_call(run: Run) -> None:
    with LlmServer(each_in_its_way(REPAIRED)) as server:
        assert not_right(run(server, people(EACH * len(REPAIRED)), "--batch", str(EACH)), REPAIRED) == []
    assert len(server.calls) == len(REPAIRED)


def cut_in_the_middle(call: Call) -> Reply:
    text = text_of(call)
    return Reply(text=text[: len(text) // 2], finish="length")


ASKED_AGAIN: dict[str, Behaviour] = {
    "short": lambda call: told(answers(call)[:-1]),
    "the first one left out and one too many": lambda call: told(
        [given | {"index": given["index"] + 1} for given in answers(call)]
    ),
    "counted from 0 and short": lambda call: told(
        [given | {"index": given["index"] - 1} for given in answers(call)[:-1]]
    ),
    "two answers about one": lambda call: told([*answers(call), answers(call)[1] | {"quality": 99}]),
    "out of range": changed("quality", lambda _: 101),
    "a share where a whole number belongs": changed("quality", lambda _: 0.7),
    "not a number": changed("engagement", lambda _: math.nan),
    "null": changed("industry", lambda _: None),
    "no such category": changed("geography", lambda _: "nowhere"),
    "another one's object": changed("quality", lambda given: {"index": given["index"] + 1, "value": 1}),
    "an essay for an industry": changed("industry", lambda _: "This company " * 30),
    "cut in the middle": cut_in_the_middle,
    "nothing": lambda call: Reply(text=""),
    "refused": lambda call: Reply(refusal="I cannot judge people."),
    "filtered": lambda call: error(400, "content_filter"),
    "no choices": lambda call: Reply(body=b'{"choices": []}'),
    "choices by name": lambda call: Reply(body=b'{"choices": {"first": {}}}'),
    "a number of choices": lambda call: Reply(body=b'{"choices": 1}'),
    "no JSON": lambda call: Reply(body=b"<html>bad gateway</html>"),
    "nested without end": lambda call: Reply(body=b"[" * 100_000),
}


def test_what_an_answer_lacks_is_asked_again(run: Run) -> None:
    with LlmServer(each_in_its_way(ASKED_AGAIN)) as server:
        assert not_right(run(server, people(EACH * len(ASKED_AGAIN)), "--batch", str(EACH)), ASKED_AGAIN) == []
    assert len(server.calls) == 2 * len(ASKED_AGAIN)


def test_only_those_who_lack_an_answer_are_asked_again(run: Run) -> None:
    with LlmServer(lambda call: told(answers(call)[:-2]) if call.number == 0 else good(call)) as server:
        assert_all_right(run(server, people(7)), 7)
    assert server.calls[1].titles == ["Example title 5", "Example title 6"]
    assert run.report["asked_again"] == 2


FAILURES: dict[str, Behaviour] = {
    "turned away": lambda call: error(429),
    "broken": lambda call: error(500),
    "a bad gateway": lambda call: Reply(status=502, body=b"<html>"),
    "too late": lambda call: told(answers(call), delay=1.3),
    "cut before the answer": lambda call: told(answers(call), cut=0),
    "cut in the answer": lambda call: told(answers(call), cut=100),
}


def test_a_failure_that_passes_is_waited_out(run: Run) -> None:
    with LlmServer(each_in_its_way(FAILURES)) as server:
        assert not_right(run(server, people(EACH * len(FAILURES)), "--batch", str(EACH)), FAILURES) == []
    assert run.report["retries"] == len(FAILURES)


@pytest.mark.parametrize(
    ("header", "least"),
    [
        (lambda: "0.5", 0.5),
        (lambda: formatdate(time.time() + 1.6, usegmt=True), 0.5),
        (lambda: "soon", 0.0),
        (lambda: "Fri, 31 Dec 99999999 23:59:59 GMT", 0.0),
    ],
)
def test_the_endpoint_says_how_long_to_wait(run: Run, header: Callable[[], str], least: float) -> None:
    times: list[float] = []

    def behave(call: Call) -> Reply:
        times.append(time.monotonic())
        return error(429, Retry_After=header()) if call.number == 0 else good(call)

    with LlmServer(behave) as server:
        run(server, people(1))
    assert least <= times[1] - times[0] < least + 2


@pytest.mark.parametrize(
    ("reply", "fault", "hint"),
    [
        (error(401, "invalid_api_key", message=f"bad key {KEY}"), SettingsError, "DRIFTLINE_OPENAI_API_KEY"),
        (error(403), SettingsError, "DRIFTLINE_OPENAI_API_KEY"),
        (error(404, "model_not_found"), SettingsError, "DRIFTLINE_OPENAI_MODEL"),
        (error(307, Location="http://127.0.0.1:1/elsewhere"), SettingsError, "DRIFTLINE_OPENAI_BASE_URL"),
        (error(429, "insufficient_quota"), RuntimeError, "no credit left"),
        (error(429, Retry_After="3600"), RuntimeError, "wait for 3,600 seconds"),
        (error(400, message="Example title 1 is not nice"), RuntimeError, "smaller --batch"),
    ],
)
def test_a_failure_that_does_not_pass_stops_at_once_and_quotes_nothing(
    run: Run, reply: Reply, fault: type[Exception], hint: str
) -> None:
    with LlmServer(lambda call: reply) as server, pytest.raises(fault, match=hint) as raised:
        run(server, people(3))
    assert len(server.calls) == 1
    assert KEY not in str(raised.value)
    assert "Example" not in str(raised.value)


def test_an_endpoint_that_keeps_failing_is_given_up_and_the_answers_kept(run: Run) -> None:
    with LlmServer(lambda call: good(call) if call.number < 2 else error(503)) as server:
        with pytest.raises(RuntimeError, match=r"6 times in a row \(503.*same command again"):
            run(server, people(40), "--concurrency", "1")
        server.behave = good
        assert_all_right(run(server, people(40)), 40)
    assert run.report["cached"] == 20


def test_an_address_where_nobody_listens_is_named_by_its_setting(run: Run) -> None:
    with LlmServer() as server:
        pass
    with pytest.raises(RuntimeError, match="DRIFTLINE_OPENAI_BASE_URL"):
        run(server, people(1))


@pytest.mark.parametrize("parameter", ["response_format", "max_completion_tokens", "temperature"])
def test_a_parameter_that_the_endpoint_does_not_know_is_left_out_from_then_on(run: Run, parameter: str) -> None:
    def behave(call: Call) -> Reply:
        return error(400, message=f"unknown parameter: {parameter}") if parameter in call.body else good(call)

    with LlmServer(behave) as server:
        assert_all_right(run(server, people(40), "--concurrency", "2"), 40)
    assert sum(parameter in call.body for call in server.calls) <= 2
    assert len([line for line in run.said if "here" in line]) == 1
    assert all(call.body.get("max_tokens") or call.body.get("max_completion_tokens") for call in server.calls)


def test_values_that_stay_out_of_range_are_missing_and_nothing_is_invented(run: Run) -> None:
    with LlmServer(changed("quality", lambda given: -1 if given["quality"] % 2 else given["quality"])) as server:
        found = run(server, people(8))
    expected = [right_fields(n) | ({"llm_quality": None} if n % 2 else {}) for n in range(8)]
    assert [fields_of(labelled) for labelled in found] == expected
    assert run.report["missing"] == dict.fromkeys(FIELDS, 0) | {"llm_quality": 4}
    assert [len(call.profiles) for call in server.calls] == [8, 4, 1, 1, 1, 1]  # alone, at last


def test_one_profile_that_is_refused_does_not_cost_the_others_their_answer(run: Run) -> None:
    def behave(call: Call) -> Reply:
        return Reply(refusal="No.") if "Example title 3" in call.titles else good(call)

    with LlmServer(behave) as server:
        found = run(server, people(6))
    assert [fields_of(labelled) == MISSING for labelled in found] == [n == 3 for n in range(6)]


def test_missing_values_are_asked_for_again_only_when_told_to(run: Run) -> None:
    with LlmServer(changed("quality", lambda _: 101)) as server:
        run(server, people(2))
        server.behave = good
        assert {fields_of(labelled)["llm_quality"] for labelled in run(server, people(2))} == {None}
        assert_all_right(run(server, people(2), "--retry-missing"), 2)


def test_a_model_that_cannot_do_it_is_stopped_before_it_has_cost_much(run: Run) -> None:
    with LlmServer(lambda call: Reply(text="I would rather not.")) as server:
        with pytest.raises(RuntimeError, match="cannot be read: take a larger model"):
            run(server, people(1_000), "--concurrency", "1")
        assert len(server.calls) == 24


def test_contacts_with_fields_and_bytes_pass_through_in_their_place(run: Run) -> None:
    labelled = Labelled(contact(1, llm_quality=5.0), 1)
    contacts = [*people(3), Labelled(b'{"no": "contact"'), labelled, *people(2)]
    with LlmServer() as server:
        found = run(server, contacts)
    assert found[3:5] == contacts[3:5]
    assert_all_right(found[:3], 3)
    assert run.report["untouched"] == 2


def test_equal_profiles_are_asked_about_once(run: Run) -> None:
    with LlmServer() as server:
        found = run(server, people(5) * 20)
    assert sorted(title for call in server.calls for title in call.titles) == [f"Example title {n}" for n in range(5)]
    assert [fields_of(labelled) for labelled in found] == [right_fields(n % 5) for n in range(100)]
    assert (run.report["asked"], run.report["repeated"] + run.report["cached"]) == (5, 95)


def test_no_more_calls_than_allowed_are_in_flight(run: Run) -> None:
    with LlmServer(lambda call: told(answers(call), delay=0.2)) as server:
        assert_all_right(run(server, people(24), "--batch", "3", "--concurrency", "3"), 24)
    assert 2 <= server.at_once <= 3


def test_contacts_are_handed_on_before_all_are_read(run: Run) -> None:
    read = 0

    def contacts() -> Any:
        nonlocal read
        for labelled in people(5_000):
            read += 1
            yield labelled

    before = threading.active_count()
    with LlmServer() as server:
        stream = run.enricher(server)(contacts())
        next(stream)
        assert read < 1_000
        stream.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 10
    while threading.active_count() > before:  # the server's own end once their connections have
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_id_leaves_the_machine_and_texts_are_cut(run: Run) -> None:
    person = contact(1, id="secret-id", summary="s" * 5_000, skills="k" * 5_000)
    with LlmServer() as server:
        run(server, [Labelled(person, 1)])
    (call,) = server.calls
    sent = json.dumps(call.body)
    assert "secret-id" not in sent
    assert "engaged" not in call.profiles[0]
    assert len(call.profiles[0]["summary"]) == 600
    assert KEY in call.headers["authorization"]


def test_the_cache_holds_no_text_and_no_key(run: Run) -> None:
    with LlmServer() as server:
        run(server, [Labelled(contact(1, summary="Something about somebody."))])
    stored = b"".join(path.read_bytes() for path in run.home.glob("enrichment.sqlite3*"))
    for secret in (b"Example title", b"somebody", KEY.encode(), b"contact-1"):
        assert secret not in stored


@pytest.mark.parametrize("faulty", [False, True])
def test_what_is_billed_never_passes_the_cap(run: Run, faulty: bool) -> None:
    """Even of answers that were cut, which nobody can count."""

    def behave(call: Call) -> Reply:
        return told(answers(call), cut=50 if faulty and call.number % 3 == 1 else None, delay=0.01)

    price = price_of("gpt-4o-mini")
    assert price is not None
    cap = 0.004
    with LlmServer(behave) as server:
        with pytest.raises(RuntimeError, match=r"stopped before --max-cost 0\.004 USD.*driftline import export\.csv"):
            run(server, people(300), "--max-cost", str(cap), "--concurrency", "4")
        billed = price.of(Tokens(server.input_tokens, server.output_tokens))
        assert (0.2 if faulty else 0.6) * cap < billed <= cap
        assert billed <= run.report["usd"] + 1e-6 <= cap
        first = len(server.delivered)
        server.behave = good
        assert_all_right(run(server, people(300), "--max-cost", "1"), 300)
    assert run.report["cached"] == first
    assert len(server.delivered) == len(set(server.delivered)) == 300


def test_a_cap_that_not_one_call_fits_under_says_so(run: Run) -> None:
    with LlmServer() as server, pytest.raises(RuntimeError, match="one call may cost more than --max-cost"):
        run(server, people(3), "--max-cost", "0.000001")
    assert not server.calls


def test_a_model_without_a_price_cannot_be_capped_unless_settings_name_one(run: Run) -> None:
    with LlmServer() as server:
        with pytest.raises(SettingsError, match="DRIFTLINE_OPENAI_INPUT_PRICE"):
            run(server, people(3), "--max-cost", "1", "--llm-model", "own")
        assert_all_right(run(server, people(3), "--llm-model", "own"), 3)
        assert run.report["usd"] is None
        prices = {"openai_input_price": 1.0, "openai_output_price": 2.0}
        run(server, people(3), "--max-cost", "1", "--llm-model", "priced", **prices)
    used = run.report["input_tokens"] * 1.0 + run.report["output_tokens"] * 2.0
    assert run.report["usd"] == pytest.approx(used / 1e6, abs=1e-6)
    assert server.calls[-1].body["model"] == "priced"


def test_two_runs_at_once_share_the_answers_without_harm(run: Run) -> None:
    found: list[list[Labelled]] = []
    with LlmServer(lambda call: told(answers(call), delay=0.02)) as server:
        threads = [threading.Thread(target=lambda: found.append(run(server, people(80)))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in found:
            assert_all_right(one, 80)
        assert_all_right(run(server, people(80)), 80)
    assert run.report["cached"] == 80


def test_a_cache_that_is_none_is_named(run: Run) -> None:
    (run.home / "enrichment.sqlite3").write_bytes(b"not a database" * 100)
    with (
        LlmServer() as server,
        pytest.raises(RuntimeError, match=r"enrichment\.sqlite3 cannot be used.*move the file"),
    ):
        run(server, people(1))
    assert not server.calls


def test_another_question_is_asked_anew(run: Run) -> None:
    with LlmServer() as server:
        for settings in ({}, {"ideal_customer": "bakeries"}, {"openai_model": "gpt-4o"}):
            run(server, people(1), **settings)
            run(server, people(1), **settings)
    assert len(server.calls) == 3
    assert "bakeries" in server.calls[1].body["messages"][0]["content"]


def test_without_a_key_the_vendor_is_not_asked(tmp_path: Path) -> None:
    options = parser().parse_args([*IMPORT])
    with pytest.raises(SettingsError, match="DRIFTLINE_OPENAI_API_KEY is not set"):
        enricher(Settings.model_validate({"home": tmp_path}), options, print)


def test_answers_are_on_disk_as_they_come(run: Run) -> None:
    with LlmServer() as server:
        stream = run.enricher(server, "--concurrency", "1")(people(600))
        next(stream)
        with sqlite3.connect(cache_file(Settings.model_validate({"home": run.home}))) as database:
            assert database.execute("SELECT count(*) FROM answers").fetchone()[0] >= 10
        database.close()
        stream.close()  # type: ignore[attr-defined]
