"""What was read of the CRM: leads, deals, and how far."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmDeal, CrmLead, CrmLink, CrmWindow
from webapp.database import PLAIN_ROWS, change, insert
from webapp.tables import Lead, Outcome

WINDOW_COLUMNS = ("done_until", "start", "end", "after_stamp", "after_id", "reached")
OUTCOME_COLUMNS = (CrmLead.outcome, CrmLead.outcome_at, CrmLead.rule, CrmLead.source_id)
# Open deals have a name for people, once it is known that they are a lead's.
LACKS_NAME = sa.and_(
    CrmDeal.name.is_(None),
    CrmDeal.is_readable,
    CrmDeal.is_closed.is_(False),
    CrmDeal.is_deleted.is_(False),
)
# How the rules begin that go by deals which a person has linked.
BY_HAND = "L"
# Who has linked the deal that an outcome comes from, by the beginning of its rule.
LINKED_BY = {BY_HAND: "person", "2": "contact"}
NEW_LEAD = {"is_unscorable": False, "is_to_be_read": False}


def leads_by_id(session: Session, ids: Collection[str]) -> dict[str, CrmLead]:
    """The leads with these ids that were read before."""
    query = sa.select(CrmLead).where(CrmLead.id.in_(ids))
    found = session.scalars(query, execution_options={"populate_existing": True})
    return {row.id: row for row in found}


def read_keys(session: Session, lead_keys: Collection[int]) -> set[int]:
    """Which of these leads of ours are read from the CRM."""
    query = sa.select(CrmLead.lead_key).where(CrmLead.lead_key.in_(lead_keys))
    return {key for key in session.scalars(query) if key} if lead_keys else set()


class Seen(NamedTuple):
    """A lead as it was read last, as far as it takes to tell whether it has changed."""

    id: str
    stamp: str
    digest: str
    inputs_digest: str
    is_converted: bool
    is_deleted: bool
    is_unscorable: bool
    is_to_be_read: bool
    values: dict[str, Any]

    @property
    def took_no_scores(self) -> bool:
        """Whether no score was written then, though one may be now."""
        return self.is_converted or self.is_deleted or self.is_unscorable


def seen(session: Session, ids: Collection[str]) -> dict[str, Seen]:
    """These leads as they were read last; those never read are left out."""
    columns = (getattr(CrmLead, name) for name in Seen._fields)
    rows = session.execute(sa.select(*columns).where(CrmLead.id.in_(ids)))
    return {row.id: Seen(*row) for row in rows}


def families(session: Session, ids: Collection[str]) -> dict[str, int | None]:
    """Map these leads, those merged into them and those that go on for them to our keys, if any."""
    found, new = set(ids), set(ids)
    pairs = sa.select(CrmLead.id, CrmLead.merged_into).where(CrmLead.merged_into.is_not(None))
    while new:
        is_near = sa.or_(CrmLead.id.in_(new), CrmLead.merged_into.in_(new))
        new = {i for pair in session.execute(pairs.where(is_near)) for i in pair} - found
        found |= new
    query = sa.select(CrmLead.id, CrmLead.lead_key).where(CrmLead.id.in_(found))
    return dict(session.execute(query).all())


def survivor(session: Session, crm_lead: CrmLead) -> CrmLead | None:
    """The lead that goes on for a merged one, along the chain; None where it is not known."""
    found = _last_merged_into(session, crm_lead)
    return found if found is not None and not found.is_deleted else None


def purged_for_good(session: Session, ids: Collection[str]) -> list[str]:
    """Of purged leads those of whom nothing stays in the CRM, with all that were merged into them.

    One that was merged into a lead which is still there, be it in the recycle bin, stays its alias.
    """
    found = leads_by_id(session, ids)
    last = {row_id: _last_merged_into(session, row) for row_id, row in found.items()}
    unknown = [row_id for row_id, row in last.items() if row is None]
    gone = {row.id for row in last.values() if row is not None and row.id in found}
    return [*unknown, *families(session, gone)]


def keep_leads(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store what was read of leads, each with its id and the same columns; all others stay."""
    if not rows:
        return
    statement = insert(session, CrmLead)
    names = {*rows[0], "is_to_be_read"} - {"id"}
    changed: dict[str, Any] = {name: statement.excluded[name] for name in names}
    # The reason for a rejected write may be gone: the lead was deleted, and is restored.
    has_changed = CrmLead.digest != statement.excluded.digest
    changed["is_unscorable"] = sa.case((has_changed, False), else_=CrmLead.is_unscorable)
    keep = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
    new = [NEW_LEAD | dict(row) for row in rows]
    session.execute(keep, new, execution_options=PLAIN_ROWS)


