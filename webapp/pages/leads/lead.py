"""One lead: its score and why, what is known, its history, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.fields.fields_file import clean_text
from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages import form_values
from webapp.pages.accounts import sign_in
from webapp.pages.language import flash
from webapp.pages.leads import lead_view, score_change
from webapp.pages.leads import leads as leads_page
from webapp.services.leads import lead_history, leads
from webapp.services.outcomes import outcomes
from webapp.services.outcomes import stale as stale_outcomes
from webapp.services.outcomes.outcomes import MEANINGS, Attribution, OutcomeEvent
from webapp.services.outcomes.stale import ChangedMeanwhile
from webapp.tables import Lead

bp = Blueprint("lead", __name__, url_prefix="/leads")

MAX_REASON_LENGTH = 500
MAX_REASONS = 8


@bp.get("/<key:key>")
def show(key: int) -> ResponseReturnValue:
    """Any role: the lead; one that was merged into another is that other one."""
    view = read(lambda session: lead_view.view(session, key))
    if view["lead"].key != key:
        return redirect(url_for("pages.lead.show", key=view["lead"].key), 301)
    return render_template("leads/show.html", **view)


@bp.get("/<key:key>/change")
def change(key: int) -> ResponseReturnValue:
    """Any role, fragment: why the score changed at one scoring, or switch of versions."""

    def find(session: Session) -> lead_history.Scoring | None:
        lead = leads.gone_on(session, key)
        return score_change.chosen(lead_view.scorings(session, lead))

    return render_template("leads/_change.html", **score_change.view(read(find)))


@bp.post("/<key:key>/outcome")
def record_outcome(key: int) -> ResponseReturnValue:
    """Any role: say what became of the lead, or withdraw it; then back to where the form was."""
    try:
        lead = _record(key)
    except ChangedMeanwhile as error:
        stale = _stale(error)
        view = read(lambda session: lead_view.view(session, stale.lead_key))
        return render_template("leads/show.html", stale=stale, **view), 409
    back = sign_in.own_path(request.form.get("back"))
    return redirect(back or url_for("pages.lead.show", key=lead.key), 303)


@bp.post("/<key:key>/row")
def row(key: int) -> ResponseReturnValue:
    """Any role, fragment: the same, answered with the lead's row of the table, if it has one."""
    try:
        lead, stale = _record(key), None
    except ChangedMeanwhile as error:
        stale = _stale(error)
        lead = read(lambda session: leads.by_key(session, stale.lead_key))
    if lead.removed_at is not None:
        return ""
    return leads_page.row(lead.key, status=409 if stale else 200, is_said=True, stale=stale)


def _record(key: int) -> Lead:
    sent = request.form.get("outcome", "")
    result = form_values.choice(
        "outcome", sent, MEANINGS, gettext("one of %(MEANINGS)s", MEANINGS=", ".join(MEANINGS))
    )
    attribution = Attribution("rep", current_user.email, reason=_reason())
    now = utc_now()

    def work(session: Session) -> Lead:
        lead = leads.find(session, leads.by_key(session, key).lead_id, lock=True)
        stale_outcomes.check(session, lead, request.args.get("seen"), MEANINGS[result])
        # A person withdraws what the page shows, whoever has reported it.
        event = OutcomeEvent(lead, MEANINGS[result], attribution, withdraws="counting")
        outcomes.record_many(session, [event], now=now)
        return lead

    return write(work)


@dataclass(frozen=True)
class Stale:
    """An outcome that was not recorded; the lead's status by now, who did that and when.

    `by` and `at` are None where the CRM opened or removed a deal.
    """

    lead_key: int
    wanted: str
    reason: str
    status: str
    by: Attribution | None
    at: datetime | None


def _stale(error: ChangedMeanwhile) -> Stale:
    wanted, reason = request.form.get("outcome", ""), request.form.get("reason", "")
    return Stale(error.lead_key, wanted, reason, error.status, error.by, error.at)


def _reason() -> str | None:
    try:
        return clean_text(request.form.get("reason"), maximum=MAX_REASON_LENGTH)
    except ValueError as error:
        flash(
            gettext("The outcome was saved without your reason: it %(error)s.", error=error), "bad"
        )
        return None
