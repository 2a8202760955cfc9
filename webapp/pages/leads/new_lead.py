"""Scoring a lead by hand: a form made from `fields.toml`, and the answer with its reasons."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.fields.fields_file import Field
from webapp.database import utc_now, write
from webapp.pages import formats
from webapp.product import product
from webapp.services.leads import new_leads, records
from webapp.services.outcomes.outcomes import Attribution

bp = Blueprint("new_lead", __name__, url_prefix="/leads/new")

PEOPLE_LABELS = {
    "name": "Name",
    "company": "Company",
    "email": "E-mail address",
    "phone": "Phone",
    "owner": "Owner",
}
KEYBOARDS = {"count": "numeric", "number": "decimal"}
ID_HINT = "The ID your other systems use. Leave it empty to get a new one."


@dataclass(frozen=True)
class Control:
    """One control of the form: what it asks for, what was entered, and what is wrong with it."""

    name: str
    label: str
    value: str
    error: str | None = None
    hint: str | None = None
    unit: str | None = None
    keyboard: str = "text"
    # Value and text of each line of a list; empty where the control is a line of text.
    choices: tuple[tuple[str, str], ...] = ()


@bp.get("")
def show() -> ResponseReturnValue:
    """Any role: the empty form."""
    return _page({"owner": current_user.email}, {})


@bp.post("")
def score() -> ResponseReturnValue:
    """Any role: take in the lead and say what it scores, or what is wrong with each field."""
    entered = request.form.to_dict()
    entered.pop("csrf_token", None)
    attribution, now = Attribution(source="rep", actor=current_user.email), utc_now()
    given_id = entered.get("lead_id", "").strip() or f"hand-{secrets.token_hex(5)}"
    try:
        fields = product().fields
        record = records.clean(fields, {**entered, "lead_id": given_id}, strict=True)
        scored = write(lambda s: new_leads.score(s, fields, record, attribution, now=now))
    except records.InvalidRecord as error:
        return _page(
            entered, {e.field: formats.rule_in_words(e.message) for e in error.errors}
        ), 422
    except new_leads.LeadExists as error:
        return _page(entered, {"lead_id": f"{error}. Find it in the lead table."}), 422
    return _page({"owner": current_user.email}, {}, scored=scored)


def _page(entered: Mapping[str, str], errors: dict[str, str], **more: object) -> str:
    controls = _controls(entered, errors)
    known = {control.name for part in controls.values() for control in part}
    return render_template(
        "leads/new.html",
        **controls,
        field_labels={f.name: f.label for f in product().fields},
        n_errors=len(errors),
        other_errors={name: text for name, text in errors.items() if name not in known},
        **more,
    )


def _controls(entered: Mapping[str, str], errors: dict[str, str]) -> dict[str, list[Control]]:
    def control(name: str, label: str, **more: object) -> Control:
        return Control(name, label, entered.get(name, ""), errors.get(name), **more)  # type: ignore[arg-type]

    people = [control("lead_id", "Lead ID", hint=ID_HINT)]
    people += [control(name, label) for name, label in PEOPLE_LABELS.items()]
    inputs = [
        control(
            f.name,
            f.label,
            hint=f.help,
            unit=f.unit,
            keyboard=KEYBOARDS.get(f.type, "text"),
            choices=_choices(f),
        )
        for f in product().fields.declared
    ]
    return {"people": people, "inputs": inputs}


def _choices(field: Field) -> tuple[tuple[str, str], ...]:
    if field.type == "boolean":
        return (("true", "yes"), ("false", "no"))
    return tuple((choice, choice) for choice in field.choices)
