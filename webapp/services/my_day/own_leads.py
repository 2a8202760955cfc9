"""The leads that a person should look at today: each list is a query of the lead table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.fields.types import Value
from ml.scorecard.changes import explain_change
from ml.scorecard.scorecard import Scorecard
from webapp.database import DAY
from webapp.services.leads import lead_query, lead_table, leads
from webapp.services.leads.filters.conditions import counting_outcome
from webapp.services.leads.filters.table import ME, UNOWNED
from webapp.services.leads.lead_query import Query
from webapp.services.leads.lead_table import Glance, Live
from webapp.services.remarks import overrides
from webapp.services.remarks.overrides import Override
from webapp.tables import Lead, Outcome, Score, Snapshot

# Leads shown of each list; the table has the rest.
MAX_SHOWN = 5
DAYS_WITHOUT_CONTACT = 7
DAYS_OF_RISES = 7
MAX_CAUSES = 2
# A cause of less than so many points is none.
MIN_POINTS = 1.0


@dataclass(frozen=True)
class Cause:
    """A field that raised a score: its value before and now, and by how many points of 100."""

    label: str
    before: Value
    now: Value
    points: float


@dataclass(frozen=True)
class Item:
    """A lead of a list, with its score now; `causes` where it rose."""

    lead: Lead
    probability: float
    grade: str
    moved: int
    causes: tuple[Cause, ...] = ()
    # A person's score, which counts for lists by score and grade.
    override: Override | None = None


@dataclass(frozen=True)
class Listed:
    """A list: the parameters of the lead table that show all of it, its number, and the first."""

    asked: dict[str, str]
    n_leads: int
    is_more: bool
    items: list[Item]


def lists(
    session: Session,
    fields: Fields,
    live: Live,
    *,
    me: str,
    now: datetime,
    has_overrides: bool = True,
) -> dict[str, Listed]:
    """The lists of whoever has this account, by name: `to_call`, `rose`, `new`, `closed`,
    `mine` (all open ones, the others are parts of it) and `unowned` (new ones of nobody).
    """
    yesterday = (now - DAY).date()
    queries = {
        name: lead_query.read(asked, fields, me=me, now=now)
        for name, asked in _asked(fields, yesterday).items()
    }
    since = datetime.combine(yesterday, time(), now.tzinfo)
    others = {"closed": _closed_by(me, since), "unowned": _unowned(since)}
    by_score = {name: query for name, query in queries.items() if name not in others}
    before = (
        sa.select(Snapshot.inputs)
        .where(Snapshot.lead_key == Lead.key, Snapshot.taken_at < Score.moved_at)
        .order_by(Snapshot.taken_at.desc(), Snapshot.key.desc())
        .limit(1)
        .correlate(Lead, Score)
        .scalar_subquery()
    )
    overridden = overrides.active(session, now) if has_overrides else {}
    found = lead_table.glance(
        *(session, live, by_score, others), size=MAX_SHOWN, beside=before, overridden=overridden
    )
    return {
        name: _listed(live[1], fields, query, found[name], has_causes=name == "rose")
        for name, query in queries.items()
    }


def _asked(fields: Fields, yesterday: date) -> Mapping[str, dict[str, str]]:
    since = yesterday.isoformat()
    has_contact = "days_since_contact" in fields and fields["days_since_contact"].declared
    without = {"not_contacted_for": f"{DAYS_WITHOUT_CONTACT}"} if has_contact else {}
    return {
        "to_call": {"owner": ME, "grade": "A,B", **without},
        "rose": {
            "owner": ME,
            "moved": "up",
            "moved_since": f"{DAYS_OF_RISES}",
            "sort": "change",
        },
        "new": {"owner": ME, "created_since": since},
        "closed": {"status": "all", "outcome_by": ME, "outcome_since": since, "sort": "outcome"},
        "mine": {"owner": ME},
        "unowned": {"owner": UNOWNED, "created_since": since},
    }


def _unowned(since: datetime) -> sa.Select[Any]:
    """New open leads of nobody, by when they came: of all unowned ones these are few."""
    return sa.select(Lead.key.label("key")).where(
        Lead.created_at >= since,
        sa.func.coalesce(Lead.owner, "") == "",
        # As one condition: SQLite would go along the index of one of its parts instead.
        ~sa.or_(
            Lead.outcome.is_not(None),
            Lead.is_never_worked,
            Lead.is_in_pipeline,
            Lead.removed_at.is_not(None),
        ),
    )


def _closed_by(me: str, since: datetime) -> sa.Select[Any]:
    """Leads whose outcome is by one person, by their outcomes: these are few, and have an index."""
    own = sa.select(Outcome.lead_key.label("key")).distinct().join(Lead)
    return own.where(
        Outcome.actor == me,
        Outcome.happened_at >= since,
        Lead.outcome_at >= since,
        counting_outcome(Outcome.actor == me),
    )


def _listed(
    card: Scorecard, fields: Fields, query: Query, found: Glance, *, has_causes: bool
) -> Listed:
    items = []
    for lead, score, before in found.rows:
        causes = _causes(card, fields, lead, before) if has_causes else ()
        grade = card.grade(score.probability)
        said = found.overridden.get(lead.key)
        override = Override(said, card.grade(said.probability)) if said else None
        items.append(Item(lead, score.probability, grade, score.moved, causes, override))
    return Listed(query.parameters(), found.n_leads, found.is_more, items)


def _causes(
    card: Scorecard, fields: Fields, lead: Lead, before: dict[str, Value] | None
) -> tuple[Cause, ...]:
    """What raised the score most, by the live model, since it began to rise."""
    now = leads.collected_inputs(lead)
    old = {name: value for name, value in (before or {}).items() if _is_alike(value, now.get(name))}
    found = []
    for part in explain_change(card, card, old, now).by_lead:
        # A value that stayed has another effect beside others that changed, but is no cause.
        has_changed = part.field is not None and old.get(part.field) != now.get(part.field)
        if has_changed and 100 * part.points >= MIN_POINTS:
            name = str(part.field)
            cause = Cause(fields.named(name).label, old.get(name), now.get(name), 100 * part.points)
            found.append(cause)
    return tuple(found[:MAX_CAUSES])


def _is_alike(before: Value, now: Value) -> bool:
    """Whether both are of one type: a value of before its field got another is unknown now."""
    return before is None or now is None or isinstance(before, str) == isinstance(now, str)
