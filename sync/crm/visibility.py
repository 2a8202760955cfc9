"""Whether records read before are still visible, were deleted, or have to be read again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from sync.crm.faults import RECORDS_LOST, Fault
from sync.crm.mapping import parse_time
from sync.crm.protocol import DEALS, LEADS
from sync.crm.reading import Window, deleted_ids
from sync.crm.sync_run import SyncRun
from webapp.database import read
from webapp.product import product
from webapp.services.crm import connections, links, mirror
from webapp.services.crm.connections import Loss

# Of each object, drawn at random.
SAMPLE = 2000
STAYS = "They were not deleted, so the last outcome of each stays."
LOOK_BACK = timedelta(days=7)


def check_visibility(sync_run: SyncRun) -> None:
    """Report records that are no longer visible; if too many, stop before anything is changed."""
    lost_before = {loss.object: loss.ids for loss in connections.lost(read(connections.get))}
    found = [_loss(sync_run, obj, lost_before.get(obj, ())) for obj in (LEADS, DEALS)]
    sync_run.step(partial(_note, sync_run, found), stage="Checking which records are still visible")
    losses = [loss for loss in found if loss.n_lost]
    kind = sync_run.context.kind
    for loss in losses:
        sync_run.warn(f"{loss.in_words(kind)} can no longer be read. {STAYS}")
    connection = read(connections.get)
    max_percent = product().settings.sync_max_lost_percent
    if too_much := connections.too_much_lost(connection, losses, max_percent):
        named = ", ".join(loss.in_words(kind) for loss in too_much)
        raise Fault(RECORDS_LOST, named, label="No longer visible")


def is_too_much_lost() -> bool:
    """Whether more records were lost at the last check than allowed, and nobody has accepted it.

    Whatever else stops or starts runs meanwhile, nothing is changed before another check.
    """
    connection = read(connections.get)
    max_percent = product().settings.sync_max_lost_percent
    return bool(connections.too_much_lost(connection, connections.lost(connection), max_percent))


def look_back(session: Session, since: datetime | None = None) -> None:
    """Have the next run read again what changed since then.

    By default that is the last seven days, where no window is open.
    """
    for obj in (LEADS, DEALS):
        window = Window.stored(mirror.window(session, obj))
        if since is not None:
            mirror.keep_window(session, obj, vars(window.back_to(since)))
        elif window.done_until is not None and not window.is_open:
            earlier = window.back_to(parse_time(window.done_until) - LOOK_BACK)
            mirror.keep_window(session, obj, vars(earlier))


def _loss(sync_run: SyncRun, obj: str, lost_before: Sequence[str]) -> Loss:
    """Look at some of an object, and once more at those that were lost before."""
    some = mirror.some_leads if obj == LEADS else links.some_deals
    drawn = set(read(lambda s: some(s, SAMPLE)))
    asked, client = drawn.union(lost_before), sync_run.client
    shown = client.shown(obj, sorted(asked))
    lost = asked - shown
    if lost:
        end = client.meter.server_time or sync_run.now
        lost -= set(deleted_ids(sync_run, obj, end - client.deletions_told_for, end))
    n_back = len(shown.intersection(lost_before))
    return Loss(obj, len(lost & drawn), len(drawn), sorted(lost)[:SAMPLE], n_back)


def _note(sync_run: SyncRun, losses: Sequence[Loss], session: Session) -> None:
    since = connections.note_losses(session, losses, sync_run.now)
    if since is not None:
        look_back(session, since)
