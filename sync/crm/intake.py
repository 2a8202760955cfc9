"""Taking in leads and deals, a few rows in each transaction with the cursor."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from sync.crm.mapping import ReadLead, deal_columns, deal_names
from sync.crm.protocol import DealRow, LeadRow
from sync.crm.recording import offer_again, record_outcomes, record_outcomes_of
from sync.crm.sync_run import SyncContext
from webapp.services.crm import conflicts, links, mirror, owners, unmatched
from webapp.services.crm.mirror import Seen
from webapp.services.imports import quality
from webapp.services.leads import leads, scoring
from webapp.services.leads.records import LeadRecord
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.tables import Lead


def take_leads(
    session: Session, context: SyncContext, rows: Sequence[LeadRow], now: datetime
) -> None:
    """Take in leads, the rows of one step.

    1. A row that says nothing new only moves its stamp: our own writes come back so.
    2. New leads, and open ones with other inputs, are scored; converted ones keep their inputs.
       What people read of a lead is taken over from all.
    3. Of a lead that was merged before it was first read only the id is kept, for the one that goes
       on, once that one is read: what was merged into a purged lead is gone with it.
    4. What became of the leads that changed is recorded, and of those merged with them.
    """
    by_id = {row.id: row for row in rows}
    known = mirror.seen(session, by_id)
    # The administrator's filter lets leads in; one that is in stays in.
    entering = [row for row in by_id.values() if row.id in known or _is_let_in(context, row)]
    wanted = [context.mapping.parse(row) for row in entering]
    news = [row for row in wanted if _has_changed(known.get(row.id), row)]
    context.result.counts["leads_read"] += len(by_id)
    context.result.counts["leads_changed"] += sum(row.id in known for row in news)
    is_new = {row.id for row in news}
    stamps = {row.id: row.columns["stamp"] for row in wanted if row.id not in is_new}
    moved = {row_id: stamp for row_id, stamp in stamps.items() if stamp != known[row_id].stamp}
    mirror.keep_stamps(session, moved)
    mirror.keep_leads(session, [{"id": row.id, **row.columns} for row in news])
    pairs = [(row.id, deal_id) for row in news for deal_id in by_id[row.id].deal_ids]
    links.keep_of_leads(session, is_new, "lead", pairs)
    if first_read := is_new - known.keys():
        mirror.read_merged_again(session, first_read)
    families = mirror.families(session, [row.id for row in news])
    recalled = _take_in(session, context, _owned(session, news), known, families=families, now=now)
    record_outcomes_of(session, context, families, now)
    if recalled:
        opened = conflicts.review(session, recalled, context.rules.conflicts, now)
        context.result.counts["conflicts"] += opened
    again = {i for i in is_new & known.keys() if known[i].took_no_scores}
    offer_again(session, context, [key for i in again if (key := families.get(i))], now)


def keep_purged_ids(session: Session, ids: Collection[str], now: datetime) -> None:
    """Have the ids of purged leads mean the lead that goes on, also of those never taken in."""
    gone = mirror.leads_by_id(session, ids).values()
    merged = [row for row in gone if row.lead_key is None and row.merged_into]
    known = mirror.leads_by_id(session, {row.merged_into or "" for row in merged})
    new = [LeadRecord(row.id, {}, {}, None) for row in merged if row.merged_into in known]
    made = leads.upsert_many(session, new, now)
    mirror.attach(session, {lead.lead_id: lead.key for lead in made})


def take_deals(
    session: Session, context: SyncContext, rows: Sequence[DealRow], now: datetime
) -> None:
    """Take in deals, and record what became of the leads that they belong to."""
    columns = {row.id: deal_columns(row) for row in rows}
    told = {row.id: row.lead_ids for row in rows if row.lead_ids is not None}
    pairs = [(lead_id, row_id) for row_id, ids in told.items() for lead_id in ids]
    relinked = links.keep_of_deals(session, told, pairs)
    # Names only of deals that leads have, while people may look for them.
    for row_id in columns.keys() - links.deals_of_leads(session, columns):
        columns[row_id] |= {"name": None, "stage": None}
    news = mirror.keep_deals(session, list(columns.values()))
    context.result.counts["deals_read"] += len(columns)
    context.result.counts["deals_changed"] += len(news)
    changed = links.leads_of(session, news) | mirror.leads_by_id(session, relinked)
    record_outcomes(session, context, changed.values(), now)


def note_unmatched(session: Session, rows: Sequence[DealRow], now: datetime) -> None:
    """Note, by name, deals with a lead source that are not linked to a lead.

    Not while the history is read: there many deals are older than the leads that are read.
    """
    names = {row.id: deal_names(row) for row in rows}
    unmatched.note(session, links.unlinked(session, names), "no_lead_link", now)
    unmatched.keep_names(session, names)


def _owned(session: Session, rows: Sequence[ReadLead]) -> list[ReadLead]:
    """The rows, each with the account of its owner, where the owner has one, for the name."""
    addresses = {address for row in rows if (address := row.row.owner_email)}
    accounts = owners.with_account(session, addresses) if addresses else set()
    return [
        replace(row, people=row.people | {"owner": address}) if address in accounts else row
        for row in rows
        for address in [row.row.owner_email or ""]
    ]


def _is_let_in(context: SyncContext, row: LeadRow) -> bool:
    owned_by, types = context.rules.owner_ids, context.rules.record_type_ids
    is_owners = not owned_by or row.owner_id in owned_by
    return is_owners and (not types or row.record_type_id in types)


def _has_changed(before: Seen | None, row: ReadLead) -> bool:
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
        rows: Sequence[ReadLead],
        families: Mapping[str, int | None],
    ) -> None:
        self.old = {crm_id: key for crm_id, key in families.items() if key is not None}
        # Of those deleted only the ids of merged ones are kept.
        has_lead = (
            r for r in rows if not r.columns["is_deleted"] or r.columns["merged_into"] in families
        )
        self.new = [row for row in has_lead if row.id not in self.old]
        names = leads.ids_by_key(session, self.old.values())
        wanted = {row.id: context.mapping.lead_id(row) for row in self.new}
        self.here = leads.lock_many(session, {*names.values(), *wanted.values(), *wanted})
        self.ids = {crm_id: names[key] for crm_id, key in self.old.items()}
        self.ids |= _ids(self.new, wanted, self.here)

    def needs_score(self, row: ReadLead, before: Seen | None) -> bool:
        is_first = row.id not in self.old
        if row.columns["is_converted"]:
            # Known from another source: its inputs are older than its conversion, ours are not.
            return is_first and self.ids[row.id] not in self.here
        if is_first or before is None or before.is_deleted:
            return True
        return bool(before.inputs_digest != row.columns["inputs_digest"])

    def unscored(self) -> list[LeadRecord]:
        return [
            LeadRecord(self.ids[row.id], {**row.people}, {}, None)
            for row in self.new
            if row.columns["is_deleted"] and self.ids[row.id] not in self.here
        ]


def _take_in(
    session: Session,
    context: SyncContext,
    rows: Sequence[ReadLead],
    known: Mapping[str, Seen],
    *,
    families: Mapping[str, int | None],
    now: datetime,
) -> set[int]:
    """Score what is new or other, and say which leads they are; return those known of old."""
    ours = _Ours(session, context, rows, families)
    inputs = [
        _scoring_input(context, row, ours, known.get(row.id), now=now)
        for row in rows
        if not row.columns["is_deleted"]
    ]
    versions = registry.in_use(session)
    scored = scoring.score_many(session, versions, inputs, source=context.kind.key, now=now)
    made = [lead for lead, _ in scored] + leads.upsert_many(session, ours.unscored(), now)
    keys = {lead.lead_id: lead.key for lead in (*ours.here.values(), *made)}
    attached = {row.id: keys[ours.ids[row.id]] for row in ours.new}
    mirror.attach(session, attached)
    of_old = {i: key for i, key in attached.items() if ours.ids[i] in ours.here}
    recalled = mirror.recall_outcomes(session, context.kind.key, of_old) if of_old else set()
    context.result.counts["leads_scored"] += sum(not one.is_repeat for one in inputs)
    context.result.counts["leads_new"] += sum(not row.columns["is_deleted"] for row in ours.new)
    return recalled


def _scoring_input(
    context: SyncContext, row: ReadLead, ours: _Ours, before: Seen | None, *, now: datetime
) -> ScoringInput:
    if not ours.needs_score(row, before):
        # Its people are taken over, and its inputs stay.
        people = LeadRecord(ours.ids[row.id], {**row.people}, {}, None)
        return ScoringInput(people, now, came_with_outcome=False, is_repeat=True)
    is_first = row.id not in ours.old
    is_disqualified = row.row.status in context.rules.disqualified
    with_outcome = is_first and (row.columns["is_converted"] or is_disqualified)
    record = context.mapping.record(
        row,
        ours.ids[row.id],
        now.date(),
        before={} if is_first or before is None else before.values,
        with_outcome=with_outcome,
    )
    context.result.counts.update(f"wrong:{warning.field}" for warning in record.warnings)
    context.surprises.add(quality.seen(context.fields, record.warnings), context.kind.key)
    return ScoringInput(record, now, with_outcome)


def _ids(
    new: Sequence[ReadLead], wanted: Mapping[str, str], here: Mapping[str, Lead]
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
