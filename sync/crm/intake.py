"""Taking in leads and opportunities: kept, scored, settled, some rows in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from sync.crm.settling import SyncContext, settle
from sync.salesforce.mapping import LeadRow, opportunity_columns, opportunity_names
from webapp.services.crm import mirror, unmatched
from webapp.services.crm.mirror import Seen
from webapp.services.leads import leads, scoring
from webapp.services.leads.records import LeadRecord
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.tables import Lead

Row = Mapping[str, Any]


def take_leads(session: Session, context: SyncContext, rows: Sequence[Row], now: datetime) -> None:
    """Take in leads, the rows of one step.

    1. A row that says nothing new only moves its stamp: our own writes come back so.
    2. New leads, and open ones with other inputs, are scored. A converted lead is not scored
       again: its inputs stay as they were before.
    3. Of a lead that was merged before it was first read only the id is kept, for the lead that
       goes on.
    4. What became of the leads that changed is settled, and of those merged with them.
    """
    parsed = {row["Id"]: context.mapping.parse(row) for row in rows}
    known = mirror.seen(session, parsed)
    wanted = [row for row in parsed.values() if row.id in known or _is_in_scope(context, row)]
    news = [row for row in wanted if _is_news(known.get(row.id), row)]
    context.run_counts.counts["leads_read"] += len(parsed)
    context.run_counts.counts["leads_changed"] += len(news)
    is_new = {row.id for row in news}
    mirror.keep_stamps(
        session, {row.id: row.columns["stamp"] for row in wanted if row.id not in is_new}
    )
    mirror.keep_leads(session, [{"id": row.id, **row.columns} for row in news])
    families = mirror.families(session, [row.id for row in news])
    _take_in(session, context, news, known, families=families, now=now)
    settle_ids(session, context, families, now)


def take_opportunities(
    session: Session, context: SyncContext, rows: Sequence[Row], now: datetime
) -> None:
    """Take in opportunities and settle the leads that they belong to."""
    columns = {row["Id"]: opportunity_columns(row) for row in rows}
    news = mirror.keep_opportunities(session, list(columns.values()))
    context.run_counts.counts["opportunities_read"] += len(columns)
    context.run_counts.counts["opportunities_changed"] += len(news)
    settle(session, context, mirror.leads_of(session, news).values(), now)


def list_unmatched(
    session: Session, context: SyncContext, rows: Sequence[Row], now: datetime
) -> None:
    """List, by name, those that came from a lead by their source and that no lead names."""
    names = {row["Id"]: opportunity_names(row) for row in rows}
    found = mirror.unlinked(session, names)
    context.run_counts.counts["unmatched"] += unmatched.note(session, found, "no_lead_link", now)
    unmatched.keep_names(session, names)


def settle_ids(session: Session, context: SyncContext, ids: Collection[str], now: datetime) -> None:
    """Settle the leads with these ids of Salesforce."""
    settle(session, context, mirror.leads_by_id(session, ids).values(), now)


def _is_in_scope(context: SyncContext, row: LeadRow) -> bool:
    """Whether the administrator's filter lets a lead in; one that is in stays in."""
    rules = context.rules
    return (not rules.owner_ids or row.owner_id in rules.owner_ids) and (
        not rules.record_type_ids or row.record_type_id in rules.record_type_ids
    )


def _is_news(before: Seen | None, row: LeadRow) -> bool:
    if before is None or before.is_to_be_read:
        return True
    digests = (row.columns["digest"], row.columns["inputs_digest"])
    return digests != (before.digest, before.inputs_digest)


class _Ours:
    """Which leads of ours some rows are; all are locked, with those merged with them, at once."""

    def __init__(
        self,
        session: Session,
        context: SyncContext,
        rows: Sequence[LeadRow],
        families: Mapping[str, int | None],
    ) -> None:
        self.old = {crm_id: key for crm_id, key in families.items() if key is not None}
        self.new = [row for row in rows if row.id not in self.old and _has_lead(row)]
        names = leads.ids_by_key(session, self.old.values())
        wanted = {row.id: context.mapping.lead_id(row) for row in self.new}
        self.here = leads.lock_many(session, {*names.values(), *wanted.values(), *wanted})
        self.ids = {crm_id: names[key] for crm_id, key in self.old.items()}
        self.ids |= _ids(self.new, wanted, self.here)

    def needs_score(self, row: LeadRow, before: Seen | None) -> bool:
        is_first = row.id not in self.old
        if row.columns["is_deleted"]:
            return False
        if row.columns["is_converted"]:
            # Known from another source: its inputs are older than its conversion, ours are not.
            return is_first and self.ids[row.id] not in self.here
        if is_first or before is None or before.is_deleted:
            return True
        return bool(before.inputs_digest != row.columns["inputs_digest"])

    def unscored(self) -> list[LeadRecord]:
        """The ids of new leads that were merged before they were read."""
        return [
            LeadRecord(self.ids[row.id], row.people, {}, None)
            for row in self.new
            if row.columns["is_deleted"] and self.ids[row.id] not in self.here
        ]


def _take_in(
    session: Session,
    context: SyncContext,
    rows: Sequence[LeadRow],
    known: Mapping[str, Seen],
    *,
    families: Mapping[str, int | None],
    now: datetime,
) -> None:
    """Give each row a lead of ours, and score it where its inputs are news."""
    ours = _Ours(session, context, rows, families)
    inputs = [
        _arrival(context, row, ours.ids[row.id], row.id not in ours.old, now=now)
        for row in rows
        if ours.needs_score(row, known.get(row.id))
    ]
    versions = registry.in_use(session)
    scored = scoring.score_many(session, versions, inputs, source="salesforce", now=now)
    made = [lead for lead, _ in scored] + leads.upsert_many(session, ours.unscored(), now)
    keys = {lead.lead_id: lead.key for lead in (*ours.here.values(), *made)}
    mirror.attach(session, {row.id: keys[ours.ids[row.id]] for row in ours.new})
    context.run_counts.counts["leads_scored"] += len(scored)
    context.run_counts.counts["leads_new"] += sum(not row.columns["is_deleted"] for row in ours.new)


def _has_lead(row: LeadRow) -> bool:
    """Whether a lead is one of ours: those that are there, and the ids of merged ones."""
    return not row.columns["is_deleted"] or row.columns["merged_into"] is not None


def _arrival(
    context: SyncContext, row: LeadRow, lead_id: str, is_first: bool, *, now: datetime
) -> ScoringInput:
    is_disqualified = row.columns["status"] in context.rules.disqualified
    with_outcome = is_first and (row.columns["is_converted"] or is_disqualified)
    record, wrong = context.mapping.record(row, lead_id, now.date(), with_outcome=with_outcome)
    context.run_counts.counts.update(f"wrong:{name}" for name in wrong)
    return ScoringInput(record, now, with_outcome)


def _ids(
    new: Sequence[LeadRow], wanted: Mapping[str, str], here: Mapping[str, Lead]
) -> dict[str, str]:
    """The id with us of each new lead: an external id serves the first that has it and goes on."""
    ids: dict[str, str] = {}
    used: set[str] = set()
    for row in sorted(new, key=lambda row: row.columns["is_deleted"]):
        lead_id, other = wanted[row.id], here.get(wanted[row.id])
        is_free = other is None or (other.crm_id in {None, row.id} and other.removed_at is None)
        ids[row.id] = lead_id if is_free and lead_id not in used else row.id
        used.add(ids[row.id])
    return ids
