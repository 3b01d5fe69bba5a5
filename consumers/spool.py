"""The spool: contacts that were accepted and wait to be on the topic. Append-only segment files, nothing but files.

A request is one frame, written with one call before it is answered: its contacts, and its idempotency key if it has
one. What `write` has returned for survives kill -9 of the process (though not the loss of power: nothing is synced).
A frame that a kill has torn was never answered; its length or its checksum tells, and since each start begins a new
segment, it can only be the last of its file.

Every contact has a position, counted from the first one on for ever. ``progress.json`` says up to which position all
contacts are on the topic; segments before it are removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import NamedTuple

import msgspec

from driftline.events import UNREADABLE
from driftline.whole_file import write_whole

SEGMENT_BYTES = 4 * 1024 * 1024
KEYS = 100_000
"""Requests whose idempotency key is remembered; the oldest is forgotten first."""
_HEAD = struct.Struct(">II")
_MARK = 16
"""Bytes of a hash: of a key, and of the body that it came with."""


class SpoolFullError(RuntimeError):
    """There is no room for a request now, and nothing of it was kept."""


class SpoolTooSmallError(ValueError):
    """There will never be room for a request."""


class KeyReusedError(ValueError):
    """An idempotency key came with a body other than its first."""


class SpoolTakenError(RuntimeError):
    """Another process uses this spool."""


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One request."""

    position: int
    """Of its first contact."""
    marks: bytes
    """Of its idempotency key and its body; empty without a key."""
    contacts: list[tuple[str, bytes]]
    """Their ids, and themselves as they are to stand on the topic."""

    @property
    def end(self) -> int:
        """The position after its last contact."""
        return self.position + len(self.contacts)


class Batch(NamedTuple):
    """What is to be sent next."""

    frames: list[Frame]
    rest: tuple[Path, int]
    """Where the first frame after them begins: segment and byte."""

    @property
    def end(self) -> int:
        """The position after its last contact."""
        return self.frames[-1].end


class Progress(msgspec.Struct, frozen=True):
    """How far the contacts are on the topic."""

    name: str
    """Of this spool among all senders, for ever."""
    position: int = 0
    """All contacts before it are on the topic."""
    start: dict[int, int] = msgspec.field(default_factory=dict)
    """By partition, an offset before which no contact from ``position`` on can stand."""


@dataclass
class _Segment:
    path: Path
    size: int
    """Bytes of its complete frames."""
    end: int
    """The position after its last contact."""
    marks: list[bytes] = field(default_factory=list)


