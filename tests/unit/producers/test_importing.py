"""Imports: every row of whatever file is written, or counted with the reason why not."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.generate_sample_export import LATER_PATH, PATH, generate, generate_later
from driftline.events import INPUTS, Contact, decode, encode
from producers.importing import DeadRow, Import, ImportReport, last_of_each
from producers.labelled import Labelled
from producers.lemlist import TOO_FEW, TOO_MANY, contact_id

FILES = Path(__file__).parents[2] / "data" / "lemlist"
WELL_READ = (
    "comma_utf8_mark_crlf", "semicolon_stated", "bar_utf8", "comma_carriage_returns", "comma_utf16_without_mark",
    "tab_utf16", "tab_utf16_big_endian", "headers_of_any_kind", "trailing_delimiters",
)  # fmt: skip
MENDED = {
    "semicolon_latin1": {"encoding": 2},
    "semicolon_windows1252_quoted": {"encoding": 2},
    "broken_byte": {"encoding": 1},
}


def imported(path: Path) -> tuple[list[Labelled], ImportReport, list[DeadRow]]:
    report = ImportReport()
    dead: list[DeadRow] = []
    found = list(Import(path, salt="s").contacts(report, dead=dead.append))
    assert report.read == report.contacts + report.duplicates + report.dropped.total()
    assert (report.contacts, report.dropped.total()) == (len(found), len(dead))
    return found, report, dead


def of_file(name: str) -> tuple[list[Labelled], ImportReport, list[DeadRow]]:
    return imported(FILES / f"{name}.csv")


def id_of(identity: str) -> str:
    name, _, value = identity.partition(":")
    return contact_id({name: value}, "s")


def contacts(found: list[Labelled]) -> list[Contact]:
    return [labelled.contact for labelled in found if isinstance(labelled.contact, Contact)]


@pytest.mark.parametrize("name", [*WELL_READ, *MENDED])
def test_a_table_is_read_the_same_in_whatever_form_a_spreadsheet_saved_it(name: str) -> None:
    found, report, _ = of_file(name)
    expected, plain, _ = of_file("comma_utf8")
    if name == "comma_carriage_returns":  # where the text has another line end, too
        expected = [
            labelled._replace(contact=decode(Contact, encode(contact).replace(b",\\n", b",\\r")))
            for labelled, contact in zip(expected, contacts(expected), strict=True)
        ]
    assert found == expected
    assert [labelled.engaged for labelled in found] == [1, 0, None]
    assert plain.is_clean
    assert report.tally.repaired == MENDED.get(name, {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("workbook", "is an Excel workbook or another zip archive: save it as CSV in UTF-8"),
        ("error_page", "is HTML or XML, such as the page of an error or of a login: export the contacts as CSV again"),
        ("json", "is JSON: export the contacts as CSV"),
        ("orders", "names none of the columns of an export; export the contacts again, with the header"),
        ("no_header", "names none of the columns of an export; export the contacts again, with the header"),
    ],
)
def test_what_is_no_table_of_contacts_is_refused_in_one_line(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        Import(FILES / f"{name}.csv", salt="s")
    assert "\n" not in str(refused.value)
    assert "example.invalid" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "reasons", "ids"),
    [
        ("unclosed_quote", ["a quote is opened and never closed"], ["_id:lea_1", "_id:lea_3"]),
        ("ends_in_a_quote", ["a quote is opened and never closed", TOO_FEW], []),
        ("half_rows", [TOO_FEW, TOO_FEW], ["_id:lea_2", "_id:lea_3"]),
        (
            "unquoted_delimiter",
            [TOO_MANY],
            ["_id:lea_2", "_id:lea_3"],
        ),
        (
            "enriched",
            ["Expected `float` <= 100.0 - at `$.llm_quality`", *["llm_quality is not a number"] * 2],
            ["id:a", "id:e", "id:f"],
        ),
    ],
)
def test_a_row_that_is_no_contact_is_told_by_its_place_and_the_others_are_read(
    name: str, reasons: list[str], ids: list[str]
) -> None:
    found, report, dead = of_file(name)
    assert [contact.id for contact in contacts(found)] == [id_of(identity) for identity in ids]
    assert [row.reason for row in dead] == reasons
    assert report.dropped == Counter(reasons)
    data = (FILES / f"{name}.csv").read_bytes()
    for row in dead:
        assert data[row.offset - 1 : row.offset] == b"\n"
        assert data[: row.offset + row.length].endswith(b"\n") or row.offset + row.length == len(data)


def test_numbers_of_an_enriched_file_may_have_a_decimal_comma() -> None:
    found, report, _ = of_file("enriched")
    first, second, third = contacts(found)
    assert (second.llm_quality, second.llm_engagement, second.llm_seniority, second.companysize) == (
        70.5, 0.25, "Mid", "11-50",
    )  # fmt: skip
    assert first.llm_quality == 70
    assert all(getattr(third, name) is None for name in INPUTS if name.startswith("llm_"))
    assert [(labelled.engaged, labelled.labelled_at) for labelled in found] == [
        (1, datetime(2026, 2, 1, tzinfo=UTC)), (1, None), (None, None),
    ]  # fmt: skip
    assert report.tally.repaired == {"decimal comma": 2, "companysize": 1, "engaged": 2, "time": 1}


def test_of_one_contact_the_last_row_counts_and_stands_where_it_stood() -> None:
    found, report, _ = of_file("duplicates")
    assert [(contact.id, contact.jobtitle) for contact in contacts(found)] == [
        (id_of("_id:lea_2"), "CTO"), (id_of("_id:lea_1"), "Founder"),
    ]  # fmt: skip
    assert [labelled.engaged for labelled in found] == [None, 0]
    assert (report.read, report.duplicates) == (4, 2)


def test_a_broken_row_does_not_win_over_the_contact_s_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,llm_quality,jobtitle\na,70,CEO\na,700,CTO\n")
    found, report, _ = imported(path)
    assert [contact.jobtitle for contact in contacts(found)] == ["CEO"]
    assert (report.duplicates, report.dropped.total()) == (0, 1)


def test_times_of_the_contact_and_of_its_label() -> None:
    found, report, _ = of_file("times")
    contacted = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [contact.occurred_at for contact in contacts(found)] == [contacted, contacted, None, None, None]
    replied, ended = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    assert [(labelled.engaged, labelled.labelled_at) for labelled in found] == [
        (1, replied), (0, ended), (None, None), (1, None), (0, None),
    ]  # fmt: skip
    assert report.tally.repaired == {"time": 3}


def test_of_a_column_that_stands_twice_the_first_value_counts_and_all_names_are_blanked() -> None:
    found, report, _ = of_file("repeated_columns")
    assert [contact.jobtitle for contact in contacts(found)] == ["CEO of … & …", "CTO"]
    assert report.tally.repaired == {"repeated column": 2}


def test_one_column_is_enough() -> None:
    found, report, _ = of_file("one_column")
    assert [contact.jobtitle for contact in contacts(found)] == ["CEO", "Head of Sales, Europe", "CTO"]
    assert report.is_clean


def test_blank_lines_are_no_rows_and_a_header_alone_is_no_contact() -> None:
    assert of_file("blank_lines")[1].read == 1
    assert of_file("only_a_header")[1].read == 0


@pytest.mark.parametrize(
    ("size", "kept", "repaired"),
    [
        ("51-200", "51-200", 0), ("37", "11-50", 1), ("10-Feb", "2-10", 1), ("10,001+", "10001+", 1),
        ("a few", "a few", 0), ("ask a@example.invalid", "ask …", 0), ("", None, 0),
    ],
)  # fmt: skip
def test_sizes_of_a_company(tmp_path: Path, size: str, kept: str | None, repaired: int) -> None:
    found, report, _ = imported(written(tmp_path, [{"_id": "lea_1", "companysize": size}]))
    assert [contact.companysize for contact in contacts(found)] == [kept]
    assert report.tally.repaired["companysize"] == repaired


@pytest.mark.parametrize(
    ("year", "kept", "repaired"),
    [
        ("2010.0", 2010, 0), ("1888", 1888, 0), ("in 1999", 1999, 1), ("99", None, 1), ("2500", None, 1),
        ("06 99 00 00 01", None, 1), ("", None, 0),
    ],
)  # fmt: skip
def test_years_of_a_company(tmp_path: Path, year: str, kept: float | None, repaired: int) -> None:
    found, report, _ = imported(written(tmp_path, [{"_id": "lea_1", "companyfoundedon": year}]))
    assert [contact.companyfoundedon for contact in contacts(found)] == [kept]
    assert report.tally.repaired["companyfoundedon"] == repaired


def test_a_text_longer_than_a_contact_may_have_is_no_contact(tmp_path: Path) -> None:
    rows = [{"_id": "lea_1", "summary": "a " * 30_000}, {"_id": "lea_2", "tagline": "a " * 30_000}]
    found, report, _ = imported(written(tmp_path, rows))
    assert [contact.id for contact in contacts(found)] == [id_of("_id:lea_2")]
    assert list(report.dropped) == ["Expected `str` of length <= 50000 - at `$.summary`"]


def test_a_row_without_an_id_is_known_by_its_inputs_and_one_without_either_is_no_contact(tmp_path: Path) -> None:
    rows = [{"jobtitle": "CEO"}, {"jobtitle": "CTO"}, {"jobtitle": "CEO"}, {"status": "done"}]
    found, report, _ = imported(written(tmp_path, rows))
    assert [contact.jobtitle for contact in contacts(found)] == ["CTO", "CEO"]
    assert (report.duplicates, list(report.dropped)) == (1, ["it has neither an id nor any input of the model"])


def test_columns_are_told_by_number_and_only_those_of_exports_by_name(tmp_path: Path) -> None:
    row = {"_id": "lea_1", "jobtitle": "CEO", "email": "", "timezone": "", "Example Person's notes": "x"}
    told = Import(written(tmp_path, [row]), salt="s").describe()
    assert told["columns"] == {"used": 1, "personal": 2, "unused": ["timezone"], "unknown": 1}
    assert "notes" not in str(told)


def test_a_file_that_changes_between_the_two_passes_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, [{"_id": "lea_1", "jobtitle": "CEO"}])
    importing = Import(path, salt="s")
    with path.open("a") as file:
        file.write("lea_2,CTO\n")
    with pytest.raises(ValueError, match="changed while it was read"):
        list(importing.contacts(ImportReport()))


def written(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [
        "lea_1",
        "lea_2",
        "a@example.invalid",
        "70",
        "700",
        "inf",
        "0,5",
        "2010.0",
        "10-Feb",
        "done",
        "2026-01-02",
        "\0",
        '"',
    ]
)
COLUMNS = ("_id", "email", "jobtitle", "llm_quality", "companysize", "companyfoundedon", "engaged", "lastreplieddate")


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=len(COLUMNS) + 1), max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from(",;\t"),
    damage=st.tuples(st.integers(0, 400), st.binary(max_size=2)),
)
def test_whatever_the_rows_each_is_counted_once_and_every_contact_keeps_its_contract(
    folder: Path, rows: list[list[str]], encoding: str, delimiter: str, damage: tuple[int, bytes]
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([COLUMNS, *rows])
    data = out.getvalue().encode(encoding)
    at = min(len(data), len(delimiter.join(COLUMNS).encode(encoding)) + 4 + damage[0])
    path = folder / "any.csv"
    path.write_bytes(data[:at] + damage[1] + data[at:])
    found, report, dead = imported(path)
    for contact in contacts(found):
        assert decode(Contact, encode(contact)) == contact
    assert len({contact.id for contact in contacts(found)}) == len(found)
    assert "example" not in str([contacts(found), report.to_json(), dead])


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), max_size=20))
def test_the_last_of_each_key_stays(keys: list[int]) -> None:
    expected = [key not in keys[place + 1 :] for place, key in enumerate(keys)]
    assert last_of_each(np.array(keys, np.uint64)).tolist() == expected


@pytest.mark.parametrize(
    ("path", "text", "figures"),
    [(PATH, generate(), (300, 0, 0)), (LATER_PATH, generate_later(), (300, 5, 0))],
    ids=["earlier", "later"],
)
def test_the_samples_are_what_their_generator_writes_and_are_imported(
    path: Path, text: str, figures: tuple[int, int, int]
) -> None:
    assert path.read_text("utf-8") == text
    found, report, _ = imported(path)
    assert (report.contacts, report.duplicates, report.dropped.total()) == figures
    told: Any = b"".join(encode(contact) for contact in contacts(found)).lower()
    assert not any(word in told for word in (b"invalid", b"person", b"99 00", b"lea_"))
