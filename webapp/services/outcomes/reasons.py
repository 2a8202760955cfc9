"""Why a lead was lost, filled in after the click that said so."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.outcomes.lost_reasons import in_words_of_the_list
from webapp.services.outcomes.standing import stands
from webapp.tables import Lead, Outcome

LOST = "lost"


def fill(session: Session, lead: Lead, reason: str | None, *, by: str) -> bool:
    """Fill in why, and say whether that was possible.

    Only in a person's own newest statement that stands, if it says lost and has no reason yet: of
    events that are never changed otherwise (docs/decisions/0011-a-reason-is-filled-in-once.md).
    The caller holds the lead's row locked.
    """
    own = sa.select(Outcome).where(
        Outcome.lead_key == lead.key, Outcome.source == "rep", Outcome.actor == by, stands()
    )
    newest = session.scalar(own.order_by(Outcome.happened_at.desc(), Outcome.key.desc()).limit(1))
    if reason is None or newest is None or newest.result != LOST or newest.reason is not None:
        return False
    newest.sent_reason = in_words_of_the_list(session, [reason]).get(reason, reason)
    return True
