"""The contract of every topic: one frozen, validated type per event.

Values on the wire are UTF-8 JSON with a ``schema`` field such as ``driftline.alert/1``. Additive changes keep
the number, and readers ignore fields that they do not know, so producers and consumers are deployed in any order.

msgspec decodes and validates a contact in about 2 µs where pydantic takes 4.5 and orjson, without validating
anything, 1.6 (``make bench`` repeats the comparison).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar

import msgspec
from msgspec import Meta, field

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0)]
Text = Annotated[str, Meta(max_length=50_000)]
Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]

Level = Literal["monitor", "investigate", "alert", "retrain"]
Kind = Literal["data_drift", "prediction_drift", "data_quality", "concept_drift", "performance", "business"]
Decision = Literal["promoted", "rejected", "shadow"]

LEVELS: tuple[Level, ...] = ("monitor", "investigate", "alert", "retrain")
"""From the mildest to the gravest."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What every event has in common. ``SCHEMA`` is the name and major version written into ``schema``."""

    SCHEMA: ClassVar[str] = ""


class Contact(Event, frozen=True, kw_only=True, gc=False):
    """One person coming in: 19 inputs, all optional, and the times that matter.

    Category values are free text on purpose: an unseen value is something to monitor, not an error.
    A number out of its range is one, and becomes a dead letter.
    """

    SCHEMA: ClassVar[str] = "driftline.contact/1"

    schema: Literal["driftline.contact/1"] = "driftline.contact/1"
    id: Id
    """A hash of what the source calls the person, with the salt of the installation; labels name it."""
    sent_at: Timestamp
    """When the producer put the contact on the topic."""
    occurred_at: Timestamp | None = None
    """When the contact happened at the source, if the source knows."""

    llm_quality: Annotated[float, Meta(ge=0, le=100)] | None = None
    """How complete and convincing the profile is, 0 to 100."""
    llm_seniority: Text | None = None
    """Entry, Mid, Senior, Executive or C-Level."""
    llm_engagement: Share | None = None
    """How likely the person is to answer, 0 to 1, as the enricher guesses."""
    llm_decision_maker: Share | None = None
    """How likely the person is to decide on a purchase, 0 to 1."""
    llm_industry: Text | None = None
    """In free words, such as "Technology - SaaS"."""
    llm_geography: Text | None = None
    """international_hub, regional_hub or other."""
    llm_business_type: Text | None = None
    """leaders, experts, salespeople, workers or others."""
    llm_company_fit: Annotated[float, Meta(ge=0, le=2)] | None = None
    """0, 1 or 2: how near the company is to the ideal customer."""
    industry: Text | None = None
    companyindustry: Text | None = None
    companysize: Text | None = None
    """A range such as "11-50"; whatever else comes is for the monitor to see."""
    companytype: Text | None = None
    languages: Text | None = None
    """Separated by commas."""
    location: Text | None = None
    companylocation: Text | None = None
    companyfoundedon: Annotated[float, Meta(ge=0, le=2200)] | None = None
    """A year."""
    summary: Text | None = None
    skills: Text | None = None
    """Separated by commas."""
    jobtitle: Text | None = None


class Label(Event, frozen=True, kw_only=True):
    """What became of a contact: ``engaged`` is 1 where the person replied or showed interest."""

    SCHEMA: ClassVar[str] = "driftline.label/1"

    schema: Literal["driftline.label/1"] = "driftline.label/1"
    contact_id: Id
    engaged: Annotated[int, Meta(ge=0, le=1)]
    """1: the person replied or showed interest; 0: the contact ended without."""
    labelled_at: Timestamp
    """When that became known."""


class MonitoredColumns(msgspec.Struct, frozen=True, gc=False):
    """A contact's 19 inputs as the monitor may see them: free texts by their length, the rest as it came."""

    llm_quality: float | None = None
    llm_seniority: str | None = None
    llm_engagement: float | None = None
    llm_decision_maker: float | None = None
    llm_industry: str | None = None
    llm_geography: str | None = None
    llm_business_type: str | None = None
    llm_company_fit: float | None = None
    industry: str | None = None
    companyindustry: str | None = None
    companysize: str | None = None
    companytype: str | None = None
    languages: str | None = None
    location: str | None = None
    companylocation: str | None = None
    companyfoundedon: float | None = None
    summary: float | None = None
    skills: float | None = None
    jobtitle: float | None = None