class Spool:
    """One process's spool; safe for threads: many append, one takes what waits and says when it is sent.

    Args:
        folder: of this spool alone.
        name: of a new spool; one that is there keeps its own.
        limit: bytes that it may take on the disk.

    Raises:
        SpoolTakenError: another process has it.
        ValueError: its ``progress.json`` is damaged.
        OSError: the folder cannot be used.
    """

    def __init__(self, folder: Path, name: str, limit: int) -> None:
        self.folder, self._limit = folder, limit
        self._segment_bytes = min(SEGMENT_BYTES, limit // 8)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # contacts are people
        self._claim()
        self._grown = Condition()
        self._progress = self._read_progress() or Progress(name)
        self._keys = self._read_keys()
        self._segments: deque[_Segment] = deque()
        self._bytes, self._end = 0, self._progress.position
        self._rest: tuple[Path, int] = (folder, 0)
        self._file: int | None = None
        for path in sorted(folder.glob("*.segment")):
            self._recover(path)
        self._release()

    @property
    def progress(self) -> Progress:
        """How far the contacts are on the topic."""
        return self._progress

    @property
    def waiting(self) -> int:
        """Contacts that are not known to be on the topic."""
        return self._end - self._progress.position

    @property
    def size(self) -> int:
        """What the segments take on the disk."""
        return self._bytes

    @property
    def nearly_full(self) -> bool:
        """Whether less than a twentieth of the room is left."""
        return self._bytes > 0.95 * self._limit

    def append(self, contacts: Sequence[tuple[str, bytes]], key: tuple[bytes, bytes] | None = None) -> bool:
        """Keep the contacts (id, value) of one request; returns False, and keeps none, where its key was taken before.

        Args:
            key: idempotency key and body.

        Raises:
            SpoolFullError: there is no room, in the spool or on the disk.
            SpoolTooSmallError: nor will there ever be.
            KeyReusedError: the key was taken with another body.
        """
        marks = b"".join(map(_mark, key)) if key else b""
        with self._grown:
            if marks and (body := self._keys.get(marks[:_MARK])) is not None:
                if body != marks[_MARK:]:
                    raise KeyReusedError("this Idempotency-Key came with another body before: take a new one")
                return False
            frame = Frame(self._end, marks, list(contacts))
            self._write(frame)
            self._end = frame.end
            self._grown.notify_all()
        return True

    def wait(self, seconds: float) -> bool:
        """Whether contacts wait, now or within some seconds."""
        with self._grown:
            return self._grown.wait_for(lambda: self.waiting > 0, seconds)

    def take(self, most: int) -> Batch:
        """The next contacts that wait, in whole requests, until they are ``most``; the same again until `sent`."""
        with self._grown:
            path, begin = self._rest
            later = [(one.path, one.size) for one in self._segments if one.path >= path and one.size]
        frames: list[Frame] = []
        rest = self._rest
        for place, size in later:
            for frame, end in _frames(place, begin if place == path else 0, size):
                rest = (place, end)
                if frame.position >= self._progress.position:
                    frames.append(frame)
                    most -= len(frame.contacts)
                if most <= 0:
                    return Batch(frames, rest)
        return Batch(frames, rest)

    def sent(self, batch: Batch, start: Mapping[int, int]) -> None:
        """The batch is on the topic; what comes after it will stand at the offsets from ``start`` on."""
        self.starts_at(start, position=batch.end)
        with self._grown:
            self._rest = batch.rest
            self._release()

    def starts_at(self, start: Mapping[int, int], *, position: int | None = None) -> None:
        """Note where on the topic the contacts that wait can stand."""
        at = self._progress.position if position is None else position
        progress = Progress(self._progress.name, at, dict(start))
        write_whole(self.folder / "progress.json", msgspec.json.encode(progress))
        self._progress = progress

    def close(self) -> None:
        """Let another process have it."""
        with self._grown:
            self._close_segment()
            self._lock.close()

    def _write(self, frame: Frame) -> None:
        payload = msgspec.msgpack.encode(frame)
        data = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        if len(data) > self._limit:
            raise SpoolTooSmallError(f"{len(data):,} bytes are more than the whole spool may take ({self._limit:,})")
        if self._bytes + len(data) > self._limit:
            raise SpoolFullError(f"the spool is full ({self.waiting:,} contacts wait for the broker)")
        try:
            segment, file = self._open_segment(frame.position)
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
        except OSError as fault:
            self._undo()
            raise SpoolFullError(f"the spool cannot be written to ({fault.strerror})") from None
        segment.size += len(data)
        segment.end = frame.end
        self._bytes += len(data)
        self._remember(segment, frame.marks)
        if segment.size >= self._segment_bytes:
            self._close_segment()

    def _open_segment(self, position: int) -> tuple[_Segment, int]:
        if self._file is None:
            path = self.folder / f"{position:020}.segment"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            self._segments.append(_Segment(path, 0, position))
        return self._segments[-1], self._file

    def _undo(self) -> None:
        """Give back what a failed write has taken, and leave its segment: what is whole in it stays."""
        if self._file is None:
            return
        with suppress(OSError):
            os.ftruncate(self._file, self._segments[-1].size)
        if not self._segments[-1].size:
            with suppress(OSError):
                self._segments[-1].path.unlink()
            self._segments.pop()
        self._close_segment()

    def _close_segment(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _release(self) -> None:
        """Remove the segments whose contacts are all on the topic; their keys are kept first."""
        closed = len(self._segments) - (self._file is not None)
        while closed and self._segments[0].end <= self._progress.position:
            segment = self._segments.popleft()
            closed -= 1
            self._keep_keys(segment.marks)
            segment.path.unlink()
            self._bytes -= segment.size

    def _keep_keys(self, marks: list[bytes]) -> None:
        if not marks:
            return
        path = self.folder / "keys"
        with path.open("ab") as file:
            file.write(b"".join(marks))
            grown = file.tell()
        if grown > 2 * KEYS * 2 * _MARK:
            write_whole(path, b"".join(key + body for key, body in self._keys.items()))

    def _recover(self, path: Path) -> None:
        segment = _Segment(path, 0, self._end)
        for frame, end in _frames(path, 0, path.stat().st_size):
            segment.size, segment.end = end, frame.end
            self._remember(segment, frame.marks)
        if not segment.size:  # torn at its first frame, whose position is given again
            path.unlink()
            return
        self._segments.append(segment)
        self._bytes += segment.size
        self._end = max(self._end, segment.end)

    def _remember(self, segment: _Segment, marks: bytes) -> None:
        if not marks:
            return
        segment.marks.append(marks)
        self._keys[marks[:_MARK]] = marks[_MARK:]
        if len(self._keys) > KEYS:
            del self._keys[next(iter(self._keys))]

    def _read_keys(self) -> dict[bytes, bytes]:
        """The newest keys of removed segments. What a kill has torn belongs to a segment that is still there."""
        path = self.folder / "keys"
        stored = path.read_bytes() if path.exists() else b""
        whole = len(stored) // (2 * _MARK) * (2 * _MARK)
        kept = stored[max(0, whole - KEYS * 2 * _MARK) : whole]
        if kept != stored:
            write_whole(path, kept)
        marks = (kept[at : at + 2 * _MARK] for at in range(0, len(kept), 2 * _MARK))
        return {one[:_MARK]: one[_MARK:] for one in marks}

    def _read_progress(self) -> Progress | None:
        path = self.folder / "progress.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Progress) if path.exists() else None
        except UNREADABLE:  # it says what stands on the topic already, so guessing would lose contacts or repeat them
            self._lock.close()
            raise ValueError(
                f"{path} is damaged: restore it, or move {self.folder} away (what waits there is not sent then)"
            ) from None

    def _claim(self) -> None:
        self._lock = (self.folder / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise SpoolTakenError(f"another process uses {self.folder}") from None


def _frames(path: Path, begin: int, end: int) -> Iterator[tuple[Frame, int]]:
    """The whole frames of a segment between two bytes, each with the byte after it."""
    with path.open("rb") as file:
        file.seek(begin)
        while begin + _HEAD.size <= end:
            size, checksum = _HEAD.unpack(file.read(_HEAD.size))
            begin += _HEAD.size + size
            payload = file.read(size) if begin <= end else b""
            if len(payload) < size or zlib.crc32(payload) != checksum:
                return
            yield msgspec.msgpack.decode(payload, type=Frame), begin


def _mark(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_MARK).digest()
