"""The lead table: the queue of leads, and what became of each, said in its row."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from webapp.database import Session, read, utc_now
from webapp.pages import formats
from webapp.pages.leads import columns, view_tabs
from webapp.product import product
from webapp.services import live
from webapp.services.demo import demo_leads
from webapp.services.leads import lead_query, lead_table, leads, views
from webapp.services.leads.filters import choices
from webapp.services.leads.filters.choices import Offered
from webapp.services.leads.filters.sorts import SORTS
from webapp.services.leads.filters.table import FACETS, all_filters
from webapp.services.leads.lead_query import Query
from webapp.services.models import lifecycle, registry
from webapp.services.outcomes import lost_reasons, stale
from webapp.tables import Lead

TODAY = timedelta(days=1)

bp = Blueprint("leads", __name__, url_prefix="/leads")


@bp.get("")
def index() -> ResponseReturnValue:
    """Any role: the table with its filters."""

    def whole(session: Session) -> dict[str, Any]:
        live.look_up(session, utc_now())
        product().note_fields(session)
        query = lead_query.read(request.args, product().fields, me=current_user.email)
        offered = choices.offered(session, {name: FACETS[name] for name in _facets()})
        return {
            **_table(session, query, offered),
            **_tabs(session, query.parameters()),
            "choices": offered.facets,
            "more_filters": [
                f for n, f in all_filters(product().fields).items() if n not in FACETS
            ],
            "version": registry.serving(session),
            "has_demo": demo_leads.are_here(session),
            "change": lifecycle.score_change(session, utc_now() - TODAY),
        }

    return render_template("leads/index.html", **read(whole))


@bp.get("/table")
def table() -> ResponseReturnValue:
    """Any role, fragment: the table alone; the browser shows the address of its page."""
    query = lead_query.read(request.args, product().fields, me=current_user.email)
    return _fragment(query), {"HX-Push-Url": _address(query)}


def answer(back: str, notice: Markup) -> ResponseReturnValue:
    """The table of an address as it is now, with a sentence on what was done beside it."""
    parts = parse_qs(urlsplit(back).query)
    asked = {name: values[-1] for name, values in parts.items()}
    query = lead_query.read(asked, product().fields, me=current_user.email)
    said = render_template("partials/notice.html", kind="done", sentence=notice)
    return f'{_fragment(query)}<div id="notices" hx-swap-oob="innerHTML">{said}</div>'


def _fragment(query: Query) -> str:
    """The table, and the views beside it."""

    def both(session: Session) -> dict[str, Any]:
        live.look_up(session, utc_now())
        offered = choices.offered(session, {})
        return _table(session, query, offered) | _tabs(session, query.parameters())

    values = read(both)
    beside = render_template("leads/table/_views.html", is_beside=True, **values)
    return render_template("leads/_table.html", **values) + beside


def row(key: int, *, status: int = 200, **values: Any) -> Response:
    """A lead's row of the table, as a fragment."""

    def find(session: Session) -> dict[str, Any]:
        shown = lead_table.row(session, product().fields, key)
        return {"row": shown, "reasons": lost_reasons.offered(session)}

    fields, above = product().fields, request.form.getlist("above")
    there = columns.known(fields)
    shown = [there[name] for name in request.form.getlist("column") if name in there]
    values |= {"fields": fields, "above": above, "columns": shown}
    fragment = render_template("leads/_row.html", **read(find), **values)
    return make_response(fragment, status, {"HX-Trigger": "leads-changed"})


@bp.get("/summary")
def summary() -> ResponseReturnValue:
    """Any role, fragment: how many leads match by now."""
    query = lead_query.read(request.args, product().fields, me=current_user.email)
    percent = product().settings.explore_percent
    page = read(lambda session: lead_table.count(session, query, explore_percent=percent))
    return render_template("leads/table/_summary.html", page=page, query=query, sorts=SORTS)


@bp.get("/views")
def tabs() -> ResponseReturnValue:
    """Any role, fragment: the views with their counts; the address of the table marks one."""
    here = view_tabs.asked_at(request.args.get("here", ""))
    return render_template("leads/table/_views.html", **read(lambda s: _tabs(s, here)))


def _tabs(session: Session, here: dict[str, str]) -> dict[str, Any]:
    found = view_tabs.tabs(session, here)
    usual = [each.name for each in columns.FIXED]
    all_columns = columns.known(product().fields)
    return {**found, "all_columns": all_columns, "chosen_columns": found["chosen"] or usual}


def _table(session: Session, query: Query, offered: Offered) -> dict[str, Any]:
    fields = product().fields
    percent = product().settings.explore_percent
    page = lead_table.page(session, fields, query, explore_percent=percent)
    chosen = views.settings(session, current_user.email).columns
    return {
        "page": page,
        "columns": columns.shown(fields, page.rows, chosen),
        "query": query,
        "fields": fields,
        "sorts": SORTS,
        "reasons": offered.reasons,
        "accounts": offered.accounts,
        "has_no_leads": not page.rows and lead_table.is_empty(session),
        "following": lead_query.written(page.next, query.sort) if page.next else None,
    }


@bp.app_template_filter()
def status(lead: Lead) -> str:
    """Say what counts for a lead now, in words."""
    return formats.outcome_word(lead.status)


@bp.app_template_global()
def seen(lead: Lead) -> str:
    """What a page shows of a lead's outcome: buttons send it back with what a person reports."""
    return stale.state(lead)


@bp.app_template_global()
def explore_percent() -> int:
    """How many percent of leads are to explore, 0 where none are."""
    return product().settings.explore_percent


@bp.app_template_global()
def is_explored(lead: Lead) -> bool:
    """Whether a lead is one to explore."""
    return leads.is_explored(lead, product().settings.explore_percent)


def _facets() -> list[str]:
    """The filters that make sense: a field that the team does not use offers none."""
    fields = product().fields
    return [n for n, column in FACETS.items() if column not in fields or fields[column].declared]


def _address(query: Query) -> str:
    parts: dict[str, Any] = dict(query.parameters())
    if query.after is not None:
        parts["after"] = lead_query.written(query.after, query.sort)
    return url_for("pages.leads.index", **parts)
