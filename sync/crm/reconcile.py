"""Once a day everything is looked at again: what changed without a stamp, was purged, or aged."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from sync.crm.faults import Fault, Kind
from sync.crm.intake import keep_purged_ids, take_deals, take_leads
from sync.crm.mapping import deal_names, parse_time, stamp
from sync.crm.protocol import DEALS, LEADS, Obj, R
from sync.crm.reading import OVERLAP, Window, deleted_ids
from sync.crm.recording import offer_again, record_outcomes, record_outcomes_of
from sync.crm.sync_run import STEP_ROWS, SyncRun, Take
from webapp.crm_tables import CrmLead
from webapp.database import read, write
from webapp.product import product
from webapp.services.crm import connections, field_sources, links, mirror, unmatched
from webapp.services.crm.sync_runs import Drift
from webapp.services.imports import erasure
from webapp.services.leads import ageing, leads, removal, scoring
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.tables import Lead

CHUNK = 2000
MONTHS_COMPARED = 12
# Deals whose leads are asked for at once: what is found of them is stored before the next.
LOOKUP_CHUNK = 200
PARTS_HIDDEN = "The contact roles of {} cannot be seen. Links that are known already stay."


def begin(session: Session, part: str = "", after: str | None = "") -> None:
    """Have `reconcile` look at everything from a place on, at first from the start."""
    connections.get(session).reconciling = {"part": part or next(iter(PARTS)), "after": after}


def reconcile(sync_run: SyncRun) -> None:
    """Look at everything once more, part by part (`PARTS`), from where an earlier run stopped.

    It may take more calls than a day has: the place is kept after each portion.
    """
    place = read(lambda s: connections.get(s).reconciling)
    names = list(PARTS)
    for name in names[names.index(place["part"]) :]:
        after = place["after"] if name == place["part"] else ""
        while after is not None:
            after = PARTS[name](sync_run, after)
            sync_run.step(partial(begin, part=name, after=after))

    def finish(session: Session) -> None:
        unmatched.close_matched(session, sync_run.now)
        connection = connections.get(session)
        connection.reconciling, connection.reconciled_at = {}, sync_run.now

    sync_run.step(finish)


def read_unread_deals(sync_run: SyncRun) -> None:
    """Take in the deals of leads that were never asked for."""
    while ids := read(lambda s: links.unread_deals(s, CHUNK)):
        read_deals(sync_run, ids)


def read_deals(sync_run: SyncRun, ids: Collection[str]) -> list[str]:
    """Take in these deals; return those that are not shown to us, noted as such."""
    missing = _read(sync_run, DEALS, take_deals, ids)
    if missing:
        sync_run.step(partial(_lose_deals, sync_run, missing))
    return missing


def read_leads(sync_run: SyncRun, ids: Collection[str]) -> list[str]:
    """Take in these leads; return the ids of those that are not there."""
    lost = _read(sync_run, LEADS, take_leads, ids)
    for first in range(0, len(lost), STEP_ROWS):
        sync_run.step(partial(_lose_leads, sync_run, lost[first : first + STEP_ROWS]))
    return lost


def _read(sync_run: SyncRun, obj: Obj[R], take: Take[R], ids: Collection[str]) -> list[str]:
    """Take in the rows with these ids; return the ids of those that are not there."""
    missing = set(ids)
    for rows in sync_run.client.by_ids(obj, list(ids)):
        missing -= {row.id for row in rows}
        sync_run.store(take, rows)
    return sorted(missing)


def find_leads_of_new_deals(sync_run: SyncRun) -> None:
    """Look for the leads of deals that were never looked up; list those without one."""
    while ids := read(lambda s: unmatched.never_asked(s, LOOKUP_CHUNK)):
        _name_unlinked(sync_run, ids)
        _look_up(sync_run, ids)


def _name_unlinked(sync_run: SyncRun, deal_ids: Sequence[str]) -> None:
    """Ask for the names of unlinked deals that have none."""
    if nameless := read(lambda s: unmatched.without_names(s, deal_ids)):
        for rows in sync_run.client.by_ids(DEALS, nameless):
            names = {row.id: deal_names(row) for row in rows}
            sync_run.step(partial(unmatched.keep_names, names=names))


def _look_up(sync_run: SyncRun, deal_ids: Sequence[str]) -> None:
    pairs = list(sync_run.client.leads_of(deal_ids))
    rows = list({lead.id: lead for _, lead in pairs}.values())
    context = sync_run.context
    for first in range(0, len(rows), STEP_ROWS):
        sync_run.store(take_leads, rows[first : first + STEP_ROWS])
    if alone := read(partial(links.without_deals, ids=[row.id for row in rows])):
        _find_by_contact(sync_run, alone)
    # For one that the filter keeps out nobody has to look either.
    found = {deal_id for deal_id, _ in pairs}
    left = [deal_id for deal_id in deal_ids if deal_id not in found]
    clues = dict(sync_run.client.clues(left))

    def keep(session: Session) -> None:
        unmatched.resolve(session, found, sync_run.now)
        context.result.counts["unmatched"] += unmatched.list_asked(session, left, clues)

    sync_run.step(keep, stage=f"Looking for the leads of {context.kind.deals}")


def _lose_leads(sync_run: SyncRun, ids: Collection[str], session: Session) -> None:
    """Of what is not shown the last word stays; links may have been made or removed here since."""
    mirror.stop_reading(session, ids)
    keep_purged_ids(session, ids, sync_run.now)
    record_outcomes_of(session, sync_run.context, ids, sync_run.now)


def _lose_deals(
    sync_run: SyncRun, ids: Collection[str], session: Session, *, are_deleted: bool = False
) -> None:
    """Of what is not shown the last word stays, unless it was deleted for good."""
    mirror.keep_unreadable(session, ids, are_deleted=are_deleted)
    record_outcomes(session, sync_run.context, links.leads_of(session, ids).values(), sync_run.now)


def _follow_deletions(sync_run: SyncRun, _: str) -> None:
    end = sync_run.client.meter.server_time or sync_run.now
    start = end - sync_run.client.deletions_told_for
    gone = deleted_ids(sync_run, LEADS, start, end)
    known = read(lambda s: list(mirror.leads_by_id(s, gone)))
    purged = read_leads(sync_run, known) if known else []
    if purged and (ended := read(lambda s: mirror.purged_for_good(s, purged))):
        # Files first: who is erased already is not looked for again.
        _erase_from_files(sync_run, ended)
        sync_run.step(partial(_erase, sync_run, ended))
    deals = deleted_ids(sync_run, DEALS, start, end)
    named = read(lambda s: [i for i, r in mirror.deals(s, deals).items() if r.is_known])
    if named and (purged := read_deals(sync_run, named)):
        sync_run.step(partial(_lose_deals, sync_run, purged, are_deleted=True))


def _erase_from_files(sync_run: SyncRun, crm_ids: Collection[str]) -> None:
    folder, now = product().settings.data_dir, sync_run.now
    people = read(lambda s: removal.named_by(s, _keys(s, crm_ids)))
    for key in read(lambda s: erasure.naming(s, folder, people, now)):
        write(partial(erasure.delete, data_dir=folder, key=key, now=now))


def _keys(session: Session, crm_ids: Collection[str]) -> list[int]:
    rows = mirror.leads_by_id(session, crm_ids)
    return [row.lead_key for row in rows.values() if row.lead_key is not None]


def _erase(sync_run: SyncRun, crm_ids: Collection[str], session: Session) -> None:
    keys = _keys(session, crm_ids)
    n_erased = removal.erase(session, keys, sync_run.context.kind.key, sync_run.now)
    mirror.forget(session, crm_ids)
    sync_run.result.counts["leads_erased"] += n_erased


def _find_deals(sync_run: SyncRun, after: str) -> str | None:
    if alone := read(partial(links.without_deals, after_id=after, limit=CHUNK)):
        _find_by_contact(sync_run, alone)
    return alone[-1].id if alone else None


def _find_by_contact(sync_run: SyncRun, alone: list[CrmLead]) -> None:
    by_contact: dict[str, list[str]] = defaultdict(list)
    for lead in alone:
        by_contact[lead.contact_id or ""].append(lead.id)
    try:
        told = list(sync_run.client.links(list(by_contact)))
    except Fault as fault:
        if fault.kind is not Kind.CONFIG:
            raise
        sync_run.warn(PARTS_HIDDEN.format(sync_run.context.kind.deals), str(fault))
        return
    pairs = [(lead_id, deal_id) for contact, deal_id in told for lead_id in by_contact[contact]]
    ids = [lead.id for lead in alone]
    pairs += _invisible_links(sync_run, ids, pairs)
    sync_run.step(lambda s: links.keep_of_leads(s, ids, "contact", pairs))
    read_unread_deals(sync_run)
    for first in range(0, len(ids), STEP_ROWS):
        some = ids[first : first + STEP_ROWS]
        sync_run.step(
            partial(record_outcomes_of, context=sync_run.context, ids=some, now=sync_run.now)
        )


def _read_calculated(sync_run: SyncRun, after: str) -> str | None:
    described = read(lambda s: connections.get(s).described)
    if not field_sources.calculated(described) & set(sync_run.context.mapping.crm_fields):
        return None
    return _next(mirror.open_leads, read_leads, sync_run, after)


def _next(
    query: Callable[..., list[str]],
    take: Callable[[SyncRun, list[str]], object],
    sync_run: SyncRun,
    after: str,
    *,
    limit: int = CHUNK,
) -> str | None:
    """Take the next portion of ids behind one."""
    if ids := read(partial(query, after_id=after, limit=limit)):
        take(sync_run, ids)
    return ids[-1] if ids else None


def _invisible_links(
    sync_run: SyncRun, ids: Collection[str], told: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Links by contact that are told no more, because their deal is not shown any more either."""
    known = read(lambda s: links.of_leads(s, ids))
    before = [link for found in known.values() for link in found if link.origin == "contact"]
    silent = {(link.crm_lead_id, link.deal_id) for link in before} - set(told)
    if not silent:
        return []
    hidden = set(read_deals(sync_run, {deal for _, deal in silent}))
    return sorted((lead_id, deal) for lead_id, deal in silent if deal in hidden)


