"""In which encoding a file of text is: what its bytes say, never a guess that goes unsaid."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the first half of it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BROKEN = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file become text."""

    name: str
    """Of the standard: utf-8, utf-16-le, windows-1252, …"""
    mark: int = 0
    """Bytes of the byte order mark that the text begins behind."""
    exact: bool = True
    """Whether every byte is as the encoding has it; where not, something is read as it most likely was meant."""

    @property
    def errors(self) -> str:
        """Python's handler for bytes that the encoding does not have; of UTF-8 the bytes are kept for `as_meant`."""
        return "surrogateescape" if self.name == "utf-8" else "replace"

    def size(self, text: str) -> int:
        """The bytes that the text took in the file.

        >>> Encoding("utf-8").size("é"), Encoding("windows-1252").size("é"), Encoding("utf-16-le").size("é")
        (2, 1, 2)
        """
        if self.name == "windows-1252" or (self.name == "utf-8" and text.isascii()):
            return len(text)
        return len(text.encode(self.name, self.errors))

    def is_guess(self, text: str) -> bool:
        """Whether some of the text is not what the encoding says, but what was most likely meant."""
        if self.exact or text.isascii():
            return False
        return self.name == "windows-1252" or bool(_BROKEN.search(text)) or "\ufffd" in text


def as_meant(text: str) -> str:
    """Bytes that are no UTF-8 among text that is: read as Windows-1252, which they mostly come from.

    >>> as_meant(b"Ren\\xe9e, caf\\xc3\\xa9".decode("utf-8", "surrogateescape"))
    'Renée, café'
    """
    return _BROKEN.sub(lambda found: bytes([ord(found[0]) - 0xDC00]).decode("windows-1252", "replace"), text)


def encoding_of(path: Path) -> Encoding:
    """The encoding of a whole file.

    A byte order mark decides; without one, NULs in most second bytes of its first line, or of all, tell UTF-16, and
    UTF-8 is what decodes as such. Of the rest, what has as many characters of UTF-8 beyond ASCII as broken bytes is
    UTF-8 with faults, and anything else is read as Windows-1252, which has all of Latin-1's characters where Latin-1
    has them.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark), _faults(path, name, len(mark)) == (0, 0))
    for text in (head.split(b"\n", 1)[0], head):  # names of columns are ASCII, whatever the values are
        for name, zeros in (("utf-16-le", text[1::2]), ("utf-16-be", text[::2])):
            if zeros.count(0) * 2 > len(zeros):
                return Encoding(name, 0, _faults(path, name, 0) == (0, 0))
    broken, beyond = _faults(path, "utf-8", 0)
    if not broken:
        return Encoding("utf-8")
    return Encoding("utf-8" if beyond >= broken else "windows-1252", exact=False)


def _faults(path: Path, name: str, mark: int) -> tuple[int, int]:
    """Bytes that are not of the encoding, and characters beyond ASCII; both 0 where no byte is at fault."""
    strict = codecs.getincrementaldecoder(name)()
    try:
        with path.open("rb") as file:
            file.seek(mark)
            while chunk := file.read(CHUNK):
                strict.decode(chunk)
            strict.decode(b"", final=True)
    except UnicodeDecodeError:
        return _counted(path) if name == "utf-8" else (1, 0)
    return 0, 0


def _counted(path: Path) -> tuple[int, int]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    broken = beyond = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            text = decoder.decode(chunk)
            broken += len(_BROKEN.findall(text))
            beyond += len(_BEYOND_ASCII.findall(text))
    return broken + len(_BROKEN.findall(decoder.decode(b"", final=True))), beyond
