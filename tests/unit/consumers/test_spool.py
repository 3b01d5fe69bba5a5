"""The spool: what was accepted is there after any kill, in its order, until it has been sent."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import consumers.spool
from consumers.spool import KeyReusedError, Spool, SpoolFullError, SpoolTakenError, SpoolTooSmallError

LIMIT = 1_000_000
ONE = [("a", b"{}")]
Start = Callable[..., Spool]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Opens the spool, or opens it again as after a restart."""
    with ExitStack() as opened:

        def start(limit: int = LIMIT, *, name: str = "x", at: Path = folder) -> Spool:
            opened.close()
            spool = Spool(at, name, limit)
            opened.callback(spool.close)
            return spool

        yield start


def contacts(first: int, count: int) -> list[tuple[str, bytes]]:
    return [(f"c{n}", f'{{"id": "c{n}"}}'.encode()) for n in range(first, first + count)]


def waiting(spool: Spool) -> list[tuple[int, str]]:
    """All that waits, by its position; nothing is sent."""
    frames = spool.take(10**9).frames
    return [(frame.position + n, name) for frame in frames for n, (name, _) in enumerate(frame.contacts)]


def drained(spool: Spool, most: int = 10**9) -> Iterator[str]:
    while spool.waiting:
        batch = spool.take(most)
        yield from (name for frame in batch.frames for name, _ in frame.contacts)
        spool.sent(batch, {0: batch.end})


def test_contacts_keep_their_order_and_their_positions_over_restarts(start: Start) -> None:
    for first in (0, 5, 10):
        spool = start()
        assert waiting(spool) == [(n, f"c{n}") for n in range(first)]
        spool.append(contacts(first, 5))
    spool = start()
    assert list(drained(spool, most=1)) == [f"c{n}" for n in range(15)]
    spool = start()
    spool.append(contacts(15, 1))
    assert waiting(spool) == [(15, "c15")]
    assert spool.progress.start == {0: 15}


def test_its_name_stays_once_something_was_sent_under_it(start: Start) -> None:
    spool = start(name="first")
    spool.append(ONE)
    list(drained(spool))
    assert start(name="second").progress.name == "first"


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["append", "send", "restart"]) | st.integers(1, 400), max_size=40), st.randoms())
def test_whatever_is_done_to_it_it_holds_what_was_appended_and_not_sent(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str | int], random: "np.random.Generator"
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool, expected, count = Spool(folder, "x", 40_000), list[str](), 0
    for step in steps:
        match step:
            case "restart":
                spool.close()
                spool = Spool(folder, "x", 40_000)
            case "send":
                if spool.waiting:
                    batch = spool.take(7)
                    sent = [name for frame in batch.frames for name, _ in frame.contacts]
                    assert sent == expected[: len(sent)]
                    del expected[: len(sent)]
                    spool.sent(batch, {})
            case _:
                size = 3 if step == "append" else int(step)
                try:
                    spool.append(contacts(count, size))
                except SpoolFullError:
                    continue
                expected += [f"c{n}" for n in range(count, count + size)]
                count += size
        assert spool.waiting == len(expected)
        assert [name for _, name in waiting(spool)] == expected
        assert spool.size == sum(path.stat().st_size for path in folder.glob("*.segment")) <= 40_000
    spool.close()


def test_a_full_spool_takes_nothing_of_a_request_and_has_room_again_once_contacts_are_sent(start: Start) -> None:
    spool = start(20_000)
    taken = 0
    while not spool.nearly_full:
        spool.append(contacts(taken, 10))
        taken += 10
    with pytest.raises(SpoolFullError, match="full"):
        spool.append(contacts(taken, 50))
    assert spool.waiting == taken
    assert list(drained(spool, most=10)) == [f"c{n}" for n in range(taken)]
    assert spool.size <= 20_000 / 8 + 1_000
    spool.append(contacts(taken, 10))


def test_a_request_that_takes_all_the_room_is_followed_by_others(start: Start) -> None:
    spool = start(20_000)
    big = [("a", b"x" * 19_000)]
    for _ in range(3):
        spool.append(big)
        with pytest.raises(SpoolFullError):
            spool.append(big)
        assert list(drained(spool)) == ["a"]
    with pytest.raises(SpoolTooSmallError):
        spool.append([("a", b"x" * 20_000)])