class Prediction(Event, frozen=True, kw_only=True, gc=False):
    """A scored contact, and what the monitor needs of it.

    ``source_offset`` is the contact's own offset in the partition of the same number on the contacts topic.
    Panes are cut by it, so a prediction that a crash made the scorer send twice is counted once.
    """

    SCHEMA: ClassVar[str] = "driftline.prediction/1"

    schema: Literal["driftline.prediction/1"] = "driftline.prediction/1"
    contact_id: Id
    source_offset: Annotated[int, Meta(ge=-1, description="-1: scored outside the contacts topic")]
    model_version: Id
    score: Share
    features: list[float]
    """The model's inputs, in the order of the model's featuriser."""
    columns: MonitoredColumns
    sent_at: Timestamp
    """The contact's own ``sent_at``: from here on, the delay to an alert is measured."""


class Record(Protocol):
    """What was read off a topic, by whichever client."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


MOST_REPEATED = 11 * 1024 * 1024
"""Bytes of key and value of a dead letter; in base64 they fit into `driftline.topics.LARGEST_MESSAGE`."""


class DeadLetter(Event, frozen=True, kw_only=True):
    """An input that could not be used: why, where it stands, and its original bytes (base64 in JSON; up to 11 MB)."""

    SCHEMA: ClassVar[str] = "driftline.dead-letter/1"

    schema: Literal["driftline.dead-letter/1"] = "driftline.dead-letter/1"
    reason: str
    topic: str
    partition: Count
    offset: Count
    key: bytes | None
    value: bytes | None
    failed_at: Timestamp

    @classmethod
    def of(cls, record: Record, reason: str, at: datetime) -> DeadLetter:
        """Everything needed to mend and replay the input, byte for byte."""
        key, value = record.key, record.value
        if len(key or b"") + len(value or b"") > MOST_REPEATED:
            reason, key, value = f"{reason} (too large to be repeated here)", None, None
        return cls(
            reason=reason, topic=record.topic, partition=record.partition, offset=record.offset, key=key, value=value,
            failed_at=at,
        )  # fmt: skip


class Pane(Event, frozen=True, kw_only=True):
    """The contacts of one stretch of one partition, as the monitor counts them.

    Pane ``k`` covers the source offsets [k·B, (k+1)·B). ``codes`` holds one row per contact in offset order,
    as little-endian uint16: for every monitored feature, where the value falls among the reference's unique
    values. A pane is a function of the log alone, so a replay repeats it byte for byte; a partial pane
    (``complete`` false) is shown, and superseded by its complete version.

    ``keys``, ``scores`` and ``times`` are what labels are joined with, per contact 8 bytes that name it (a hash of its
    id), a little-endian float32, and a little-endian int64, µs since 1970. Panes of earlier versions lack them.
    """

    SCHEMA: ClassVar[str] = "driftline.pane/1"

    schema: Literal["driftline.pane/1"] = "driftline.pane/1"
    partition: Count
    pane: Count
    model_version: Id
    complete: bool
    contacts: Annotated[int, Meta(ge=1)]
    offsets: list[Count]
    """The contacts' own offsets, ascending; a dead letter leaves a hole."""
    last_sent_at: Timestamp
    """The newest ``sent_at`` among the pane's contacts: the event time of what the pane shows."""
    codes: bytes
    keys: bytes = b""
    scores: bytes = b""
    times: bytes = b""


