"""Scoring or updating a lead by hand: only what a person changed is sent."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages import formats
from webapp.product import product
from webapp.services.leads import leads, records, scoring
from webapp.services.leads.records import PEOPLE_FIELDS, LeadRecord
from webapp.services.leads.scoring import Scored
from webapp.services.outcomes import stale
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.owners import assigning, sight
from webapp.tables import Lead

bp = Blueprint("lead_form", __name__, url_prefix="/leads")

PEOPLE_LABELS = {
    "name": gettext("Name"),
    "company": gettext("Company"),
    "email": gettext("E-mail address"),
    "phone": gettext("Phone"),
    "owner": gettext("Owner"),
}
NEW_ID_HINT = gettext("The ID your other systems use. Leave it empty to get a new one.")
KNOWN_ID_HINT = gettext("The ID of a lead does not change.")
NEW_OWNER_HINT = gettext("A new lead is yours unless you name another owner.")
OUTCOMES = (
    ("true", gettext("Converted")),
    ("false", gettext("Lost")),
    ("never_worked", gettext("Not worked")),
)


class Overtaken(RuntimeError):
    """Fields that a person changes were changed by others since the form was opened."""

    def __init__(self, present: Mapping[str, str]) -> None:
        super().__init__(", ".join(present))
        self.present = present


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
    empty: str = gettext("unknown")
    is_fixed: bool = False


@bp.get("/new")
def show() -> ResponseReturnValue:
    """Any role: the empty form."""
    return _page()


@bp.get("/<key:key>/edit")
def edit(key: int) -> ResponseReturnValue:
    """Any role: the form with what is known of a lead."""

    def find(session: Session) -> Lead:
        return leads.gone_on(session, key)

    return _page(read(find))


@bp.post("/new")
def score() -> ResponseReturnValue:
    """Any role: take in what was entered and say what the lead scores, or what is wrong."""
    entered = request.form.to_dict()
    entered.pop("csrf_token", None)
    shown = _shown(entered.pop("shown", "{}"))
    is_known = "lead_id" in shown
    changed = {n: value for n, value in entered.items() if value.strip() != shown.get(n, "")}
    lead_id = entered.get("lead_id", "").strip() or f"hand-{secrets.token_hex(5)}"
    fields = product().fields
    try:
        sent = changed if is_known else entered
        record = records.clean(fields, {**sent, "lead_id": lead_id}, strict=True)
    except records.InvalidRecord as error:
        errors = {e.field: formats.rule_in_words(e.message) for e in error.errors}
        return _page(entered=entered, shown=shown, errors=errors), 422
    now = utc_now()
    try:
        scored = write(lambda s: _take_in(s, record, changed, now, shown=shown))
    except (assigning.NotAnOwner, assigning.OwnedByCrm) as error:
        errors = {"owner": formats.sentence(error)}
        return _page(entered=entered, shown=shown, errors=errors), 422
    except sight.LeadOfAnother as error:
        hint = gettext("Ask them or a manager to change it, or choose another ID.")
        errors = {"lead_id": f"{formats.sentence(error)} {hint}"}
        return _page(entered=entered, shown=shown, errors=errors), 403
    except Overtaken as error:
        errors = {name: _overtaken(text) for name, text in error.present.items()}
        return _page(entered=entered, shown={**shown, **error.present}, errors=errors), 409
    except stale.ChangedMeanwhile as error:
        shown["seen"] = error.seen_now
        errors = {"actual_outcome": _changed_meanwhile(error)}
        return _page(entered=entered, shown=shown, errors=errors), 409
    told: dict[str, Any] = {"scored": scored, "is_update": scored.lead.created_at != now}
    return _page(scored.lead if is_known else None, **told)


def _take_in(
    session: Session,
    record: LeadRecord,
    changed: Mapping[str, str],
    now: datetime,
    *,
    shown: Mapping[str, str],
) -> Scored:
    """Score a lead: a new one by all that was entered, a known one by what was changed."""
    people, inputs = record.people, record.inputs
    if lead := sight.lock_to_write(session, record.lead_id):
        if record.outcome is not None:
            seen = shown.get("seen")
            stale.check(session, lead, seen if isinstance(seen, str) else None, record.outcome)
        _check_others(lead, changed, shown)
        people = {name: value for name, value in people.items() if name in changed}
        inputs = {name: value for name, value in inputs.items() if name in changed}
        if "owner" in people:
            owner = people.pop("owner")
            assigning.assign_one(session, lead.key, owner, by=current_user.email, now=now)
    elif people.get("owner") is None:
        people = {**people, "owner": current_user.email}
    record = replace(record, people=people, inputs=inputs)
    attribution = Attribution(source="rep", actor=current_user.email)
    return scoring.score_lead(session, product().fields, record, attribution, now=now)


def _check_others(lead: Lead, changed: Mapping[str, str], shown: Mapping[str, str]) -> None:
    """Raise `Overtaken` where the form was opened with other values than are known by now."""
    known = _known(lead) if "lead_id" in shown else {}
    present = {
        name: known.get(name, "")
        for name, value in changed.items()
        if (name in PEOPLE_FIELDS or name in product().fields)
        and known.get(name, "") not in {shown.get(name, ""), value.strip()}
    }
    if known and present:
        raise Overtaken(present)


def _overtaken(present: str) -> str:
    now = gettext("changed to %(present)s", present=present) if present else gettext("emptied")
    return gettext("Meanwhile this was %(now)s. Save again to use yours.", now=now)


def _changed_meanwhile(error: stale.ChangedMeanwhile) -> str:
    who = f" ({error.by.actor}, {formats.ago(error.at)})" if error.by and error.at else ""
    word = formats.outcome_word(error.status)
    return gettext(
        "This lead is %(word)s by now%(who)s. Save again to record yours anyway.",
        word=word,
        who=who,
    )


def _shown(text: str) -> dict[str, str]:
    try:
        shown = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest from None
    if not isinstance(shown, dict):
        raise BadRequest
    return shown


def _known(lead: Lead) -> dict[str, str]:
    people = {name: getattr(lead, name) for name in PEOPLE_FIELDS}
    known = {**people, **leads.known_inputs(lead)}
    values = {name: value for name, value in known.items() if value is not None}
    seen = {"lead_id": lead.lead_id, "seen": stale.state(lead)}
    return {**seen, **{name: _as_text(value) for name, value in values.items()}}


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _page(
    lead: Lead | None = None,
    *,
    entered: Mapping[str, str] | None = None,
    shown: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    **more: Any,
) -> str:
    keeps = gettext("The outcome on record is kept unless you choose one.")
    if lead is not None:
        shown = entered = _known(lead)
        keeps = gettext(
            "Now: %(outcome_word)s. It is kept unless you choose another.",
            outcome_word=formats.outcome_word(lead.status),
        )
    shown, entered, errors = shown or {}, entered or {}, errors or {}
    controls = _controls(entered, errors, is_known="lead_id" in shown, keeps=keeps)
    names = {control.name for part in controls.values() for control in part}
    return render_template(
        "leads/form.html",
        **controls,
        shown=json.dumps(shown),
        title=(entered.get("name") or shown["lead_id"]) if "lead_id" in shown else None,
        field_labels={f.name: f.label for f in product().fields},
        n_errors=len(errors),
        other_errors={name: text for name, text in errors.items() if name not in names},
        **more,
    )


def _controls(
    entered: Mapping[str, str], errors: Mapping[str, str], *, is_known: bool, keeps: str
) -> dict[str, list[Control]]:
    def control(name: str, label: str, **more: object) -> Control:
        return Control(name, label, entered.get(name, ""), errors.get(name), **more)  # type: ignore[arg-type]

    hint = KNOWN_ID_HINT if is_known else NEW_ID_HINT
    people = [control("lead_id", gettext("Lead ID"), hint=hint, is_fixed=is_known)]
    hints = {} if is_known else {"owner": NEW_OWNER_HINT}
    people += [control(name, label, hint=hints.get(name)) for name, label in PEOPLE_LABELS.items()]
    inputs = [
        control(
            f.name,
            f.label,
            hint=f.help,
            unit=f.unit,
            keyboard=f.kind.keyboard,
            choices=f.answers,
        )
        for f in product().fields.declared
    ]
    outcome = control(
        "actual_outcome",
        gettext("Outcome"),
        hint=keeps,
        choices=OUTCOMES,
        empty=gettext("no change"),
    )
    return {"people": people, "inputs": inputs, "outcome": [outcome]}
