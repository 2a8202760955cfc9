"""The audit log as JSON lines, the oldest entry first, for a store that keeps logs."""

import json
from collections.abc import Iterator
from functools import partial

from webapp.database import read, utc_now, write
from webapp.services.accounts import audit
from webapp.tables import AuditEntry

AT_ONCE = 1000


def begin(actor: str) -> Iterator[str]:
    """One line for each entry, read in pages; that somebody exported it is the last of them."""
    now = utc_now()
    write(lambda session: audit.record(session, actor, "exported", "audit log", now=now))
    return _lines()


def _lines() -> Iterator[str]:
    after = 0
    while found := read(partial(audit.following, after=after, limit=AT_ONCE)):
        for entry in found:
            yield json.dumps(_row(entry), ensure_ascii=False) + "\n"
        after = found[-1].key


def _row(entry: AuditEntry) -> dict[str, object]:
    return {
        "id": entry.key,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
        "caller": entry.caller,
        "request_id": entry.request_id,
    }
