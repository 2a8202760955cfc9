"""Many leads at once: their outcome, their owner, a file of them; each action undone as one."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from webapp.database import read, utc_now, write
from webapp.pages.accounts import sign_in
from webapp.pages.addresses import MAX_KEY
from webapp.pages.leads import leads as table_page
from webapp.services.leads import leads
from webapp.services.outcomes import bulk, lost_reason_changes
from webapp.services.outcomes.lost_reason_changes import MAX_LENGTH
from webapp.services.outcomes.outcomes import DEFINITE, MEANINGS
from webapp.services.owners import assigning
from webapp.services.owners.assigning import NotAnOwner

MAX_LEADS = 1_000

bp = Blueprint("bulk", __name__, url_prefix="/leads/bulk")


@bp.post("")
def record() -> ResponseReturnValue:
    """Any role: say what became of the ticked leads."""
    result = request.args.get("outcome") or request.form.get("outcome", "")
    reason = request.form.get("reason") or None
    if result not in DEFINITE or len(reason or "") > MAX_LENGTH:
        raise BadRequest
    seen, who, now = _ticked(), current_user.email, utc_now()
    done = write(lambda s: bulk.record(s, seen, MEANINGS[result], reason=reason, by=who, now=now))
    return _answer("leads/bulk/_recorded.html", done=done, result=result, reason=reason)


@bp.post("/assign")
def assign() -> ResponseReturnValue:
    """Any role: give the ticked leads to an account, or to nobody where none is chosen."""
    owner, who, now = request.form.get("owner") or None, current_user.email, utc_now()
    keys = list(_ticked())
    try:
        done = write(lambda session: assigning.assign(session, keys, owner, by=who, now=now))
    except NotAnOwner:
        raise BadRequest from None
    return _answer("leads/bulk/_assigned.html", done=done)


@bp.post("/undo")
def undo() -> ResponseReturnValue:
    """Any role: take back what one bulk action said."""
    action, who, now = request.form.get("action", ""), current_user.email, utc_now()
    back = write(lambda session: bulk.undo(session, action, by=who, now=now))
    return _answer("leads/bulk/_undone.html", back=back)


@bp.post("/export")
def export() -> ResponseReturnValue:
    """Administrators: the ticked leads as a file."""
    keys = ",".join(map(str, _ticked()))
    return redirect(url_for("pages.exports.leads", ticked=keys, status="all"), 303)


@bp.get("/recent")
def recent() -> ResponseReturnValue:
    """Any role: the person's own bulk actions of the last 30 days, each with its undo."""
    now = utc_now()
    actions = read(lambda session: bulk.recent(session, current_user.email, now))
    return render_template("leads/bulk/recent.html", actions=actions)


@bp.post("/<key:key>/reason")
def give_reason(key: int) -> ResponseReturnValue:
    """Any role, fragment: say why the lead was lost, behind the click that said so."""
    reason, who = request.form.get(f"reason-{key}", ""), current_user.email
    if len(reason) > MAX_LENGTH:
        raise BadRequest

    def work(session: Any) -> None:
        lead = leads.by_key(session, key, lock=True)
        lost_reason_changes.give_reason(session, lead, reason or None, by=who)

    write(work)
    return table_page.row(key, is_said=True)


def _ticked() -> dict[int, str]:
    """The ticked leads by key, each with the state in which the page showed it."""
    found = {}
    for text in request.form.getlist("lead")[:MAX_LEADS]:
        key, _, seen = text.partition(" ")
        if not key.isdigit() or not 0 < int(key) <= MAX_KEY:
            raise BadRequest
        found[int(key)] = seen
    return found


def _answer(template: str, **values: Any) -> ResponseReturnValue:
    """What was done, with its undo, beside the table of now."""
    notice = Markup(render_template(template, **values))  # noqa: S704 - a template's own markup
    back = sign_in.own_path(request.form.get("back")) or url_for("pages.leads.index")
    if request.headers.get("HX-Request"):
        return table_page.answer(back, notice)
    flash(notice, "done")
    return redirect(back, 303)
