"""Personal data inside texts: e-mail addresses, URLs, handles, phone numbers, and what a row itself says of its person.

What is recognised is blanked, rather too much than too little: a word lost costs a feature little, a name kept is a
person's. What no pattern tells and the row does not name, such as the name of somebody else, stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

BLANK = "…"
LONG = 6
"""Letters from which on a name is blanked inside of words too: it may be inflected, or run into its neighbour."""
SEAM = "\0"
"""Joins the texts of a row, so that one pass does for all: no pattern reaches across it."""

_OPEN, _CLOSE = r"\s?[(\[{<]\s?", r"\s?[)\]}>]\s?"
_AT = rf"(?:[@＠]|{_OPEN}(?:at|@|arobase){_CLOSE}|\sarobase\s|\sat\s(?=\S+\sdot\s))"
_DOT = rf"(?:\.|{_OPEN}(?:dot|point|\.){_CLOSE}|\s(?:dot|point)\s)"
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
# Possessive, and begun only where a run begins: a run of any length is read once.
_EMAIL = re.compile(rf"(?<!{_LOCAL}){_LOCAL}++{_AT}[\w-]++(?:{_DOT}[\w-]++)*", re.IGNORECASE)
_HANDLE = re.compile(r"[@＠][\w.-]+")
_URL = re.compile(r"(?:(?<!\w)\w++:/{1,2}|\bwww\.|\bmailto:)[^\s\0]+", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?<![\w.@-])(?!(?:(?i:asp)\.(?i:net)|[\w-]+\.js)(?![\w./]))"
    r"(?:(?:[\w-]++\.)+(?:[a-z]{2,24}|COM|NET|ORG|FR|IO|DE|UK)(?![\w-])(?:[/?#:][^\s\0]*)?"
    r"|(?:[\w-]++\.)+[A-Za-z]{2,24}/[^\s\0]+)"
)
_PHONE = re.compile(r"(?<!\d)[+＋]?\(?\d(?:[\s().\-/·‐‑–]{0,3}\d){7,}")
_LEAD = re.compile(r"\blea_\w+", re.IGNORECASE)
_YEARS = re.compile(r"(?:19|20)\d\d\D{1,3}(?:19|20)\d\d")
# What a text needs for a pattern to find anything in it, and what is searched for much faster.
_AT_SIGNS = ("@", "＠", " dot ", "arobase", "(at", "( at", "[at", "[ at", "{at", "{ at", "<at", "< at")
_URL_SIGNS = (":/", "www.", "mailto:")
_MAY_BE_DOMAIN = re.compile(r"\.(?:[a-z]{2}|COM|NET|ORG|FR|IO|DE|UK|[A-Za-z]+/)")
_MAY_BE_PHONE = re.compile(r"\d(?:[\s().\-/·‐‑–]{0,3}\d){7}")

_WORD = re.compile(r"[^\W\d_]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff]")
"""Scripts that put no spaces between words, where a name has no edges to look for."""
_PARTICLES = frozenset({
    "da", "das", "de", "del", "den", "der", "di", "dos", "du", "el", "et", "la", "las", "le", "les", "los", "of",
    "saint", "san", "st", "the", "van", "von", "zu", "al", "bin", "ibn", "ben", "abu",
})  # fmt: skip
_NO_NAMES = frozenset({
    "none", "null", "nan", "n/a", "unknown", "freelance", "freelancer", "self-employed", "independent", "independant",
    "contact", "marketing", "commercial", "direction", "support", "recruitment", "recrutement", "business", "founder",
    "manager", "accounting", "consulting", "conseil", "communication", "administration", "information",
})  # fmt: skip
"""Stand where a company's name should, or before an @, and name nobody."""
_OWN_PART = re.compile(
    rf"([^@/]{{{LONG},}})@|\w+:/+(?:[^/]+/)+([\w.-]{{{LONG},}}?)(?:\.\w+)?/?(?:[?#].*)?$|lea_(\w{{{LONG},}})"
    rf"|([\w-]{{{LONG},}})(?:\.[\w-]+)+$"
)
"""Before the @ of an address, the last step of a URL, an id without its kind, and the name of a domain."""
_SINGLE = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ß": "s", "æ": "a", "œ": "o", "ı": "i", "þ": "t", "’": "'"}


def _plain(letter: str) -> str:
    """The letter without accent and case; one character always, so that places stay what they are."""
    if (known := _PLAIN.get(letter)) is None:
        lower = letter.lower()[:1]
        base = unicodedata.normalize("NFKD", lower)[:1].lower()
        known = _PLAIN[letter] = _SINGLE.get(lower, base if len(base) == 1 else lower)
    return known


