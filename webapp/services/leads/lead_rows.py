"""Rows of the lead table: what is shown of a lead beside its place."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.scorecard.reasons import Reason, explain
from webapp.database import utc_now
from webapp.services.crm import crm_records
from webapp.services.crm.crm_records import Deal
from webapp.services.leads import leads
from webapp.services.leads.filters.table import MIN_POINTS_SHOWN
from webapp.services.models import registry
from webapp.services.outcomes.standing import stands
from webapp.services.remarks.overrides import Override
from webapp.tables import Lead, Outcome, Score
from webapp.tables.remarks import ScoreOverride

# Reasons in a row, of those that are its own.
MAX_REASONS = 3
# A contact longer ago than this is no date that helps anyone.
MAX_DAYS = 36_500


@dataclass(frozen=True)
class Row:
    """A lead as the table shows it, with the strongest `reasons` first.

    Probability and grade are the model's, also where a person's `override` gives it its place.
    Its own data moved the score by `moved` points of 100 since `moved_at`.
    `deal` is that of a lead in the pipeline, None where it is not known; `told` the outcome that
    counts, None for an open lead.
    """

    lead: Lead
    probability: float
    grade: str
    reasons: list[Reason]
    moved: int
    moved_at: datetime | None
    deal: Deal | None
    told: Outcome | None = None
    override: Override | None = None

    @property
    def has_moved(self) -> bool:
        """Whether its score has moved by enough points to tell, and lately."""
        is_news = self.moved_at is not None and self.moved_at > utc_now() - leads.MOVES_TOGETHER
        return is_news and abs(self.moved) >= MIN_POINTS_SHOWN

    def own_reasons(self, said_above: Collection[str]) -> list[Reason]:
        """The strongest reasons, but for the fields that the table says of all its rows."""
        return [each for each in self.reasons if each.field not in said_above][:MAX_REASONS]

    @property
    def contact_at(self) -> datetime | None:
        """When anyone last spoke with the lead, by what was known when it was scored."""
        days = self.lead.days_since_contact
        if days is None or days > MAX_DAYS:
            return None
        return self.lead.scored_at - timedelta(days=days)


def rows(
    session: Session,
    fields: Fields,
    found: Sequence[tuple[Lead, Score]],
    overridden: Mapping[int, ScoreOverride],
) -> list[Row]:
    """Build the rows of leads with their scores; `overridden` by the lead's key."""
    _, card = registry.serving(session)
    in_pipeline = [lead.key for lead, _ in found if lead.status == "in_pipeline"]
    records = crm_records.of_leads(session, in_pipeline) if in_pipeline else {}
    told = _told(session, [lead.key for lead, _ in found if lead.outcome_at])
    built = []
    for lead, score in found:
        reasons = explain(card, fields, leads.collected_inputs(lead), limit=2 * MAX_REASONS)
        there = records.get(lead.key)
        deal = there.deal if there else None
        grade = card.grade(score.probability)
        said = overridden.get(lead.key)
        override = Override(said, card.grade(said.probability)) if said else None
        seen = (score.probability, grade, reasons, score.moved, score.moved_at, deal)
        built.append(Row(lead, *seen, told.get(lead.key), override))
    return built


def _told(session: Session, lead_keys: Sequence[int]) -> dict[int, Outcome]:
    """The outcome that counts for each of these leads."""
    if not lead_keys:
        return {}
    query = sa.select(Outcome).where(Outcome.lead_key.in_(lead_keys), stands())
    order = (Outcome.is_assumed.desc(), Outcome.happened_at, Outcome.key)
    return {each.lead_key: each for each in session.scalars(query.order_by(*order))}
