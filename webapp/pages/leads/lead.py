"""One lead: its score and why, what is known, its history, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.fields.fields_file import Value, clean_text
from ml.scorecard.reasons import explain
from ml.scorecard.support import FEW_LEADS, alike, thinnest
from webapp.charts.history import score_history
from webapp.database import Session, read, utc_now, write
from webapp.pages.accounts import sign_in
from webapp.pages.leads import notes, score_change
from webapp.product import product
from webapp.services.crm import conflicts, crm_records
from webapp.services.leads import lead_history, lead_table, leads
from webapp.services.leads.lead_history import Scoring
from webapp.services.models import registry
from webapp.services.outcomes import outcomes
from webapp.services.outcomes import stale as stale_outcomes
from webapp.services.outcomes.outcomes import MEANINGS, Attribution, OutcomeEvent
from webapp.services.outcomes.stale import ChangedMeanwhile
from webapp.services.remarks import timeline
from webapp.tables import Lead

bp = Blueprint("lead", __name__, url_prefix="/leads")

MAX_REASON_LENGTH = 500
MAX_REASONS = 8


@bp.get("/<key:key>")
def show(key: int) -> ResponseReturnValue:
    """Any role: the lead; one that was merged into another is that other one."""
    view = read(lambda session: _view(session, key))
    if view["lead"].key != key:
        return redirect(url_for("pages.lead.show", key=view["lead"].key), 301)
    return render_template("leads/show.html", **view)


@bp.get("/<key:key>/change")
def change(key: int) -> ResponseReturnValue:
    """Any role, fragment: why the score changed at one scoring, or switch of versions."""

    def find(session: Session) -> lead_history.Scoring | None:
        lead = leads.find(session, leads.by_key(session, key).lead_id)
        return score_change.chosen(_scorings(session, lead))

    return render_template("leads/_change.html", **score_change.view(read(find)))


@bp.post("/<key:key>/outcome")
def record_outcome(key: int) -> ResponseReturnValue:
    """Any role: say what became of the lead, or withdraw it; then back to where the form was."""
    try:
        lead = _record(key)
    except ChangedMeanwhile as error:
        stale = _stale(error)
        view = read(lambda session: _view(session, stale.lead_key))
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
    fields = product().fields
    fresh = read(lambda session: lead_table.row(session, fields, lead.key))
    above = request.form.getlist("above")
    values = {"row": fresh, "fields": fields, "above": above, "is_said": True, "stale": stale}
    return render_template("leads/_row.html", **values), 409 if stale else 200


def _record(key: int) -> Lead:
    result = request.form.get("outcome", "")
    if result not in MEANINGS:
        raise BadRequest
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
        flash(f"The outcome was saved without your reason: it {error}.", "bad")
        return None


def _days_by_now(lead: Lead) -> dict[str, Value]:
    """Days since contact go on, also where that has hardly moved the score yet."""
    days = leads.aged(lead, utc_now()) if lead.status == "open" else None
    return {} if days is None else {leads.AGEING: int(days)}


def _scorings(session: Session, lead: Lead) -> list[Scoring]:
    """The scores up to the place in the timeline that was asked for, else the newest."""
    behind = notes.place()
    until = behind.at if behind else None
    return lead_history.scorings(session, product().fields, lead, until=until)


def _view(session: Session, key: int) -> dict[str, Any]:
    fields = product().fields
    lead = leads.find(session, leads.by_key(session, key).lead_id)
    # A removed lead has no score.
    shown = lead_table.row(session, fields, lead.key) if lead.removed_at is None else None
    version, card = registry.serving(session)
    measured = registry.version(session, version.name).measured
    values = leads.inputs(lead, fields) | _days_by_now(lead)
    known = [(fields.named(name), value) for name, value in values.items()]
    recorded = leads.outcome_history(session, lead)
    standing = lead_history.standing(recorded)
    other = lead_history.other_opinion(standing) if standing else None
    scorings = _scorings(session, lead)
    reasons = explain(card, fields, leads.collected_inputs(lead), limit=MAX_REASONS)
    return {
        **score_change.view(score_change.chosen(scorings)),
        "lead": lead,
        "row": shown,
        "records": crm_records.of_leads(session, [lead.key]).get(lead.key),
        "linked_deals": crm_records.linked_deals(session, lead.key),
        "removed_link": crm_records.removed_link(session, lead.key),
        "version": version,
        # Of the leads that set its level. What rules of thumb assume nobody has measured.
        "base_rate": measured.base_rate if measured else None,
        "is_untrained": not card.n_leads,
        "reasons": reasons,
        "thinnest": thinnest(reasons),
        "few": FEW_LEADS,
        "tested": None if measured else registry.last_test(session, version),
        "alike": alike(measured.histogram.model_dump(), shown.probability, measured.groups_per_lead)
        if measured and shown
        else None,
        "values": [(f, v) for f, v in known if f.declared or v is not None],
        "used": {term.field for term in card.terms},
        "ignored": card.ignored.intersection(term.field for term in card.terms),
        "outcomes": recorded,
        "standing": standing,
        "other_opinion": other,
        "resolution": conflicts.resolution(session, standing[0], other) if other else None,
        "timeline": timeline.page(
            session, fields, lead, outcomes=recorded, scorings=scorings, after=notes.place()
        ),
        "chart": score_history([(s.at, s.probability) for s in scorings], utc_now())
        if notes.place() is None
        else "",
    }
