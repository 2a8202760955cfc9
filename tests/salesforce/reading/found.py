"""What the product has of leads, to be compared with the truth of an org."""

from dataclasses import dataclass

import sqlalchemy as sa

from webapp.services.leads import leads
from webapp.tables import SOURCES, Lead, Outcome, Score


@dataclass(frozen=True)
class Found:
    """What the product has of some leads, merges followed; histories and scores by their keys."""

    leads: dict[str, Lead]
    histories: dict[int, list[str]]
    probabilities: dict[int, float]

    @classmethod
    def of(cls, lead_ids, session):
        by_id = {lead.lead_id: lead for lead in session.scalars(sa.select(Lead))}
        names = leads.survivors(session, lead_ids)
        with_outcome = set(session.scalars(sa.select(Outcome.lead_key)))
        histories = {
            lead.key: [
                row.result
                for row in reversed(leads.outcome_history(session, lead))
                if row.source not in SOURCES
            ]
            for lead in by_id.values()
            if lead.key in with_outcome
        }
        scores = sa.select(Score.lead_key, Score.probability)
        return cls(
            {i: by_id[name] for i, name in names.items() if name in by_id},
            histories,
            dict(session.execute(scores).all()),
        )
