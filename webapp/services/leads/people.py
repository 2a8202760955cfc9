"""A person's data: found by id or e-mail address, given out, and erased with every trace."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import Base, change
from webapp.intake_tables import IdempotentAnswer, IdempotentPart, Import
from webapp.services.leads import removal
from webapp.tables import AuditEntry, Lead, ModelVersion, Outcome, Run

ERASED = "erased"
# Shorter ones stand in too many texts of others: they are taken out where they stand alone.
MIN_PART = 5
# What each lead has of its own, by `lead_key`; scores follow from it.
LEFT_OUT = {"scores"}
# Where texts about leads are kept beside them.
TOLD_OF: tuple[tuple[type[Base], tuple[str, ...]], ...] = (
    (Run, ("result", "error")),
    (Import, ("profile", "preview", "result", "error")),
)


@dataclass(frozen=True)
class Erasure:
    """What an erasure took away, and the versions that had learned from it."""

    n_leads: int
    versions: Sequence[str]


def matching(session: Session, who: str) -> list[int]:
    """The keys of the leads with this id, CRM id or e-mail address, and those merged with them."""
    text = who.strip()
    is_named = sa.or_(
        Lead.lead_id == text, Lead.crm_id == text, sa.func.lower(Lead.email) == text.lower()
    )
    found = set(session.scalars(sa.select(Lead.key).where(is_named)))
    merged = sa.select(Lead.key).where(Lead.merged_into_key.in_(found))
    return sorted(found | set(session.scalars(merged)))


def everything_of(session: Session, keys: Collection[int]) -> dict[str, list[dict[str, Any]]]:
    """All rows that are about these leads, by table: the answer to a request for one's data."""
    found = {}
    for table in Base.metadata.sorted_tables:
        column = table.c.key if table.name == "leads" else table.c.get("lead_key")
        if column is None or table.name in LEFT_OUT:
            continue
        rows = session.execute(sa.select(table).where(column.in_(keys))).mappings()
        if listed := [dict(row) for row in rows]:
            found[table.name] = listed
    return found


def versions_that_learned(session: Session, keys: Collection[int]) -> list[str]:
    """The versions trained since an outcome of these leads was recorded, oldest first."""
    first = session.scalar(
        sa.select(sa.func.min(Outcome.recorded_at)).where(Outcome.lead_key.in_(keys))
    )
    if first is None:
        return []
    trained = (ModelVersion.run_key.is_not(None), ModelVersion.created_at >= first)
    query = sa.select(ModelVersion.name).where(*trained).order_by(ModelVersion.key)
    return list(session.scalars(query))


def erase(session: Session, keys: Collection[int], actor: str, now: datetime) -> Erasure:
    """Delete leads and all of theirs, and take their ids, names and addresses out of other texts.

    The next training goes without them; versions that learned from them are named.
    """
    versions = versions_that_learned(session, keys)
    words = {word.casefold() for word in _words(session, keys)}
    _forget_answers(session, words)
    for table, columns in TOLD_OF:
        _take_out(session, table, columns, words)
    _blank_audit(session, words)
    n_leads = removal.erase(session, keys, actor, now)
    return Erasure(n_leads, versions)


def _words(session: Session, keys: Collection[int]) -> set[str]:
    columns = (Lead.lead_id, Lead.crm_id, Lead.email, Lead.name, Lead.phone)
    rows = session.execute(sa.select(*columns).where(Lead.key.in_(keys)))
    return {word for row in rows for word in row if word}


def _names(text: str, words: Collection[str]) -> bool:
    folded = text.casefold()
    return folded in words or any(len(w) >= MIN_PART and w in folded for w in words)


def _without(value: Any, words: Collection[str]) -> Any:
    """A value of JSON in which texts that name somebody are replaced."""
    if isinstance(value, str):
        return ERASED if _names(value, words) else value
    if isinstance(value, list):
        return [_without(each, words) for each in value]
    if isinstance(value, dict):
        return {
            (ERASED if _names(name, words) else name): _without(each, words)
            for name, each in value.items()
        }
    return value


def _take_out(
    session: Session, table: type[Base], columns: Sequence[str], words: Collection[str]
) -> None:
    key: Any = table.__table__.c.key
    chosen = [table.__table__.c[name] for name in columns]
    for row in session.execute(sa.select(key, *chosen)).all():
        changed = {
            name: new
            for name, old in zip(columns, row[1:], strict=True)
            if (new := _without(old, words)) != old
        }
        if changed:
            change(session, sa.update(table).where(key == row[0]).values(**changed))


def _forget_answers(session: Session, words: Collection[str]) -> None:
    """Delete answers kept for repeated requests that name somebody; a repeat works anew."""
    rows = session.execute(sa.select(IdempotentPart.answer_key, IdempotentPart.body)).all()
    named = {key for key, body in rows if _names(body, words)}
    answers = sa.delete(IdempotentPart).where(IdempotentPart.answer_key.in_(named))
    change(session, answers)
    change(session, sa.delete(IdempotentAnswer).where(IdempotentAnswer.key.in_(named)))


def _blank_audit(session: Session, words: Collection[str]) -> None:
    """Blank the subject and details of entries that name somebody: who did what and when stays."""
    rows = session.execute(sa.select(AuditEntry.key, AuditEntry.subject, AuditEntry.detail)).all()
    named = [key for key, *told in rows if _without(told, words) != told]
    blank = sa.update(AuditEntry).where(AuditEntry.key.in_(named))
    change(session, blank.values(subject=ERASED, detail={}))
