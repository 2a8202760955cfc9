"""Outcomes that people report from a page which shows an earlier state of the lead."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.services.crm import connections
from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.crm.outcome_rules import UNDECIDED
from webapp.services.outcomes.outcomes import RESULTS, Attribution, counting
from webapp.services.outcomes.standing import stands
from webapp.tables import Lead, Meaning, Outcome


class ChangedMeanwhile(RuntimeError):
    """What became of the lead has changed since it was shown; nothing was recorded.

    `by` and `at` say whose statement or withdrawal decides and when that was recorded; None where
    the `crm` opened or removed a deal, of which the time is not known.
    """

    def __init__(self, lead: Lead, last: Outcome | None, crm: CrmKind) -> None:
        self.lead_key, self.status, self.seen_now = lead.key, lead.status, state(lead)
        self.by = Attribution(last.source, last.actor) if last else None
        self.at = last.recorded_at if last else None
        by = crm.name if last is None or last.actor == last.source == crm.key else last.actor
        told = f"{by}, {last.recorded_at.isoformat()}" if last else by
        status = gettext("in the pipeline") if lead.status == "in_pipeline" else lead.status
        status = status.replace("_", " ")
        super().__init__(
            gettext(
                "Lead %(lead_id)s is %(status)s by now (%(told)s); nothing was recorded",
                lead_id=lead.lead_id,
                status=str(status),
                told=told,
            )
        )


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
    decides = _deciding(session, lead) if is_by_outcome else None
    raise ChangedMeanwhile(lead, decides, connections.kind(session))


def _deciding(session: Session, lead: Lead) -> Outcome | None:
    """The statement that counts; where none does, the last withdrawal."""
    told = sa.select(Outcome).where(Outcome.lead_key == lead.key)
    if counting(lead) is None:
        withdrawn = told.where(Outcome.result == RESULTS[None])
        return session.scalar(withdrawn.order_by(Outcome.key.desc()).limit(1))
    place = (Outcome.is_assumed, Outcome.happened_at.desc(), Outcome.key.desc())
    return session.scalar(told.where(stands()).order_by(*place).limit(1))
