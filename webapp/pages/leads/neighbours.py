"""The view of the lead table that a lead was opened from: the way back, and the leads beside it."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, request, url_for
from flask_login import current_user

from webapp.database import Session
from webapp.pages.accounts import signed_in
from webapp.pages.addresses import MAX_KEY
from webapp.product import product
from webapp.services.leads import lead_query, lead_table
from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.leads.lead_query import Query
from webapp.services.remarks import score_reports
from webapp.services.remarks.score_reports import STATES
from webapp.tables import Lead
from webapp.tables.remarks import ScoreReport

bp = Blueprint("neighbours", __name__)

MAX_VIEW_LENGTH = 2_000
REPORTS = "pages.score_reports.index"


@bp.app_template_global()
def view_here() -> str | None:
    """What the lead table at hand is asked for, as its address says it; None outside of it."""
    if request.endpoint in ("pages.leads.index", "pages.leads.table"):
        return request.query_string.decode()
    back = urlsplit(request.form.get("back", ""))
    return back.query if back.path == url_for("pages.leads.index") else None


def around(session: Session, lead: Lead) -> dict[str, Any]:
    """The view that the page's address names, and its leads before and behind this one."""
    view = request.args.get("from")
    if view is None or len(view) > MAX_VIEW_LENGTH:
        return {"view": None}
    fields, asked = product().fields, dict(parse_qsl(view))
    if "report" in asked:
        return _among_reports(session, lead, view, asked)
    try:
        query = lead_query.read(asked, fields, me=current_user.email)
    except InvalidQuery:
        return {"view": None}
    percent = product().settings.explore_percent
    before, behind, place = lead_table.beside(session, query, lead, explore_percent=percent)
    return {
        "view": view,
        "back_to": f"{url_for('pages.leads.index')}?{view}",
        "previous_lead": _address(before, view),
        "next_lead": _address(behind, _moved_on(view, query, place)),
    }


def _among_reports(
    session: Session, lead: Lead, view: str, asked: dict[str, str]
) -> dict[str, Any]:
    """The same for managers where it was opened from the list of wrong scores."""
    key, state = asked["report"], asked.get("state")
    is_key = key.isdecimal() and 0 < int(key[:20]) <= MAX_KEY
    if not is_key or state not in STATES or not signed_in.may(REPORTS):
        return {"view": None}
    newer, older = score_reports.beside(session, int(key), lead, is_open=state == "open")
    return {
        "view": view,
        "back_to": url_for(REPORTS, state=state),
        "previous_lead": _of_report(newer, state),
        "next_lead": _of_report(older, state),
    }


def _of_report(report: ScoreReport | None, state: str) -> str | None:
    if report is None:
        return None
    return url_for("pages.lead.show", key=report.lead_key, **from_report(report, state))


@bp.app_template_global()
def from_report(report: ScoreReport, state: str) -> dict[str, Any]:
    """What the address of a report's lead says of its place in the list of wrong scores."""
    return {"from": urlencode({"report": report.key, "state": state})}


def _address(lead: Lead | None, view: str) -> str | None:
    named: dict[str, Any] = {"from": view}
    return url_for("pages.lead.show", key=lead.key, **named) if lead else None


def _moved_on(view: str, query: Query, place: Any) -> str:
    """The view at another place, where the next lead stands on the next page."""
    if place is None:
        return view
    moved: dict[str, Any] = replace(query, after=None).parameters()
    moved |= {"after": lead_query.written(place, query.sort)}
    address = urlsplit(url_for("pages.leads.index", **moved))
    return address.query