_PLAIN: dict[str, str] = {}


def fold(text: str) -> str:
    """The text without case and accents, of the same length.

    >>> fold("Élodie MÜLLER-Strauß")
    'elodie muller-straus'
    """
    if text.isascii():
        return text.lower()
    return _BEYOND_ASCII.sub(lambda found: _plain(found[0]), text).lower()


def name_tokens(names: Sequence[str]) -> set[str]:
    """The words of a person's names to look for, and the ways in which they are written as one.

    >>> sorted(name_tokens(["Jean-Zoé", "de la Tour"]))
    ['jean', 'jeantour', 'jtour', 'tour', 'tourjean', 'zoe']
    """
    found: set[str] = set()
    ends: list[str] = []
    for name in names:
        words = [word for word in _WORD.findall(fold(name)) if len(word) > 1 or _UNSPACED.match(word)]
        said = [word for word in words if word not in _PARTICLES] or words
        found.update(said)
        if said:
            ends.append(said[0] if not ends else said[-1])
    if len(ends) > 1:
        first, last = ends[0], ends[-1]
        found |= {first + last, last + first, first[0] + last}
    return found


def phrases(values: Iterable[str]) -> set[str]:
    """What else of a row names its person: addresses, ids and the company, and what of an address is the person's own.

    >>> sorted(phrases(["Acme & Sons", "", "Freelance", "7"]))
    ['acme & sons']
    >>> sorted(phrases(["zoe.max@corp.invalid", "marketing@corp.invalid", "https://corp.invalid/in/zoe-max/"]))
    ['https://corp.invalid/in/zoe-max/', 'marketing@corp.invalid', 'zoe-max', 'zoe.max', 'zoe.max@corp.invalid']
    """
    folded = {fold(value) for value in values if len(value) > 2}
    own = {found[found.lastindex or 0] for value in folded if (found := _OWN_PART.match(value))}
    return (folded | own) - _NO_NAMES


def scrub(text: str, own: Iterable[str], counts: Counter[str]) -> str:
    """The text with blanks for what is personal.

    Args:
        own: `name_tokens` and `phrases` of the row.
        counts: is told how much was blanked, by kind.

    >>> scrub("Ask Zoé at zoe@corp.invalid or +33 (0)1 23 45 67 89, profiles.invalid/in/zoe", {"zoe"}, Counter())
    'Ask … at … or …, …'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    given, folded = text, fold(text)
    if any(sign in folded for sign in _AT_SIGNS):
        text = _blanked(_EMAIL, text, "emails", counts)
        text = _blanked(_HANDLE, text, "handles", counts)
    if any(sign in folded for sign in _URL_SIGNS):
        text = _blanked(_URL, text, "urls", counts)
    if "lea_" in folded:
        text = _blanked(_LEAD, text, "ids", counts)
    if _MAY_BE_DOMAIN.search(text):
        text = _blanked(_DOMAIN, text, "urls", counts)
    if _MAY_BE_PHONE.search(text):
        text = _without_phones(text, counts)
    return _without_own(text, folded if text is given else fold(text), own, counts)


def _blanked(pattern: re.Pattern[str], text: str, kind: str, counts: Counter[str]) -> str:
    text, found = pattern.subn(BLANK, text)
    if found:
        counts[kind] += found
    return text


def _without_phones(text: str, counts: Counter[str]) -> str:
    """Eight digits and more with little between them; two years are none."""

    def blank(found: re.Match[str]) -> str:
        if _YEARS.fullmatch(found[0]):
            return found[0]
        counts["phones"] += 1
        return BLANK

    return _PHONE.sub(blank, text)


def _without_own(text: str, folded: str, own: Iterable[str], counts: Counter[str]) -> str:
    spans = [span for token in own if token in folded for span in _places(token, folded)]
    if not spans:
        return text
    parts: list[str] = []
    begin = 0
    for start, end in sorted(spans):
        if end <= begin:
            continue
        if start >= begin:
            parts += (text[begin:start], BLANK)
            counts["names"] += 1
        begin = end
    return "".join([*parts, text[begin:]])


def _places(token: str, folded: str) -> Iterable[tuple[int, int]]:
    """Where the token stands as a word; or, if it is long or of a script without spaces, anywhere."""
    anywhere = len(token) >= LONG or _UNSPACED.match(token) is not None
    start = folded.find(token)
    while start >= 0:
        end = start + len(token)
        if anywhere or not (folded[start - 1 : start].isalpha() or folded[end : end + 1].isalpha()):
            yield start, end
        start = folded.find(token, start + 1)