class LabelBatch(Event, frozen=True, kw_only=True):
    """Labels of one partition of their topic, in its order, on their way into the monitor.

    It stands on the panes topic, between two panes, since what the monitor folds has to be in one order. After a crash
    a batch may repeat labels of an earlier one: their offsets tell.
    """

    SCHEMA: ClassVar[str] = "driftline.labels/1"

    schema: Literal["driftline.labels/1"] = "driftline.labels/1"
    partition: Count
    offsets: Annotated[list[Count], Meta(min_length=1)]
    """Of the labels topic, ascending; a dead letter leaves a hole."""
    keys: bytes
    """Per label the 8 bytes that name its contact, as in `Pane`."""
    engaged: list[Annotated[int, Meta(ge=0, le=1)]]
    labelled_at: list[Timestamp]

    def __post_init__(self) -> None:
        if {len(self.keys) / 8, len(self.engaged), len(self.labelled_at)} != {len(self.offsets)}:
            raise ValueError(f"{len(self.offsets)} labels with keys, outcomes or times of another number")


class AlertWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The current window when the alert changed state; offsets by partition, as strings (JSON keys)."""

    contacts: Count
    first: dict[str, int]
    """Offset of the oldest contact, on the contacts topic."""
    last: dict[str, int]
    """Offset of the newest contact, itself included."""


class AlertReference(msgspec.Struct, frozen=True, kw_only=True):
    """The reference window that the current one was compared with."""

    id: Id
    rows: Count


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """P(any false alarm within ``horizon`` contacts) ≤ ``false_alarm_rate``; ``why`` says when it does not hold.

    The horizon of an alert about labels is in labels.
    """

    false_alarm_rate: Share
    horizon: Count
    holds: bool
    why: str | None = None


class DriftedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the contact that no longer looks like the reference, or what else an alert is about."""

    name: str
    """The contact's column, or score, engaged, champion or labels."""
    features: list[str]
    """The features of the model by which it was found."""
    test: str
    """ks, frequency, unseen, missing, type, sequential or rule."""
    statistic: float
    """Of that test."""
    threshold: float
    """From which on the statistic counts as drift; up to which, where it is a share that has fallen."""
    p_value: float | None
    """Of one look at the window; null where the test has none."""
    effect: float
    """How large the change is; its sign says in which direction."""
    direction: str
    """The change in a word."""
    cause: str
    """What changed, such as "median up from 45 to 70"."""


class Alert(Event, frozen=True, kw_only=True):
    """A decision, not a p-value: the stream has left the reference, with a promised false-alarm rate.

    ``id`` stays the same from firing to resolved. Columns come ranked, the strongest first. Where somebody has
    accepted the change, the alert is resolved and says when in ``acknowledged_at``.
    """

    SCHEMA: ClassVar[str] = "driftline.alert/1"

    schema: Literal["driftline.alert/1"] = "driftline.alert/1"
    id: Id
    """The same from firing to resolved; the key of the record."""
    state: Literal["firing", "resolved"]
    """`firing`, then `resolved`, after which the id never fires again."""
    kind: Kind
    """What the alert is about; the runbook has a section of each kind."""
    level: Level
    """How grave it is: monitor, investigate, alert, retrain; it may rise, never fall."""
    started_at: Timestamp
    """When the first contact was sent that the alert, or a new model, is to be about."""
    updated_at: Timestamp
    """When the newest contact of the window was sent, or the alert acknowledged."""
    resolved_at: Timestamp | None
    at_contact: Count
    """How many contacts the monitor had counted."""
    window: AlertWindow
    model_version: Id
    """The champion that the window was scored by."""
    reference: AlertReference
    drift_share: Share
    """The share of the columns that drift; 0 for alerts about labels."""
    promise: Promise
    columns: list[DriftedColumn]
    """What drifts, the strongest first."""
    summary: str
    """One sentence that a salesperson understands."""
    runbook: str
    """URL of what to do: the section of the monitoring guide (DRIFTLINE_RUNBOOK_URL)."""
    acknowledged_at: Timestamp | None = None
    """When somebody accepted the change."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the window beside the reference, as bars.

    Of a number, bar ``i`` counts values in [edges[i], edges[i + 1]); what lies beyond the ends is in the first and last
    bar. Of a category, each bar is one of ``values``. ``aside`` counts, in this order in both lists, what is no bar.
    """

    column: str
    feature: str
    edges: list[float]
    """One more than there are bars; empty for a category."""
    values: list[str]
    """What each bar is; empty for a number."""
    reference: list[Count]
    current: list[Count]
    aside: dict[str, tuple[Count, Count]]
    """(reference, current) of ``missing``, ``unseen``, ``other type`` and ``other values``, where there are any."""


