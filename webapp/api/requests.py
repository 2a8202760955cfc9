"""Requests and answers of programs: who calls, by which right, and all that is wrong at once."""

import difflib
import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from flask import Response, current_app, g, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from webapp.api import forms
from webapp.api.document.contract import Contract
from webapp.api.problems import Complaint, Refused, WrongValues, pointer
from webapp.database import UNAVAILABLE, Session, read, utc_now, write
from webapp.observability import figures
from webapp.product import product
from webapp.services.accounts import api_keys, audit
from webapp.services.imports import quality
from webapp.services.imports.quality import Gathered
from webapp.services.leads import records
from webapp.services.leads.filters.kinds import OF_FIELD
from webapp.services.leads.records import LeadRecord
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import ApiKey

JSON = "application/json"
MAX_ERRORS = 20
# The end of each key, and quotes in texts: never fewer than there are keys.
KEY_ENDS = re.compile(rb'"\s*:')
NOT_UTF_8 = (BOM_UTF16_BE, BOM_UTF16_LE, b"\x1f\x8b")
MAX_KEY_SHOWN = 60
OBJECT_RULE = "a JSON object"
MAX_KEY_LENGTH = 200
NO_CONTRACT = Contract("", {})
STRICT = r'handling\s*=\s*"?strict"?'
NO_OUTCOME_RULE = "empty: a form key reports no outcome, since everybody can read it"
UNKNOWN_KEY = "The API key is not known or was revoked."

Model = TypeVar("Model", bound=BaseModel)


def guard() -> None:
    """Apply the contract of the route: the size of the body, and the scope the key must have."""
    view: Any = current_app.view_functions[request.endpoint or ""]
    contract: Contract = view.contract
    request.max_content_length = contract.max_bytes
    if contract.scope is not None:
        _require(contract, contract.scope)


def _require(contract: Contract, scope: str) -> None:
    """Let the caller in if its key is live and has this scope; else 401 or 403."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    text = text.strip() if kind.lower() == "bearer" else ""
    is_in_form = not kind and contract.takes_forms
    text = forms.key_text() if is_in_form else text
    if not text:
        raise _denied(401, "Send an API key: Authorization: Bearer <key>.")
    key = None
    if len(text) <= MAX_KEY_LENGTH:
        key = read(lambda session: _find(session, text))
    if key is None:
        raise _denied(401, UNKNOWN_KEY, ', error="invalid_token"')
    g.api_key, g.api_key_number = key, key.key
    if is_in_form and not key.origins:
        raise Refused(403, "Only a form key may stand in a form: revoke this one and make another.")
    if key.origins and contract.takes_forms:
        forms.admit(key)
    elif not api_keys.allows(key, scope):
        problem = f', error="insufficient_scope", scope="{scope}"'
        who, place, now = actor(), request.endpoint or "", utc_now()
        write(lambda session: audit.record_refusal(session, who, place, now))
        raise _denied(403, f"This key lacks the scope {scope}.", problem)
    now = utc_now()
    if not api_keys.use_is_noted(key, now):
        write(lambda session: api_keys.note_use(session, key.key, now))


def _find(session: Session, text: str) -> ApiKey | None:
    """The key with this text; the fields come along, which saves a second session."""
    product().note_fields(session)
    return api_keys.find(session, text)


def _denied(status: int, sentence: str, problem: str = "") -> Refused:
    return Refused(
        status, sentence, headers={"WWW-Authenticate": f'Bearer realm="Leadloop"{problem}'}
    )


def caller() -> ApiKey:
    """The key of this request."""
    found: ApiKey = g.api_key
    return found


def actor() -> str:
    """The caller's name in histories."""
    return f"key:{caller().name}"


def attribution(reason: str | None = None) -> Attribution:
    """Attribute what the caller reports to its key."""
    return Attribution(source="api", actor=actor(), reason=reason)


