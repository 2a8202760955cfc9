"""Outcomes that people report from a page which shows an earlier state of the lead."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.crm import connections, crm_records
from webapp.services.outcomes.outcomes import Attribution, counting
from webapp.tables import Lead, Meaning, Outcome

UNDECIDED = ("open", "in_pipeline")


class ChangedMeanwhile(RuntimeError):
    """What became of the lead has changed since it was shown; nothing was recorded.

    `by` and `at` say who did it and when; `by` is None where the `crm` opened or removed a deal.
    """

    def __init__(self, lead: Lead, last: Outcome | None, crm: str, at: datetime | None) -> None:
        self.lead_key, self.status, self.seen_now = lead.key, lead.status, state(lead)
        self.by = Attribution(last.source, last.actor) if last else None
        self.at = at
        who = last.actor if last else crm
        told = f"{who}, {at.isoformat()}" if at else who
        status = "in the pipeline" if lead.status == "in_pipeline" else lead.status
        status = status.replace("_", " ")
        super().__init__(f"Lead {lead.lead_id} is {status} by now ({told}); nothing was recorded")


def state(lead: Lead) -> str:
    """What a page shows of a lead's outcome, to be sent back with what a person reports then."""
    return f"{lead.status} {lead.outcome_at.isoformat()}" if lead.outcome_at else lead.status


def check(session: Session, lead: Lead, seen: str | None, wanted: Meaning) -> None:
    """Raise `ChangedMeanwhile` where a lead is not in the state that was seen any more.

    `seen` is a state or a status, None where the page's state is not known. Who agrees with what
    counts by now contradicts nobody. The caller holds the lead's row locked.
    """
    if seen is None or seen in {state(lead), lead.status} or counting(lead) == wanted:
        return
    is_by_outcome = not {lead.status, seen.split(" ")[0]} <= set(UNDECIDED)
    query = sa.select(Outcome).where(Outcome.lead_key == lead.key)
    last = session.scalar(query.order_by(Outcome.key.desc()).limit(1)) if is_by_outcome else None
    read = crm_records.of_leads(session, [lead.key]).get(lead.key)
    at = last.recorded_at if last else read.changed_at if read else None
    raise ChangedMeanwhile(lead, last, connections.kind(session).name, at)
