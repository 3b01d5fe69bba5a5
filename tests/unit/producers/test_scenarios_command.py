"""`driftline scenarios`, as a user calls it."""

import csv
import json
from pathlib import Path
from threading import Event

import pandas as pd
import pytest

from driftline import cli
from driftline.company_size import company_size
from driftline.events import INPUTS, Contact
from model.features import FEATURE_SETS
from producers.contact_files import read_contacts
from producers.scenarios import SCENARIOS
from producers.scenarios_command import START

SHIPPED = Path("data/drift_scenarios")


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


def test_the_shipped_files_are_what_the_command_writes_with_its_defaults(tmp_path: Path) -> None:
    assert cli.main(["scenarios", "-o", str(tmp_path)]) == 0
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(path.name for path in SHIPPED.iterdir())
    assert written == sorted(f"{name}{kind}.csv" for name in SCENARIOS for kind in ("", "_contacts"))
    for name in written:
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), (
            f"{name}: driftline scenarios -o {SHIPPED}"
        )


@pytest.mark.parametrize("name", SCENARIOS)
def test_features_are_the_47_of_the_original_in_its_order(name: str) -> None:
    header, *table = rows(SHIPPED / f"{name}.csv")
    assert tuple(header) == FEATURE_SETS["original"].features
    assert len(header) == 47
    assert {len(row) for row in table} == {47}
    assert pd.read_csv(SHIPPED / f"{name}.csv").dtypes.map(pd.api.types.is_numeric_dtype).all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_contacts_read_back_are_those_of_the_stream(name: str) -> None:
    path = SHIPPED / f"{name}_contacts.csv"
    assert len(rows(path)[0]) == 20
    read = list(read_contacts(path, salt="salt"))
    drawn = list(SCENARIOS[name].contacts(300, seed=0, start=START))
    assert [one.engaged for one in read] == [engaged for _, engaged in drawn]
    for (one, *_), (other, _) in zip(read, drawn, strict=True):
        assert isinstance(one, Contact)
        for column in INPUTS:
            expected = getattr(other, column)
            if column == "companysize" and expected is not None:
                expected = company_size(expected)  # what import makes of it
            assert getattr(one, column) == expected


def test_only_the_named_ones_are_written_as_the_options_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--contacts", "60", "--onset", "30", "--severity", "1", "--seed", "4", "--json"]
    assert cli.main(["scenarios", "-o", str(tmp_path), "geography_shift", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (
        told["files"]
        == ["geography_shift.csv", "geography_shift_contacts.csv"]
        == sorted(path.name for path in tmp_path.iterdir())
    )
    assert (told["contacts"], told["onset"], told["seed"]) == (60, 30, 4)
    places = [row[INPUTS.index("location")] for row in rows(tmp_path / "geography_shift_contacts.csv")[1:]]
    assert all("France" in place for place in places[:30])
    assert not any("France" in place for place in places[30:])


def test_an_unknown_scenario_and_a_folder_that_cannot_be_written_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["scenarios", "-o", str(tmp_path / "new"), "sector_shif"]) == 2
    assert capsys.readouterr().err == "driftline: no scenario sector_shif: did you mean sector_shift?\n"
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    assert cli.main(["scenarios", "-o", str(tmp_path / "file")]) == 2
    told = capsys.readouterr().err
    assert told == f"driftline: -o {tmp_path / 'file'} cannot be written (File exists): name a folder that can\n"


def test_help_lists_every_scenario_and_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["scenarios", "--help"])
    assert done.value.code == 0
    told = capsys.readouterr().out
    assert all(scenario.name in told and scenario.about in told for scenario in SCENARIOS.values())
    assert "driftline scenarios -o scenarios sector_shift format_change" in told


def test_a_full_disk_is_told_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert cli.main(["scenarios", "-o", str(tmp_path), "sector_shift", "--contacts", "5"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_whole_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Event()
    stop.set()
    monkeypatch.setattr(cli, "stop_on_signals", lambda: stop)
    assert cli.main(["scenarios", "-o", str(tmp_path)]) == 130
    assert list(tmp_path.iterdir()) == []
