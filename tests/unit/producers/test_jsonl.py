"""JSONL of contacts: read once for its times, then in any order."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from driftline.events import Contact
from producers.jsonl import JsonLines, from_jsonl, labelled_of_line, to_jsonl
from producers.labelled import Labelled

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def written(folder: Path, text: bytes) -> Path:
    path = folder / "contacts.jsonl"
    path.write_bytes(text)
    return path


def test_a_contact_that_is_written_is_read_again() -> None:
    contact = Contact(id="a", sent_at=AT, occurred_at=AT, industry="Rénovation 🏠", llm_quality=70.0)
    for labelled in (Labelled(contact), Labelled(contact, 0), Labelled(contact, 1, AT)):
        assert labelled_of_line(to_jsonl(labelled)) == labelled


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"id": "a", ', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"id": "a", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b"\xff", "not a JSON object"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b'{"llm_quality": 7}', "missing required field `id`"),
        (b'{"id": "a", "llm_quality": "Zoe"}', "llm_quality"),
        (b'{"id": "a", "engaged": "Zoe"}', "engaged is neither 0 nor 1"),
        (b'{"id": "a", "engaged": 2}', "engaged is neither 0 nor 1"),
        (b'{"id": "a", "engaged": 1, "labelled_at": "Zoe"}', "labelled_at is no time"),
        (b'{"id": "a", "sent_at": "Zoe"}', "sent_at"),
    ],
)
def test_a_line_that_is_no_contact_says_why_and_not_what_it_holds(line: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why) as fault:
        labelled_of_line(line)
    assert "Zoe" not in str(fault.value)


@pytest.mark.parametrize("line", [b'{"id": "a"}', b'\xef\xbb\xbf {"id": "a"}\r\n'])
def test_what_a_line_leaves_out_and_spaces_around_it_do_not_matter(line: bytes) -> None:
    contact = labelled_of_line(line).contact
    assert isinstance(contact, Contact)
    assert contact.id == "a"


@pytest.mark.parametrize("broken", [b'{"id": "b", ', b'{"id": "b", "more": ' + b"[" * 100_000], ids=["cut", "deep"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_are_read_in_any_order_with_their_positions_and_numbers(
    tmp_path: Path, end: bytes, broken: bytes
) -> None:
    lines = [
        b'{"id": "a", "occurred_at": "2026-03-02T10:00:00Z", "engaged": 1}', b"", broken, b"  ",
        b'{"id": "c", "occurred_at": "2026-03-02T11:00:00+02:00"}',
    ]  # fmt: skip
    path = written(tmp_path, end.join(lines))
    told: list[tuple[int, str]] = []
    with path.open("rb") as file:
        found = JsonLines(file)
        assert len(found) == 3
        np.testing.assert_array_equal(found.times, [AT.timestamp(), np.nan, AT.timestamp() - 3_600])
        read = list(found.read(np.array([2, 0, 1]), lambda line, why: told.append((line, why))))
        again = [labelled for _, labelled in found.read(None, lambda line, why: None)]
    assert [position for position, _ in read] == [2, 0, 1]
    assert [one.contact.id for _, one in read[:2] if isinstance(one.contact, Contact)] == ["c", "a"]
    assert read[2][1].contact == broken
    assert told == [(3, "not JSON")]
    assert again == list(from_jsonl(path, lambda line, why: None)) == [read[1][1], read[2][1], read[0][1]]


def test_of_many_lines_none_is_left_out_or_repeated(tmp_path: Path) -> None:
    path = written(tmp_path, b"".join(b'{"id": "c%d"}\n' % n for n in range(10_000)))
    order = np.random.default_rng(0).permutation(10_000)
    with path.open("rb") as file:
        found = JsonLines(file)
        ids = [one.contact.id for _, one in found.read(order, print) if isinstance(one.contact, Contact)]
    assert ids == [f"c{n}" for n in order]


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    digests = []
    for text in (b'{"id": "a"}\n', b'{"id": "a"}\n', b'{"id": "b"}\n'):
        with written(tmp_path, text).open("rb") as file:
            digests.append(JsonLines(file).digest)
    assert digests[0] == digests[1] != digests[2]
