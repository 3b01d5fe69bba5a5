"""A file that is replaced as a whole, whoever writes it."""

import subprocess
import sys
from pathlib import Path

import pytest

from driftline.whole_file import write_whole

WRITER = """import sys
from pathlib import Path
from driftline.whole_file import write_whole
for _ in range(100):
    write_whole(Path(sys.argv[1]), sys.argv[2].encode() * 1_000_000)"""


def test_two_who_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", set[bytes]()
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter]) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 1_000_000
            seen.update({content[:1], content[-1:]})
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == {b"a", b"b"}
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]
