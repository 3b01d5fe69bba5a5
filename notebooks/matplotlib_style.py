"""What the notebook's figures have in common: colours, sizes, and an empty figure to draw on.

Colours are those of Okabe & Ito (2008), "Color Universal Design", which colour-blind readers tell apart; what matters
is told by place or shape too.
"""

from __future__ import annotations

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from driftline.events import LEVELS

INK, MUTED, PALE = "#1e293b", "#64748b", "#f1f5f9"
BEFORE, NOW, OTHER, GOOD = "#94a3b8", "#D55E00", "#0072B2", "#009E73"
SEVERITIES = ("#9ecae1", "#4292c6", "#2171b5", "#08306b")
"""The darker, the more severe."""
LEVEL_COLOURS = dict(zip(LEVELS, ("#56B4E9", "#E69F00", "#D55E00", "#7f1d1d"), strict=True))
HEAT = LinearSegmentedColormap.from_list(
    "heat", [(0, "#f8fafc"), (0.35, "#f8fafc"), (0.5, "#fde68a"), (0.5, "#fb923c"), (1, "#7f1d1d")]
)
"""Pale below the threshold, which is in the middle, and red beyond it."""
STYLE = {
    "font.size": 9.5, "axes.titlesize": 10, "axes.titlelocation": "left", "axes.titlecolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.axisbelow": True, "grid.color": "#e2e8f0", "grid.linewidth": 0.7, "figure.titlesize": 12,
    "figure.titleweight": "bold", "legend.frameon": False,
}  # fmt: skip
DPI, WIDTH = 100, 10.5
"""Of a figure in the notebook; inches."""


def figure_of(height: float, title: str) -> Figure:
    """An empty figure, its title saying what it shows; draw on it in the `STYLE`."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", color=INK)
    return figure


def shortened(text: str, most: int) -> str:
    """At most so many characters.

    >>> shortened("Information Technology & Services", 12)
    'Information…'
    """
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def plain(name: str) -> str:
    """A scenario's name for people, in two lines at most.

    >>> plain("llm_version_change")
    'llm version\\nchange'
    """
    words = name.replace("_", " ").split(" ")
    return " ".join(words) if len(words) < 2 else " ".join(words[:-1]) + "\n" + words[-1]
