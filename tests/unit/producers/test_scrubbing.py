"""What is personal in a text is blanked, however it is written, and little else."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.scrubbing import BLANK, fold, name_tokens, phrases, scrub

OWN = sorted(name_tokens(["Zoé-Max", "Quíckmann"]) | phrases(["Acme & Söhne", "lea_1"]))


def scrubbed(text: str) -> str:
    return scrub(text, OWN, Counter())


@pytest.mark.parametrize(
    "personal",
    [
        "a.b+c@mail.example.invalid", "a@localhost", "a＠example.invalid", "a (at) example.invalid",
        "a[at]example[dot]org", "a { AT } example . invalid", "a arobase example point fr", "a at example dot org",
        "@zed", "@zed.q_1",
        "https://example.invalid/in/z?q=1#x", "HTTP://EXAMPLE.INVALID", "www.example.invalid", "ftp://example.invalid",
        "mailto:a@example.invalid", "profiles.example.invalid/in/z", "example.agency", "EXAMPLE.COM", "Example.Com/z",
        "+33 6 99 00 00 01", "+33 (0)6 99 00 00 01", "06.99.00.00.01", "06-99-00-00-01", "0699000001", "0033699000001",
        "+1 (555) 010-9999", "(01) 99 00 00 01", "+33\u00a06\u202f99 00 00 01", "4000 0000 0000 0000",
        "Zoé-Max", "zoe max", "ZOE", "Quickmann", "QUÍCKMANN", "zoequickmann", "quickmannzoe", "zquickmann",
        "zoe_quickmann",
        "zoe.quickmann", "Zoe\u0301", "Quickmanns", "lea_a1B2c3", "acme & sohne", "ACME & SÖHNE", "lea_1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "call {} now", "({}),", "«{}»", "{}\n{}", "🚀{}🚀"])
def test_personal_data_is_blanked(personal: str, around: str) -> None:
    text = scrubbed(around.replace("{}", personal))
    assert BLANK in text
    for word in ("example", "zed", "99", "555", "4000", "zoe", "quick", "acme", "lea", "max"):
        assert word not in fold(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    "text",
    [
        "Head of Sales @ Europe", "C++ @ work", "Node.js, Vue.js, ASP.NET, .NET", "2010-2014, 2015 – 2019",
        "51-200 people, 1,000,000 of turnover", "the end.The next", "zoetic maximum of quick men", "ten at point one",
        "a/b", "i.e. e.g. M. X",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert scrubbed(text) == text


def test_names_in_scripts_without_spaces_are_found_inside_of_words() -> None:
    assert scrub("我叫王伟。", name_tokens(["伟", "王"]), Counter()) == "我叫…。"


def test_particles_of_a_name_stay_unless_they_are_all_of_it() -> None:
    assert scrub("directeur de la Tour", name_tokens(["Ann", "de la Tour"]), Counter()) == "directeur de la …"
    assert scrub("Ben, of sales", name_tokens(["Ben"]), Counter()) == "…, of sales"


def test_a_company_called_freelance_is_none() -> None:
    assert phrases(["Freelance", "Self-employed", "N/A"]) == set()


def test_what_was_blanked_is_counted_by_kind() -> None:
    counts: Counter[str] = Counter()
    scrub("Zoé, zoe@example.invalid, @zoe, example.invalid, +33 6 99 00 00 01 or 06 99 00 00 02", ["zoe"], counts)
    assert counts == {"names": 1, "emails": 1, "handles": 1, "urls": 1, "phones": 2}


@given(st.text())
def test_a_text_without_anything_personal_stays_but_for_its_normal_form(text: str) -> None:
    counts: Counter[str] = Counter()
    found = scrub(text, [], counts)
    assert counts or found == unicodedata.normalize("NFC", text)


@given(st.text())
def test_folding_keeps_every_character_in_its_place(text: str) -> None:
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize("run", ["a", "a.", "a@", ".", "1 ", "+", "(at)", "a(at)", "www.", "://", "a-", "zoe", "é"])
def test_time_grows_with_the_length_of_a_text_and_no_faster(run: str) -> None:
    scrubbed(run * (50_000 // len(run)))  # what is read more than once takes minutes, and the test's time is limited
