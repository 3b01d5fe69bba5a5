"""Texts that say nothing of anybody: invented summaries, skills and job titles of any length.

What is watched of a text is its length, and of a job title the roles it names, so that is all that these carry.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.object_]

LONGEST_SUMMARY, LONGEST_TITLE, LONGEST_SKILLS = 2_700, 101, 105
ROLES: dict[str, tuple[str, ...]] = {
    "none": ("Coach", "Jurist", "Notary", "Analyst", "Consultant"),
    "is_founder": ("CEO", "Founder"),
    "is_director": ("VP", "Director"),
    "is_manager": ("Lead", "Manager"),
    "is_sales": ("Sales",),
    "is_marketing": ("CMO", "Growth", "Marketing"),
    "is_tech_role": ("Engineer", "Architect", "Developer"),
}
"""The role that a title names, and its words, from the shortest."""
_WORDS = ("HR", "Ops", "team", "plans", "client", "studies", "projects", "programmes", "operations", "partnerships")
_SUMMARY = (
    "I look after projects from the first idea to the last detail, with people who know their trade. Before that I"
    " learned in teams small and large what makes work go well: clear words, good habits, and time to think. I like"
    " to write, to teach, and to find out how things are made. "
)
_SKILLS = (
    "Law", "Tax", "SQL", "Audit", "Excel", "Design", "Python", "Writing", "Research", "Strategy", "Teaching",
    "Contracts", "Recruiting", "Negotiation", "Data Analysis", "Team Building", "Public Speaking", "Problem Solving",
    "Corporate Finance", "Project Management", "Strategic Planning", "Financial Modelling", "Software Development",
    "Intellectual Property Law", "International Negotiation", "Change and Risk Management",
    "Customer Relationship Management", "Mergers and Acquisitions Planning", "Organisation of Public Events and Fairs",
)  # fmt: skip


@cache
def summaries() -> Objects:
    """By length in characters, up to 2,700."""
    long = _SUMMARY * (LONGEST_SUMMARY // len(_SUMMARY) + 1)
    return np.array([long[:length].rstrip().ljust(length, ".") for length in range(LONGEST_SUMMARY + 1)], object)


@cache
def jobtitles() -> Objects:
    """By role, in the order of `ROLES`, and length in characters, up to 101; as short as the role's shortest word."""
    return np.array(
        [[_title(words, length) for length in range(LONGEST_TITLE + 1)] for words in ROLES.values()], object
    )


def _title(words: tuple[str, ...], length: int) -> str:
    fitting = [word for word in words if len(word) <= length] or [min(words, key=len)]
    title, turn = fitting[length % len(fitting)], length
    while len(title) < length:
        left = length - len(title) - 1
        able = [word for word in _WORDS if len(word) <= left and not title.endswith(word)]
        title += f" {able[turn % len(able)]}" if able else "." * (left + 1)
        turn += 1
    return title


@cache
def skill_lists(spellings: int = 16) -> Objects:
    """Lists of three skills by length in characters, up to 105, some of each; the nearest where a length has none."""
    by_length: dict[int, list[str]] = {}
    for some in combinations(_SKILLS, 3):
        text = ", ".join(some)
        by_length.setdefault(len(text), []).append(text)
    known = np.array(sorted(by_length))
    nearest = [int(known[np.abs(known - length).argmin()]) for length in range(LONGEST_SKILLS + 1)]
    return np.array(
        [[by_length[at][place * 7 % len(by_length[at])] for place in range(spellings)] for at in nearest], object
    )
