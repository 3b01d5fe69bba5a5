"""The page of a report: Evidently's own, and above it what it belongs to, how it differs from ours, and our figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

import msgspec

from driftline.events import Alert, AlertReference
from monitor.comparison import Compared, Verdict

P_VALUE = 0.05
"""Below it Evidently calls a column drifted."""
LEAST_P = "under 1e-300"
"""How a p-value of 0 is shown: floats end there."""
NOTHING_FROM_ELSEWHERE = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; font-src data:; img-src data: blob:"
)
"""A content security policy: the page holds all that it shows, and the browser is not to ask any host for more."""
STYLE = """
.driftline { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff; padding: 16px 32px }
.driftline h1 { font-size: 24px; margin: 0 0 8px } .driftline h2 { font-size: 17px; margin: 20px 0 6px }
.driftline p { margin: 6px 0; max-width: 95ch }
.driftline .lead { font-size: 17px } .driftline .quiet { color: #57606a }
.driftline .rows { max-height: 26em; overflow: auto; border: 1px solid #d0d7de; border-radius: 6px }
.driftline table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13.5px }
.driftline th, .driftline td { padding: 4px 7px; text-align: left; white-space: nowrap; height: 20px }
.driftline thead { position: sticky; top: 0 } .driftline thead th { background: #f6f8fa }
.driftline tbody tr { border-top: 1px solid #eaeef2 } .driftline tr > .n { text-align: right }
.driftline tr > .line { border-left: 1px solid #d0d7de }
.driftline .yes { color: #b42318; font-weight: 600 } .driftline .named { background: #fff8e1 }
"""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a report belongs to."""

    alert: Alert | None
    """None: the newest window."""
    at: datetime
    """When the newest contact of the window was sent."""
    at_contact: int
    model_version: str
    reference: AlertReference
    contacts: int
    """Rows of the window that are compared."""
    false_alarm_rate: float
    horizon: int
    notes: list[str]
    """What else has to be said, each a sentence or two."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What Evidently says of one feature, and we beside it.

    ``d`` is the statistic of which ``p_value`` is the p-value, None for categories. ``p_value`` is None where its test
    has none.
    """

    name: str
    column: str
    test: str
    d: float | None
    p_value: float | None
    drifted: bool
    ks: Verdict | None
    strongest: Verdict

    @classmethod
    def of(cls, feature: Compared, test: str, d: float | None, p_value: float | None) -> Tested:
        """With our verdicts."""
        return cls(
            name=feature.name, column=feature.column, test=test, d=d, p_value=p_value,
            drifted=p_value is not None and p_value <= P_VALUE, ks=feature.ks, strongest=feature.strongest,
        )  # fmt: skip


def page(evidently: str, about: About, tested: Sequence[Tested], left_out: Mapping[str, str]) -> str:
    """Evidently's page with the note above.

    Args:
        evidently: its document, whole.
        left_out: features that it cannot take, and why.
    """
    title = f"Evidently report of {_subject(about)}"
    head = (
        f'<head><meta http-equiv="Content-Security-Policy" content="{NOTHING_FROM_ELSEWHERE}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    body = "".join(_note(title, about, tested, left_out))
    return evidently.replace("<head>", head, 1).replace("<body>", f'<body><main class="driftline">{body}</main>', 1)


def _subject(about: About) -> str:
    return "the newest window" if about.alert is None else f"alert {about.alert.id}"


def _note(title: str, about: About, tested: Sequence[Tested], left_out: Mapping[str, str]) -> Iterator[str]:
    alert = about.alert
    yield f"<h1>{escape(title)}</h1>"
    if alert is not None:
        yield f'<p class="lead">{escape(alert.summary)}</p>'
        yield _quiet(
            f"{alert.kind}, level {alert.level}, since {_time(alert.started_at)}; this is its window as it last fired"
        )
    yield _quiet(
        f"Model version {about.model_version}: {about.contacts:,} contacts up to number {about.at_contact:,}, sent"
        f" until {_time(about.at)}, beside the {about.reference.rows:,} of its reference {about.reference.id}"
    )
    yield from (f"<p>{escape(note)}</p>" for note in about.notes)
    marked, ours = sum(one.drifted for one in tested), sum(one.strongest.drifted for one in tested)
    yield "<h2>Why the two differ</h2>"
    yield (
        f"<p>Evidently marks <b>{marked}</b> of these {len(tested)} features, Driftline's tests of the same window"
        f" <b>{ours}</b>. Evidently asks of each feature alone whether p &lt; {P_VALUE}, so it marks a few in almost"
        " every window, also where nothing drifts. Driftline's thresholds keep"
        f" <i>any</i> false alarm within {about.horizon:,} contacts to {about.false_alarm_rate:.0%}, all features and"
        " windows together, so each is higher. Take Evidently's marks for what to look at, the alert for whether. Its"
        " headline, <i>Dataset Drift</i>, only says whether half of the features are marked.</p>"
        "<p>D, the statistic of the Kolmogorov-Smirnov test, is the same number on both sides. Evidently leaves missing"
        " values out; Driftline tests their share too. A share that has fallen drifts where it is under its threshold."
        " An alert whose test is <code>sequential</code> rests on every contact since the drift began, which no test of"
        " one window shows.</p>"
    )
    if left_out:
        listed = "; ".join(f"{escape(name)} ({escape(why)})" for name, why in left_out.items())
        yield f"<p>Left out, since Evidently cannot take it: {listed}.</p>"
    yield "<h2>Feature by feature, the strongest first</h2>"
    yield from _table(tested, set() if alert is None else {column.name for column in alert.columns})


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}.</p>'


def _table(tested: Sequence[Tested], named: set[str]) -> Iterator[str]:
    yield (
        '<div class="rows" tabindex="0" role="region" aria-label="Feature by feature"><table><thead>'
        '<tr><th colspan="2"></th><th colspan="4" class="line">Evidently</th>'
        '<th colspan="6" class="line">Driftline</th></tr><tr><th>column</th><th>feature</th>'
        '<th class="line">test</th><th class="n">D</th><th class="n">p</th><th></th>'
        '<th class="line n">D</th><th class="n">threshold</th><th>strongest test</th><th class="n">statistic</th>'
        '<th class="n">threshold</th><th></th></tr></thead><tbody>'
    )
    for one in tested:
        ks, mine = one.ks, one.strongest
        about = ' class="named" title="named by the alert"' if one.column in named else ""
        yield (
            f"<tr{about}><td>{escape(one.column)}</td><td>{escape(one.name)}</td>"
            f'<td class="line">{escape(one.test)}</td>{_figure(one.d)}{_figure(one.p_value, zero=LEAST_P)}'
            f"{_verdict(one.drifted)}"
            f"{_figure(ks.statistic if ks else None, 'line ')}{_figure(ks.threshold if ks else None)}"
            f"<td>{escape(mine.test)}</td>"
            f"{_figure(mine.statistic)}{_figure(mine.threshold)}{_verdict(mine.drifted)}</tr>"
        )
    yield "</tbody></table></div>"
    if named:
        yield _quiet("Shaded: columns that the alert names")


def _figure(value: float | None, more: str = "", zero: str = "0") -> str:
    """A cell with a number.

    >>> _figure(0.0, zero=LEAST_P)
    '<td class="n">under 1e-300</td>'
    """
    shown = "–" if value is None else f"{value:.4f}" if value >= 0.0001 else f"{value:.1e}" if value > 0 else zero
    return f'<td class="{more}n">{shown}</td>'


def _verdict(drifted: bool) -> str:
    return '<td class="yes">drift</td>' if drifted else "<td>no</td>"
