"""Leads as they are now: create, update, find; the lead table stands in `lead_table`."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from ml.fields.fields_file import Fields, Value
from ml.sentences import gettext
from webapp import field_lists
from webapp.database import BACKFILL, DAY, PLAIN_ROWS, hold, insert
from webapp.field_lists import Meanings
from webapp.services.leads.records import (
    PEOPLE_FIELDS,
    PEOPLE_LENGTH,
    LeadRecord,
    search_words,
)
from webapp.tables import Lead, ModelAlias, Outcome, Score, Snapshot

FACETS = ("lead_source", "industry", "owner")
SEARCHED = ("search_text", "sort_name")
N_DRAWS = 10_000
DEMO_SOURCE = "demo"  # of invented leads
AGEING_SOURCE = "days"  # of days that went by
AGEING = "days_since_contact"  # goes on by itself from when it was told
# Moves of a score within this time add up, and so long they are told.
MOVES_TOGETHER = timedelta(days=7)

# Built once, of plain columns: to build a statement takes longer than to run it.
_leads = cast("sa.Table", Lead.__table__)
_merged = _leads.alias()
_LEAD_IDS: sa.BindParameter[str] = sa.bindparam("lead_ids", expanding=True)
_KNOWN = sa.select(_leads.c.lead_id).where(_leads.c.lead_id.in_(_LEAD_IDS))
_INTO = (
    sa.select(_merged.c.lead_id, _leads.c.lead_id)
    .join(_leads, _leads.c.key == _merged.c.merged_into_key)
    .where(_merged.c.lead_id.in_(_LEAD_IDS))
)
_LOCKED = sa.select(Lead).order_by(Lead.lead_id).with_for_update(key_share=True)
_LOCKED_BY_ID = _LOCKED.where(Lead.lead_id.in_(_LEAD_IDS))
_LOCKED_BY_KEY = _LOCKED.where(Lead.key.in_(sa.bindparam("keys", expanding=True)))

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
        super().__init__(gettext("Lead %(lead_id)s not found", lead_id=str(lead_id)))


def upsert_many(session: Session, records: Sequence[LeadRecord], now: datetime) -> list[Lead]:
    """Create leads or merge what was sent into them; no lead may stand in `records` twice.

    What a record does not name keeps its value; None makes it unknown. Rows are locked in one order
    until the transaction ends, so that batches never wait for each other. The caller has asked
    `registry.in_use` or locked leads before: that comes first in this order.
    """
    if not records:
        return []
    declared = field_lists.current(session)
    told = (_as_meant_now(record, declared.meanings) for record in records)
    by_id = {record.lead_id: record for record in sorted(told, key=lambda r: r.lead_id)}
    made = _insert_missing(session, by_id, declared.version, now)
    found = lock_many(session, by_id)
    known = ((lead, by_id[lead_id]) for lead_id, lead in found.items() if lead_id not in made)
    _merge_many(session, known, now)
    return [found[record.lead_id] for record in records]


def lock_many(session: Session, lead_ids: Iterable[str]) -> dict[str, Lead]:
    """The leads of these ids that exist, by id, locked until the transaction ends."""
    asked = {"lead_ids": list(lead_ids)}
    return {lead.lead_id: lead for lead in _locked(session, _LOCKED_BY_ID, asked)}


def lock_by_key(session: Session, keys: Iterable[int]) -> dict[int, Lead]:
    """The leads of these keys that exist, by key, locked until the transaction ends."""
    return {lead.key: lead for lead in _locked(session, _LOCKED_BY_KEY, {"keys": list(keys)})}


def by_keys(session: Session, keys: Iterable[int]) -> dict[int, Lead]:
    """The leads with these keys that are here."""
    found = session.scalars(sa.select(Lead).where(Lead.key.in_(list(keys))))
    return {lead.key: lead for lead in found}


def ids_by_key(session: Session, keys: Iterable[int]) -> dict[int, str]:
    """The ids of leads, which never change, by key."""
    query = sa.select(Lead.key, Lead.lead_id).where(Lead.key.in_(keys))
    return dict(session.execute(query).all())


def survivors(session: Session, lead_ids: Iterable[str]) -> dict[str, str]:
    """The id of the lead that goes on for each: its own, or the end of a chain of merges."""
    asked = set(lead_ids)
    into: dict[str, str] = {}
    wanted = asked
    while wanted:
        found = dict(session.execute(_INTO, {"lead_ids": list(wanted)}).all())
        into |= found
        wanted = found.values() - into.keys()
    return {lead_id: _end(into, lead_id) for lead_id in asked}


def resolve_many(session: Session, lead_ids: Iterable[str]) -> dict[str, Lead]:
    """Map each known id to its lead, merges followed, locked in one order."""
    asked = set(lead_ids)
    names: dict[str, str] = {}
    found: dict[str, Lead] = {}
    # Until a lead is locked it can still be merged.
    while names != (now := survivors(session, asked)):
        names, found = now, lock_many(session, now.values())
    return {lead_id: found[name] for lead_id, name in names.items() if name in found}


def find(session: Session, lead_id: str, *, lock: bool = False) -> Lead:
    """Return the lead with this id, merges followed, locked where asked; else `LeadNotFound`."""
    if lock:
        lead = resolve_many(session, [lead_id]).get(lead_id)
    else:
        name = survivors(session, [lead_id])[lead_id]
        lead = session.scalar(sa.select(Lead).where(Lead.lead_id == name))
    if lead is None:
        raise LeadNotFound(lead_id)
    return lead


def by_key(session: Session, key: int, *, lock: bool = False) -> Lead:
    """Return the lead with this internal key, locked where asked; else `LeadNotFound`."""
    lead = lock_by_key(session, [key]).get(key) if lock else session.get(Lead, key)
    if lead is None:
        raise LeadNotFound(key)
    return lead


def gone_on(session: Session, key: int) -> Lead:
    """The lead with this internal key, or the one that it was merged into; else `LeadNotFound`."""
    lead, seen = by_key(session, key), {key}
    while lead.merged_into_key is not None and lead.merged_into_key not in seen:
        seen.add(lead.merged_into_key)
        lead = by_key(session, lead.merged_into_key)
    return lead


def inputs(lead: Lead, fields: Fields) -> dict[str, Value]:
    """All fields as people read them: values, None where unknown, retired ones too."""
    return dict.fromkeys((*fields.names, *BUILTIN_COLUMNS)) | known_inputs(lead)


def collected_inputs(lead: Lead) -> dict[str, Value]:
    """What the score is made from: values, None where a field was asked for and is empty.

    What was not collected is not in it.
    """
    return dict.fromkeys(lead.asked_fields) | known_inputs(lead)


def known_inputs(lead: Lead) -> dict[str, Value]:
    """The values that are known of a lead, of whatever source, as of its last message."""
    values = {name: getattr(lead, name) for name in BUILTIN_COLUMNS} | lead.own_fields
    # Parts of a day are kept, so that none is lost however often a lead is written to.
    whole_days = {} if lead.days_since_contact is None else {AGEING: int(lead.days_since_contact)}
    known = {name: _whole(value) for name, value in values.items() if value is not None}
    return known | whole_days


def aged(lead: Lead, now: datetime) -> float | None:
    """Days since contact by now, parts of a day included; None where nobody has told."""
    if lead.days_since_contact is None:
        return None
    return lead.days_since_contact + max((now - lead.scored_at) / DAY, 0.0)


def snapshots(
    session: Session, lead: Lead, limit: int = 100, *, until: datetime | None = None
) -> list[Snapshot]:
    """The lead's scorings, newest first; with `until` none that came after it."""
    query = sa.select(Snapshot).where(Snapshot.lead_key == lead.key)
    if until is not None:
        query = query.where(Snapshot.taken_at <= until)
    return list(
        session.scalars(query.order_by(Snapshot.taken_at.desc(), Snapshot.key.desc()).limit(limit))
    )


