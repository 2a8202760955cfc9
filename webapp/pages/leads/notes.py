"""Notes on a lead, and the timeline that they stand in."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import Session, read, utc_now, write
from webapp.pages.leads import lead_view
from webapp.product import product
from webapp.services.crm import crm_records
from webapp.services.leads import leads
from webapp.services.remarks import notes, timeline
from webapp.services.remarks.notes import InvalidNote
from webapp.tables import Lead

bp = Blueprint("notes", __name__, url_prefix="/leads")


@bp.get("/<key:key>/timeline")
def earlier(key: int) -> ResponseReturnValue:
    """Any role, fragment: the entries of the timeline behind a place."""
    view = read(lambda session: _view(session, key))
    return render_template("leads/_timeline.html", is_earlier=True, **view)


@bp.post("/<key:key>/notes")
def add(key: int) -> ResponseReturnValue:
    """Any role: write a note."""
    return _changed(key, lambda s, lead: notes.add(s, lead, _text(), **_by()))


@bp.post("/<key:key>/notes/<key:note>")
def edit(key: int, note: int) -> ResponseReturnValue:
    """Any role: change an own note."""
    return _changed(key, lambda s, lead: notes.edit(s, note, _text(), **_by()))


@bp.post("/<key:key>/notes/<key:note>/delete")
def delete(key: int, note: int) -> ResponseReturnValue:
    """Any role: delete an own note."""
    return _changed(key, lambda s, lead: notes.delete(s, note, current_user.email))


def _text() -> str:
    return request.form.get("text", "")


def _by() -> dict[str, Any]:
    return {"author": current_user.email, "now": utc_now()}


def _changed(key: int, work: Callable[[Session, Lead], Any]) -> ResponseReturnValue:
    """Do it; then the timeline for htmx, and the lead's page for everybody else."""

    def with_lead(session: Session) -> None:
        work(session, leads.find(session, leads.by_key(session, key).lead_id, lock=True))

    wrong = None
    try:
        write(with_lead)
    except InvalidNote as error:
        wrong = str(error)
    if request.headers.get("HX-Request"):
        view = read(lambda session: _view(session, key))
        told = {"wrong": wrong, "text": _text() if wrong else "", "is_changed": True}
        return render_template("leads/_timeline.html", **view, **told), 422 if wrong else 200
    if wrong:
        raise InvalidNote(wrong)
    return redirect(url_for("pages.lead.show", key=key, _anchor="timeline"), 303)


def _view(session: Session, key: int) -> dict[str, Any]:
    lead: Lead = leads.gone_on(session, key)
    told, behind = leads.outcome_history(session, lead), lead_view.place()
    return {
        "lead": lead,
        "outcomes": told,
        "records": crm_records.of_leads(session, [lead.key]).get(lead.key),
        "timeline": timeline.page(
            *(session, product().fields, lead), outcomes=told, now=utc_now(), after=behind
        ),
    }