def _offer_visible(sync_run: SyncRun, ids: list[str]) -> None:
    """Have scores written of leads that were not visible when they were due, and are by now."""
    if visible := sync_run.client.shown(LEADS, ids):
        sync_run.step(partial(_take_scores_again, sync_run, visible))


def _take_scores_again(sync_run: SyncRun, ids: Collection[str], session: Session) -> None:
    keys = mirror.take_scores_again(session, ids)
    offer_again(session, sync_run.context, keys, sync_run.now)


def _age_next(sync_run: SyncRun, after: str, session: Session) -> str | None:
    crm_leads = mirror.after(session, after, STEP_ROWS)
    if not crm_leads:
        return None
    if sync_run.context.mapping.daily:
        ours = leads.lock_by_key(session, [row.lead_key for row in crm_leads if row.lead_key])
        still_open = [r for r in crm_leads if r.lead_key and not (r.is_converted or r.is_deleted)]
        _score_aged(session, sync_run, still_open, ours)
    record_outcomes(session, sync_run.context, crm_leads, sync_run.now)
    return crm_leads[-1].id


def _score_aged(
    session: Session, sync_run: SyncRun, crm_leads: list[CrmLead], ours: dict[int, Lead]
) -> None:
    versions = registry.in_use(session)
    inputs = []
    for row in crm_leads:
        lead = ours[row.lead_key or 0]
        record = sync_run.context.mapping.aged_record(row.values, lead.lead_id, sync_run.now.date())
        if ageing.moves_score(versions.card, lead, record):
            inputs.append(ScoringInput(record, sync_run.now, came_with_outcome=False))
    scoring.score_many(
        session, versions, inputs, source=sync_run.context.kind.key, now=sync_run.now
    )
    sync_run.result.counts["leads_aged"] += len(inputs)


