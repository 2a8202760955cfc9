"""What each route says about itself: the guard acts on it, and the document is made from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE
# The shapes made from the declared fields, when the application is there.
LEAD_RECORD = "LeadRecord"
LEAD_FORM = "LeadForm"
# The same as LeadForm: a generated client tells the kinds of bodies apart by their shapes.
LEAD_MULTIPART = "LeadMultipart"


@dataclass(frozen=True)
class Contract:
    """One route: who may call it, what it takes, what it answers."""

    summary: str
    # Success: status -> shape; None is an answer of another kind than JSON.
    answers: dict[int, type[BaseModel] | None]
    # The media types of such an answer, where the document names them.
    files: tuple[str, ...] = ()
    # The right that the key must have; None: no key is asked for.
    scope: str | None = None
    body: type[BaseModel] | str | None = None
    body_required: bool = True
    takes_forms: bool = False
    # Whether the body is a file.
    takes_file: bool = False
    query: type[BaseModel] | None = None
    takes_idempotency_key: bool = False
    takes_preference: bool = False
    # Statuses of errors beside those that every route of its kind may answer.
    problems: tuple[int, ...] = ()
    max_bytes: int = 64 * KILOBYTE


def describe(summary: str, **details: Any) -> Callable[[View], View]:
    """Say about a route what `Contract` holds; a route without it is not let into the API."""
    contract = Contract(summary, **details)

    def mark(view: View) -> View:
        view.contract = contract  # type: ignore[attr-defined]
        # OPTIONS is for browsers of other sites, which have no business here.
        view.provide_automatic_options = False  # type: ignore[attr-defined]
        return view

    return mark
