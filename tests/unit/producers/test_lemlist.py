"""Reading exports: both shapes, and what never gets past import."""

from pathlib import Path

import pytest

from data.generate_sample_export import PATH, generate
from driftline.events import encode
from producers.lemlist import company_size, label_of, read_contacts

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


def write(folder: Path, text: str) -> Path:
    path = folder / "export.csv"
    path.write_text(text, "utf-8")
    return path


def test_contacts_and_labels_of_an_export(tmp_path: Path) -> None:
    found = list(read_contacts(write(tmp_path, EARLY), salt="s"))
    assert [engaged for _, engaged in found] == [1, 0, None]
    assert [contact.companysize for contact, _ in found] == ["11-50", "2-10", None]
    assert found[0][0].companyfoundedon == 2010.0
    assert [contact.llm_seniority for contact, _ in found] == ["Senior", "C-Level", "Entry"]


def test_the_later_shape_is_read_too(tmp_path: Path) -> None:
    ((contact, engaged),) = read_contacts(write(tmp_path, LATER), salt="s")
    assert engaged == 1
    assert contact.companysize == "11-50"
    assert contact.occurred_at is not None
    assert contact.occurred_at.year == 2026


def test_nothing_personal_gets_past_import(tmp_path: Path) -> None:
    told = b"".join(encode(contact) for contact, _ in read_contacts(write(tmp_path, EARLY + ""), salt="s"))
    for secret in (b"Zoe", b"Quick", b"Slow", b"corp.example", b"33 1 23", b"lea_"):
        assert secret not in told


def test_ids_are_stable_and_depend_on_the_salt(tmp_path: Path) -> None:
    path = write(tmp_path, EARLY)
    ids = [[contact.id for contact, _ in read_contacts(path, salt=salt)] for salt in ("a", "a", "b")]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert len(set(ids[0])) == 3


def test_a_row_that_is_no_contact_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    text = "id,llm_quality,jobtitle,engaged\na,70,CEO,1\nb,700,CEO,0\nc,Zoe,CEO,0\nd,20,,\n"
    left_out: list[tuple[int, str]] = []
    found = list(read_contacts(write(tmp_path, text), salt="s", rejected=lambda row, why: left_out.append((row, why))))
    assert [contact.llm_quality for contact, _ in found] == [70.0, 20.0]
    assert [row for row, _ in left_out] == [2, 3]
    assert all("llm_quality" in why and "Zoe" not in why for _, why in left_out)


@pytest.mark.parametrize(("text", "size"), [("1", "2-10"), ("51-200", "51-200"), ("99999", "10001+"), ("many", "many")])
def test_company_sizes_are_normalised_and_unknown_ones_kept(text: str, size: str) -> None:
    assert company_size(text) == size


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"laststate": "linkedinInterested", "status": "interested"}, 1),
        ({"laststate": "linkedinInviteDone", "status": "done"}, 0),
        ({"laststate": "reviewed", "status": "reviewed"}, None),
        ({"engaged": "0"}, 0),
    ],
)
def test_labels(row: dict[str, str], label: int | None) -> None:
    assert label_of(row) == label


def test_the_sample_export_is_what_its_generator_writes() -> None:
    assert PATH.read_text("utf-8") == generate()
    assert len(list(read_contacts(PATH, salt="s"))) == 300
