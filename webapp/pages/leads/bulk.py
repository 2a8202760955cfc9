"""Many leads at once: their outcome, their owner, a file of them; each action undone as one."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from ml.sentences import gettext
from webapp.database import read, utc_now, write
from webapp.exporting import files
from webapp.pages import form_values
from webapp.pages.accounts import sign_in
from webapp.pages.language import flash
from webapp.pages.leads import leads as table_page
from webapp.product import product
from webapp.services.exports import exports
from webapp.services.leads import leads
from webapp.services.outcomes import bulk, reasons
from webapp.services.outcomes.lost_reason_changes import MAX_LENGTH
from webapp.services.outcomes.outcomes import DEFINITE, MEANINGS
from webapp.services.owners import assigning
from webapp.services.owners.assigning import NotAnOwner

MAX_LEADS = 1_000
# Leads named in a notice: without JavaScript it travels in a cookie of 4 kB.
MAX_NAMED = 5
MAX_BACK = 500
MAX_ADDRESS = 254

bp = Blueprint("bulk", __name__, url_prefix="/leads/bulk")


@bp.post("")
def record() -> ResponseReturnValue:
    """Any role: say what became of the ticked leads."""
    sent = request.args.get("outcome") or request.form.get("outcome", "")
    result = form_values.choice(
        "outcome", sent, DEFINITE, gettext("one of %(DEFINITE)s", DEFINITE=", ".join(DEFINITE))
    )
    reason = form_values.text("reason", MAX_LENGTH)
    seen, who, now = form_values.lead_states(MAX_LEADS), current_user.email, utc_now()
    done = write(lambda s: bulk.record(s, seen, MEANINGS[result], reason=reason, by=who, now=now))
    return _answer("leads/bulk/_recorded.html", done=done, result=result, reason=reason)


@bp.post("/assign")
def assign() -> ResponseReturnValue:
    """Any role: give the ticked leads to an account, or to nobody where none is chosen."""
    owner, who, now = form_values.text("owner", MAX_ADDRESS), current_user.email, utc_now()
    keys = list(form_values.lead_states(MAX_LEADS))
    try:
        done = write(lambda session: assigning.assign(session, keys, owner, by=who, now=now))
    except NotAnOwner:
        raise form_values.refused(
            "owner", gettext("the e-mail address of an active account")
        ) from None
    return _answer("leads/bulk/_assigned.html", done=done)


@bp.post("/undo")
def undo() -> ResponseReturnValue:
    """Any role: take back what one bulk action said."""
    action = form_values.token("action", bulk.ACTION, gettext("the key of a bulk action"))
    who, now = current_user.email, utc_now()
    back = write(lambda session: bulk.undo(session, action, by=who, now=now))
    return _answer("leads/bulk/_undone.html", back=back)


@bp.post("/export")
def export() -> ResponseReturnValue:
    """Administrators: the ticked leads as a file."""
    keys = ",".join(map(str, form_values.lead_states(MAX_LEADS)))
    if not keys:
        raise form_values.refused("lead", gettext("at least one lead"))
    asked, percent = {"ticked": keys, "status": "all"}, product().settings.explore_percent
    export = exports.leads_asked(product().fields, asked, explore_percent=percent)
    return files.response(export, "csv", current_user.email)


@bp.get("/recent")
def recent() -> ResponseReturnValue:
    """Any role: the person's own bulk actions of the last 30 days, each with its undo."""
    who, now = current_user.email, utc_now()
    actions = read(lambda session: bulk.recent(session, who, now))
    given = read(lambda session: assigning.recent(session, who, now))
    return render_template("leads/bulk/recent.html", actions=actions, given=given)


@bp.post("/<key:key>/reason")
def give_reason(key: int) -> ResponseReturnValue:
    """Any role, fragment: say why the lead was lost, behind the click that said so."""
    reason, who = form_values.text(f"reason-{key}", MAX_LENGTH), current_user.email

    def work(session: Any) -> None:
        lead = leads.by_key(session, key, lock=True)
        reasons.fill(session, lead, reason, by=who)

    write(work)
    return table_page.row(key, is_said=True)


def _answer(template: str, **values: Any) -> ResponseReturnValue:
    """What was done, with its undo, beside the table of now."""
    back = sign_in.own_path(request.form.get("back")) or url_for("pages.leads.index")
    values |= {"max_named": MAX_NAMED, "undo_back": back if len(back) <= MAX_BACK else ""}
    notice = Markup(render_template(template, **values))  # noqa: S704 - a template's own markup
    if request.headers.get("HX-Request"):
        return table_page.answer(back, notice)
    flash(notice, "done")
    return redirect(back, 303)
