"""What the product has of leads, to be compared with the truth of an org."""

from dataclasses import dataclass
from itertools import pairwise

import sqlalchemy as sa

from webapp.services.leads import leads
from webapp.tables import SOURCES, Lead, Outcome, Run, Score

REPEATED = ("scores_unwanted", "leads_erased")


@dataclass(frozen=True)
class Found:
    """What the product has of some leads, merges followed; histories and scores by their keys.

    `n_to_repeat` scores may be sent once more: they found no lead, or theirs was erased and may
    have come back.
    """

    leads: dict[str, Lead]
    histories: dict[int, list[str]]
    probabilities: dict[int, float]
    n_to_repeat: int

    def outcomes(self):
        """The outcome of each lead."""
        return {i: lead.outcome for i, lead in self.leads.items()}

    def in_pipeline(self):
        """The leads in the pipeline."""
        return {i for i, lead in self.leads.items() if lead.status == "in_pipeline"}

    def repeated_words(self):
        """Leads of which Salesforce's word was recorded twice in a row.

        A withdrawal is a row for each word that it cancels.
        """
        return [
            key
            for key, recorded in self.histories.items()
            for one, two in pairwise(recorded)
            if one == two != "withdrawn"
        ]

    @classmethod
    def of(cls, lead_ids, session):
        by_id = {lead.lead_id: lead for lead in session.scalars(sa.select(Lead))}
        names = leads.survivors(session, lead_ids)
        with_outcome = set(session.scalars(sa.select(Outcome.lead_key)))
        histories = {
            lead.key: [
                row.result
                for row in sorted(leads.outcome_history(session, lead), key=lambda row: row.key)
                if row.source not in SOURCES
            ]
            for lead in by_id.values()
            if lead.key in with_outcome
        }
        scores = sa.select(Score.lead_key, Score.probability)
        runs = session.scalars(sa.select(Run).where(Run.kind == "sync"))
        counts = [run.result["counts"] for run in runs if run.result]
        return cls(
            {i: by_id[name] for i, name in names.items() if name in by_id},
            histories,
            dict(session.execute(scores).all()),
            sum(each.get(name, 0) for each in counts for name in REPEATED),
        )
