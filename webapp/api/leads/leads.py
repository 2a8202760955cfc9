"""`/api/leads`: leads as known now, with their past scores and outcome events."""

from typing import Any

from flask import Blueprint, Response

from ml.scorecard.reasons import explain
from webapp.api import answers, requests, sent
from webapp.api.document.contract import describe
from webapp.api.leads import shapes
from webapp.api.leads.scores import reasons, risk_category
from webapp.database import Session, read, utc_now
from webapp.product import product
from webapp.services.leads import lead_history, lead_query, lead_table, leads
from webapp.services.leads.lead_history import Scoring
from webapp.services.leads.lead_table import Row
from webapp.services.models import registry
from webapp.services.remarks import overrides
from webapp.services.remarks.overrides import Override
from webapp.tables import Lead, Outcome

bp = Blueprint("leads", __name__)


@bp.get("/api/leads")
@describe("List leads", scope="read", query=sent.LeadsQuery, answers={200: answers.LeadPage})
def list_leads() -> Response:
    """A page of 50 leads: open ones with the best score first, unless asked otherwise.

    Give `next` as `after`, with the same filters and sort, for the page behind it.
    """
    fields, percent = product().fields, product().settings.explore_percent
    asked = lead_query.read(requests.lead_filters(sent.LeadsQuery), fields)
    page = read(lambda s: lead_table.page(s, fields, asked, explore_percent=percent))
    return requests.reply(
        answers.LeadPage(
            leads=[_listed(row) for row in page.rows],
            next=lead_query.written(page.next, asked.sort) if page.next else None,
            n_leads=page.n_leads,
            has_more_than_counted=page.is_more,
        )
    )


@bp.get("/api/leads/<lead:lead_id>")
@describe("Show a lead", scope="read", answers={200: answers.LeadWithReasons}, problems=(404, 422))
def show_lead(lead_id: str) -> Response:
    """A lead as known now, its present score, and why."""
    lead_id = requests.lead_id(lead_id)
    return requests.reply(read(lambda session: _whole(session, leads.find(session, lead_id))))


@bp.get("/api/leads/<lead:lead_id>/history")
@describe(
    "Show a lead's history", scope="read", answers={200: answers.History}, problems=(404, 422)
)
def show_history(lead_id: str) -> Response:
    """All outcome events of a lead, and its last 100 scores with their inputs.

    Each scoring gives one, and each switch of versions since, a roll back as well; so does another
    type or unit of a field, which takes a value from the lead.

    A lead whose own id ends in `/history` has its history at `.../history/history`.
    """
    lead_id = requests.lead_id(lead_id)
    return requests.reply(read(lambda session: _history(session, leads.find(session, lead_id))))


def _listed(row: Row) -> answers.Lead:
    return answers.Lead(**_known(row.lead, row.probability, row.grade, row.override))


def _whole(session: Session, lead: Lead) -> answers.LeadWithReasons:
    fields = product().fields
    champion = registry.champion(session)
    card = registry.scorecard(session, champion)
    values = leads.collected_inputs(lead)
    stored = leads.current_probability(session, lead)
    probability = card.score(values).probability if stored is None else stored
    said = overrides.of_leads(session, [lead.key], utc_now()).get(lead.key)
    override = Override(said, card.grade(said.probability)) if said else None
    return answers.LeadWithReasons(
        **_known(lead, probability, card.grade(probability), override),
        model_version=champion.name,
        reasons=reasons(explain(card, fields, values)),
        unknown_fields=[f.name for f in fields.declared if values.get(f.name) is None],
    )


def _known(lead: Lead, probability: float, grade: str, override: Override | None) -> dict[str, Any]:
    return {
        "lead_id": lead.lead_id,
        "name": lead.name,
        "company": lead.company,
        "email": lead.email,
        "phone": lead.phone,
        "owner": lead.owner,
        "inputs": leads.inputs(lead, product().fields),
        "conversion_score": round(probability, 4),
        "risk_category": risk_category(probability),
        "grade": grade,
        "override": shapes.override(override) if override else None,
        "status": lead.status,
        "actual_outcome": lead.outcome,
        "outcome_at": lead.outcome_at,
        "explore": leads.is_explored(lead, product().settings.explore_percent),
        "created_at": lead.created_at,
        "scored_at": lead.scored_at,
    }


def _history(session: Session, lead: Lead) -> answers.History:
    scorings = lead_history.scorings(session, product().fields, lead)
    return answers.History(
        lead_id=lead.lead_id,
        scores=[_past_score(scoring) for scoring in scorings],
        outcomes=_past_outcomes(leads.outcome_history(session, lead)),
    )


def _past_score(scoring: Scoring) -> answers.PastScore:
    return answers.PastScore(
        timestamp=scoring.at,
        conversion_score=round(scoring.probability, 4),
        model_version=scoring.scored.version,
        inputs=scoring.scored.inputs,
        source=scoring.source or "model",
        came_with_outcome=scoring.came_with_outcome,
    )


def _past_outcomes(history: list[Outcome]) -> list[answers.PastOutcome]:
    withdrawn = {outcome.cancels for outcome in history}
    return [
        answers.PastOutcome(
            outcome=outcome.result,
            source=outcome.source,
            actor=outcome.actor,
            happened_at=outcome.happened_at,
            recorded_at=outcome.recorded_at,
            reason=outcome.reason,
            rule=outcome.rule,
            withdrawn=outcome.key in withdrawn,
        )
        for outcome in history
    ]
