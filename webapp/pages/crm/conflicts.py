"""Leads whose outcome here and in the CRM differ, for a person to resolve."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.sentences import gettext
from webapp.database import read, utc_now, write
from webapp.pages.addresses import key_argument
from webapp.pages.language import flash
from webapp.services.crm import conflicts
from webapp.services.crm.conflicts import ConflictNotFound, Listed

bp = Blueprint("conflicts", __name__, url_prefix="/sync/conflicts")

PAGE = 50
SIDES = ("rep", "crm")
LISTS = {"open": conflicts.listed, "resolved": conflicts.resolved}


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: what needs review, or what was resolved by whom; newest first."""
    state, before = request.args.get("state", "open"), key_argument("before")
    if state not in LISTS:
        raise BadRequest
    rows = read(lambda s: LISTS[state](s, before_key=before, limit=PAGE + 1))
    older = rows[PAGE - 1].conflict.key if len(rows) > PAGE else None
    page = {"rows": rows[:PAGE], "older": older, "is_first": before is None}
    return render_template("crm/lists/conflicts.html", state=state, counts=_counts(), **page)


@bp.post("/<key:key>")
def resolve(key: int) -> ResponseReturnValue:
    """Managers: let one side count."""
    resolved, kept = _resolve(key)
    who = resolved.lead.name or resolved.lead.lead_id
    side = resolved.rep if kept == "rep" else resolved.crm
    flash(
        gettext("%(who)s is %(replace)s.", who=who, replace=side.result.replace("_", " ")), "good"
    )
    return redirect(url_for("pages.conflicts.index"), 303)


@bp.post("/<key:key>/row")
def row(key: int) -> ResponseReturnValue:
    """Managers, fragment: the same, answered with the row of the list as it is by now."""
    try:
        _resolve(key)
        status = 200
    except ConflictNotFound:
        status = 409
    found = read(lambda s: conflicts.find(s, key))
    if found is None:
        raise ConflictNotFound(key)
    values = {"is_fragment": True, "was_clicked": status == 200, "counts": _counts()}
    return render_template("crm/lists/_conflict.html", row=found, **values), status


def _counts() -> dict[str, int]:
    return {"open": read(conflicts.n_open), "resolved": read(conflicts.n_resolved)}


def _resolve(key: int) -> tuple[Listed, str]:
    kept = request.form.get("kept")
    if kept not in SIDES:
        raise BadRequest
    actor, now = current_user.email, utc_now()
    return write(lambda s: conflicts.resolve(s, key, kept, actor, now=now)), kept
