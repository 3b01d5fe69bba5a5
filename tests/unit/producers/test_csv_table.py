"""CSV as it comes: whatever the encoding, the delimiter and the line ends, and no byte lost where it is broken."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from producers.csv_table import CsvTable, Record

NAMES = ("id", "jobtitle", "summary")
ENCODINGS = {
    "utf-8": b"", "utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "utf-32-le": b"\xff\xfe\0\0",
}  # fmt: skip


def known(header: object) -> int:
    return sum(name in NAMES for name in header)  # type: ignore[attr-defined]


def table_of(folder: Path, data: bytes) -> CsvTable:
    path = folder / "table.csv"
    path.write_bytes(data)
    return CsvTable.of(path, known)


def records_of(folder: Path, data: bytes) -> list[Record]:
    return list(table_of(folder, data).records())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), max_size=12)
VALUES = TEXTS | st.sampled_from(["a,b;c\td|e", '"', "a\nb", "a\r\nb", "🚀 é"])


@given(
    rows=st.lists(st.lists(VALUES, min_size=3, max_size=3)),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quotes_all=st.booleans(),
)
def test_what_a_spreadsheet_wrote_is_read_and_every_record_found_at_its_place(
    folder: Path, rows: list[list[str]], encoding: str, delimiter: str, end: str, quotes_all: bool
) -> None:
    out = io.StringIO(newline="")
    every = quotes_all or end != "\r\n"  # or else the writer leaves the other line ends bare
    writer = csv.writer(
        out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    )
    writer.writerow(NAMES)
    writer.writerows(rows)
    data = ENCODINGS[encoding] + out.getvalue().encode(encoding)
    table = table_of(folder, data)
    records = list(table.records())
    assert (table.header, table.delimiter) == (NAMES, delimiter)
    assert [record.values for record in records] == rows
    for record in records:
        text = data[record.offset : record.offset + record.length].decode(table.encoding.name)
        assert next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) == record.values
    assert not any(record.is_guess or record.fault for record in records)


@given(body=st.binary(max_size=300) | st.text('a",;\n\ré', max_size=60).map(str.encode))
@example(b'"')
@example(b'a,"b\nc,d,e\n' * 3)
@example(b"\xff\xff\n\x81\x00")
def test_whatever_the_bytes_no_one_of_them_is_lost_and_none_is_told_twice(folder: Path, body: bytes) -> None:
    head = b"id,jobtitle,summary\n"
    try:
        table = table_of(folder, head + body)
    except ValueError:
        assume(False)
    end = len(head)
    for number, record in enumerate(table.records(), 1):
        assert (record.number, record.offset) == (number, end)
        assert record.length > 0
        assert (record.values is None) == bool(record.fault)
        end += record.length
    assert end == len(head + body)


@given(rows=st.integers(1, 6), at=st.integers(0, 5), column=st.integers(0, 2))
def test_a_quote_that_is_never_closed_costs_its_own_row_and_no_other(
    folder: Path, rows: int, at: int, column: int
) -> None:
    text = "a text, quoted\non two lines"
    lines = [["1", "CEO", f'"{text}"'] for _ in range(rows)]
    stray = ["1", "CEO", "text"]
    stray[column] = '"' + stray[column]
    lines.insert(min(at, rows), stray)
    data = "id,jobtitle,summary\n" + "".join(",".join(line) + "\n" for line in lines)
    records = records_of(folder, data.encode())
    (broken,) = [record for record in records if record.fault]
    assert "quote" in broken.fault
    assert data.encode()[broken.offset :].startswith(",".join(stray).encode())
    assert [record.values for record in records if record.values] == [["1", "CEO", text]] * rows


def test_a_quote_left_open_does_not_take_a_long_file_into_memory(folder: Path) -> None:
    line = b"1,CEO,a text\n"
    records = records_of(folder, b'id,jobtitle,summary\n1,CEO,"a text\n' + line * 50_000)
    assert [record.number for record in records if record.fault] == [1]
    assert len(records) == 50_001


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_value_that_is_too_long_costs_its_own_row_and_is_called_that(folder: Path, quote: str) -> None:
    long = quote + "x" * 200_000 + quote
    records = records_of(folder, f"id,jobtitle,summary\n1,CEO,{long}\n2,CEO,a text\n".encode())
    assert [record.fault[:38] for record in records] == ["a value has more than 131,072 characte", ""]


def test_a_broken_byte_among_utf_8_is_read_as_it_was_meant_and_told(folder: Path) -> None:
    table = table_of(folder, "id,jobtitle\n1,café\n2,".encode() + b"Ren\xe9e\n")
    assert table.encoding.name == "utf-8"
    assert [(record.values, record.is_guess) for record in table.records()] == [
        (["1", "café"], False),
        (["2", "Renée"], True),
    ]


def test_a_file_without_utf_8_is_read_as_windows_1252_and_told(folder: Path) -> None:
    table = table_of(folder, "id,jobtitle\n1,café – 10 €\n2,CEO\n".encode("windows-1252"))
    assert table.encoding.name == "windows-1252"
    assert [(record.values, record.is_guess) for record in table.records()] == [
        (["1", "café – 10 €"], True),
        (["2", "CEO"], False),
    ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_the_header_where_no_value_is_latin(folder: Path, encoding: str) -> None:
    text = "id,jobtitle\n" + "1,首席执行官软件工程师\n" * 20
    table = table_of(folder, text.encode(encoding))
    assert (table.encoding.name, table.header) == (encoding, ("id", "jobtitle"))
    assert {tuple(record.values or ()) for record in table.records()} == {("1", "首席执行官软件工程师")}


def test_half_a_character_at_the_end_of_utf_16_is_told(folder: Path) -> None:
    *_, last = records_of(folder, b"\xff\xfe" + "id,jobtitle\n1,CEO".encode("utf-16-le") + b"\x41")
    assert last.is_guess
