"""Personal data planted in every column of an export: nothing of it is in anything that an import leaves behind."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.cli import main
from producers import lemlist
from tests.planted import SHAPES, planted_export


def left_behind(folder: Path, capture: pytest.CaptureFixture[str], data: bytes, *options: str) -> bytes:
    """Everything that an import writes, prints and keeps."""
    export, home = folder / "export.csv", folder / "home"
    export.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRIFTLINE_HOME", str(home))
        code = main(["import", str(export), "-o", str(folder / "out.jsonl"), *options])
    export.unlink()
    told = capture.readouterr()
    assert code in (0, 1), told.err
    assert "Traceback" not in told.err
    kept = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    for path in folder.glob("out*"):
        path.unlink()
    return kept + told.out.encode() + told.err.encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


def test_nothing_planted_leaves_an_export_of_any_shape(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @settings(max_examples=60)
    @given(
        rng=st.randoms(use_true_random=False),
        shape=st.sampled_from(SHAPES),
        share=st.sampled_from([0.2, 0.6, 1.0]),
        encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
        delimiter=st.sampled_from(",;\t"),
        options=st.sampled_from([(), ("--json",), ("--strict",)]),
    )
    def holds(
        rng: random.Random, shape: list[str], share: float, encoding: str, delimiter: str, options: tuple[str, ...]
    ) -> None:
        planted = planted_export(rng, rng.randint(1, 6), share=share, columns=shape)
        data = planted.text(delimiter).encode(encoding, "replace")
        assert planted.found_in(left_behind(folder, capsys, data, *options)) == set()

    holds()


def test_nothing_planted_leaves_an_export_that_is_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @settings(max_examples=60)
    @given(
        rng=st.randoms(use_true_random=False),
        shape=st.sampled_from(SHAPES),
        damage=st.sampled_from([b"", b"\xe9", b"\n", b"\r", b",", b"\0"]),
        cut=st.booleans(),
    )
    def holds(rng: random.Random, shape: list[str], damage: bytes, cut: bool) -> None:
        planted = planted_export(rng, rng.randint(1, 4), share=0.5, columns=shape)
        data = planted.text().encode()
        at = rng.randrange(len(data))
        # Another letter in a name makes another name of it, and the right one is nowhere stated any more.
        renamed = planted.across(data, at) if damage == b"\xe9" else set()
        data = data[:at] + damage + (b"" if cut else data[at:])
        assert planted.found_in(left_behind(folder, capsys, data)) <= renamed

    holds()


def test_what_stands_in_place_of_the_header_is_not_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted = planted_export(random.Random(1), 3, share=0.5)
    data = planted.text().split("\r\n", 1)[1].encode()
    left = left_behind(folder, capsys, data)
    assert b"names none of the columns of an export" in left
    assert planted.found_in(left) == set()


def test_the_search_finds_what_is_not_scrubbed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lemlist, "scrub", lambda text, own, counts: text)
    planted = planted_export(random.Random(1), 50, share=1.0)
    left = planted.found_in(left_behind(folder, capsys, planted.text().encode()))
    assert len(left) > len(planted.markers) / 2
