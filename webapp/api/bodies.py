"""What programs send: read within its limits, parsed, checked, all wrong values named at once."""

import difflib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from flask import request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from webapp.api.document import contract
from webapp.api.problems import Complaint, Refused, WrongValues, pointer
from webapp.product import product
from webapp.services.leads import records
from webapp.services.leads.records import LeadRecord

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAX_ERRORS = 20
OBJECT_RULE = "a JSON object"

Model = TypeVar("Model", bound=BaseModel)


def lead_record() -> LeadRecord:
    """The lead in the body, as JSON or as a form."""
    is_form = _content_type(JSON, FORM) == FORM
    values = _form() if is_form else _object(_json())
    return records.clean(product().fields, values, text=is_form)


def lead_id(in_path: str) -> str:
    """The lead id in the path, cleaned like one in a body."""
    try:
        return records.clean_lead_id(in_path)
    except ValueError as error:
        rule = records.LEAD_ID_RULE
        wrong = Complaint(pointer="{lead_id}", message=str(error), rule=rule)
        raise WrongValues([wrong]) from None


def body(model: type[Model], now: datetime) -> Model:
    """The JSON body in its shape."""
    _content_type(JSON)
    return checked(model, _object(_json()), now)


def optional_body(model: type[Model], now: datetime) -> Model:
    """The JSON body in its shape; no body is an empty object."""
    return body(model, now) if _data() else checked(model, {}, now)


def checked(model: type[Model], value: Any, now: datetime) -> Model:
    """A value in its shape, or `WrongValues` with all that is wrong."""
    try:
        return model.model_validate(value, context=now)
    except ValidationError as error:
        raise WrongValues(mistakes(model, error, partial(pointer, ""))) from None


def query(model: type[Model]) -> Model:
    """The parameters of the address in their shape; where one stands twice, the last counts."""
    values = {name: several[-1] for name, several in request.args.lists()}
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


def raw() -> bytes:
    """The body as it came."""
    return _data()


def _data() -> bytes:
    request.max_content_length = contract.of_endpoint(request.endpoint or "").max_bytes
    return request.get_data()


def _json() -> Any:
    try:
        return from_json(_data(), allow_inf_nan=False)
    except ValueError as error:
        raise Refused(400, f"The body is not valid JSON: {error}.") from None


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WrongValues([not_an_object("")])
    return value


def _form() -> dict[str, str]:
    try:
        return dict(parse_qsl(_data().decode(), keep_blank_values=True, errors="strict"))
    except ValueError:
        raise Refused(400, "The body is not a form in UTF-8.") from None


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
