"""Writes invented people in the two formats of LemList exports: 300 each, the later one with a few of them twice.

``data/sample_lemlist_export.csv`` is of the earlier shape, ``data/sample_later_export.csv`` of the later one, which
has times, and the flaws that spreadsheets bring. Run ``python -m data.generate_sample_export``; the same bytes on every
run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROWS = 300
PATH = Path(__file__).parent / "sample_lemlist_export.csv"
LATER_PATH = Path(__file__).parent / "sample_later_export.csv"
HEADER = (
    "emailstatus,email,firstname,lastname,picture,phone,linkedinurl,timezone,companyname,companydomain,icebreaker,"
    "location,tagline,industry,summary,languages,skills,jobtitle,companylinkedinurl,companydescription,"
    "companyfoundedon,companyindustry,companylocation,companypicture,companysize,companyspecialties,companytagline,"
    "companytype,laststate,status,_id"
).split(",")
LATER_HEADER = (
    "_id,email,firstName,lastName,phone,linkedinUrl,linkedinUrlSalesNav,location,jobTitle,industry,summary,skills,"
    "languages,companyName,companyDomain,companySize,companyType,companyFoundedOn,companyLocation,leadStatus,"
    "lastCampaign,activeCampaigns,isActiveInCampaigns,firstLeadLaunchedDate,lastLeadLaunchedDate,firstContactedDate,"
    "lastContactedDate,lastRepliedDate,lastLeadMarkedAsInterestedDate,lastCampaignStartDate,lastCampaignEndDate,"
    "lastState,status"
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
LATER_SIZES = ("2-10", "10-Feb", "Nov-50", "51-200", "37", "420", "5", "a few")
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


def later_rows() -> list[dict[str, str]]:
    """The invented people of a later export, as its columns; every sixtieth comes again, with news."""
    rng = random.Random(477)

    def maybe(missing: float, value: str) -> str:
        return "" if rng.random() < missing else value

    found = []
    for n in range(1, ROWS + 1):
        laststate, status = rng.choice(OUTCOMES)
        person = {
            "_id": "lea_" + hashlib.sha256(f"later/{n}".encode()).hexdigest()[:14],
            "email": f"person-{n}@company.example.invalid",
            "firstName": "Example",
            "lastName": f"Person {n}",
            "phone": maybe(0.6, f"+33 6 99 00 {n // 100:02} {n % 100:02}"),
            "linkedinUrl": f"https://profiles.example.invalid/in/example-person-{n}",
            "linkedinUrlSalesNav": f"https://profiles.example.invalid/sales/{n}",
            "location": rng.choice(PLACES),
            "jobTitle": maybe(0.1, rng.choice(TITLES)),
            "industry": maybe(0.26, rng.choice(INDUSTRIES)),
            "summary": maybe(0.3, " ".join(rng.sample([*SENTENCES, *_signatures(n)], rng.randint(2, 6)))),
            "skills": maybe(0.62, ", ".join(rng.sample(SKILLS, 3))),
            "languages": maybe(0.3, rng.choice(LANGUAGES)),
            "companyName": f"Example Company {rng.randint(1, 90)}",
            "companyDomain": "company.example.invalid",
            "companySize": maybe(0.3, rng.choice(LATER_SIZES)),
            "companyType": maybe(0.7, rng.choice(COMPANY_TYPES)),
            "companyFoundedOn": maybe(0.7, f"{rng.randint(1950, 2024)}.0"),
            "companyLocation": maybe(0.78, rng.choice(("Paris, FR", "Lyon, FR"))),
            "leadStatus": status,
            "lastCampaign": "Example campaign",
            "lastState": laststate,
            "status": status,
        }
        found.append(person | _times(rng, laststate, status))
    again = [person | {"lastState": "linkedinReplied", "status": "done"} for person in found[::60]]
    return found + again


def _signatures(n: int) -> list[str]:
    """What people write about themselves, and nobody else is to read."""
    return [
        f"Write to person-{n}@company.example.invalid, or call 06 99 00 {n // 100:02} {n % 100:02}.",
        f"Example Person {n}, see profiles.example.invalid/in/example-person-{n}",
    ]


def _times(rng: random.Random, laststate: str, status: str) -> dict[str, str]:
    """The times of a campaign: launched, contacted a day later, answered or over after days to weeks."""
    launched = datetime(2026, 1, 5, 8, tzinfo=UTC) + timedelta(minutes=rng.randrange(60 * 24 * 90))
    contacted, ended = launched + timedelta(days=1), launched + timedelta(days=rng.randint(14, 40))
    told = {
        "firstLeadLaunchedDate": launched,
        "lastLeadLaunchedDate": launched,
        "firstContactedDate": contacted,
        "lastContactedDate": contacted + timedelta(days=3),
        "lastCampaignStartDate": launched,
    }
    if laststate == "linkedinReplied":
        told["lastRepliedDate"] = contacted + timedelta(hours=rng.randint(1, 200))
    if laststate == "linkedinInterested":
        told["lastLeadMarkedAsInterestedDate"] = contacted + timedelta(hours=rng.randint(1, 200))
    if status == "done":
        told["lastCampaignEndDate"] = ended
    return {name: f"{time:%Y-%m-%dT%H:%M:%S}.000Z" for name, time in told.items()}


def generate() -> str:
    """The earlier export's text."""
    return _written(HEADER, rows())


def generate_later() -> str:
    """The later export's text."""
    return _written(LATER_HEADER, later_rows())


def _written(header: list[str], people: list[dict[str, str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, restval="", quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(people)
    return out.getvalue()


if __name__ == "__main__":
    PATH.write_text(generate(), "utf-8")
    LATER_PATH.write_text(generate_later(), "utf-8")
