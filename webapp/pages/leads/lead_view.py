"""What the page of a lead shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import request
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.fields.fields_file import Value
from ml.scorecard.raising import raising
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.support import FEW_LEADS, alike, thinnest
from webapp.charts.history import score_history
from webapp.database import Session, utc_now
from webapp.pages.crm import words
from webapp.pages.leads import neighbours, score_change
from webapp.product import product
from webapp.services import live
from webapp.services.crm import conflicts, crm_records
from webapp.services.leads import lead_history, lead_table, leads, similar
from webapp.services.leads.lead_history import Scoring
from webapp.services.models import registry
from webapp.services.owners import assigning
from webapp.services.remarks import overrides, score_reports, timeline
from webapp.services.remarks.timeline import Place
from webapp.tables import Lead, Outcome

MAX_REASONS = 8


def place() -> Place | None:
    """The place in a timeline that was asked for; a damaged one is refused."""
    text = request.args.get("before")
    if not text:
        return None
    try:
        return Place.read(text)
    except ValueError:
        raise BadRequest from None


def _days_by_now(lead: Lead) -> dict[str, Value]:
    """Days since contact go on, also where that has hardly moved the score yet."""
    days = leads.aged(lead, utc_now()) if lead.status == "open" else None
    return {} if days is None else {leads.AGEING: int(days)}


def _judgement(session: Session, lead: Lead, card: Scorecard, now: datetime) -> dict[str, Any]:
    """What people say of the score, and what the forms for it need."""
    today = now.date()
    days = (today, today + overrides.USUAL_LENGTH, today + overrides.MAX_LENGTH - overrides.DAY)
    return {
        "own_report": score_reports.own(session, lead, current_user.email),
        "grades": list(zip("ABC", card.grades, strict=True)),
        "override_days": [day.isoformat() for day in days],
    }


def scorings(session: Session, lead: Lead) -> list[Scoring]:
    """The scores up to the place in the timeline that was asked for, else the newest."""
    behind = place()
    until = behind.at if behind else None
    return lead_history.scorings(session, product().fields, lead, until=until)


def view(session: Session, key: int) -> dict[str, Any]:
    """What the page of a lead shows."""
    now = utc_now()
    live.look_up(session, now)
    product().note_fields(session)
    words.note_crm(session)
    fields = product().fields
    version, card = registry.serving(session)
    lead = leads.gone_on(session, key)
    values = leads.inputs(lead, fields) | _days_by_now(lead)
    known = [(fields.named(name), value) for name, value in values.items()]
    recorded = leads.outcome_history(session, lead)
    scored = scorings(session, lead)
    return {
        **score_change.view(score_change.chosen(scored)),
        "lead": lead,
        "ownership": assigning.ownership(session, lead),
        **neighbours.around(session, lead),
        **crm_records.of_lead(session, lead.key)._asdict(),
        "version": version,
        **_score(session, lead, card),
        **_judgement(session, lead, card, now),
        **_outcomes(session, recorded),
        "similar": similar.past(session, card, version.key, lead),
        "values": [(f, v) for f, v in known if f.declared or v is not None],
        "used": {term.field for term in card.terms},
        "ignored": card.ignored.intersection(term.field for term in card.terms),
        "timeline": timeline.page(
            *(session, fields, lead), outcomes=recorded, scorings=scored, now=now, after=place()
        ),
        "chart": None if place() else score_history([(s.at, s.probability) for s in scored], now),
    }


def _score(session: Session, lead: Lead, card: Scorecard) -> dict[str, Any]:
    """The score, why it is so, and how sure it is."""
    fields = product().fields
    # A removed lead has no score.
    shown = lead_table.row(session, fields, lead.key) if lead.removed_at is None else None
    champion = registry.champion(session)
    measured = champion.measured
    values = leads.collected_inputs(lead)
    reasons = explain(card, fields, values, limit=MAX_REASONS)
    return {
        "row": shown,
        # Of the leads that set its level. What rules of thumb assume nobody has measured.
        "base_rate": measured.base_rate if measured else None,
        "is_untrained": not card.n_leads,
        "reasons": reasons,
        "raising": raising(card, fields, values) if lead.status == "open" else [],
        "thinnest": thinnest(reasons),
        "few": FEW_LEADS,
        "tested": None if measured else registry.last_test(session, champion),
        "alike": alike(measured.histogram.model_dump(), shown.probability, measured.groups_per_lead)
        if measured and shown
        else None,
    }


def _outcomes(session: Session, recorded: Sequence[Outcome]) -> dict[str, Any]:
    """What was reported of a lead, and whether two sources differ."""
    standing = lead_history.standing(recorded)
    other = lead_history.other_opinion(standing) if standing else None
    return {
        "outcomes": recorded,
        "standing": standing,
        "other_opinion": other,
        "resolution": conflicts.resolution(session, standing[0], other) if other else None,
    }
