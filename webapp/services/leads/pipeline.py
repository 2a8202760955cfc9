"""Which leads are in the pipeline, and the status of leads where the lead table filters by it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import BACKFILL, change, hold
from webapp.tables import Lead, Score

# Built once, of plain columns: to build a statement takes longer than to run it.
_scores = cast("sa.Table", Score.__table__)
_SHOW = (
    sa.update(_scores)
    .where(_scores.c.lead_key.in_(sa.bindparam("keys", expanding=True)))
    .values(status=sa.bindparam("shown"))
)


def put(session: Session, deals_open: Mapping[int, bool]) -> set[int]:
    """Say of leads, by key, whether a deal of theirs is open in the CRM; return those that leave.

    An outcome that anybody has reported counts before that. The caller holds their rows locked.
    """
    moved = [session.get_one(Lead, key) for key in deals_open]
    moved = [lead for lead in moved if lead.is_in_pipeline != deals_open[lead.key]]
    for lead in moved:
        lead.is_in_pipeline = deals_open[lead.key]
    show_status(session, moved)
    return {lead.key for lead in moved if not lead.is_in_pipeline}


def clear(session: Session) -> None:
    """Say that no deal of any lead is known; however many leads that are."""
    hold(session, BACKFILL, shared=True)
    # The leads first: who is at work on one writes its score before we get it.
    change(session, sa.update(Lead).where(Lead.is_in_pipeline).values(is_in_pipeline=False))
    shown = sa.update(Score).where(Score.status == "in_pipeline")
    change(session, shown.values(status="open"))


def show_status(session: Session, changed: Iterable[Lead]) -> None:
    """Repeat the status of leads in their scores, by which the lead table filters."""
    keys: dict[str, list[int]] = defaultdict(list)
    for lead in {lead.key: lead for lead in changed}.values():
        keys[lead.status].append(lead.key)
    for status, lead_keys in keys.items():
        session.execute(_SHOW, {"keys": lead_keys, "shown": status})