def reply(answer: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer in JSON."""
    return Response(to_json(answer), status, headers, mimetype=JSON)


def finish(response: Response) -> Response:
    """Keep answers out of caches, since leads are personal data, and name the preference kept."""
    response.headers.setdefault("Cache-Control", "no-store")
    view: Any = current_app.view_functions.get(request.endpoint or "")
    if is_strict() and getattr(view, "contract", NO_CONTRACT).takes_preference:
        response.headers["Preference-Applied"] = "handling=strict"
    if "Origin" in request.headers:
        forms.share(response)
    if g.get("is_time_to_store"):
        with suppress(*UNAVAILABLE):
            gathered().flush(lambda found: write(lambda s: quality.store(s, found, utc_now())))
    return response


def lead_record() -> LeadRecord:
    """The lead in the body, as JSON or as a form; a form key reports no outcome."""
    is_json = _content_type(JSON, *forms.KINDS) == JSON
    values = _object(_json()) if is_json else forms.lead_values(_is_passed_over)
    record = clean_record(values)
    if record.outcome is not None and is_of_form_key():
        message = f"must be {NO_OUTCOME_RULE}"
        wrong = Complaint(pointer="/actual_outcome", message=message, rule=NO_OUTCOME_RULE)
        raise WrongValues([wrong])
    return record


def _is_passed_over(name: str) -> bool:
    is_tolerant = caller().ignores_unknown and not is_strict()
    return is_tolerant and not records.is_known(product().fields, name)


def clean_record(values: Mapping[str, Any]) -> LeadRecord:
    """A lead as it was sent, cleaned as the caller wants it."""
    fields, is_tolerant = product().fields, caller().ignores_unknown
    record = records.clean(fields, values, strict=is_strict(), ignore_unknown=is_tolerant)
    if record.warnings:
        seen = quality.seen(fields, record.warnings)
        for field, kind, _ in seen:
            figures().surprises.labels(field, kind).inc()
        g.is_time_to_store = gathered().add(seen, actor())
    return record


def gathered() -> Gathered:
    """The surprises of this process that are not stored yet."""
    found: Gathered = current_app.extensions["leadloop_surprises"]
    return found


def is_of_form_key() -> bool:
    """Whether the caller's key stands in a page that everybody can read."""
    return bool(caller().origins)


def known_keys(model: type[BaseModel], value: Any) -> Any:
    """What was sent, without keys that are not known where the caller's key ignores these."""
    if not isinstance(value, dict) or not caller().ignores_unknown or is_strict():
        return value
    return {name: each for name, each in value.items() if name in model.model_fields}


def is_strict() -> bool:
    """Whether the caller wants surprises in the data refused (RFC 7240)."""
    wanted = ",".join(request.headers.getlist("Prefer")).lower()
    return any(re.fullmatch(STRICT, part.strip()) for part in re.split("[,;]", wanted))


def lead_id(in_path: str) -> str:
    """The lead id in the path, cleaned like one in a body."""
    try:
        return records.clean_lead_id(in_path)
    except ValueError as error:
        wrong = Complaint(pointer="{lead_id}", message=str(error), rule=records.LEAD_ID_RULE)
        raise WrongValues([wrong]) from None


def body(model: type[Model], now: datetime) -> Model:
    """The JSON body in its shape."""
    _content_type(JSON)
    return checked(model, known_keys(model, _object(_json())), now)


def optional_body(model: type[Model], now: datetime) -> Model:
    """The JSON body in its shape; no body is an empty object."""
    return body(model, now) if request.get_data() else checked(model, {}, now)


def checked(model: type[Model], value: Any, now: datetime) -> Model:
    """A value in its shape, or `WrongValues` with all that is wrong."""
    try:
        return model.model_validate(value, context=now)
    except ValidationError as error:
        raise WrongValues(mistakes(model, error, partial(pointer, ""))) from None


def lead_filters(model: type[BaseModel]) -> dict[str, Any]:
    """What is asked of the lead table: parameters in their shape, and filters on own fields."""
    own = {name: text for name, text in request.args.items() if name.startswith(OF_FIELD)}
    return query(model, beside=own).model_dump(exclude_none=True) | own


def query(model: type[Model], *, beside: Collection[str] = ()) -> Model:
    """The parameters of the address in their shape, but for those that others check.

    One that says two things is refused.
    """
    asked = request.args.lists()
    values = {name: several[-1] for name, several in asked if name not in beside}
    if twice := [name for name, several in request.args.lists() if len(set(several)) > 1]:
        message, rule = "stands in the address more than once: send it once", "one value a name"
        places = map("?{}".format, twice[:MAX_ERRORS])
        raise WrongValues([Complaint(pointer=p, message=message, rule=rule) for p in places])
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise WrongValues(mistakes(model, error, "?{}".format)) from None


def mistakes(
    model: type[BaseModel], error: ValidationError, place: Callable[[str], str]
) -> list[Complaint]:
    """What is wrong with a value; `place` says where in the request a key of it stands."""
    found = error.errors(include_url=False, include_input=False)[:MAX_ERRORS]
    return [_complaint(model, e, place) for e in found]


def not_an_object(place: str) -> Complaint:
    """What is wrong with a body or row of another kind."""
    return Complaint(pointer=place, message="must be an object", rule=OBJECT_RULE)


def _content_type(*accepted: str) -> str:
    """The type of the body, or 415 where it is not one of these, in UTF-8, as it is."""
    kind, options = request.mimetype, request.mimetype_params
    is_utf8 = options.get("charset", "utf-8").lower() in {"utf-8", "utf8", "us-ascii"}
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if kind in accepted and is_utf8 and encoding in {"", "identity"}:
        return kind
    sentence = f"Send {' or '.join(accepted)}, in UTF-8 and not compressed."
    raise Refused(415, sentence, headers={"Accept": ", ".join(accepted)})


def _json() -> Any:
    try:
        return _parsed(request.get_data().removeprefix(BOM_UTF8))
    except ValueError as error:
        raise Refused(400, f"The body is not valid JSON: {error}.") from None


def _parsed(body: bytes) -> Any:
    """Read JSON; ValueError where it is none or says two things of one key.

    NaN is no JSON, but no reason to lose the other rows of a batch: no value may be one. Half
    characters, of a text that was cut within an emoji, become blanks later, with a warning.
    """
    if body.startswith(NOT_UTF_8):
        raise ValueError("it is not text in UTF-8")
    try:
        value = from_json(body, allow_inf_nan=True)
    except ValueError as error:
        if "escape" not in str(error):
            raise
        return _carefully(body)
    if len(KEY_ENDS.findall(body)) > _n_keys(value):
        _carefully(body)
    return value


def _carefully(body: bytes) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_unambiguous)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if found.get(key, value) != value:
            shown = key[:MAX_KEY_SHOWN].encode("ascii", "replace").decode()
            raise ValueError(f"{shown!r} says two things in one object; send it once")
        found[key] = value
    return found


def _n_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_n_keys, value.values()))
    return sum(map(_n_keys, value)) if isinstance(value, list) else 0


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WrongValues([not_an_object("")])
    return value


def _complaint(
    model: type[BaseModel], error: ErrorDetails, place: Callable[[str], str]
) -> Complaint:
    name = str(error["loc"][0]) if error["loc"] else ""
    known = list(model.model_fields)
    described = model.model_fields[name].description if name in known else None
    rule = described or f"one of {', '.join(known)}"
    message = {
        "missing": "is required",
        "extra_forbidden": _unknown(name, known),
        "value_error": str(error.get("ctx", {}).get("error", "")),
    }.get(error["type"], f"must be {rule}")
    return Complaint(pointer=place(_shown(name)), message=message, rule=rule)


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name[:100], known, n=1)
    return "is not known here" + (f"; did you mean {near[0]}?" if near else "")


def _shown(name: str) -> str:
    return name[:100].encode("ascii", "replace").decode()
