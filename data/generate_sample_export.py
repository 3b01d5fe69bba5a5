"""Writes ``data/sample_lemlist_export.csv``: 300 invented people in the exact format of a LemList export.

Run ``python -m data.generate_sample_export``; the same bytes on every run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
from pathlib import Path

ROWS = 300
PATH = Path(__file__).parent / "sample_lemlist_export.csv"
HEADER = (
    "emailstatus,email,firstname,lastname,picture,phone,linkedinurl,timezone,companyname,companydomain,icebreaker,"
    "location,tagline,industry,summary,languages,skills,jobtitle,companylinkedinurl,companydescription,"
    "companyfoundedon,companyindustry,companylocation,companypicture,companysize,companyspecialties,companytagline,"
    "companytype,laststate,status,_id"
).split(",")
# Of 477 contacts of a real export, 121 engaged, 182 did not, and 174 were open.
OUTCOMES = (
    [("linkedinReplied", "done")] * 20
    + [("linkedinInterested", "interested")] * 5
    + [("linkedinInviteAccepted", "done")] * 14
    + [("linkedinInviteDone", "done")] * 24
    + [("linkedinInviteDone", "inProgress")] * 30
    + [("reviewed", "reviewed")] * 7
)
TITLES: tuple[str, ...] = (
    "CEO",
    "Co-founder",
    "Director of Sales",
    "Head of Growth",
    "Product Manager",
    "Consultant",
    "Data Engineer",
)
TITLES += (
    "Marketing Manager",
    "Analyst",
    "Sales Director 🚀",
    "Business Development",
    "Assistant",
    "CTO",
    "Lead Developer",
)
PLACES: tuple[str, ...] = (
    ("Paris, Île-de-France, France",) * 9 + ("Greater Paris Metropolitan Region, France",) * 4 + ("France",) * 3
)
PLACES += ("Lyon, Auvergne-Rhône-Alpes, France", "Lille, Hauts-de-France, France", "Nantes, Pays de la Loire, France")
INDUSTRIES: tuple[str, ...] = (
    "Computer Software",
    "Information Technology & Services",
    "Management Consulting",
    "Law Practice",
)
INDUSTRIES += ("Marketing & Advertising", "Internet", "Research", "Financial Services", "Retail")
COMPANY_INDUSTRIES = ("Software Development", "IT Services and IT Consulting", "Law Practice", "Advertising Services")
COMPANY_TYPES = ("Privately Held",) * 9 + ("Public Company", "Partnership", "Nonprofit", "Government Agency")
SIZES = ("2-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "10001+")
LANGUAGES = ("Anglais, Français", "Anglais, Espagnol, Français", "English, French", "English, French, Spanish")
SKILLS = ("Negotiation", "Python", "Strategy", "Sales", "Marketing", "Hiring", "Copywriting", "Accounting", "Teaching")
SENTENCES = (
    "I help small teams to grow. 🌱", "Ten years between product and sales,\nin France and abroad.",
    'Colleagues call me "the bridge".', "Always up for a coffee ☕, rarely for a meeting.",
    "I like numbers, people, and the order in which they come.", "Today: new markets.\n\nYesterday: old ones.",
)  # fmt: skip


def rows() -> list[dict[str, str]]:
    """The invented people, as columns of the export."""
    rng = random.Random(303)

    def maybe(missing: float, value: str) -> str:
        return "" if rng.random() < missing else value

    found = []
    for n in range(1, ROWS + 1):
        company = rng.random() > 0.33
        laststate, status = rng.choice(OUTCOMES)
        person = {
            "firstname": "Example",
            "lastname": f"Person {n}",
            "picture": f"https://pictures.example.invalid/{n}.jpg",
            "linkedinurl": f"https://profiles.example.invalid/in/example-person-{n}",
            "location": rng.choice(PLACES),
            "tagline": rng.choice(TITLES),
            "industry": maybe(0.03, rng.choice(INDUSTRIES)),
            "summary": maybe(0.30, " ".join(rng.sample(SENTENCES, rng.randint(2, 6)))),
            "languages": maybe(0.31, rng.choice(LANGUAGES)),
            "skills": maybe(0.07, ", ".join(rng.sample(SKILLS, 3))),
            "jobtitle": maybe(0.14, rng.choice(TITLES)),
            "laststate": laststate,
            "status": status,
            "_id": "lea_" + hashlib.sha256(f"example/{n}".encode()).hexdigest()[:14],
        }
        if company:
            person |= {
                "companyname": f"Example Company {rng.randint(1, 90)}",
                "companydomain": "example.invalid",
                "companylinkedinurl": f"https://profiles.example.invalid/company/{rng.randint(1, 90)}",
                "companyfoundedon": maybe(0.30, f"{rng.randint(1950, 2024)}.0"),
                "companyindustry": rng.choice(COMPANY_INDUSTRIES),
                "companylocation": maybe(0.10, rng.choice(("Paris, FR", "Lyon, FR", "New York, US"))),
                "companysize": maybe(0.18, rng.choice(SIZES)),
                "companytype": rng.choice(COMPANY_TYPES),
            }
        found.append(person)
    return found


def generate() -> str:
    """The file's text."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, HEADER, restval="", quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows())
    return out.getvalue()


if __name__ == "__main__":
    PATH.write_text(generate(), "utf-8")
