"""The contract itself: `/openapi.json`, and `/docs` for people to read."""

import json
from typing import Any

from flask import Blueprint, Response, current_app, render_template
from pydantic_core import to_json

from webapp.api.document import openapi, reading
from webapp.api.document.contract import describe
from webapp.api.problems import SOME_FIELDS_ARE_WRONG, Complaint, problem
from webapp.product import product
from webapp.services.leads.records import KNOWN_RULE

bp = Blueprint("docs", __name__)

EXAMPLE = problem(
    422,
    SOME_FIELDS_ARE_WRONG,
    [
        Complaint(
            pointer="/emailopens",
            message="is not a known field; did you mean email_opens?",
            rule=KNOWN_RULE,
        ),
        Complaint(
            pointer="/age",
            message="must be a whole number from 0 to 120, or null",
            rule="a whole number from 0 to 120, or null",
        ),
    ],
)


@bp.get("/openapi.json")
@describe("The contract as an OpenAPI document", answers={200: None})
def show_document() -> Response:
    """OpenAPI 3.1, made from the code and the fields of this installation."""
    return Response(to_json(_document()), mimetype="application/json")


@bp.get("/docs")
@describe("The contract as a page", answers={200: None})
def show_page() -> str:
    """The same for people, with examples."""
    document = _document()
    return render_template(
        "api_docs.html",
        # Never by the Host header: it is anybody's text.
        address=(product().settings.public_url or product().settings.address).rstrip("/"),
        about=reading.paragraphs(document["info"]["description"]),
        sections=reading.sections(document),
        shapes=reading.shapes(document),
        problem=json.dumps(EXAMPLE.model_dump(), indent=2),
    )


def _document() -> dict[str, Any]:
    return openapi.document(current_app._get_current_object())  # type: ignore[attr-defined]
