"""The view of the lead table that a lead was opened from: the way back, and the leads beside it."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, request, url_for
from flask_login import current_user

from webapp.database import Session
from webapp.product import product
from webapp.services.leads import lead_query, lead_table
from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.leads.lead_query import Query
from webapp.tables import Lead

bp = Blueprint("neighbours", __name__)

MAX_VIEW_LENGTH = 2_000


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
    try:
        query = lead_query.read(asked, fields, me=current_user.email)
    except InvalidQuery:
        return {"view": None}
    percent = product().settings.explore_percent
    before, behind, place = lead_table.beside(session, query, lead, explore_percent=percent)
    return {
        "view": view,
        "previous_lead": _address(before, view),
        "next_lead": _address(behind, _moved_on(view, query, place)),
    }


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