def keep_stamps(session: Session, stamps: Mapping[str, str]) -> None:
    """Note that leads were touched without a change of what we read."""
    rows = [{"crm_id": row_id, "new": stamp} for row_id, stamp in stamps.items()]
    if rows:
        moved = sa.update(CrmLead).where(CrmLead.id == sa.bindparam("crm_id"))
        session.connection().execute(moved.values(stamp=sa.bindparam("new")), rows)


def keep_outcomes(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note the outcomes recorded from the CRM: each with the lead's id and all four columns."""
    if rows:
        columns: dict[Any, Any] = {c: sa.bindparam(c.key) for c in OUTCOME_COLUMNS}
        note = sa.update(CrmLead).where(CrmLead.id == sa.bindparam("crm_id")).values(columns)
        named = [{**row, "crm_id": row["id"]} for row in rows]
        session.connection().execute(note, named)


def recall_outcomes(session: Session, source: str, lead_keys: Mapping[str, int]) -> set[int]:
    """Note, for leads new here, the outcomes of this CRM from an earlier connection or an import.

    `lead_keys`: our key by the CRM's id. Returns the keys of the leads that had one. Links to
    deals, by hand or by a contact, that decided an outcome come back with it: the deal is read
    again and decides. Where it is not known which deal that was, the outcome stays as it is.
    """
    query = sa.select(Outcome).where(
        Outcome.lead_key.in_(lead_keys.values()),
        Outcome.source == source,
        # A person's resolution of a conflict is not the CRM's word.
        Outcome.rule.is_distinct_from("conflict"),
    )
    # A row for each is enough: the later one is kept.
    last = {row.lead_key: row for row in session.scalars(query.order_by(Outcome.key))}
    known = {crm_id: last[key] for crm_id, key in lead_keys.items() if key in last}
    linked = {crm_id: _linked_deal(crm_id, row) for crm_id, row in known.items()}
    found = {i: row for i, row in known.items() if linked[i] or not _is_by_link(row)}
    recorded = [
        {"id": crm_id, "outcome": row.result, "outcome_at": row.happened_at, "rule": row.rule}
        | {"source_id": linked[crm_id]}
        for crm_id, row in found.items()
    ]
    keep_outcomes(session, recorded)
    back = [
        {"crm_lead_id": crm_id, "deal_id": linked[crm_id], "origin": LINKED_BY[(row.rule or "")[0]]}
        for crm_id, row in found.items()
        if linked[crm_id]
    ]
    if back:
        session.execute(insert(session, CrmLink).on_conflict_do_nothing(), back)
    return {row.lead_key for row in found.values()}


def attach(session: Session, lead_keys: Mapping[str, int]) -> None:
    """Say which lead of ours a CRM lead is, on both sides."""
    rows = [{"crm_id": crm_id, "our_key": key} for crm_id, key in lead_keys.items()]
    if rows:
        crm_id: sa.BindParameter[str] = sa.bindparam("crm_id")
        our_key: sa.BindParameter[int] = sa.bindparam("our_key")
        there = sa.update(CrmLead).where(CrmLead.id == crm_id).values(lead_key=our_key)
        here = sa.update(Lead).where(Lead.key == our_key).values(crm_id=crm_id)
        for statement in (there, here):
            session.connection().execute(statement, rows)


def keep_deals(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Store deals; return the ids of those that say something new."""
    before = deals(session, [row["id"] for row in rows])
    news = [row for row in rows if _is_news(before.get(row["id"]), row)]
    if news:
        statement = insert(session, CrmDeal)
        names = {*news[0], "is_readable"} - {"id"}
        changed = {name: statement.excluded[name] for name in names}
        keep = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
        new = [{**row, "is_readable": True} for row in news]
        session.execute(keep, new, execution_options=PLAIN_ROWS)
    return [row["id"] for row in news]


def keep_unreadable(session: Session, ids: Iterable[str], *, are_deleted: bool = False) -> None:
    """Note deals that leads name and that we may not read, or that were purged.

    What was read of them before stays.
    """
    blank = {"stamp": "", "created_at": "", "stage_changed_at": None, "is_readable": False}
    flags = dict.fromkeys(("is_closed", "is_won", "is_deleted", "has_source"), False)
    rows = [{"id": row_id, **blank, **flags} for row_id in ids]
    if rows:
        statement = insert(session, CrmDeal)
        changed = {"is_readable": False} | ({"is_deleted": True} if are_deleted else {})
        lost = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
        session.execute(lost, rows, execution_options=PLAIN_ROWS)


def deals(session: Session, ids: Collection[str]) -> dict[str, CrmDeal]:
    """The deals with these ids that were read, unreadable ones included."""
    query = sa.select(CrmDeal).where(CrmDeal.id.in_(ids))
    found = session.scalars(query, execution_options={"populate_existing": True})
    return {row.id: row for row in found}


def to_be_read(session: Session, limit: int) -> list[str]:
    """Leads to be read once more by their ids."""
    query = sa.select(CrmLead.id).where(CrmLead.is_to_be_read).order_by(CrmLead.id)
    return list(session.scalars(query.limit(limit)))


def read_again(session: Session, ids: Collection[str], *, unscorable: bool = False) -> None:
    """Have leads read by their ids in the next run; of `unscorable` ones a write was rejected."""
    values = {"is_to_be_read": True} | ({"is_unscorable": True} if unscorable else {})
    change(session, sa.update(CrmLead).where(CrmLead.id.in_(ids)).values(**values))


def read_merged_again(session: Session, ids: Collection[str]) -> None:
    """Have leads read again that were merged into these before they were read and are none here."""
    merged = sa.update(CrmLead).where(CrmLead.merged_into.in_(ids), CrmLead.lead_key.is_(None))
    change(session, merged.where(CrmLead.id.not_in(ids)).values(is_to_be_read=True))


def open_leads(session: Session, after_id: str, limit: int) -> list[str]:
    """Leads that were neither converted nor deleted, in order of their ids."""
    query = sa.select(CrmLead.id).where(
        CrmLead.id > after_id, CrmLead.is_converted.is_(False), CrmLead.is_deleted.is_(False)
    )
    return list(session.scalars(query.order_by(CrmLead.id).limit(limit)))


def some_leads(session: Session, limit: int) -> list[str]:
    """Leads that were not deleted, drawn at random."""
    query = sa.select(CrmLead.id).where(CrmLead.is_deleted.is_(False))
    return list(session.scalars(query.order_by(sa.func.random()).limit(limit)))


def unscorable_leads(session: Session, after_id: str, limit: int) -> list[str]:
    """Open leads that were not visible when a score was to be written, in order of their ids."""
    query = sa.select(CrmLead.id).where(
        CrmLead.id > after_id,
        CrmLead.is_unscorable,
        CrmLead.is_converted.is_(False),
        CrmLead.is_deleted.is_(False),
    )
    return list(session.scalars(query.order_by(CrmLead.id).limit(limit)))


def take_scores_again(session: Session, ids: Collection[str]) -> list[int]:
    """Let leads that are visible again take scores; return their keys here."""
    visible = sa.update(CrmLead).where(CrmLead.id.in_(ids)).values(is_unscorable=False)
    keys = session.scalars(visible.returning(CrmLead.lead_key))
    return [key for key in keys if key is not None]


def stop_reading(session: Session, ids: Collection[str]) -> None:
    """Leads asked for by id and not found: they are gone, or not ours to see."""
    statement = sa.update(CrmLead).where(CrmLead.id.in_(ids))
    change(session, statement.values(is_to_be_read=False))


def forget(session: Session, ids: Collection[str]) -> None:
    """Delete what was read of leads that never were any of ours."""
    mirrored = sa.delete(CrmLead).where(CrmLead.id.in_(ids), CrmLead.lead_key.is_(None))
    change(session, mirrored)


def after(session: Session, crm_lead_id: str, limit: int) -> list[CrmLead]:
    """The next leads in order of their ids."""
    query = sa.select(CrmLead).where(CrmLead.id > crm_lead_id).order_by(CrmLead.id)
    return list(session.scalars(query.limit(limit)))


def count_created(session: Session, start: str, end: str) -> int:
    """How many leads were created within a time, given as stamps of the CRM."""
    query = sa.select(sa.func.count()).where(
        CrmLead.is_deleted.is_(False), CrmLead.created_at >= start, CrmLead.created_at < end
    )
    return session.scalar(query) or 0


def window(session: Session, obj: str) -> dict[str, str | None]:
    """The stored window of an object; empty values where it was never read."""
    row = session.get(CrmWindow, obj, populate_existing=True)
    return {name: getattr(row, name) if row else None for name in WINDOW_COLUMNS}


def keep_window(session: Session, obj: str, values: Mapping[str, str | None]) -> None:
    """Store a window, in the transaction that stores the rows up to it."""
    kept = {n: values[n] for n in WINDOW_COLUMNS} | {"after_id": values["after_id"] or ""}
    statement = insert(session, CrmWindow).values(object=obj, **kept)
    session.execute(statement.on_conflict_do_update(index_elements=["object"], set_=kept))


def read_from_start(session: Session, obj: str | None = None) -> None:
    """Forget how far an object, or every one, was read: the next run begins with its history."""
    statement = sa.delete(CrmWindow)
    change(session, statement.where(CrmWindow.object == obj) if obj else statement)


def is_empty(session: Session) -> bool:
    """Whether nothing that was read of the org is here."""
    tables = (CrmWindow.object, CrmLead.id, CrmDeal.id)
    return not any(session.scalar(sa.select(column).limit(1)) for column in tables)


def reached(session: Session) -> dict[str, datetime]:
    """Up to when each object is read, for people; at first, how far it has got."""
    rows = session.scalars(sa.select(CrmWindow))
    stamps = {row.object: max(row.reached or "", row.after_stamp or "") for row in rows}
    return {obj: datetime.fromisoformat(stamp) for obj, stamp in stamps.items() if stamp}


def _is_by_link(row: Outcome) -> bool:
    return (row.rule or "")[:1] in LINKED_BY and not row.is_assumed


def _linked_deal(crm_id: str, row: Outcome) -> str | None:
    """The deal that decided an outcome by a link, as `sync.crm.recording` names it in the key."""
    _, lead_id, deal_id, *_ = f"{row.idempotency_key or ''}:::".split(":")
    is_its = _is_by_link(row) and lead_id == crm_id != deal_id
    return deal_id or None if is_its else None


def _last_merged_into(session: Session, crm_lead: CrmLead) -> CrmLead | None:
    """The end of a chain of merges, itself where it was not merged; None where it is not known."""
    seen = {crm_lead.id}
    found: CrmLead | None = crm_lead
    while found is not None and found.is_deleted and found.merged_into is not None:
        if found.merged_into in seen:
            return None
        seen.add(found.merged_into)
        found = session.get(CrmLead, found.merged_into)
    return found


def _is_news(before: CrmDeal | None, row: Mapping[str, Any]) -> bool:
    if before is None or not before.is_readable:
        return True
    return any(getattr(before, name) != value for name, value in row.items())
