"""Which leads are invented, and whether real outcomes have come beside theirs."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import once
from webapp.services.demo.ids import IDS, INVENTED, ORDER
from webapp.services.leads.leads import AGEING_SOURCE, DEMO_SOURCE
from webapp.tables import Lead, Outcome, Snapshot

MAY_BE_HERE = "whether there may be demo leads"
# What a visitor types into a demo lead makes it no real one.
NOBODY_ELSE = (DEMO_SOURCE, AGEING_SOURCE, "rep")
IN_THE_WAY = (
    "There are outcomes of demo leads and of your own. Remove the demo data, so that the model"
    " learns from yours alone."
)


def keys() -> sa.Select[int]:
    """The keys of the demo leads that nobody else has sent."""
    of_lead = sa.exists().where(Snapshot.lead_key == Lead.key)
    return sa.select(Lead.key).where(
        Lead.lead_id.in_(IDS),
        of_lead.where(Snapshot.source == DEMO_SOURCE),
        ~of_lead.where(Snapshot.source.not_in(NOBODY_ELSE)),
    )


def are_here(session: Session) -> bool:
    """Whether there are demo leads."""
    may_be = once(session, MAY_BE_HERE, lambda _: True)
    return may_be and session.scalar(keys().limit(1)) is not None


def may_be_here() -> sa.ColumnElement[bool]:
    """Whether any lead has an id of the demo, by its index; a `read` notes it as `MAY_BE_HERE`."""
    return sa.exists().where(is_invented())


def is_unfinished(session: Session) -> bool:
    """Whether the invented half year is here in part: what follows was, in it, before today."""
    ends = sa.select(Lead.lead_id).where(Lead.lead_id.in_((ORDER[0], ORDER[-1])))
    return set(session.scalars(ends)) == {ORDER[0]}


def is_invented() -> sa.ColumnElement[bool]:
    """Whether a lead has an id of the demo."""
    return Lead.lead_id.between(ORDER[0], ORDER[-1])


def has_real_outcomes(session: Session) -> bool:
    """Whether a lead that is none of the demo has an outcome, while the demo is here."""
    told = sa.exists().where(
        Outcome.lead_key == Lead.key, Outcome.idempotency_key.is_distinct_from(INVENTED)
    )
    real = sa.select(Lead.key).where(Lead.outcome.is_not(None), Lead.key.not_in(keys()), told)
    return session.scalar(real.limit(1)) is not None


def in_the_way(session: Session) -> str | None:
    """Why nothing may be learned now: invented and real outcomes are never mixed."""
    return IN_THE_WAY if are_here(session) and has_real_outcomes(session) else None
