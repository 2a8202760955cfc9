"""The newest scoring of leads: when it was, what it gave, and all that was known then."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.tables import Lead, Snapshot

# Built once, of plain columns: to build a statement takes longer than to run it.
_leads, _snapshots = (cast("sa.Table", each.__table__) for each in (Lead, Snapshot))
_of_lead = _snapshots.alias()
_NEWEST = (
    sa.select(_of_lead.c.key)
    .where(_of_lead.c.lead_key == _leads.c.key)
    .order_by(_of_lead.c.taken_at.desc(), _of_lead.c.key.desc())
    .limit(1)
    .scalar_subquery()
)
_IS_ASKED = _leads.c.key.in_(sa.bindparam("keys", expanding=True))
_LATEST = (
    sa.select(_snapshots.c.lead_key, _snapshots.c.taken_at, _snapshots.c.probability)
    .select_from(_snapshots.join(_leads, _snapshots.c.key == _NEWEST))
    .where(_IS_ASKED)
)
_LATEST_WHOLE = sa.select(Snapshot).join(_leads, Snapshot.key == _NEWEST).where(_IS_ASKED)


class Scoring(NamedTuple):
    """A lead's newest scoring: when it was, and what it gave."""

    taken_at: datetime
    probability: float


def latest(session: Session, lead_keys: Collection[int]) -> dict[int, Scoring]:
    """The newest scoring of each of these leads, by the lead's key."""
    found = session.execute(_LATEST, {"keys": list(lead_keys)})
    return {key: Scoring(taken_at, probability) for key, taken_at, probability in found}


def latest_snapshots(session: Session, lead_keys: Collection[int]) -> dict[int, Snapshot]:
    """As `latest`, with all that was known then."""
    found = session.scalars(_LATEST_WHOLE, {"keys": list(lead_keys)})
    return {snapshot.lead_key: snapshot for snapshot in found}
