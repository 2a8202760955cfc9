"""Leads as the API tells of them."""

from typing import Any

from ml.scorecard.reasons import Reason, explain
from webapp.api import answers
from webapp.product import product
from webapp.services.leads import leads, scoring
from webapp.services.models import registry
from webapp.services.outcomes import outcomes
from webapp.tables import Lead


def risk_category(probability: float) -> str:
    """The band of a probability, by the settings; the bounds apply before it is rounded."""
    settings = product().settings
    bounds = {"high": settings.risk_high, "medium": settings.risk_medium}
    return scoring.risk_category(probability, **bounds)


def reasons(found: list[Reason]) -> list[answers.Reason]:
    """The fields that moved a score most."""
    return [
        answers.Reason(
            field=reason.field,
            label=reason.label,
            value=reason.value,
            effect=round(reason.effect, 4),
            sentence=reason.sentence,
        )
        for reason in found
    ]


def in_table(lead: Lead, probability: float, grade: str) -> answers.Lead:
    """A lead as a row of the table."""
    return answers.Lead(**_known(lead, probability, grade))


def whole(session: Any, lead: Lead) -> answers.LeadWithReasons:
    """A lead with its present score and what led to it."""
    fields = product().fields
    champion = registry.champion(session)
    card = registry.scorecard(session, champion)
    values = leads.inputs(lead, fields)
    stored = leads.current_probability(session, lead)
    probability = card.score(values).probability if stored is None else stored
    return answers.LeadWithReasons(
        **_known(lead, probability, card.grade(probability)),
        model_version=champion.name,
        reasons=reasons(explain(card, fields, values)),
        unknown_fields=[f.name for f in fields.declared if values[f.name] is None],
    )


def _known(lead: Lead, probability: float, grade: str) -> dict[str, Any]:
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
        "status": outcomes.status(lead),
        "actual_outcome": lead.outcome,
        "outcome_at": lead.outcome_at,
        "explore": leads.is_explored(lead, product().settings.explore_percent),
        "created_at": lead.created_at,
        "scored_at": lead.scored_at,
    }
