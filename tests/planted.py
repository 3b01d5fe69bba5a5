"""Exports full of invented personal data, every piece of it unique, and the search for it in whatever came of them."""

from __future__ import annotations

import csv
import io
import random
import re
import unicodedata
from dataclasses import dataclass, field

from data.generate_sample_export import HEADER, LATER_HEADER

ENRICHED = ["llm_quality", "llm_seniority", "llm_industry", "llm_geography", "llm_business_type", "engaged"]
LETTERS = "bcdfgjkmqvwxzéèçñöü"
STATES = (("linkedinReplied", "done"), ("linkedinInviteDone", "done"), ("reviewed", "inProgress"))
TITLES = ("CEO", "Head of Sales", "Product Manager", "Consultant", "Lead Developer", "Analyst")
PLACES = ("Paris, France", "Lyon, France", "Greater Paris Metropolitan Region")
SECTORS = ("Law Practice", "Computer Software", "Retail", "Research")
AROUND = ("{}", "Ask {} first.", "Before ({}), after", "one;two\n{}\nthree", "🚀 {} 🚀", 'so-called "{}"')
ORDINARY = {
    "jobtitle": TITLES, "location": PLACES, "companylocation": PLACES, "industry": SECTORS, "companyindustry": SECTORS,
    "companysize": ("11-50", "37", "10-Feb"), "companyfoundedon": ("2010.0", "1999"), "languages": ("French, English",),
    "skills": ("Python, Sales", "Hiring"), "summary": ("I like numbers.\nAnd people.", "Ten years of markets."),
    "companytype": ("Privately Held", "Nonprofit"), "llm_seniority": ("Mid", "Senior"), "llm_industry": SECTORS,
    "llm_quality": ("70", "20"), "llm_geography": ("other",), "llm_business_type": ("experts",),
}  # fmt: skip


@dataclass
class Planted:
    """An export's text, and the personal data in it."""

    header: list[str]
    rows: list[dict[str, str]] = field(default_factory=list)
    markers: set[str] = field(default_factory=set)

    def text(self, delimiter: str = ",") -> str:
        """The export as a CSV."""
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, self.header, restval="", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()

    def found_in(self, data: bytes) -> set[str]:
        """The markers that stand in the bytes, in whatever case, with or without accents, numbers however spaced.

        Characters that JSON escapes are read as what they stand for.
        """
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), data.decode("utf-8", "replace"))
        text = _folded(text)
        digits = re.sub(r"(?<=\d)[\s().-]+(?=\d)", "", text)
        return {marker for marker in self.markers if marker in (digits if marker.isdigit() else text)}

    def across(self, data: bytes, at: int) -> set[str]:
        """The markers that stand across a place of the bytes."""
        left, right = (
            _folded(part.decode("utf-8", "ignore")) for part in (data[max(0, at - 40) : at], data[at : at + 40])
        )
        near = _folded(data[max(0, at - 40) : at + 40].decode("utf-8", "ignore"))
        return {one for one in self.markers if one in near and one not in left and one not in right}


def planted_export(rng: random.Random, rows: int, *, share: float, columns: list[str] | None = None) -> Planted:
    """An export whose every personal column is filled, and texts of whose other columns hold personal data.

    Args:
        share: of the other columns that hold some, at random, beside or in place of what belongs there.
        columns: the header; the earlier shape's unless stated.
    """
    planted = Planted(columns or HEADER)
    for _ in range(rows):
        person = _person(rng, planted.markers)
        pieces = _pieces(rng, person)
        row = {}
        for column in planted.header:
            name = column.lower()
            row[column] = person.get(name) or rng.choice(ORDINARY.get(name, ("",)))
            if name not in person and rng.random() < share:
                filled = rng.choice(AROUND).format(rng.choice(pieces))
                row[column] = filled if rng.random() < 0.5 else f"{row[column]} {filled}"
        laststate, status = rng.choice(STATES)
        for column in planted.header:
            if column.lower() in ("laststate", "status") and rng.random() > share / 4:
                row[column] = laststate if column.lower() == "laststate" else status
        planted.rows.append(row)
    return planted


SHAPES = (HEADER, LATER_HEADER, [*HEADER, *ENRICHED], [*HEADER, "Notes of Example Person"])


def _word(rng: random.Random, markers: set[str]) -> str:
    """A name that nobody has and no word contains."""
    word = "".join(rng.choice(LETTERS) for _ in range(rng.randint(9, 12)))
    markers.add(_folded(word))
    return word.capitalize()


def _person(rng: random.Random, markers: set[str]) -> dict[str, str]:
    first, last, double, company, slug, mail, ident = (_word(rng, markers) for _ in range(7))
    phone = "6" + "".join(str(rng.randrange(10)) for _ in range(8))
    markers.add(phone)
    return {
        "firstname": rng.choice((first, f"{first}-{double}", first.upper())),
        "lastname": rng.choice((last, f"de la {last}", f"{last} {double}")),
        "email": f"{mail.lower()}@{slug.lower()}.example.invalid",
        "phone": "+33 " + " ".join([phone[0], *(phone[at : at + 2] for at in range(1, 9, 2))]),
        "picture": f"https://pictures.example.invalid/{slug}.jpg",
        "linkedinurl": f"https://profiles.example.invalid/in/{slug}",
        "linkedinurlsalesnav": f"https://profiles.example.invalid/sales/{slug}",
        "companylinkedinurl": f"https://profiles.example.invalid/company/{company}",
        "companyname": f"{company} & Sons",
        "companydomain": f"{company.lower()}.example.invalid",
        "companypicture": f"https://pictures.example.invalid/{company}.jpg",
        "icebreaker": f"Dear {first}",
        "tagline": f"{first} of {company}",
        "_id": f"lea_{ident}",
    }


def _pieces(rng: random.Random, person: dict[str, str]) -> list[str]:
    """The person's data as people write them."""
    first, last = person["firstname"], person["lastname"]
    plain = unicodedata.normalize("NFKD", first).encode("ascii", "ignore").decode()
    digits = re.sub(r"\D", "", person["phone"])[2:]
    return [
        first, last, f"{last} {first}", f"{first} {last}".upper(), plain, first.replace("-", " "), f"{first}'s",
        person["email"], person["email"].upper(), person["email"].replace("@", " (at) "), f"<{person['email']}>",
        person["phone"], f"0{digits}", f"+33 (0){digits}", f"0033.{digits[0]}.{digits[1:5]}.{digits[5:]}",
        person["linkedinurl"], person["linkedinurl"].removeprefix("https://"), "www." + person["companydomain"],
        person["companyname"], person["companydomain"], person["_id"], person["picture"],
        "@" + person["linkedinurl"].rsplit("/", 1)[1],
    ]  # fmt: skip


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
