"""Outcomes of many leads at once: one action, taken back as one."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.leads import leads
from webapp.services.outcomes import outcomes, stale
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent
from webapp.services.outcomes.stale import ChangedMeanwhile
from webapp.tables import Lead, Meaning, Outcome

# The keys of actions are in the order of time, so that the newest stand at the end of the index.
PREFIX = "bulk "
ACTION = PREFIX + r"\d{8}T\d{6} [0-9a-f]{16}"
SHOWN_FOR = timedelta(days=30)
MAX_SHOWN = 50


@dataclass(frozen=True)
class Done:
    """What a bulk action did: `action` undoes it; others had changed since they were seen."""

    action: str
    changed: list[Lead]
    stale: list[tuple[Lead, ChangedMeanwhile]]


class Action(NamedTuple):
    """A bulk action of a person, and how many of its outcomes stand.

    The reason is None also where its outcomes have several: some were filled in later.
    """

    key: str
    result: str
    reason: str | None
    at: datetime
    n_leads: int
    n_standing: int


def record(
    session: Session,
    seen: Mapping[int, str],
    meaning: Meaning,
    *,
    reason: str | None,
    by: str,
    now: datetime,
) -> Done:
    """Say the same of many leads, each by key with the state in which it was seen.

    Those that somebody has changed since are left as they are. A withdrawal takes back what counts.
    """
    action = f"{PREFIX}{now:%Y%m%dT%H%M%S} {secrets.token_hex(8)}"
    attribution = Attribution("rep", by, reason=reason, idempotency_key=f"{action}/1")
    events, others = [], []
    for key, lead in leads.lock_by_key(session, seen).items():
        try:
            stale.check(session, lead, seen[key], meaning)
        except ChangedMeanwhile as error:
            others.append((lead, error))
            continue
        if lead.removed_at is None and outcomes.counting(lead) != meaning:
            events.append(OutcomeEvent(lead, meaning, attribution, withdraws="counting"))
    outcomes.record_many(session, events, now=now)
    return Done(action, [event.lead for event in events], others)


def undo(session: Session, action: str, *, by: str, now: datetime) -> list[Lead]:
    """Take back what a bulk action of this person said; what was said before or since counts."""
    made = sa.select(Outcome.lead_key).where(
        Outcome.idempotency_key == f"{action}/1", Outcome.actor == by
    )
    found = leads.lock_by_key(session, session.scalars(made).all())
    attribution = Attribution("rep", by, idempotency_key=action)
    events = [OutcomeEvent(each, None, attribution, withdraws="keyed") for each in found.values()]
    effects = outcomes.record_many(session, events, now=now)
    return [event.lead for event, effect in zip(events, effects, strict=True) if effect]


def recent(session: Session, by: str, now: datetime) -> list[Action]:
    """The person's bulk actions of the last 30 days, the newest first."""
    first = f"{PREFIX}{now - SHOWN_FOR:%Y%m%dT%H%M%S}"
    last = f"{PREFIX}{now + timedelta(days=1):%Y%m%dT%H%M%S}"
    n_reasons = sa.func.count(sa.distinct(sa.func.coalesce(Outcome.reason, "")))
    statements = (
        sa.select(
            Outcome.idempotency_key,
            Outcome.result,
            sa.case((n_reasons == 1, sa.func.max(Outcome.reason))),
            sa.func.min(Outcome.recorded_at),
            sa.func.count(),
            sa.func.sum(sa.case((outcomes.stands(), 1), else_=0)),
        )
        .where(Outcome.idempotency_key.between(first, last), Outcome.idempotency_key.like("%/1"))
        .where(Outcome.actor == by)
        .group_by(Outcome.idempotency_key, Outcome.result)
        .order_by(Outcome.idempotency_key.desc())
        .limit(MAX_SHOWN)
    )
    return [Action(key[:-2], *rest) for key, *rest in session.execute(statements)]
