"""Errors as programs read them: RFC 9457 problem documents, all wrong fields at once."""

from collections.abc import Iterable
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from werkzeug.exceptions import HTTPException

from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.leads.records import FieldError, InvalidRecord
from webapp.writer import DatabaseGone

MIMETYPE = "application/problem+json"
RETRY_SOON = {"Retry-After": "1"}
SOME_FIELDS_ARE_WRONG = "Some fields are wrong: see errors."


class Complaint(BaseModel):
    """One wrong value."""

    pointer: str = Field(
        description="Where it is: a JSON Pointer into the body (`/email_opens`), or `?name` for a"
        " parameter of the address, or `{name}` for a part of the path."
    )
    message: str = Field(description="What is wrong with it.")
    rule: str = Field(description="What a right value is.")


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(description="The name of the status.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong, as a sentence.")
    errors: list[Complaint] = Field(default=[], description="Every wrong value.")


class Refused(Exception):
    """A request that cannot be served, and why; headers say how to do better."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[Complaint] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = problem(status, detail, errors)
        self.headers = headers or {}


class WrongValues(Refused):
    """Values that break their rules."""

    def __init__(self, errors: Iterable[Complaint]) -> None:
        super().__init__(422, SOME_FIELDS_ARE_WRONG, errors)


def problem(status: int, detail: str, errors: Iterable[Complaint] = ()) -> Problem:
    """A problem document; its title is the name of the status."""
    title = HTTPStatus(status).phrase
    return Problem(title=title, status=status, detail=detail, errors=list(errors))


def complaints(errors: Iterable[FieldError], place: str = "") -> list[Complaint]:
    """Say of wrong fields of a record where in the body they are."""
    return [
        Complaint(pointer=pointer(place, e.field), message=e.message, rule=e.rule) for e in errors
    ]


def pointer(place: str, name: str) -> str:
    """The JSON Pointer (RFC 6901) of a key of an object; no name is the object itself."""
    return f"{place}/{name.replace('~', '~0').replace('/', '~1')}" if name else place


def reply(found: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer that carries a problem."""
    return Response(to_json(found), found.status, headers, mimetype=MIMETYPE)


def refused(error: Refused) -> Response:
    """Answer a request that the API itself refuses."""
    return reply(error.problem, error.headers)


def invalid_record(error: InvalidRecord) -> Response:
    """Answer with everything that is wrong with a lead record."""
    return reply(problem(422, SOME_FIELDS_ARE_WRONG, complaints(error.errors)))


def invalid_query(error: InvalidQuery) -> Response:
    """Answer with everything that is wrong in the address."""
    wrong = [Complaint(pointer=f"?{e.field}", message=e.message, rule=e.rule) for e in error.errors]
    return reply(problem(422, SOME_FIELDS_ARE_WRONG, wrong))


def unavailable(error: Exception) -> Response:
    """Answer that the database is locked, full or gone."""
    sentence = "The database cannot be used just now. Try again."
    found = str(error) if isinstance(error, DatabaseGone) else sentence
    return reply(problem(503, found), RETRY_SOON)


def http_error(error: HTTPException) -> Response:
    """Put an HTTP error into the form of all others."""
    status = error.code or 500
    kept = {k: v for k, v in error.get_headers() if k in {"Allow", "Retry-After"}}
    return reply(problem(status, SENTENCES.get(status, error.name + ".")), kept)


SENTENCES = {
    400: "The request cannot be read.",
    404: "There is nothing at this address: see /docs.",
    405: "This address does not answer to this method: see the Allow header.",
    413: "The body is too large.",
    500: "Something went wrong on our side.",
}
