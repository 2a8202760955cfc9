"""What an import changed of which lead, kept so that it can be undone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import PLAIN_ROWS
from webapp.intake_tables import ImportChange
from webapp.services.leads import leads
from webapp.services.leads.records import PEOPLE_FIELDS
from webapp.tables import Lead, Snapshot


@dataclass(frozen=True)
class Before:
    """What was known of leads before some rows, by key, and the newest snapshot of all."""

    values: Mapping[int, Mapping[str, Any]]
    last_snapshot: int

    @classmethod
    def of(cls, session: Session, found: Iterable[Lead]) -> "Before":
        last = session.scalar(sa.select(sa.func.max(Snapshot.key)))
        return cls({lead.key: known_values(lead) for lead in found}, last or 0)


def known_values(lead: Lead) -> dict[str, Any]:
    """All that is known of a lead: values of fields, and what people read."""
    people = {name: value for name in PEOPLE_FIELDS if (value := getattr(lead, name)) is not None}
    return people | leads.known_inputs(lead)


def note(
    session: Session,
    import_key: int,
    found: Collection[Lead],
    before: Before,
    *,
    told: Collection[int],
    made: Collection[int],
) -> int:
    """Keep what an import has changed of leads; return how many known ones have other values now.

    `told` are the leads whose outcome it has told, `made` those that it has made: one that came
    otherwise since `before` keeps its values at an undo. Changes by earlier rows of it are kept
    with it, and these leads are not counted again.
    """
    snapshots = _snapshots_since(session, [lead.key for lead in found], before.last_snapshot)
    rows = []
    for lead in found:
        is_new, now = lead.key in made, known_values(lead)
        was = before.values.get(lead.key, now)
        # A new lead was nothing before, and all that it has is new.
        names = [] if is_new else [n for n in was.keys() | now.keys() if was.get(n) != now.get(n)]
        if names or is_new or lead.key in snapshots or lead.key in told:
            rows.append(
                {
                    "import_key": import_key,
                    "lead_key": lead.key,
                    "is_new": is_new,
                    "before": {name: was.get(name) for name in names},
                    "after": now if is_new else {name: now.get(name) for name in names},
                    "snapshots": snapshots.get(lead.key, []),
                }
            )
    return _keep(session, import_key, rows)


def first_leads(session: Session, import_key: int, limit: int) -> list[tuple[Lead, bool]]:
    """Some leads that an import has changed and can be undone for, and whether it made each."""
    query = sa.select(Lead, ImportChange.is_new).join(ImportChange)
    query = query.where(ImportChange.import_key == import_key).order_by(ImportChange.lead_key)
    return [(lead, is_new) for lead, is_new in session.execute(query.limit(limit))]


def _snapshots_since(
    session: Session, lead_keys: Collection[int], last: int
) -> dict[int, list[int]]:
    query = sa.select(Snapshot.lead_key, Snapshot.key)
    # Of a lead that came otherwise at the same moment the others are not the import's.
    query = query.where(Snapshot.lead_key.in_(lead_keys), Snapshot.key > last)
    query = query.where(Snapshot.source == "csv")
    found: dict[int, list[int]] = {}
    for lead_key, key in session.execute(query):
        found.setdefault(lead_key, []).append(key)
    return found


def _keep(session: Session, import_key: int, rows: Sequence[dict[str, Any]]) -> int:
    by_lead = {row["lead_key"]: row for row in rows if not row["is_new"]}
    earlier = sa.select(ImportChange).where(
        ImportChange.import_key == import_key, ImportChange.lead_key.in_(by_lead)
    )
    merged = session.scalars(earlier).all() if by_lead else []
    counted = {old.lead_key for old in merged if old.is_new or old.before}
    for old in merged:
        new = by_lead[old.lead_key]
        old.before = {} if old.is_new else new["before"] | old.before
        old.after = old.after | new["after"]
        old.snapshots = old.snapshots + new["snapshots"]
    known = {old.lead_key for old in merged}
    if fresh := [row for row in rows if row["lead_key"] not in known]:
        session.execute(sa.insert(ImportChange), fresh, execution_options=PLAIN_ROWS)
    return sum(bool(row["before"]) and key not in counted for key, row in by_lead.items())
