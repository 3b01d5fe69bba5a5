"""`driftline backtest`: files in, alerts and a picture out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from driftline.cli import main
from driftline.tables import read_table


def frame(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"quality": rng.normal(60, 15, n).round(1), "size": rng.choice(["2-10", "11-50"], n), "id": range(n)}
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    frame(400, 0).drop(columns="id").to_csv("reference.csv", index=False)
    stream = frame(900, 1)
    stream.loc[500:, "quality"] += 20
    stream.to_csv("stream.csv", index=False)
    stream.to_parquet("stream.parquet")
    return tmp_path


@pytest.mark.parametrize("stream", ["stream.csv", "stream.parquet"])
def test_the_alerts_of_a_file_are_those_of_the_topic(
    folder: Path, stream: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", stream, "--reference", "reference.csv", "--window", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["promise"]["holds"]) == (900, True)
    assert found["untested"] == {"id": "not in the reference"}
    first = found["alerts"][0]
    assert (first["schema"], first["state"], first["kind"]) == ("driftline.alert/1", "firing", "data_drift")
    assert 500 < first["at_contact"] <= 560
    assert first["columns"][0]["name"] == "quality"


def test_people_read_what_changed_and_get_a_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = folder / "out.png"
    arguments = ["backtest", "stream.csv", "--reference", "reference.csv", "--window", "200", "--plot", str(drawn)]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "at most 5% of runs of 20,000 rows raise any alert" in told
    assert "quality: median up from " in told
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_a_stream_shorter_than_the_window_is_drawn_and_said_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame(60, 2).to_csv("short.csv", index=False)
    assert main(["backtest", "short.csv", "--reference", "reference.csv", "--plot", "short.png"]) == 0
    assert "no alerts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.csv", "--reference", "reference.csv"], 1, "none.csv is no file"),
        (["empty.csv", "--reference", "reference.csv"], 1, "empty.csv could not be read as a table"),
        (["header.csv", "--reference", "reference.csv"], 1, "header.csv has no rows"),
        (["other.csv", "--reference", "reference.csv"], 1, "none of the reference's columns, such as 'quality'"),
        (["stream.csv", "--reference", "reference.csv", "--false-alarm-rate", "1"], 2, "--false-alarm-rate"),
        (["stream.csv", "--reference", "reference.csv", "--horizon", "0"], 2, "--horizon"),
        (["stream.csv", "--reference", "reference.csv", "--window", "20", "--pane", "30"], 2, "--pane 30"),
        (["stream.csv", "--reference", "reference.csv", "--plot", "out.nix"], 1, "nix"),
        (["stream.csv"], 2, "--reference"),
    ],
)
def test_bad_input_gets_one_line(
    folder: Path, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("quality,size\n")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    assert main(["backtest", *arguments]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("driftline:")]
    assert len(lines) == 1
    assert said in lines[0]


def test_one_word_among_numbers_does_not_make_them_words(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("age,zip\n31,0815\nn/b,x\n40,y\n")
    assert read_table(path)["age"].tolist() == [31.0, "n/b", 40.0]
    assert read_table(path)["zip"].tolist() == ["0815", "x", "y"]