class WindowReport(Event, frozen=True, kw_only=True):
    """What the monitor sees at a moment: a view for people and dashboards, not a decision; alerts are those.

    It comes at most twice a second and says how the current window compares with the reference, also while the window
    is still filling and while nothing drifts. A crash may leave some out; none is ever needed to compute another.
    """

    SCHEMA: ClassVar[str] = "driftline.window-report/1"

    schema: Literal["driftline.window-report/1"] = "driftline.window-report/1"
    at: Timestamp
    """When the newest contact of the window was sent."""
    at_contact: Count
    model_version: Id
    window: AlertWindow
    full: bool
    """Whether the window is full; before that its tests do not count."""
    reference: AlertReference
    drift_share: Share
    drifting: list[str]
    """Columns over a threshold now, the strongest first; the score among them."""
    promise: Promise
    evidence: dict[Kind, float]
    """Sequential evidence over its threshold, by kind of alert: from 1 on it suffices."""
    strengths: dict[str, float]
    """Of every column the strongest test of the window as a multiple of its threshold: from 1 on it drifts."""
    columns: list[DriftedColumn]
    """The columns of greatest strength, drifting or not, as an alert would describe them."""
    distributions: list[Distribution]
    """The score's, then those of ``columns``."""


class Acknowledgement(Event, frozen=True, kw_only=True):
    """Somebody accepts the change that an alert is about.

    Until the reference changes, these columns raise no alert of this kind again. It stands on the panes topic, between
    two panes, since what the monitor folds has to be in one order.
    """

    SCHEMA: ClassVar[str] = "driftline.acknowledgement/1"

    schema: Literal["driftline.acknowledgement/1"] = "driftline.acknowledgement/1"
    alert_id: Id
    kind: Kind
    columns: list[str]
    reference_id: Id
    at: Timestamp

    @classmethod
    def of(cls, alert: Alert, at: datetime) -> Acknowledgement:
        """Of everything that the alert is about."""
        return cls(
            alert_id=alert.id,
            kind=alert.kind,
            columns=[column.name for column in alert.columns],
            reference_id=alert.reference.id,
            at=at,
        )


class LabelAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the labels so far: no label is left out without being counted here.

    The first three are of the present champion's contacts, the others of all labels since the monitor began.
    """

    contacts: Count = 0
    """Contacts that the champion has scored, in complete panes."""
    joined: Count = 0
    """Those of them with a label."""
    median_delay_seconds: float | None = None
    """From a contact to its label, over the last window of labels; None before the first."""
    former: Count = 0
    """Labels of contacts that an earlier champion had scored: too late to judge it by."""
    waiting: Count = 0
    """Labels that came before their contact, which may still be under way."""
    unknown: Count = 0
    """Labels whose contact has not come although 1,000 others have."""
    repeated: Count = 0
    """Labels that said again what was known."""
    changed: Count = 0
    """Labels that contradicted the first one of their contact, which counts."""
    early: Count = 0
    """Labels dated before their contact was sent; they count as without delay."""
    rescored: Count = 0
    """Contacts that came again: a label is joined to the last scoring before it."""
    dropped_labels: Count = 0
    """Labels without a contact, given up for newer ones."""
    dropped_contacts: Count = 0
    """Contacts without a label, given up for newer ones or after 28 days."""

    @property
    def without_label(self) -> float:
        """The share of the champion's contacts that have no label (yet)."""
        return 1.0 - self.joined / self.contacts if self.contacts else 0.0


class MonitorState(Event, frozen=True, kw_only=True):
    """What the assessor knew after a pane, so that a restart folds the panes since and not those of a month.

    ``config`` is what the state was made with; under another one, the window is filled anew.
    """

    SCHEMA: ClassVar[str] = "driftline.monitor-state/1"

    schema: Literal["driftline.monitor-state/1"] = "driftline.monitor-state/1"
    next_offset: Count
    """Of the panes topic: the first pane that the state does not know."""
    config: dict[str, float]
    state: dict[str, Any]
    performance: dict[str, Any] | None = None
    """What is known of the labels, but for the contacts that wait for one: those are read off the panes again."""
    labels: LabelAccount | None = None


