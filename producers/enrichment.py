"""The eight ``llm_*`` fields by offline rules: free, instant, the same on every run.

A language model reads more out of a summary; these rules read title, place and industry, in English and French, which
is enough to score by, and to run everything without a key. Their numbers are points for what a profile shows. How well
they agree with a person's judgement is measured on ``data/enrichment_sample.csv`` (``make bench ARGS=enrichment``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from producers.enrichment_fields import Profile, filled, is_open, profile_of
from producers.labelled import Labelled


def _words(*alternatives: str) -> re.Pattern[str]:
    """Any of them as whole words, in text as `_plain` leaves it."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)")


_INCLUSIVE = re.compile(r"[(·.](?:e|ne|se|rice|trice|euse)\)?(?!\w)")
"""The endings of "chargé(e)" and "directeur·rice"."""
_OTHERS_TITLE = re.compile(
    r"(?:ex|former|ancienne?)[- ]\w+|\w+'s right hand|(?<=assistant to the )\w+"
    r"|(?:to|du|de la|aupres du) (?:the )?(?:ceo|cto|cfo|coo|pdg|president|direction generale)"
)
"""A title that the person had, or that another person has: the CEO's assistant is no CEO."""

_SEEKING = _words(
    "seeking", "looking for", "open to work", "(?:en )?recherche d[e'].*", "retired", "retraitee?", "student",
    "etudiante?", "benevole", "volunteer", "unemployed", "sans emploi",
)  # fmt: skip
_SUPPORT = _words(
    "assistante?(?! prof\\w+)", "receptionist", "hotesse", "secretaire(?! general)", "office manager", "intern",
    "trainee", "stagiaire",
)  # fmt: skip
_ENTRY = _words(
    "junior", "jr", "apprentie?", "apprentice", "alternante?", "alternance", "phd candidate", "phd student",
    "doctorante?", "graduate", "operat(?:or|eur|rice)", "technicien(?:ne)?", "technician", "ouvriere?",
    "sales development rep\\w*", "sdr", "bdr", "conseill(?:er|ere)", "vendeu(?:r|se)", "sedentaire", "associate",
    "coordinator", "coordinat(?:eur|rice)", "clerk", "cashier", "caissiere?", "ambulanc\\w+", "driver", "chauffeur",
    "carpenter", "charpentiere?", "plumber", "plombiere?", "macon", "serruriere?\\w*", "welder", "soudeu(?:r|se)",
    "baker", "boulangere?", "cook", "cuisiniere?", "waiter", "waitress", "serveu(?:r|se)", "cabin crew", "steward",
    "hotesse", "cleaner", "agente? d'entretien", "magasiniere?", "labourer", "bateliere?",
)  # fmt: skip
_C_LEVEL = _words(
    "c[efitmord]o", "cpo", "chro", "ciso", "chief (?!happiness)\\w+(?: \\w+)? officer", "p\\.?-?d\\.?-?g",
    "(?<!vice )(?<!vice-)presidente?", "(?:co-?)?founder", "(?:co-?)?fondat(?:eur|rice)", "owner", "proprietaire",
    "gerante?", "chef(?:fe)? d'entreprise", "direct(?:eur|rice) generale?(?! adjoint| delegue)",
    "direct(?:eur|rice) technique", "mayor", "maire",
)  # fmt: skip
_EXECUTIVE = _words(
    "[se]?vp", "vice[- ]presidente?", "managing director", "general manager", "country (?:manager|director)",
    "direct(?:eur|rice) generale? \\w+", "d\\.?g\\.?a", "(?<!business )partner(?! manager| success| marketing)",
    "associee?", "board member", "membre du (?:conseil|comite|directoire)", "executive director", "comex",
    "secretaire generale?",
)  # fmt: skip
_SENIOR = _words(
    "director", "direct(?:eur|rice)", "head of", "senior", "sr", "principal", "staff engineer", "group \\w+ manager",
    "(?:tech )?lead(?! gen)", "chief of staff", "daf", "drh", "dsi", "rssi", "engineering manager", "professor",
    "maitre(?:sse)? de conferences", "enterprise architect", "chef(?:fe)? de (?:service|departement|division|pole)",
    "redact(?:eur|rice) en chef", "editor[- ]in[- ]chief", "investor", "investisseu(?:r|se)", "business angel",
)  # fmt: skip
_NOT_SENIOR = _words(
    "direct(?:eur|rice) artistique", "art director", "assistant professor", "team lead", "lead generation",
)  # fmt: skip
_SALES = _words(
    "sales", "ventes?", "commercial\\w*", "technico-commercial\\w*", "business develop\\w+", "biz ?dev",
    "(?:key )?account (?:manager|executive|director)", "kam", "(?:chargee?|ingenieure?) d'affaires", "sdr", "bdr",
    "conseill(?:er|ere) (?:clientele|commercial\\w*)", "attachee? commercial\\w*", "avant-vente", "pre-?sales",
    "partnerships?", "partenariats?", "export", "grands comptes", "key accounts?", "customer success",
    "vendeu(?:r|se)", "revenue",
)  # fmt: skip
_EXPERT = _words(
    "consultante?", "experte?", "engineer", "ingenieure?", "developer", "developpeu(?:r|se)", "dev", "devops",
    "legal", "juridique", "recherche", "programmer", "programmeu(?:r|se)", "architecte?", "scientist",
    "data (?:analyst|architect|steward)", "research(?:er)?", "research director",
    "direct(?:eur|rice) (?:de recherche|artistique)", "chercheu(?:r|se)", "lawyer", "attorney", "avocate?", "juriste",
    "counsel", "notaire", "doctor", "medecin", "physician", "professor", "maitre(?:sse)? de conferences", "phd",
    "doctorante?", "postdoc\\w*", "trainer", "format(?:eur|rice)", "coach", "journaliste?", "photograph\\w+",
    "freelance", "independante?", "copywriter", "informatique", "advis[eo]r",
    "\\w+(?:logist|logue|therapist|therapeute|pathe|physicist|statistician|graphe)", "pharmacist",
    "pharmacien(?:ne)?", "optician", "opticien(?:ne)?", "physicien(?:ne)?", "statisticien(?:ne)?", "orthoptist\\w*",
    "economiste?", "artiste?", "planner", "urbaniste", "surveyor", "geometre", "audit(?:or|eur|rice)", "actuary",
    "actuaire", "producer", "product(?:eur|rice)", "translator", "traduct(?:eur|rice)", "dentiste?", "surgeon",
    "chirurgien(?:ne)?", "veterina\\w+", "psych\\w+", "bim manager",
)  # fmt: skip
_LEADER = _words("engineering manager", "chief of staff", "investor", "investisseu(?:r|se)", "business angel")
_HEADS = _words(
    "(?<!research )(?<!art )director", "direct(?:eur|rice)(?! de recherche| artistique)", "head of", "en chef",
    "chef(?:fe)? de (?:service|departement|division|pole)",
)  # fmt: skip
_CRAFT = _words(
    "engineer", "ingenieure?", "developer", "developpeu(?:r|se)", "consultante?", "architecte?", "professor",
    "maitre(?:sse)? de conferences",
)  # fmt: skip
_MANAGES = _words("manager", "responsable", "head", "lead", "office manager", "acheteu(?:r|se)", "buyer")
_OWN_BOSS = _words("freelance", "independante?", "self-employed", "liberale?")