def outcome_history(session: Session, lead: Lead) -> list[Outcome]:
    """The lead's outcome events, the one that counts first."""
    query = sa.select(Outcome).where(Outcome.lead_key == lead.key)
    order = (Outcome.is_assumed, Outcome.happened_at.desc(), Outcome.key.desc())
    return list(session.scalars(query.order_by(*order)))


def first_scored(session: Session, lead_keys: Collection[int]) -> dict[int, datetime]:
    """When these leads had their first inputs, those that came with an outcome left out."""
    query = sa.select(Snapshot.lead_key, sa.func.min(Snapshot.taken_at)).where(
        Snapshot.lead_key.in_(lead_keys), ~Snapshot.came_with_outcome
    )
    return dict(session.execute(query.group_by(Snapshot.lead_key)).all())


def snapshot_at(session: Session, lead: Lead, moment: datetime) -> Snapshot | None:
    """The lead's scoring that was the newest at that moment, if there was one."""
    query = sa.select(Snapshot).where(Snapshot.lead_key == lead.key, Snapshot.taken_at <= moment)
    return session.scalar(query.order_by(Snapshot.taken_at.desc(), Snapshot.key.desc()).limit(1))


def inputs_at(
    session: Session, lead_keys: Collection[int], moments: Collection[datetime]
) -> dict[int, dict[datetime, list[dict[str, Any]]]]:
    """What leads were scored by at any of these very moments, by lead key and then by moment."""
    query = sa.select(Snapshot.lead_key, Snapshot.taken_at, Snapshot.inputs)
    query = query.where(Snapshot.lead_key.in_(lead_keys), Snapshot.taken_at.in_(moments))
    found: dict[int, dict[datetime, list[dict[str, Any]]]] = {}
    for lead_key, taken_at, inputs in session.execute(query) if moments else ():
        found.setdefault(lead_key, {}).setdefault(taken_at, []).append(inputs)
    return found


