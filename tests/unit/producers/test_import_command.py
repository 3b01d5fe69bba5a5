"""`driftline import` as a user meets it: files, report, exit codes, and nothing half done."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from data.generate_sample_export import LATER_PATH
from driftline.cli import main
from driftline.events import Contact
from producers import import_command
from producers.contact_files import read_contacts

FILES = Path(__file__).parents[2] / "data" / "lemlist"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRIFTLINE_SALT", "s")


def left() -> list[str]:
    """The files that there are."""
    return sorted(path.name for path in Path().iterdir())


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_is_written_is_what_a_replay_of_the_export_itself_would_send(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(LATER_PATH), "-o", "out.jsonl", "--json"]) == 0
    told = document(capsys)
    assert (told["read"], told["contacts"], told["duplicates"], told["dropped"]) == (305, 300, 5, {})
    assert (told["encoding"], told["delimiter"], told["out"]) == ("utf-8", "comma", "out.jsonl")
    labels = told["labels"]
    assert labels["engaged"] + labels["not_engaged"] + labels["unlabelled"] == 300
    assert left() == ["out.jsonl"]
    again = {}
    for labelled in read_contacts(LATER_PATH, salt="s"):
        assert isinstance(labelled.contact, Contact)
        again[labelled.contact.id] = labelled
    written = {json.loads(line)["id"]: json.loads(line) for line in Path("out.jsonl").read_bytes().splitlines()}
    assert set(written) == set(again)
    for id_, labelled in again.items():
        assert isinstance(labelled.contact, Contact)
        assert written[id_]["llm_quality"] == labelled.contact.llm_quality is not None
        assert written[id_].get("engaged") == labelled.engaged
        assert ("labelled_at" in written[id_]) == (labelled.labelled_at is not None)


def test_the_report_for_people_has_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(FILES / "enriched.csv"), "-o", "out.jsonl"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    lines = {line.split()[0]: line.split()[1:] for line in told.out.splitlines()}
    assert [lines[name][0] for name in ("read", "written", "labelled", "dropped", "repaired")] == list("63236")
    assert "out.dead-letters.jsonl" in told.out


def test_dead_letters_lead_to_the_bytes_in_the_users_own_file_and_hold_none_of_them() -> None:
    source = FILES / "enriched.csv"
    assert main(["import", str(source), "-o", "out.jsonl"]) == 0
    text = Path("out.dead-letters.jsonl").read_text()
    assert "zoe" not in text
    found = [json.loads(line) for line in text.splitlines()]
    assert [(letter["file"], letter["row"]) for letter in found] == [("enriched.csv", row) for row in (2, 3, 4)]
    data = source.read_bytes()
    assert [data[letter["offset"] : letter["offset"] + letter["length"]][:2] for letter in found] == [
        b"b,",
        b"c,",
        b"d,",
    ]


def test_an_import_without_dead_letters_takes_those_of_an_earlier_one_away() -> None:
    assert main(["import", str(FILES / "enriched.csv"), "-o", "out.jsonl"]) == 0
    assert left() == ["out.dead-letters.jsonl", "out.jsonl"]
    assert main(["import", str(FILES / "comma_utf8.csv"), "-o", "out.jsonl"]) == 0
    assert left() == ["out.jsonl"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("semicolon_latin1", "encoding repaired: 2"),
        ("times", "time repaired: 3"),
        ("half_rows", "no contacts: 2 rows"),
        ("repeated_columns", "repeated column repaired: 2"),
    ],
)
def test_strict_writes_nothing_of_an_export_that_has_to_be_repaired(
    name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out.jsonl").write_text("an earlier one's\n")
    assert main(["import", str(FILES / f"{name}.csv"), "-o", "out.jsonl", "--strict", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["out"] is None
    assert words in told.err
    assert len(told.err.splitlines()) == 1
    assert Path("out.jsonl").read_text() == "an earlier one's\n"
    assert not list(Path().glob("*.part"))


def test_strict_writes_an_export_that_is_as_it_should_be() -> None:
    assert main(["import", str(FILES / "comma_utf8.csv"), "-o", "out.jsonl", "--strict"]) == 0
    assert len(Path("out.jsonl").read_bytes().splitlines()) == 3


def test_strict_asks_no_enricher_before_it_knows_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    def costly(*_: object) -> Any:
        def enrich(contacts: object) -> Any:
            raise AssertionError("was asked")

        return enrich, dict

    monkeypatch.setattr(import_command, "_enricher", costly)
    assert main(["import", str(FILES / "times.csv"), "-o", "out.jsonl", "--strict"]) == 1
    with pytest.raises(AssertionError, match="was asked"):
        main(["import", str(FILES / "comma_utf8.csv"), "-o", "out.jsonl", "--strict"])
    assert left() == []


def test_a_file_without_a_single_contact_is_told_and_nothing_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(FILES / "ends_in_a_quote.csv"), "-o", "out.jsonl"]) == 1
    assert "no contacts: 2 rows; out.jsonl is not written: name the right file" in capsys.readouterr().err
    assert left() == ["out.dead-letters.jsonl"]


@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_a_header_without_rows_leaves_an_earlier_import(strict: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("export.csv").write_text("_id,jobTitle\n\n")
    Path("out.jsonl").write_text('{"id": "a"}\n')
    assert main(["import", "export.csv", "-o", "out.jsonl", *strict]) == 1
    assert "no rows below the header; out.jsonl is not written: name the right file" in capsys.readouterr().err
    assert Path("out.jsonl").read_text() == '{"id": "a"}\n'


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["absent.csv", "-o", "out.jsonl"], 1, "no file absent.csv"),
        (["pipe", "-o", "out.jsonl"], 1, "pipe is a folder, a pipe or a device: name a file"),
        (["empty.csv", "-o", "out.jsonl"], 1, "is empty: export the contacts again"),
        (["blank.csv", "-o", "out.jsonl"], 1, "has no header: export the contacts again"),
        (["contacts.jsonl", "-o", "out.jsonl"], 1, "past the import: replay it as it is"),
        (["export.csv", "-o", "export.csv"], 2, "is the export itself: name another file"),
        (["export.csv", "-o", "link.csv"], 2, "is the export itself: name another file"),
        (["export.csv", "-o", "absent/out.jsonl"], 2, "there is no folder absent; make it first"),
        (["export.csv", "-o", "."], 2, "is a folder: name a file in it"),
        (["export.csv", "-o", "pipe"], 2, "is a pipe or a device: name a file"),
        (["export.csv", "-o", "/proc/out.jsonl"], 1, "/proc/out.jsonl"),
        (["export.csv"], 2, "-o/--out"),
        (["export.csv", "-o", "out.jsonl", "--enrich", "magic"], 2, "--enrich"),
    ],
)
def test_wrong_usage_is_told_in_one_line(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export = (FILES / "comma_utf8.csv").read_bytes()
    Path("export.csv").write_bytes(export)
    Path("link.csv").hardlink_to("export.csv")
    Path("empty.csv").touch()
    Path("blank.csv").write_text("   \n\n")
    os.mkfifo("pipe")
    Path("contacts.jsonl").write_text('{"id": "a"}\n')
    assert main(["import", *arguments]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert words in told.err
    assert len(told.err.splitlines()) == 1
    assert Path("export.csv").read_bytes() == export
    assert Path("pipe").is_fifo()
    assert not Path("out.jsonl").exists()


def export_of(rows: int) -> None:
    header, *people = LATER_PATH.read_text("utf-8").split("\nlea_")
    with Path("export.csv").open("w", encoding="utf-8") as file:
        file.write(header)
        for number in range(rows):
            file.write(f"\nlea_{number}{people[number % len(people)]}")


def start(*options: str, limit: str = "true") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "driftline.cli", "import", "export.csv", "-o", "out.jsonl", *options]
    shell = ["bash", "-c", f'{limit}; exec "$0" "$@"']
    return subprocess.Popen([*shell, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_import_leaves_nothing_half_done(number: signal.Signals) -> None:
    export_of(15_000)
    with start() as process:
        deadline = time.monotonic() + 60
        while not (Path("out.jsonl.part").exists() and Path("out.jsonl.part").stat().st_size):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert left() == ["export.csv"]


def test_a_disk_without_room_is_told_in_one_line_and_leaves_nothing_half_done() -> None:
    export_of(3_000)
    with start(limit="trap '' XFSZ; ulimit -f 100") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert b"cannot write out.jsonl (File too large): make room, or name another folder" in err
    assert len(err.splitlines()) == 1
    assert left() == ["export.csv"]


def test_memory_does_not_grow_with_the_file() -> None:
    program = (
        "import sys; from driftline.cli import main; main(['import', 'export.csv', '-o', 'out.jsonl', '--json']);"
        "sys.stderr.write(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    peaks = []
    for rows in (5_000, 20_000):
        export_of(rows)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
        peaks.append(int(done.stderr) / 1024)
    assert Path("export.csv").stat().st_size > 10 << 20
    assert peaks[1] - peaks[0] < 5
