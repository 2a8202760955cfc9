"""Taking in pages of leads and opportunities: kept, scored, settled, in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from sync.crm_settle import Desk, settle
from sync.salesforce.mapping import LeadRow, opportunity_columns
from webapp.crm_tables import CrmLead
from webapp.services import crm_mirror, crm_unmatched, leads, registry, scoring
from webapp.services.scoring import Arrival

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Before:
    """What was known of a lead before this page."""

    lead_key: int | None
    digest: str
    inputs_digest: str
    is_to_be_read: bool


def take_leads(session: Session, desk: Desk, rows: Sequence[Row], now: datetime) -> None:
    """Take in a page of leads.

    1. A row that says nothing new only moves its stamp: our own writes come back so.
    2. New leads, and open ones with other inputs, are scored. A converted lead is not scored
       again: its inputs stay as they were before.
    3. What became of the leads that changed is settled, and of those merged into them.
    """
    parsed = {row["Id"]: desk.mapping.parse(row) for row in rows}
    known = {i: _before(row) for i, row in crm_mirror.leads_by_id(session, parsed).items()}
    wanted = [row for row in parsed.values() if row.id in known or _is_in_scope(desk, row)]
    news = [row for row in wanted if _is_news(known.get(row.id), row)]
    desk.tally.counts["leads_read"] += len(parsed)
    desk.tally.counts["leads_changed"] += len(news)
    is_new = {row.id for row in news}
    crm_mirror.keep_stamps(
        session, {row.id: row.columns["stamp"] for row in wanted if row.id not in is_new}
    )
    crm_mirror.keep_leads(session, [{"id": row.id, **row.columns} for row in news])
    alive = [row for row in news if not row.columns["is_deleted"]]
    _score(session, desk, alive, known, now=now)
    ids = [row.id for row in news]
    settle_ids(session, desk, [*ids, *crm_mirror.merged_into(session, ids)], now)


def take_opportunities(session: Session, desk: Desk, rows: Sequence[Row], now: datetime) -> None:
    """Take in opportunities and settle the leads that they belong to."""
    columns = {row["Id"]: opportunity_columns(row) for row in rows}
    news = crm_mirror.keep_opportunities(session, list(columns.values()))
    desk.tally.counts["opportunities_read"] += len(columns)
    desk.tally.counts["opportunities_changed"] += len(news)
    settle(session, desk, crm_mirror.leads_of(session, news).values(), now)


def list_unmatched(
    session: Session, desk: Desk, opportunity_ids: Collection[str], now: datetime
) -> None:
    """List those that came from a lead by their source and that no lead names."""
    found = crm_mirror.unlinked(session, opportunity_ids)
    desk.tally.counts["unmatched"] += crm_unmatched.note(session, found, "no_lead_link", now)


def settle_ids(session: Session, desk: Desk, ids: Collection[str], now: datetime) -> None:
    """Settle the leads with these ids of Salesforce."""
    settle(session, desk, crm_mirror.leads_by_id(session, ids).values(), now)


def _before(row: CrmLead) -> _Before:
    return _Before(row.lead_key, row.digest, row.inputs_digest, row.is_to_be_read)


def _is_in_scope(desk: Desk, row: LeadRow) -> bool:
    """Whether the administrator's filter lets a lead in; one that is in stays in."""
    rules = desk.rules
    return (not rules.owner_ids or row.owner_id in rules.owner_ids) and (
        not rules.record_type_ids or row.record_type_id in rules.record_type_ids
    )


def _is_news(before: _Before | None, row: LeadRow) -> bool:
    if before is None or before.is_to_be_read:
        return True
    digests = (row.columns["digest"], row.columns["inputs_digest"])
    return digests != (before.digest, before.inputs_digest)


def _score(
    session: Session,
    desk: Desk,
    rows: Sequence[LeadRow],
    known: Mapping[str, _Before],
    *,
    now: datetime,
) -> None:
    old = {i: b.lead_key for i, b in known.items() if b.lead_key is not None}
    lead_ids = _lead_ids(session, desk, rows, old)
    taken = leads.lock_many(session, [i for r, i in lead_ids.items() if r not in old])
    arrivals: list[Arrival] = []
    for row in rows:
        is_first = row.id not in old
        # Known from another source: its inputs are older than its conversion, ours are not.
        is_ours_already = is_first and lead_ids[row.id] in taken
        if _needs_score(row, known.get(row.id), is_first=is_first, has_inputs=is_ours_already):
            arrivals.append(_arrival(desk, row, lead_ids[row.id], is_first, now=now))
    versions = registry.in_use(session)
    found = scoring.score_many(session, versions, arrivals, source="salesforce", now=now)
    desk.tally.counts["leads_scored"] += len(found)
    by_id = {lead.lead_id: lead.key for lead, _ in found} | {i: t.key for i, t in taken.items()}
    new = {row.id: by_id[lead_ids[row.id]] for row in rows if row.id not in old}
    desk.tally.counts["leads_new"] += len(new)
    crm_mirror.attach(session, new)


def _needs_score(row: LeadRow, before: _Before | None, *, is_first: bool, has_inputs: bool) -> bool:
    if row.columns["is_converted"]:
        return is_first and not has_inputs
    return is_first or before is None or before.inputs_digest != row.columns["inputs_digest"]


def _arrival(desk: Desk, row: LeadRow, lead_id: str, is_first: bool, *, now: datetime) -> Arrival:
    is_disqualified = row.columns["status"] in desk.rules.disqualified
    with_outcome = is_first and (row.columns["is_converted"] or is_disqualified)
    record, wrong = desk.mapping.record(row, lead_id, now.date(), with_outcome=with_outcome)
    desk.tally.counts.update(f"wrong:{name}" for name in wrong)
    return Arrival(record, now, with_outcome)


def _lead_ids(
    session: Session, desk: Desk, rows: Sequence[LeadRow], old: Mapping[str, int]
) -> dict[str, str]:
    """The id with us of each lead: an external id serves the first that has it."""
    ours = crm_mirror.our_leads(session, set(old.values()))
    ids = {i: ours[key].lead_id for i, key in old.items()}
    new = [row for row in rows if row.id not in old]
    wanted = {row.id: desk.mapping.lead_id(row) for row in new}
    others = leads.lock_many(session, wanted.values())
    used = set(ids.values())
    for row in new:
        lead_id = wanted[row.id]
        other = others.get(lead_id)
        is_free = other is None or (other.crm_id in {None, row.id} and other.removed_at is None)
        ids[row.id] = lead_id if is_free and lead_id not in used else row.id
        used.add(ids[row.id])
    return ids