def _compare_months(sync_run: SyncRun, _: str) -> None:
    """Compare months read to their end; `sync.crm.visibility` reports leads that are lost."""
    drift: list[Drift] = []
    sync_run.result.drift = drift
    reached = Window.stored(read(lambda s: mirror.window(s, LEADS))).reached
    rules = sync_run.context.rules
    if reached is None or rules.owner_ids or rules.record_type_ids:
        return
    first = sync_run.now - timedelta(days=rules.history_days)
    is_loss_accepted = LEADS in read(lambda s: connections.get(s).lost_records).get("accepted", {})
    # A lead may appear a while after it was made.
    end = parse_time(reached) - OVERLAP
    for _month in range(MONTHS_COMPARED):
        last = end - timedelta(microseconds=1)
        start = last.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        if start < first:
            return
        span = (stamp(start), stamp(end))
        there = sync_run.client.count(*span)
        here = read(partial(mirror.count_created, start=span[0], end=span[1]))
        if there > here or (there < here and not is_loss_accepted):
            drift.append(Drift(f"{start:%Y-%m}", crm=there, leadloop=here))
        end = start


# What is looked at, in this order: each part takes the next portion behind an id and returns the
# last id of it, or None at its end.
PARTS: dict[str, Callable[[SyncRun, str], str | None]] = {
    # The lead of an unmatched deal may be visible by now.
    "listed deals": partial(_next, unmatched.asked, _look_up, limit=LOOKUP_CHUNK),
    # A stage given another type changes deals without a stamp.
    "deals": partial(_next, links.deals_with_leads, read_deals),
    # What was purged is erased or void.
    "deletions": _follow_deletions,
    # Deals of leads without one, by their contact.
    "contacts": _find_deals,
    # Formulas change without a stamp.
    "calculated fields": _read_calculated,
    # Inputs and outcomes depend on the date.
    "ages": lambda sync_run, after: sync_run.step(partial(_age_next, sync_run, after)),
    # What was hidden for a while has no other trace.
    "hidden for scores": partial(_next, mirror.unscorable_leads, _offer_visible),
    # The numbers of leads, month by month.
    "months": _compare_months,
}
