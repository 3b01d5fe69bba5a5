"""What ``/docs`` and ``/openapi.json`` say: schemas of the very types that decode and encode, and examples."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from consumers.contact_requests import MOST_CONTACTS, GivenBatch, GivenContact, Scored, ScoredBatch

DESCRIPTION = """Scores contacts with the champion of the stream, by the very code of the stream. Every contact that is
answered enters the stream as well: it is monitored, may be labelled, and counts in retraining."""

CONTACT_EXAMPLE: dict[str, Any] = {
    "id": "c-1f0a",
    "llm_quality": 72,
    "llm_seniority": "Senior",
    "llm_engagement": 0.6,
    "llm_decision_maker": 0.4,
    "llm_industry": "Technology - SaaS",
    "llm_geography": "international_hub",
    "llm_business_type": "experts",
    "llm_company_fit": 2,
    "industry": "Software Development",
    "companysize": "51-200",
    "companytype": "Privately Held",
    "languages": "English, French",
    "location": "Lyon, Auvergne-Rhône-Alpes, France",
    "companyfoundedon": 2010,
    "skills": "Python, Kafka",
    "jobtitle": "Head of Data",
}
SCORED_EXAMPLE: dict[str, Any] = {
    "contact_id": "c-1f0a",
    "score": 0.6180340051651001,
    "label": "engaged",
    "confidence": "medium",
    "model_version": "1",
    "inference_ms": 0.041,
}


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request, as FastAPI says it."""

    loc: list[str | int]
    msg: str
    type: str


class Fault(msgspec.Struct, frozen=True):
    """Why a request is not answered; never with a value of the request."""

    detail: str | list[Problem]


class SpoolState(msgspec.Struct, frozen=True):
    """What waits for the broker."""

    contacts: int
    bytes: int


class Health(msgspec.Struct, frozen=True):
    """How the API and what it depends on are."""

    status: str
    """ok, or what keeps it from answering."""
    model: str | None
    broker: bool
    spool: SpoolState


class Ready(msgspec.Struct, frozen=True):
    """The API takes contacts."""

    status: str


def _json(schema: str, description: str, example: Any) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"description": description, "content": {"application/json": content}}


def _fault(description: str, detail: Any) -> dict[str, Any]:
    return _json("Fault", description, {"detail": detail})


UNAVAILABLE = _fault("No model yet, or no room in the spool", "no model yet: `driftline retrain` trains the first one")
UNAVAILABLE["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
_REFUSED: dict[int | str, dict[str, Any]] = {
    408: _fault("The body did not come in time", "the body did not come within 30 s"),
    409: _fault(
        "The Idempotency-Key was taken with another body",
        "this Idempotency-Key came with another body before: take a new one",
    ),
    413: _fault("Too many contacts, or too many bytes", "more than 33,554,432 bytes: send the contacts in pages"),
    415: _fault("Not sent as JSON", "send JSON, with the header Content-Type: application/json"),
    503: UNAVAILABLE,
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A request whose key was taken before is answered anew, but its contacts do not enter the stream"
    " a second time. With another body than the first, it is refused.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def _takes(schema: str, example: Any) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}, "parameters": [_KEY]}


PREDICT: dict[str, Any] = {
    "operation_id": "predict",
    "summary": "Score one contact",
    "openapi_extra": _takes("GivenContact", CONTACT_EXAMPLE),
    "responses": {
        200: _json("Scored", "The score", SCORED_EXAMPLE),
        422: _fault(
            "Not a contact",
            [{"loc": ["body", "llm_quality"], "msg": "Expected `float` <= 100.0", "type": "value_error"}],
        ),
        **_REFUSED,
    },
}
PREDICT_BATCH: dict[str, Any] = {
    "operation_id": "predict_batch",
    "summary": f"Score 1 to {MOST_CONTACTS:,} contacts, all by one version of the model",
    "openapi_extra": _takes("GivenBatch", {"contacts": [CONTACT_EXAMPLE, {"llm_quality": 40}]}),
    "responses": {
        200: _json(
            "ScoredBatch",
            "The scores, in the order of the contacts",
            {
                "predictions": [SCORED_EXAMPLE],
                "count": 1,
                "engaged": 1,
                "mean_score": 0.6180340051651001,
                "model_version": "1",
                "inference_ms": 0.041,
            },
        ),
        422: _fault(
            "One of them is no contact, and none is taken",
            [
                {
                    "loc": ["body", "contacts", 3, "llm_quality"],
                    "msg": "Expected `float` <= 100.0",
                    "type": "value_error",
                }
            ],
        ),
        **_REFUSED,
    },
}
HEALTH: dict[str, Any] = {
    "operation_id": "health",
    "summary": "How the API is; 200 as long as it runs",
    "responses": {
        200: _json(
            "Health",
            "The state",
            {"status": "ok", "model": "1", "broker": True, "spool": {"contacts": 0, "bytes": 51_200}},
        )
    },
}
READY: dict[str, Any] = {
    "operation_id": "ready",
    "summary": "Whether contacts are taken",
    "responses": {200: _json("Ready", "They are", {"status": "ready"}), 503: UNAVAILABLE},
}
METRICS: dict[str, Any] = {
    "operation_id": "metrics",
    "summary": "For Prometheus",
    "responses": {
        200: {"description": "Text exposition format", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
}
GUARDED = ("/predict", "/predict/batch", "/metrics")
"""What the API key is asked for; the others tell nothing of contacts, and probes and browsers send no key."""


def document(app: FastAPI, *, with_key: bool) -> dict[str, Any]:
    """The OpenAPI document of the app."""
    found = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    _, schemas = msgspec.json.schema_components(
        [GivenContact, GivenBatch, Scored, ScoredBatch, Fault, Health, Ready],
        ref_template="#/components/schemas/{name}",
    )
    for given_by_the_api in ("id", "sent_at"):
        del schemas["GivenContact"]["properties"][given_by_the_api]["default"]
    schemas["GivenBatch"]["properties"]["contacts"]["maxItems"] = MOST_CONTACTS
    found["components"] = {"schemas": schemas}
    if with_key:
        found["components"]["securitySchemes"] = {
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        for path in GUARDED:
            for operation in found["paths"][path].values():
                operation["security"] = [{"header": []}, {"bearer": []}]
                operation["responses"]["401"] = _fault("No API key, or a wrong one", "an API key is needed")
    return found
