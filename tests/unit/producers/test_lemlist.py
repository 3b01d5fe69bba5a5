"""Reading exports: both shapes, and what never gets past import."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from driftline.company_size import company_size
from driftline.events import INPUTS, Contact, encode
from producers.contact_files import read_contacts
from producers.labelled import Labelled, Rejected

EARLY = (
    '\ufeffFirst Name,lastName,email,Location,Summary,Job Title,companySize,companyFoundedOn,lastState,status,_id\n'
    'Zoe,Quick,zoe@corp.example,"Paris, France","Zoe writes to zoe@corp.example,\nor calls +33 1 23 45 67 89. 🚀",'
    "Director,11-50,2010.0,linkedinReplied,done,lea_1\n"
    ",,,,,,,,,,\n"
    "Ann,Slow,,France,,CTO,10-Feb,,linkedinInviteDone,done,lea_2\n"
    "Bob,New,,,,,,,reviewed,inProgress,lea_3\n"
)  # fmt: skip
LATER = (
    "linkedinurlsalesnav,firstname,jobtitle,companysize,firstcontacteddate,laststate,status\n"
    "https://profiles.example/1,Zoe,CEO,37,2026-01-02T03:04:05Z,linkedinInterested,interested\n"
)


def read(path: Path, salt: str = "s", rejected: Rejected = lambda row, why: None) -> list[tuple[Contact, int | None]]:
    """The contacts of a file; a CSV yields nothing else."""
    return [
        (c, engaged) for c, engaged, _ in read_contacts(path, salt=salt, rejected=rejected) if isinstance(c, Contact)
    ]


def write(folder: Path, text: str) -> Path:
    path = folder / "export.csv"
    path.write_text(text, "utf-8")
    return path


def test_contacts_and_labels_of_an_export(tmp_path: Path) -> None:
    found = read(write(tmp_path, EARLY))
    assert [engaged for _, engaged in found] == [1, 0, None]
    assert [contact.companysize for contact, _ in found] == ["11-50", "2-10", None]
    assert found[0][0].companyfoundedon == 2010.0
    assert [contact.llm_seniority for contact, _ in found] == ["Senior", "C-Level", "Entry"]


def test_the_later_shape_is_read_too(tmp_path: Path) -> None:
    ((contact, engaged),) = read(write(tmp_path, LATER))
    assert engaged == 1
    assert contact.companysize == "11-50"
    assert contact.occurred_at is not None
    assert contact.occurred_at.year == 2026


def test_nothing_personal_gets_past_import(tmp_path: Path) -> None:
    told = b"".join(encode(contact) for contact, _ in read(write(tmp_path, EARLY)))
    for secret in (b"Zoe", b"Quick", b"Slow", b"corp.example", b"33 1 23", b"lea_"):
        assert secret not in told


def test_ids_are_stable_and_depend_on_the_salt(tmp_path: Path) -> None:
    path = write(tmp_path, EARLY)
    ids = [[contact.id for contact, _ in read(path, salt)] for salt in ("a", "a", "b")]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert len(set(ids[0])) == 3


def test_a_row_that_is_no_contact_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    text = "id,llm_quality,jobtitle,engaged\na,70,CEO,1\nb,700,CEO,0\nc,Zoe,CEO,0\nd,20,,\n"
    left_out: list[tuple[int, str]] = []
    found = read(write(tmp_path, text), rejected=lambda row, why: left_out.append((row, why)))
    assert [contact.llm_quality for contact, _ in found] == [70.0, 20.0]
    assert [row for row, _ in left_out] == [2, 3]
    assert all("llm_quality" in why and "Zoe" not in why for _, why in left_out)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", "2-10"),
        ("51-200", "51-200"),
        ("99999", "10001+"),
        ("many", "many"),
        ("02-oct.", "2-10"),
        ("10-févr", "2-10"),
        ("0-50", "0-50"),
        ("9" * 5_000, "9" * 5_000),
    ],
    ids=lambda text: text[:9],
)
def test_company_sizes_are_normalised_and_unknown_ones_kept(text: str, size: str) -> None:
    assert company_size(text) == size


def test_an_enricher_gets_the_contacts_of_an_export_as_they_are_and_in_order(tmp_path: Path) -> None:
    seen: list[Labelled] = []

    def enrich(contacts: Iterable[Labelled]) -> Iterator[Labelled]:
        for labelled in contacts:
            seen.append(labelled)
            yield labelled

    found = list(read_contacts(write(tmp_path, EARLY), salt="s", enricher=enrich))
    assert found == seen
    assert [labelled.engaged for labelled in seen] == [1, 0, None]
    for labelled in seen:
        assert all(getattr(labelled.contact, name) is None for name in INPUTS if name.startswith("llm_"))


def test_the_offline_rules_leave_alone_what_a_file_has(tmp_path: Path) -> None:
    ((contact, _),) = read(write(tmp_path, "id,jobtitle,llm_quality\na,CEO,7\n"))
    assert (contact.llm_quality, contact.llm_seniority) == (7, None)


def test_a_line_of_a_jsonl_that_is_no_contact_is_handed_on_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "contacts.jsonl"
    path.write_bytes(
        b'{"id": "a", "llm_quality": 70, "engaged": 1}\n{"id": "b", \n\n{"id": "c", "engaged": "yes"}\n{"id": "d"}\n'
        b'{"id": "e", "llm_quality": "Zoe"}\n{"id": "f", "engaged": 0}\n'
    )
    told: list[tuple[int, str]] = []
    found = list(read_contacts(path, salt="s", rejected=lambda line, why: told.append((line, why))))
    assert [(c.id, label) for c, label, _ in found if isinstance(c, Contact)] == [("a", 1), ("d", None), ("f", 0)]
    assert [c for c, *_ in found if isinstance(c, bytes)] == [
        b'{"id": "b", ', b'{"id": "c", "engaged": "yes"}', b'{"id": "e", "llm_quality": "Zoe"}',
    ]  # fmt: skip
    assert [line for line, _ in told] == [2, 4, 6]
    assert "Zoe" not in str(told)


def test_a_jsonl_of_something_else_is_refused_before_it_reaches_the_topic(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text('{"order": 1}\n' * 300)
    with pytest.raises(ValueError, match="not a JSONL of contacts"):
        read_contacts(path, salt="s")
