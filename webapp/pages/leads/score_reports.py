"""Scores that people say are wrong: reported on a lead's page, reviewed by managers."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.fields.fields_file import clean_text
from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages.accounts import sign_in
from webapp.pages.addresses import key_argument
from webapp.pages.language import flash
from webapp.services.leads import leads
from webapp.services.remarks import score_reports
from webapp.services.remarks.score_reports import STATES, UnknownReason

bp = Blueprint("score_reports", __name__)

MAX_NOTE_LENGTH = 500
# Reason -> the words for it.
REASONS = {
    "not_a_fit": gettext("Too high: not a fit"),
    "no_interest": gettext("Too high: no interest"),
    "good_fit": gettext("Too low: a good fit"),
    "wants_to_buy": gettext("Too low: wants to buy"),
    "wrong_data": gettext("Data is wrong or old"),
    "other": gettext("Something else"),
}


@bp.app_template_global()
def wrong_reasons() -> dict[str, str]:
    """Why a score can be wrong: the words by reason."""
    return REASONS


@bp.post("/leads/<key:key>/score-report")
def report(key: int) -> ResponseReturnValue:
    """Any role: say that the score is wrong, and why."""
    reason = request.form.get("reason", "")
    try:
        note = clean_text(request.form.get("note"), maximum=MAX_NOTE_LENGTH)
    except ValueError as error:
        flash(gettext("The report was saved without your note: it %(error)s.", error=error), "bad")
        note = None

    def work(session: Session) -> None:
        lead = leads.find(session, leads.by_key(session, key).lead_id, lock=True)
        told = {"author": current_user.email, "now": utc_now()}
        score_reports.report(session, lead, reason, note, **told)

    try:
        write(work)
    except UnknownReason:
        raise BadRequest from None
    flash(gettext("Reported. A manager reviews it; the model does not learn from it."), "good")
    return _to_lead(key)


@bp.post("/leads/<key:key>/score-report/take-back")
def take_back(key: int) -> ResponseReturnValue:
    """Any role: withdraw an own open report."""

    def work(session: Session) -> None:
        lead = leads.find(session, leads.by_key(session, key).lead_id, lock=True)
        score_reports.take_back(session, lead, current_user.email)

    write(work)
    return _to_lead(key)


@bp.get("/score-reports")
def index() -> ResponseReturnValue:
    """Managers: the reports to review, or those that were resolved; newest first."""
    state, before = request.args.get("state", "open"), key_argument("before")
    if state not in STATES:
        raise BadRequest
    rows, older = read(lambda s: score_reports.listed(s, is_open=state == "open", before=before))
    counts = dict(zip(STATES, read(score_reports.counts), strict=True))
    page = {"rows": rows, "older": older, "is_first": before is None, "counts": counts}
    return render_template("leads/score_reports.html", state=state, **page)


@bp.post("/score-reports/<key:key>/resolve")
def resolve(key: int) -> ResponseReturnValue:
    """Managers: close a report."""
    actor, now = current_user.email, utc_now()
    write(lambda session: score_reports.resolve(session, key, actor, now))
    return redirect(url_for("pages.score_reports.index"), 303)


def _to_lead(key: int) -> ResponseReturnValue:
    back = sign_in.own_path(request.form.get("back"))
    return redirect(back or url_for("pages.lead.show", key=key), 303)