def test_a_full_disk_takes_nothing_of_a_request(start: Start) -> None:
    spool = start()
    spool.append(contacts(0, 10))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(SpoolFullError, match="cannot be written"):
            spool.append([("big", b"x" * 10_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    spool.append(contacts(10, 10))
    assert [name for _, name in waiting(spool)] == [f"c{n}" for n in range(20)]
    assert [name for _, name in waiting(start())] == [f"c{n}" for n in range(20)]


@pytest.mark.parametrize("lost", [1, 5, 9, 40])
def test_a_frame_torn_by_a_kill_is_dropped_and_its_positions_given_again(folder: Path, lost: int, start: Start) -> None:
    spool = start()
    spool.append(contacts(0, 3))
    spool.append(contacts(3, 3))
    (segment,) = folder.glob("*.segment")
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size - lost)
    spool = start()
    spool.append([("new", b"{}")])
    assert waiting(spool) == [(0, "c0"), (1, "c1"), (2, "c2"), (3, "new")]


def test_a_segment_whose_only_frame_is_torn_is_forgotten(folder: Path, start: Start) -> None:
    spool = start()
    spool.append(ONE)
    (segment,) = folder.glob("*.segment")
    with segment.open("r+b") as file:
        file.truncate(12)
    for _ in range(2):
        spool = start()
        spool.append(ONE)
        assert list(drained(spool)) == ["a"]


def test_a_damaged_note_of_what_is_sent_is_named_and_nothing_guessed(folder: Path, start: Start) -> None:
    start().append(contacts(0, 3))
    (folder / "progress.json").write_bytes(b"")
    with pytest.raises(ValueError, match=r"progress\.json is damaged: restore it, or move .* away"):
        start()
    assert len(list(folder.glob("*.segment"))) == 1


def test_a_key_is_taken_once_also_after_its_segment_is_gone(folder: Path, start: Start) -> None:
    spool = start()
    assert spool.append(ONE, (b"key", b"body"))
    for _ in range(3):
        assert not spool.append(ONE, (b"key", b"body"))
        with pytest.raises(KeyReusedError):
            spool.append(ONE, (b"key", b"another body"))
        assert list(drained(spool)) in (["a"], [])
        spool = start()
    assert not list(folder.glob("*.segment"))
    assert spool.append(ONE, (b"other", b"body"))


def test_only_so_many_keys_are_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch, start: Start) -> None:
    monkeypatch.setattr(consumers.spool, "KEYS", 100)
    for first in range(0, 400, 80):
        spool = start()
        for n in range(first, first + 80):
            assert spool.append(ONE, (str(n).encode(), b""))
        list(drained(spool))
    spool = start()
    assert (folder / "keys").stat().st_size <= 200 * 32
    assert not any(spool.append(ONE, (str(n).encode(), b"")) for n in range(300, 400))
    assert spool.append(ONE, (b"299", b""))


def test_a_spool_is_one_process_s_own(folder: Path) -> None:
    spool = Spool(folder, "x", LIMIT)
    with pytest.raises(SpoolTakenError):
        Spool(folder, "x", LIMIT)
    spool.close()
    Spool(folder, "x", LIMIT).close()


APPENDING = """
import sys
from pathlib import Path
from consumers.spool import Spool
spool, n = Spool(Path(sys.argv[1]), "x", 10**9), 0
while True:
    spool.append([(f"c{n}", b"x" * 30_000)] * 40, (str(n).encode(), b""))
    print(n, flush=True)
    n += 1
"""


def test_after_kill_9_all_that_was_accepted_is_there_with_its_keys(folder: Path, start: Start) -> None:
    for moment in (0.05, 0.13, 0.29):
        own = folder / str(moment)
        with subprocess.Popen(
            [sys.executable, "-c", APPENDING, str(own)], stdout=subprocess.PIPE, env=dict(os.environ)
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moment)
            process.kill()
            accepted = [0, *map(int, process.stdout.read().split())]
        spool = start(10**9, at=own)
        names = [name for _, name in waiting(spool)]
        requests = len(names) // 40
        assert names == [f"c{n}" for n in range(requests) for _ in range(40)]
        assert requests - len(accepted) in (0, 1)  # the last one may have been killed between writing and saying so
        assert not any(spool.append(ONE, (str(n).encode(), b"")) for n in accepted)
