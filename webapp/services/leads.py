"""Leads as they are now: create and update, find, and the pages of the lead table."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields import Fields, Value
from webapp.database import insert
from webapp.models import Lead, ModelAlias, Outcome, Score, Snapshot
from webapp.services.records import PEOPLE_FIELDS, LeadRecord

BUILTIN_COLUMNS = (
    "age",
    "location",
    "industry",
    "email_opens",
    "website_visits",
    "content_downloads",
    "days_since_contact",
    "lead_source",
)


class LeadNotFound(LookupError):
    """No lead has this id."""

    def __init__(self, lead_id: object) -> None:
        super().__init__(f"Lead {lead_id} not found")


def upsert(session: Session, record: LeadRecord, now: datetime) -> Lead:
    """Create the lead or bring it up to date; what people read is kept where nothing new is sent.

    The row stays locked until the transaction ends, so that score, snapshot and
    outcome of one lead are written one after another.
    """
    own = {k: v for k, v in record.inputs.items() if k not in BUILTIN_COLUMNS and v is not None}
    values = {
        **{name: record.inputs.get(name) for name in BUILTIN_COLUMNS},
        **{name: record.people.get(name) for name in PEOPLE_FIELDS},
        "own_fields": own,
        "search_text": _search_text(record.lead_id, record.people),
    }
    statement = insert(session, Lead).values(
        lead_id=record.lead_id, created_at=now, scored_at=now, **values
    )
    sent = (*BUILTIN_COLUMNS, "own_fields", *record.people)
    changed = {name: statement.excluded[name] for name in sent}
    statement = statement.on_conflict_do_update(
        index_elements=["lead_id"], set_={**changed, "scored_at": now}
    ).returning(Lead)
    lead: Lead = session.scalars(statement, execution_options={"populate_existing": True}).one()
    lead.search_text = _search_text(lead.lead_id, {n: getattr(lead, n) for n in PEOPLE_FIELDS})
    return lead


def find(session: Session, lead_id: str, *, lock: bool = False) -> Lead:
    """Return the lead with this id, locked for a change where asked; else `LeadNotFound`."""
    query = sa.select(Lead).where(Lead.lead_id == lead_id)
    lead = session.scalar(query.with_for_update() if lock else query)
    if lead is None:
        raise LeadNotFound(lead_id)
    return lead


def by_key(session: Session, key: int, *, lock: bool = False) -> Lead:
    """Return the lead with this internal key; else `LeadNotFound`."""
    lead = session.get(Lead, key, with_for_update=lock or None)
    if lead is None:
        raise LeadNotFound(key)
    return lead


def inputs(lead: Lead, fields: Fields) -> dict[str, Value]:
    """The lead's present value of every known field, None where unknown."""
    values = {name: getattr(lead, name) for name in BUILTIN_COLUMNS} | lead.own_fields
    return {name: _whole(values.get(name)) for name in fields.names}


def snapshots(session: Session, lead: Lead, limit: int = 100) -> list[Snapshot]:
    """The lead's scorings, newest first."""
    query = sa.select(Snapshot).where(Snapshot.lead_key == lead.key)
    return list(
        session.scalars(query.order_by(Snapshot.taken_at.desc(), Snapshot.key.desc()).limit(limit))
    )


def outcomes(session: Session, lead: Lead) -> list[Outcome]:
    """All that was said about the lead's outcome, the row that counts first."""
    query = sa.select(Outcome).where(Outcome.lead_key == lead.key)
    return list(session.scalars(query.order_by(Outcome.happened_at.desc(), Outcome.key.desc())))


def current_probability(session: Session, lead: Lead) -> float | None:
    """The champion's present score of the lead, or None before its first scoring."""
    query = sa.select(Score.probability).join(
        ModelAlias, ModelAlias.version_key == Score.version_key
    )
    return session.scalar(query.where(ModelAlias.name == "champion", Score.lead_key == lead.key))


def _whole(value: Value) -> Value:
    """Show a whole number as one: real columns give 5.0 for 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _search_text(lead_id: str, people: Mapping[str, str | None]) -> str:
    parts = [lead_id, *(people.get(n) or "" for n in ("name", "company", "email"))]
    return "\n".join(p.casefold() for p in parts if p)