_HUB = _words(
    "paris", "london", "londres", "new york(?: city)?", "san francisco", "silicon valley", "los angeles", "chicago",
    "boston", "seattle", "washington", "toronto", "berlin", "munich", "frankfurt", "amsterdam", "brussels",
    "bruxelles", "dublin", "madrid", "barcelona", "milan", "zurich", "geneva", "geneve", "luxembourg", "singapore",
    "hong kong", "tokyo", "shanghai", "beijing", "seoul", "dubai", "sydney", "melbourne", "mumbai", "bangalore",
    "bengaluru", "delhi", "tel aviv", "sao paulo",
)  # fmt: skip
_REGIONAL = _words(
    "lyon", "marseille", "toulouse", "bordeaux", "lille", "nantes", "nice", "rennes", "strasbourg", "montpellier",
    "grenoble", "manchester", "birmingham", "leeds", "glasgow", "edinburgh", "hamburg", "cologne", "stuttgart",
    "dusseldorf", "rotterdam", "antwerp", "lisbon", "porto", "rome", "turin", "naples", "valencia", "warsaw",
    "krakow", "prague", "budapest", "vienna", "stockholm", "copenhagen", "oslo", "helsinki", "basel", "lausanne",
    "montreal", "villeurbanne", "cardiff", "belfast", "liverpool", "sheffield", "newcastle", "nottingham",
    "gothenburg", "malmo", "utrecht", "the hague", "eindhoven", "bologna", "florence", "seville", "minneapolis",
    "portland", "phoenix", "pittsburgh", "charlotte", "denver", "nashville", "calgary", "ottawa", "quebec",
    "vancouver", "austin", "atlanta", "dallas", "houston", "miami", "philadelphia", "san diego", "casablanca",
    "tunis",
)  # fmt: skip
_GOOD_FIT = re.compile(
    r"software|\bcomputer|internet|\bit services\b|information technology|consulting|marketing|advertising|logiciel"
    r"|conseil"
)
_NO_FIT = re.compile(
    r"government|public administration|education|research$|hospitals?\b|medical practice|non-?profit|religious|military"
    r"|newspaper|photography|restaurant|political|museum|librar"
)
_LARGE = frozenset({"5001-10000", "10001+"})