def current_probability(session: Session, lead: Lead) -> float | None:
    """The champion's present score of the lead, or None before its first scoring."""
    query = sa.select(Score.probability).join(
        ModelAlias, ModelAlias.version_key == Score.version_key
    )
    return session.scalar(query.where(ModelAlias.name == "champion", Score.lead_key == lead.key))


def facets(lead: Lead) -> dict[str, str]:
    """What the lead table filters by, as each score of the lead repeats it."""
    return {
        "status": lead.status,
        **{name: getattr(lead, name) or "" for name in FACETS},
    }


def explore_draw(lead_id: str) -> int:
    """Draw a number from 0 to 9,999 for a lead, always the same: a slice worked whatever the score.

    Where only the highest are worked, a model learns nothing of the others.
    """
    digest = hashlib.sha256(f"explore:{lead_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % N_DRAWS


def is_explored(lead: Lead, percent: float) -> bool:
    """Whether a lead belongs to the random slice of so many percent, and nobody works its deal."""
    return not lead.is_in_pipeline and lead.explore_draw < percent * N_DRAWS / 100


def _locked(session: Session, query: sa.Select[Lead], asked: Mapping[str, Any]) -> Sequence[Lead]:
    """Lock leads in the one order that all keep: first the backfill lock, then by id.

    Whoever locks a lead first since values got another meaning makes it forget the old ones.
    """
    hold(session, BACKFILL, shared=True)
    found = session.scalars(query, asked, execution_options={"populate_existing": True}).all()
    meanings = field_lists.current(session).meanings
    for lead in found:
        if lead.field_list < meanings.newest_change:
            changed = meanings.changed(lead.field_list)
            for name in changed.intersection(BUILTIN_COLUMNS):
                setattr(lead, name, None)
            lead.own_fields = {n: v for n, v in lead.own_fields.items() if n not in changed}
            lead.asked_fields = [name for name in lead.asked_fields if name not in changed]
            lead.field_list = meanings.newest_change
    return found


def _end(into: Mapping[str, str], lead_id: str) -> str:
    """Follow a chain to its end; one that comes back to a lead ends before it."""
    seen = {lead_id}
    while (following := into.get(lead_id)) is not None and following not in seen:
        lead_id = following
        seen.add(lead_id)
    return lead_id


def _whole(value: Value) -> Value:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_meant_now(record: LeadRecord, meanings: Meanings) -> LeadRecord:
    """The record without values that were read just before they got another meaning."""
    if record.field_list is None or record.field_list >= meanings.newest_change:
        return record
    return replace(
        record,
        inputs=meanings.still_true(record.inputs, record.field_list),
        asked=record.asked - meanings.changed(record.field_list),
    )


def _insert_missing(
    session: Session, by_id: Mapping[str, LeadRecord], field_list: int, now: datetime
) -> Collection[str]:
    """Create the leads that are not there, and return their ids.

    None are returned where another transaction has come first for one: all must be merged then.
    """
    known = set(session.scalars(_KNOWN, {"lead_ids": list(by_id)}))
    if len(known) == len(by_id):
        return ()
    stamps = {"created_at": now, "scored_at": now, "field_list": field_list}
    blank = dict.fromkeys((*BUILTIN_COLUMNS, *PEOPLE_FIELDS))
    rows = [
        {
            "lead_id": lead_id,
            **blank,
            **_changes(lead_id, blank | {"own_fields": {}, "asked_fields": []}, record),
            "explore_draw": explore_draw(lead_id),
            **stamps,
        }
        for lead_id, record in by_id.items()
        if lead_id not in known
    ]
    statement = insert(session, Lead).on_conflict_do_nothing(index_elements=["lead_id"])
    counted = {"preserve_rowcount": True, **PLAIN_ROWS}
    result = session.execute(statement, rows, execution_options=counted)
    n_made = cast("sa.CursorResult[Any]", result).rowcount
    return by_id.keys() - known if n_made == len(rows) else ()


def _merge_many(session: Session, pairs: Iterable[tuple[Lead, LeadRecord]], now: datetime) -> None:
    own = ("own_fields", "asked_fields")
    columns = (*BUILTIN_COLUMNS, *PEOPLE_FIELDS, *own, *SEARCHED, "scored_at")
    changed: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for lead, record in pairs:
        before = {name: getattr(lead, name) for name in columns}
        by_now = {AGEING: aged(lead, now), "scored_at": now} if record.inputs else {}
        after = before | by_now | _changes(lead.lead_id, before, record)
        new = {name: value for name, value in after.items() if value != before[name]}
        if new:
            changed[tuple(new)].append({"of_key": lead.key, **{f"new_{n}": new[n] for n in new}})
        for name, value in new.items():
            set_committed_value(lead, name, value)
    for names, rows in changed.items():
        session.execute(_update(names), rows)


@lru_cache(maxsize=512)
def _update(names: tuple[str, ...]) -> sa.Update:
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    return sa.update(_leads).where(_leads.c.key == sa.bindparam("of_key")).values(values)


def _changes(lead_id: str, before: Mapping[str, Any], record: LeadRecord) -> dict[str, Any]:
    own = before["own_fields"] | {
        n: v for n, v in record.inputs.items() if n not in BUILTIN_COLUMNS
    }
    builtin = {n: v for n, v in record.inputs.items() if n in BUILTIN_COLUMNS}
    people = {name: before[name] for name in PEOPLE_FIELDS} | record.people
    return {
        **builtin,
        **people,
        "own_fields": {name: value for name, value in own.items() if value is not None},
        "asked_fields": sorted(
            {*before["asked_fields"], *record.inputs, *record.asked} - record.unasked
        ),
        **_found_by(lead_id, people),
    }


def _found_by(lead_id: str, people: Mapping[str, str | None]) -> dict[str, str]:
    named = [lead_id, *(people.get(n) or "" for n in ("name", "company", "email"))]
    shown = people.get("name") or people.get("company") or lead_id
    return {
        "search_text": " ".join(search_words(" ".join(named))),
        "sort_name": shown.casefold()[:PEOPLE_LENGTH],
    }
