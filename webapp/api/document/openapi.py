"""The OpenAPI 3.1 document, made from the routes, their contracts, the shapes and the fields."""

import inspect
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from ml.fields.fields_file import Fields
from ml.fields.types import NO_CONTROL_CHARACTERS
from webapp.api import forms, problems, sent
from webapp.api.document import examples, webhooks
from webapp.api.document.contract import LEAD_FORM, LEAD_MULTIPART, LEAD_RECORD, Contract
from webapp.product import Product
from webapp.services.leads import records
from webapp.services.leads.filters import kinds, table

JSON = "application/json"
FORMS = {forms.URLENCODED: LEAD_FORM, forms.MULTIPART: LEAD_MULTIPART}
REF = "#/components/schemas/{model}"
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
PART = re.compile(r"<(?:[^<>]*:)?(\w+)>")

ABOUT = """Leadloop scores sales leads, says why, and learns from what became of them.

Every call but the public ones carries an API key: `Authorization: Bearer <key>`. Errors are
problem documents (RFC 9457) that name every wrong value at once, with its rule. An object that
says the same name twice is refused. Text is stored trimmed and in Unicode NFC."""

TAGS = {
    "scores": "Scores",
    "feedback": "Outcomes",
    "leads": "Leads",
    "remarks": "Notes, reports, overrides, owners",
    "status": "State",
    "models": "Model versions",
    "fields": "Suspected fields",
    "monitors": "Monitors",
    "runs": "Runs",
    "exports": "Exports",
    "imports": "Imports",
    "keys": "API keys",
    "hooks": "Hints from the CRM",
    "docs": "This document",
}
PATH_PARTS: dict[str, dict[str, Any]] = {
    "lead_id": {
        "description": "The lead's id, percent-encoded; slashes may stand as they are.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": records.LEAD_ID_LENGTH,
            "pattern": sent.NOT_BLANK,
            "examples": ["L-1"],
        },
    },
    "version": {
        "description": 'The name of a model version, such as "1.3".',
        "schema": {"type": "string", "minLength": 1},
    },
    "field": {
        "description": "The name of a field that a training has flagged as leaking.",
        "schema": {"type": "string", "minLength": 1},
    },
    "key": {
        "description": "The number that a list or an answer gave as `id`.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text that stands for this request. Sent again with the same body within"
    " 24 hours, the request is not carried out again: the answer is the first one, byte for byte,"
    " with `Idempotent-Replayed: true`. With another body: 422. While the first is in progress:"
    " 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
}

PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "`handling=strict` (RFC 7240) refuses what is otherwise taken with a warning;"
    " the answer then says `Preference-Applied: handling=strict`.",
    "schema": {"type": "string", "examples": ["handling=strict"]},
}


def document(app: Flask) -> dict[str, Any]:
    """The document of this application, made once for the fields that there are."""
    product: Product = app.extensions["leadloop"]
    fields = product.fields
    kept: tuple[Fields, dict[str, Any]] | None = app.extensions.get("leadloop_openapi")
    if kept is None or kept[0] is not fields:
        kept = app.extensions["leadloop_openapi"] = fields, _document(app, fields)
    return kept[1]