def _plain(text: str | None) -> str:
    """Lower case without accents.

    >>> _plain("Chargé(e) d’études – Île-de-France")
    "charge d'etudes – ile-de-france"
    """
    decomposed = unicodedata.normalize("NFKD", (text or "").replace("’", "'"))
    return _INCLUSIVE.sub("", "".join(c for c in decomposed if not unicodedata.combining(c)).lower())


def enrich(profile: Profile) -> dict[str, Any]:
    """The eight ``llm_*`` fields of a profile.

    >>> found = enrich({"jobtitle": "CEO", "location": "Paris, France", "companyindustry": "Software Development"})
    >>> found["llm_seniority"], found["llm_geography"], found["llm_company_fit"]
    ('C-Level', 'international_hub', 2.0)
    """
    title = _OTHERS_TITLE.sub(" ", _plain(profile.get("jobtitle"))).strip()
    industry = profile.get("companyindustry") or profile.get("industry")
    seniority, fit = _seniority(title), _company_fit(_plain(industry))
    business = _business_type(title, seniority)
    return {
        "llm_quality": _quality(profile, seniority, fit),
        "llm_seniority": seniority,
        "llm_engagement": _engagement(profile, title, seniority, business, fit),
        "llm_decision_maker": _decision_maker(profile, title, seniority),
        "llm_industry": industry or "Unknown",
        "llm_geography": _geography(profile.get("location") or profile.get("companylocation")),
        "llm_business_type": business,
        "llm_company_fit": fit,
    }


def offline(contacts: Iterable[Labelled]) -> Iterator[Labelled]:
    """The rules as an `Enrich`."""
    for labelled in contacts:
        contact = labelled.contact
        yield filled(labelled, enrich(profile_of(contact))) if is_open(contact) else labelled


def _seniority(title: str) -> str:
    """Whoever is none of the others is qualified and Mid; without a title, Entry.

    >>> _seniority("director of growth"), _seniority("assistante de direction"), _seniority("")
    ('Senior', 'Entry', 'Entry')
    """
    if not title or any(words.search(title) for words in (_SEEKING, _SUPPORT)):
        return "Mid" if "office manager" in title else "Entry"
    if _C_LEVEL.search(title):
        return "C-Level"
    if _EXECUTIVE.search(title):
        return "Executive"
    if _SENIOR.search(title) and not _NOT_SENIOR.search(title):
        return "Senior"
    return "Entry" if _ENTRY.search(title) else "Mid"


def _business_type(title: str, seniority: str) -> str:
    """What the person does all day; who leads and sells is a salesperson below the top."""
    rules = (
        ("others", not title or _SEEKING.search(title)),
        ("workers", _SUPPORT.search(title)),
        ("leaders", seniority == "C-Level"),
        ("salespeople", _SALES.search(title)),
        ("leaders", seniority == "Executive" or _LEADER.search(title)),
        ("leaders", seniority == "Senior" and _HEADS.search(title)),
        ("experts", _EXPERT.search(title)),
        ("leaders", seniority == "Senior" and "product manager" not in title),
    )
    return next((name for name, holds in rules if holds), "workers")


def _geography(place: str | None) -> str:
    """By the city, which comes first: New York the state is no hub, but the towns around Paris are part of one."""
    text = _plain(place)
    city = text.split(",")[0]
    if _HUB.search(city) or "ile-de-france" in text:
        return "international_hub"
    return "regional_hub" if _REGIONAL.search(city) else "other"


def _company_fit(industry: str) -> float:
    if not industry or _NO_FIT.search(industry):
        return 0.0
    return 2.0 if _GOOD_FIT.search(industry) else 1.0


def _decision_maker(profile: Profile, title: str, seniority: str) -> float:
    found = {"C-Level": 0.95, "Executive": 0.85, "Senior": 0.65, "Mid": 0.25, "Entry": 0.1}[seniority]
    if seniority == "Senior" and _CRAFT.search(title):
        found = 0.4
    if seniority == "Mid" and _MANAGES.search(title):
        found = 0.45
    if seniority == "Mid" and (_OWN_BOSS.search(title) or profile.get("companytype") == "Self-Employed"):
        found = 0.55
    return found


def _quality(profile: Profile, seniority: str, fit: float) -> float:
    points = {"C-Level": 69, "Executive": 67, "Senior": 57, "Mid": 41, "Entry": 25}[seniority]
    points += (-10, 1, 8)[int(fit)] + 4 * bool(profile.get("summary"))
    return float(5 * round(points / 5))


def _engagement(profile: Profile, title: str, seniority: str, business: str, fit: float) -> float:
    found = 0.4 + (-0.05, 0.0, 0.05)[int(fit)] + 0.15 * bool(profile.get("summary"))
    found += (
        0.05 * (seniority == "C-Level")
        + 0.15 * (business == "salespeople")
        + 0.2 * bool(_SEEKING.search(title))
        - 0.15 * (not title)
    )
    return round(min(1.0, found), 2)
