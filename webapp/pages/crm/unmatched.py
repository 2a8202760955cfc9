"""Closed deals that belong to no lead: linked to one by a person, or ignored."""

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.sentences import gettext
from webapp.crm_tables import CrmUnmatched
from webapp.database import EPOCH, Session, read, utc_now, write
from webapp.pages.accounts import sign_in
from webapp.pages.addresses import RecordIdConverter
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.crm import connections, mirror, unmatched
from webapp.services.crm.unmatched import UnmatchedNotFound
from webapp.services.leads import lead_query, lead_table, leads
from webapp.services.leads.lead_query import MICROSECOND

bp = Blueprint("unmatched", __name__, url_prefix="/sync/unmatched")

PAGE = 50
MAX_CANDIDATES = 10
LISTS = ("open", "ignored", "linked")
STATES = {"ignored": unmatched.ignore, "open": unmatched.list_again}


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: what is not dealt with yet, oldest first; or what is ignored, or linked by hand."""
    return render_template("crm/lists/unmatched.html", **read(_list))


@bp.route("/<record_id:deal_id>", methods=["GET", "POST"])
def show(deal_id: str) -> ResponseReturnValue:
    """Managers: one deal, and a search for its lead, by what is known of it at first.

    The search is posted, so that names stand in no address, log or browser history.
    """

    def whole(session: Session) -> dict[str, Any]:
        entry = unmatched.entry(session, deal_id)
        known = (entry.clue or entry.name or "")[: lead_query.MAX_SEARCH_LENGTH]
        query = lead_query.read({"q": request.values.get("q", known), "status": "all"})
        found = lead_table.page(session, product().fields, query).rows if query.search_words else []
        return _shown(session, [entry]) | {
            "entry": entry,
            "search": query.search,
            "candidates": found[:MAX_CANDIDATES],
            "is_more": len(found) > MAX_CANDIDATES,
        }

    return render_template("crm/lists/link.html", **read(whole))


@bp.post("/<record_id:deal_id>/link/<key:lead_key>")
def link(deal_id: str, lead_key: int) -> ResponseReturnValue:
    """Managers: say that the deal is this lead's."""
    actor, now = current_user.email, utc_now()

    def work(session: Session) -> str:
        lead = leads.by_key(session, lead_key)
        unmatched.link(session, deal_id, lead.lead_id, actor, now=now)
        return lead.name or lead.lead_id

    flash(
        gettext("Linked to %(write)s. The next sync records what became of it.", write=write(work)),
        "good",
    )
    return redirect(url_for("pages.unmatched.index"), 303)


@bp.post("/<record_id:deal_id>/unlink/<key:lead_key>")
def unlink(deal_id: str, lead_key: int) -> ResponseReturnValue:
    """Managers: take back that the deal is this lead's; then back to where the form was."""
    actor, now = current_user.email, utc_now()

    def work(session: Session) -> bool:
        lead_id = leads.by_key(session, lead_key).lead_id
        return unmatched.unlink(session, deal_id, lead_id, actor, now=now)

    if write(work):
        flash(gettext("Unlinked. The next sync takes back what the link had brought."), "good")
    else:
        flash(gettext("This link was removed before. Nothing has changed."), "good")
    back = sign_in.own_path(request.form.get("back"))
    return redirect(back or url_for("pages.lead.show", key=lead_key), 303)


@bp.post("/<record_id:deal_id>/state")
def set_state(deal_id: str) -> ResponseReturnValue:
    """Managers: ignore the deal, or list it again."""
    _set_state(deal_id)
    back = sign_in.own_path(request.form.get("back"))
    return redirect(back or url_for("pages.unmatched.index"), 303)


@bp.post("/<record_id:deal_id>/row")
def row(deal_id: str) -> ResponseReturnValue:
    """Managers, fragment: the same, answered with the row of the list as it is by now."""
    try:
        _set_state(deal_id)
        status = 200
    except UnmatchedNotFound as error:
        if error.entry is None:
            raise
        status = 409

    def shown(session: Session) -> dict[str, Any]:
        entry = unmatched.known(session, deal_id)
        return _shown(session, [entry]) | {"entry": entry, "counts": _counts(session)}

    values = read(shown) | {"was_clicked": status == 200, "is_fragment": True}
    return render_template("crm/lists/_unmatched.html", **values), status


def _set_state(deal_id: str) -> None:
    state = request.form.get("state", "")
    if state not in STATES:
        raise BadRequest
    actor, now = current_user.email, utc_now()
    write(lambda s: STATES[state](s, deal_id, actor, now=now))


def _counts(session: Session) -> dict[str, int]:
    return {name: unmatched.n_open(session, name) for name in LISTS}


def _list(session: Session) -> dict[str, Any]:
    state = request.args.get("state", "open")
    if state not in LISTS:
        raise BadRequest
    after = _place(request.args.get("after"))
    rows = unmatched.listed(session, state, after=after, limit=PAGE + 1)
    shown, following = rows[:PAGE], None
    if len(rows) > PAGE:
        following = f"{(shown[-1].first_seen_at - EPOCH) // MICROSECOND}~{shown[-1].deal_id}"
    is_read = mirror.window(session, "deal")["reached"] is not None
    place = {"next": following, "is_first": after is None, "state": state}
    counts = _counts(session)
    return _shown(session, shown) | place | {"rows": shown, "is_read": is_read, "counts": counts}


def _shown(session: Session, rows: list[CrmUnmatched]) -> dict[str, Any]:
    connection = connections.find(session)
    linked = leads.by_keys(session, [r.lead_key for r in rows if r.lead_key])
    return {
        "leads": linked,
        "deals": mirror.deals(session, [r.deal_id for r in rows]),
        "domain": connection.domain if connection else None,
    }


def _place(text: str | None) -> tuple[datetime, str] | None:
    if not text:
        return None
    at, _, deal_id = text.partition("~")
    if not re.fullmatch(RecordIdConverter.regex, deal_id):
        raise BadRequest
    try:
        return EPOCH + int(at[:20]) * MICROSECOND, deal_id
    except (ValueError, OverflowError):
        raise BadRequest from None