def operations(app: Flask) -> Iterator[tuple[Rule, str, Contract, Any]]:
    """Every route and method of the API with its contract and function."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: r.rule):
        if rule.endpoint.startswith("api."):
            view: Any = app.view_functions[rule.endpoint]
            answered = [method for method in METHODS if method in (rule.methods or ())]
            yield from ((rule, method, view.contract, view) for method in answered)


def _document(app: Flask, fields: Fields) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    models: dict[type[BaseModel], str] = {problems.Problem: "serialization"}
    models[sent.FeedbackRow] = "validation"
    for rule, method, contract, view in operations(app):
        path = PART.sub(r"{\1}", rule.rule)
        paths.setdefault(path, {})[method.lower()] = _operation(rule, contract, view, fields)
        models |= {m: "serialization" for m in contract.answers.values() if m is not None}
        if isinstance(contract.body, type):
            models[contract.body] = "validation"
    models |= dict.fromkeys(webhooks.BODIES.values(), "serialization")
    lead = lead_record_schema(fields)
    form = _as_form(lead)
    schemas = {LEAD_RECORD: lead, LEAD_FORM: form, LEAD_MULTIPART: form, **_schemas(models)}
    schemas[sent.LeadRecords.__name__]["examples"] = [{"leads": [examples.lead(fields)]}]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Leadloop", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in TAGS.values()],
        "paths": paths,
        "webhooks": webhooks.section(REF),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def lead_record_schema(fields: Fields) -> dict[str, Any]:
    """What `POST /score` takes, by the declared fields."""
    person = {
        "type": ["string", "null"],
        "maxLength": records.PEOPLE_LENGTH,
        "pattern": NO_CONTROL_CHARACTERS,
        "description": f"For people to read, never a feature: {records.PEOPLE_RULE}.",
    }
    lead_id = {
        "type": "string",
        "minLength": 1,
        "maxLength": records.LEAD_ID_LENGTH,
        "pattern": sent.NOT_BLANK,
        "description": f"The lead's own id: {records.LEAD_ID_RULE}.",
    }
    outcome = {
        "type": ["boolean", "string", "null"],
        "pattern": records.OUTCOME_PATTERN,
        "description": f"What became of the lead: {records.OUTCOME_OR_NULL_RULE}, which keeps what"
        " is known. never_worked: closed without being worked, which is no label for training. In"
        " a form empty stands for null.",
    }
    return {
        "type": "object",
        "required": ["lead_id"],
        "additionalProperties": False,
        "properties": {
            "lead_id": lead_id,
            **{field.name: field.json_schema() for field in fields},
            **dict.fromkeys(records.PEOPLE_FIELDS, person),
            "actual_outcome": outcome,
        },
        "examples": [examples.lead(fields)],
    }


def _as_form(record: dict[str, Any]) -> dict[str, Any]:
    """The same as a form has it: without null, since an empty value stands for it."""
    properties = {name: _without_null(schema) for name, schema in record["properties"].items()}
    hidden = {
        forms.KEY: "A form key, in a form on another site; no other key may stand there. Beside a"
        " key in the header it is passed over.",
        forms.REDIRECT: f"With a form key: where the browser goes next, {forms.REDIRECT_RULE}.",
    }
    properties |= {n: {"type": "string", "description": about} for n, about in hidden.items()}
    return {**record, "properties": properties}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    found = dict(schema)
    if isinstance(schema["type"], list):
        kinds = [kind for kind in schema["type"] if kind != "null"]
        found["type"] = kinds[0] if len(kinds) == 1 else kinds
    if "enum" in schema:
        found["enum"] = [choice for choice in schema["enum"] if choice is not None]
    return found


def _schemas(models: dict[type[BaseModel], Any]) -> dict[str, Any]:
    _, definitions = models_json_schema(list(models.items()), ref_template=REF)
    schemas: dict[str, Any] = definitions["$defs"]
    # Generators take what has a default for what is always there, and ask for it.
    for found in schemas.values():
        for described in found.get("properties", {}).values():
            described.pop("default", None)
    return schemas


def _operation(rule: Rule, contract: Contract, view: Any, fields: Fields) -> dict[str, Any]:
    part = rule.endpoint.split(".")[1]
    found: dict[str, Any] = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "tags": [TAGS[part]],
        "summary": contract.summary,
        "description": inspect.getdoc(view) or "",
        "parameters": list(_parameters(rule, contract, fields)),
        "responses": {str(s): r for s, r in sorted(_responses(contract).items())},
        "security": [{"key": [contract.scope]}] if contract.scope else [],
    }
    if contract.body is not None:
        found["requestBody"] = _request_body(contract)
    if contract.takes_file:
        # The only kind of file that generators of clients know.
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _parameters(rule: Rule, contract: Contract, fields: Fields) -> Iterator[dict[str, Any]]:
    for name in PART.findall(rule.rule):
        yield {"name": name, "in": "path", "required": True, **PATH_PARTS[name]}
    if contract.query is not None:
        for name, schema in contract.query.model_json_schema()["properties"].items():
            text = {k: schema[k] for k in ("enum",) if k in schema}
            about = {"description": schema["description"], "schema": {"type": "string", **text}}
            yield {"name": name, "in": "query", "required": False, **about}
        if issubclass(contract.query, sent.LeadsFilter):
            yield from _own_filters(fields)
    if contract.takes_idempotency_key:
        yield IDEMPOTENCY_KEY
    if contract.takes_preference:
        yield PREFER


def _own_filters(fields: Fields) -> Iterator[dict[str, Any]]:
    for name, each in table.all_filters(fields).items():
        if name.startswith(kinds.OF_FIELD):
            about = {"description": f"{each.label}: {each.kind.rule}", "schema": {"type": "string"}}
            yield {"name": name, "in": "query", "required": False, **about}


def _request_body(contract: Contract) -> dict[str, Any]:
    name = contract.body.__name__ if isinstance(contract.body, type) else LEAD_RECORD
    shapes = {JSON: name, **(FORMS if contract.takes_forms else {})}
    content = {kind: {"schema": {"$ref": REF.format(model=m)}} for kind, m in shapes.items()}
    return {"required": contract.body_required, "content": content}


def _responses(contract: Contract) -> dict[int, dict[str, Any]]:
    found = {status: _answer(status, shape) for status, shape in contract.answers.items()}
    for answer in found.values() if contract.files else ():
        answer["content"] = {kind: {"schema": {"type": "string"}} for kind in contract.files}
    for status in problem_statuses(contract):
        found.setdefault(status, _answer(status, problems.Problem, problems.MIMETYPE))
    return found


def problem_statuses(contract: Contract) -> set[int]:
    """Which errors a route may answer."""
    statuses = set(contract.problems)
    statuses |= {401, 403, 503} if contract.scope else set()
    statuses |= {400, 413, 415, 422} if contract.body is not None else set()
    statuses |= {422} if contract.query is not None else set()
    return statuses | ({409} if contract.takes_idempotency_key else set())


def _answer(status: int, shape: type[BaseModel] | None, kind: str = JSON) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if shape is not None:
        found["content"] = {kind: {"schema": {"$ref": REF.format(model=shape.__name__)}}}
    return found
