"""What training reads: every labelled lead with its inputs as they were before the outcome."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.fields import Value
from webapp.models import Lead, Snapshot


@dataclass(frozen=True)
class LabelledLead:
    """A lead with a known outcome and the inputs to learn from.

    `came_with_outcome` marks inputs that were not known to be older than the
    outcome: the lead was first sent together with it. `counted_by_run` is the
    training run that first saw the label.
    """

    lead_key: int
    inputs: dict[str, Value]
    converted: bool
    came_with_outcome: bool
    counted_by_run: int
    outcome_at: datetime


@dataclass(frozen=True)
class Labelled:
    """All that a training run may learn from.

    `is_evidence` marks the leads labelled since the champion was trained, which it never saw.
    """

    leads: list[LabelledLead]
    is_evidence: list[bool]

    def about(self) -> dict[str, Any]:
        """What is kept of it with the version: counts, and from when to when."""
        n_converted = sum(lead.converted for lead in self.leads)
        return {
            "n_leads": len(self.leads),
            "n_converted": n_converted,
            "n_lost": len(self.leads) - n_converted,
            "n_came_with_outcome": sum(lead.came_with_outcome for lead in self.leads),
            "first_outcome_at": self.leads[0].outcome_at.isoformat() if self.leads else None,
            "last_outcome_at": self.leads[-1].outcome_at.isoformat() if self.leads else None,
        }


def collect(session: Session, run_key: int, *, since_run: int) -> Labelled:
    """Read what a run may learn from, against a champion trained by `since_run` (0: by none)."""
    leads = list(labelled(session, run_key))
    return Labelled(leads, [lead.counted_by_run > since_run for lead in leads])


def labelled(session: Session, run_key: int) -> Iterator[LabelledLead]:
    """Yield the labelled leads that a training run may use, in the order of their outcomes.

    The snapshot of a lead is the last one taken before its outcome happened and
    without an outcome in the same request; where there is none, its first one.
    Labels that arrived after the run was claimed are left for the next.
    """
    before = aliased(Snapshot)
    own = aliased(Snapshot)
    of_lead = sa.select(before.key).where(before.lead_key == Lead.key).correlate(Lead)
    last_before = (
        of_lead.where(before.taken_at <= Lead.outcome_at, ~before.came_with_outcome)
        .order_by(before.taken_at.desc(), before.key.desc())
        .limit(1)
        .scalar_subquery()
    )
    first = of_lead.order_by(before.taken_at, before.key).limit(1).scalar_subquery()
    query = (
        sa.select(
            Lead.key,
            own.inputs,
            Lead.outcome,
            last_before.is_(None),
            Lead.counted_by_run,
            Lead.outcome_at,
        )
        .join(own, own.key == sa.func.coalesce(last_before, first))
        .where(Lead.outcome.is_not(None), Lead.counted_by_run <= run_key)
        .order_by(Lead.outcome_at, Lead.key)
        .execution_options(yield_per=2000)
    )
    for row in session.execute(query):
        yield LabelledLead(*row)


def class_counts(session: Session) -> tuple[int, int]:
    """How many leads are known to have converted, and how many to be lost."""
    query = sa.select(Lead.outcome, sa.func.count()).where(Lead.outcome.is_not(None))
    counts = dict(session.execute(query.group_by(Lead.outcome)).all())
    return counts.get(True, 0), counts.get(False, 0)
