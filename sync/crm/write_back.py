"""Write scores to the CRM in batches, and deal with each rejected write by its kind."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from sync.crm.faults import Fault, Kind
from sync.crm.sync_run import SyncRun
from webapp.database import read
from webapp.services.crm import connections, mirror, pending_writes
from webapp.services.crm.field_sources import unwritable
from webapp.services.crm.kinds.exchange import PendingWrite

# A new version's scores are spread over the runs of some hours.
MAX_STEPS_OF_VERSION = 40
RAISED = {Kind.AUTH_BROKEN, Kind.QUOTA}
Verdicts = Sequence[Fault | None]


def write_back(sync_run: SyncRun) -> None:
    """Write the scores that have moved; a CRM that takes none is a warning, not a failure."""
    if not sync_run.context.rules.writes_scores:
        return
    _offer(sync_run)
    kind = sync_run.context.kind
    missing = read(lambda s: unwritable(kind, connections.get(s).described))
    if missing:
        sync_run.warn(sync_run.client.field_read_only.message, ", ".join(missing))
        return
    due = partial(
        pending_writes.pending_writes,
        fields=sync_run.context.fields,
        bands=sync_run.context.bands,
        limit=sync_run.client.rows_per_write,
    )
    before: Fault | None = None
    while found := read(lambda s: due(s, now=sync_run.now)):
        verdicts = _deliver(sync_run, found)
        if verdicts is None:
            return
        common = _common_fault(verdicts)
        if stop := _reason_to_stop(verdicts, common, before):
            sync_run.warn(stop.case.message, stop.detail)
            return
        before = common
    if before is not None and before.kind is Kind.CONFIG:
        sync_run.warn(before.case.message, before.detail)


def _deliver(sync_run: SyncRun, found: list[PendingWrite]) -> Verdicts | None:
    """Write one call's worth and note each verdict; None where the call failed."""
    try:
        verdicts = sync_run.client.write(found, sync_run.now)
    except Fault as fault:
        if fault.kind in RAISED:
            raise
        # Whether it was carried out is not known: the same scores are due once more.
        sync_run.warn(fault.case.message, fault.detail)
        return None
    placed = list(zip(found, verdicts, strict=True))
    sync_run.step(lambda s: _note(s, sync_run, placed))
    return verdicts


def _common_fault(verdicts: Verdicts) -> Fault | None:
    """The fault of more than half of the rows, leads that take no scores aside."""
    faults = [fault for fault in verdicts if fault and fault.kind is not Kind.ROW_GONE]
    cases_found = Counter(fault.case for fault in faults)
    by_most = {case for case, n in cases_found.items() if 2 * n > len(verdicts)}
    return next((fault for fault in faults if fault.case in by_most), None)


def _reason_to_stop(verdicts: Verdicts, common: Fault | None, before: Fault | None) -> Fault | None:
    """Stop where the org cannot be written to now, or two calls in a row say the same of most."""
    if common is not None and before is not None and common.case is before.case:
        return common
    return next((fault for fault in verdicts if fault and fault.kind is Kind.BUSY), None)


def _note(
    session: Session, sync_run: SyncRun, placed: Sequence[tuple[PendingWrite, Fault | None]]
) -> None:
    counts = sync_run.result.counts
    saved = [pending for pending, fault in placed if fault is None]
    pending_writes.mark_sent(session, saved, sync_run.now)
    counts["scores_written"] += len(saved)
    rejected = [(pending, fault) for pending, fault in placed if fault is not None]
    gone = [pending.crm_id for pending, fault in rejected if fault.kind is Kind.ROW_GONE]
    mirror.read_again(session, gone, unscorable=True)
    counts["scores_unwanted"] += len(gone)
    waiting = [pending.lead_key for pending, fault in rejected if fault.kind is Kind.BUSY]
    pending_writes.retry_later(session, waiting, sync_run.now)
    verdicts = {
        pending.lead_key: (fault.case.name, str(fault), fault.kind is Kind.ROW_REJECTED)
        for pending, fault in rejected
        if fault.kind is not Kind.BUSY
    }
    n_dead = pending_writes.reject(session, verdicts, sync_run.now)
    counts["scores_rejected"] += n_dead
    counts["scores_to_retry"] += len(rejected) - len(gone) - n_dead


def _offer(sync_run: SyncRun) -> None:
    """Make due what has moved: all that was scored since the last run, and some of a version's."""
    since, now = read(lambda s: connections.get(s).offered_since), sync_run.now
    sync_run.step(pending_writes.drop_undeliverable, stage="Writing scores", progress=0.95)
    counts, bands = sync_run.result.counts, sync_run.context.bands
    if since is not None:
        scored = partial(pending_writes.offer_scored, bands=bands, since=since, now=now)
        after_key: int | None = 0
        while after_key is not None:
            n_due, after_key = sync_run.step(partial(scored, after_key=after_key))
            counts["scores_due"] += n_due
    for _ in range(MAX_STEPS_OF_VERSION):
        n_due, is_more = sync_run.step(
            lambda s: pending_writes.offer_changed(s, connections.get(s), bands, now)
        )
        counts["scores_due"] += n_due
        if not is_more:
            break