class ModelEvent(Event, frozen=True, kw_only=True):
    """Something happened to a model. The topic is compacted by key, so it always holds the present state.

    ``registered`` (key ``model/<version>``) carries the whole bundle: graph, featuriser and reference travel
    together, and a worker needs no model store to start. ``champion`` (key ``champion``) names the version in
    use. ``decided`` (key ``decision/<alert id>``) is what came of one retraining.
    """

    SCHEMA: ClassVar[str] = "driftline.model-event/1"

    schema: Literal["driftline.model-event/1"] = "driftline.model-event/1"
    event: Literal["registered", "champion", "decided"]
    model_version: Id
    at: Timestamp
    bundle: bytes | None = None
    trigger: str | None = None
    """The alert that caused it."""
    decision: Decision | None = None
    why: str | None = None
    champion: str | None = None
    """The champion that the challenger was compared with."""
    labels: Count | None = None
    delta_auc: float | None = None
    interval: tuple[float, float] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """What the decision rests on: by name a value and the bounds of its interval."""

    @property
    def key(self) -> str:
        """The record key: what the compaction keeps one of."""
        match self.event:
            case "registered":
                return f"model/{self.model_version}"
            case "champion":
                return "champion"
            case "decided":
                return f"decision/{self.trigger}"


EVENTS: tuple[type[Event], ...] = (
    Contact, Label, Prediction, DeadLetter, Pane, LabelBatch, Acknowledgement, MonitorState, WindowReport, Alert,
    ModelEvent,
)  # fmt: skip

INPUTS: tuple[str, ...] = tuple(name for name in Contact.__struct_fields__[4:])
"""The 19 inputs of a contact, in the order of the contract."""

E = TypeVar("E", bound=Event)

_encoder = msgspec.json.Encoder(order=None)
_decoders: dict[type[Event], msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in EVENTS}


def encode(event: Event) -> bytes:
    """The event as UTF-8 JSON."""
    return _encoder.encode(event)


UNREADABLE = (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises over bytes from outside; the last one where JSON is nested a thousand deep."""


def decode(kind: type[E], value: bytes) -> E:
    """Parse and validate one event.

    Raises:
        ValueError: naming the field and the fault, never the value (contacts are people).
    """
    try:
        event: E = _decoders[kind].decode(value)
    except UNREADABLE as fault:
        raise ValueError(without_values(fault)) from None
    return event


Folded = Pane | LabelBatch | Acknowledgement
"""What the monitor folds, and the panes topic holds."""


def decode_folded(value: bytes) -> Folded:
    """Parse what the monitor folds.

    Raises:
        ValueError: it is neither a pane nor labels nor an acknowledgement.
    """
    try:
        return decode(Pane, value)
    except ValueError as no_pane:
        with suppress(ValueError):
            return decode(LabelBatch, value)
        with suppress(ValueError):
            return decode(Acknowledgement, value)
        raise no_pane from None


def without_values(fault: Exception) -> str:
    """What is wrong and where, of one of `UNREADABLE`: never the value."""
    if isinstance(fault, msgspec.ValidationError):
        # msgspec quotes the offending value only for invalid enum members: keep what stands before it.
        text = str(fault)
        return (
            text.split("Invalid enum value", 1)[0] + "unexpected value" + text[text.find(" - at") :]
            if "Invalid enum value" in text
            else text
        )
    if isinstance(fault, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(fault, RecursionError):
        return "not JSON: nested too deeply"
    return "not JSON: " + str(fault).split(":", 1)[-1].strip()


def decoder(kind: type[E]) -> msgspec.json.Decoder[E]:
    """The bare decoder for hot loops; its errors are msgspec's own."""
    found: msgspec.json.Decoder[E] = _decoders[kind]
    return found
