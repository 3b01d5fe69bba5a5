"""Values that stand for folded ones: what a profile of counts of at least 10 does not tell, invented.

Where weights are given, they share out what the published counts and bins leave over.
"""

from __future__ import annotations

from collections.abc import Mapping

SCORES: Mapping[str, Mapping[float, float]] = {
    "llm_quality": {10: 1, 15: 1, 25: 3, 35: 4, 45: 2, 55: 8, 60: 8, 88: 2, 95: 1},
    "llm_engagement": {0.1: 3, 0.2: 4, 0.25: 4, 0.45: 2, 0.85: 5},
    "llm_decision_maker": {0.05: 1, 0.15: 3, 0.35: 2, 0.55: 2, 0.65: 9, 0.9: 2},
}
INDUSTRIES = (
    "Financial Services", "Human Resources", "Design", "Real Estate", "Media Production", "Retail", "Insurance",
    "Banking", "Accounting", "Architecture & Planning", "Staffing & Recruiting", "Telecommunications", "Automotive",
    "Logistics & Supply Chain", "Luxury Goods & Jewelry", "Food & Beverages", "Events Services", "Online Media",
    "Public Relations & Communications", "Professional Training & Coaching", "E-Learning", "Venture Capital",
    "Environmental Services", "Mechanical or Industrial Engineering",
)  # fmt: skip
COMPANY_INDUSTRIES = (
    "Advertising Services", "Financial Services", "Staffing and Recruiting", "Retail Groups", "Insurance", "Banking",
    "Accounting", "Architecture and Planning", "Telecommunications", "Motor Vehicle Manufacturing",
    "Food and Beverages", "Luxury Goods", "Events Services",
    "Online Audio and Video Media", "Public Relations and Communications Services",
    "Professional Training and Coaching", "E-Learning Providers", "Venture Capital and Private Equity",
    "Environmental Services", "Design Services", "Real Estate", "Research Services",
)  # fmt: skip
ALIKE: Mapping[str, str] = {
    "Computer Software": "Software Development",
    "Internet": "Software Development",
    "Information Technology & Services": "IT Services and IT Consulting",
    "Management Consulting": "Business Consulting and Services",
    "Law Practice": "Law Practice",
    "Marketing & Advertising": "Advertising Services",
    "Research": "Research Services",
    "Financial Services": "Financial Services",
    "Staffing & Recruiting": "Staffing and Recruiting",
    "Retail": "Retail Groups",
    "Insurance": "Insurance",
    "Banking": "Banking",
    "Accounting": "Accounting",
    "Architecture & Planning": "Architecture and Planning",
    "Telecommunications": "Telecommunications",
    "Design": "Design Services",
    "Real Estate": "Real Estate",
    "Venture Capital": "Venture Capital and Private Equity",
    "Environmental Services": "Environmental Services",
    "Professional Training & Coaching": "Professional Training and Coaching",
}
"""The industry of a person, and what the company of most of its people is in."""
ALIKE_WEIGHT = 6.0
"""How many times as likely such a company is as without the likeness; Cramér's V of the two columns is then .36."""
RELABELLED: Mapping[str, tuple[float, str]] = {
    "Software Development": (14 / 48, "Technology - SaaS"),
    "IT Services and IT Consulting": (6 / 16, "Technology - Consulting"),
    "Law Practice": (1 / 13, "Legal Services"),
    "E-Learning Providers": (1.0, "Education - Online"),
    "Professional Training and Coaching": (0.8, "Education - Training"),
}
"""Of the company's industry: how often the enrichment answers with another one, and which."""
COMPANY_PLACES: Mapping[str, float] = {
    "Paris, FR": 89, "Boulogne-Billancourt, FR": 7, "Puteaux, FR": 6, "Levallois-Perret, FR": 5, "Lyon, FR": 5,
    "Neuilly-sur-Seine, FR": 5, "Courbevoie, FR": 4, "Lille, FR": 4, "Toulouse, FR": 4, "Nanterre, FR": 3,
    "Bordeaux, FR": 3, "Nantes, FR": 3, "Montpellier, FR": 3, "Rennes, FR": 2, "New York, US": 8,
    "San Francisco, US": 7, "Boston, US": 5, "Chicago, US": 4, "London, GB": 5, "Geneva, CH": 3, "Munich, DE": 3,
    "Brussels, BE": 2, "Amsterdam, NL": 2,
}  # fmt: skip
LANGUAGES: Mapping[str, float] = {
    "Français": 6, "French": 5, "Anglais": 3, "English": 3, "Français, Anglais": 6, "French, English": 5,
    "Arabe, Français": 4, "Français, Espagnol": 2, "French, Italian": 2, "Anglais, Allemand, Français": 8,
    "English, French, German": 7, "Anglais, Français, Italien": 6, "Arabe, Anglais, Français": 6,
    "English, French, Italian": 6, "English, French, Portuguese": 5, "Anglais, Français, Russe": 5,
    "Allemand, Anglais, Espagnol, Français": 9, "English, French, German, Spanish": 8,
    "Anglais, Arabe, Espagnol, Français": 6, "Anglais, Espagnol, Français, Italien": 6,
    "English, French, Italian, Spanish": 7, "Allemand, Anglais, Arabe, Espagnol, Français": 6,
    "English, French, German, Italian, Spanish": 8, "Anglais, Chinois, Espagnol, Français, Italien": 8,
    "Allemand, Anglais, Espagnol, Français, Italien, Russe": 5,
}  # fmt: skip
TOWNS: Mapping[str, tuple[str, ...]] = {
    "international_hub": ("Boulogne-Billancourt, Île-de-France, France", "Courbevoie, Île-de-France, France"),
    "regional_hub": (
        "Lyon, Auvergne-Rhône-Alpes, France", "Marseille, Provence-Alpes-Côte d'Azur, France",
        "Toulouse, Occitanie, France", "Bordeaux, Nouvelle-Aquitaine, France", "Lille, Hauts-de-France, France",
        "Nantes, Pays de la Loire, France",
    ),
    "other": (
        "Annecy, Auvergne-Rhône-Alpes, France", "Versailles, Île-de-France, France",
        "Tours, Centre-Val de Loire, France",
        "Dijon, Bourgogne-Franche-Comté, France", "Angers, Pays de la Loire, France", "Reims, Grand Est, France",
        "Metz, Grand Est, France", "Pau, Nouvelle-Aquitaine, France", "Orléans, Centre-Val de Loire, France",
        "Caen, Normandie, France", "Brest, Bretagne, France",
    ),
}  # fmt: skip
ROLES: Mapping[str, tuple[float, Mapping[str, float]]] = {
    "is_founder": (26, {"leaders": 1.0, "others": 0.5, "experts": 0.3, "workers": 0.1, "salespeople": 0.1}),
    "is_director": (18, {"leaders": 1.0, "salespeople": 0.2, "experts": 0.05}),
    "is_manager": (47, {"leaders": 0.5, "workers": 1.0, "salespeople": 1.0, "experts": 0.5, "others": 0.3}),
    "is_sales": (8, {"salespeople": 1.0, "leaders": 0.02}),
    "is_marketing": (12, {"workers": 0.5, "experts": 0.3, "leaders": 0.3, "others": 0.1}),
    "is_tech_role": (8, {"experts": 1.0, "workers": 0.5, "others": 0.1}),
}
"""How many of the 303 job titles name a role (sales and technology: under 10, so invented), and what kind of people."""
FOUNDED: Mapping[float, float] = {
    1200: 1, 1800: 5.8, 1938: 6.8, 1968: 1.4, 1970: 10, 1995: 8.8, 2005: 10.2, 2010: 13, 2013: 15, 2018: 5, 2019: 10,
    2020: 14, 2021: 9, 2022: 5, 2023: 10, 2024: 7, 2025: 4, 2026: 0,
}  # fmt: skip
"""From each year to the next: how many companies."""
SHORTEST: Mapping[str, int] = {"summary": 10, "skills": 15, "jobtitle": 3}
UNKNOWN_COMPANY: Mapping[str, float] = {"others": 72, "experts": 11, "workers": 7, "salespeople": 2, "leaders": 9}
"""By type of business, of the 101 people of whose company nothing is known."""
