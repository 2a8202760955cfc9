"""How far each object of the CRM has been read, as texts; what they mean is `sync`'s business."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmWindow
from webapp.database import change, insert

COLUMNS = ("done_until", "start", "end", "after_stamp", "after_id")


def load(session: Session, obj: str) -> dict[str, str | None]:
    """The stored window of an object; empty values where it was never read."""
    row = session.get(CrmWindow, obj, populate_existing=True)
    return {name: getattr(row, name) if row else None for name in COLUMNS}


def save(session: Session, obj: str, window: Mapping[str, str | None]) -> None:
    """Store a window, in the transaction that stores the rows up to it."""
    values = {name: window[name] for name in COLUMNS} | {"after_id": window["after_id"] or ""}
    statement = insert(session, CrmWindow).values(object=obj, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["object"], set_=values))


def restart(session: Session, obj: str | None = None) -> None:
    """Forget how far an object, or every one, was read: the next run begins with its history."""
    statement = sa.delete(CrmWindow)
    change(session, statement.where(CrmWindow.object == obj) if obj else statement)


def reached(session: Session) -> dict[str, datetime]:
    """Up to when each object is read, for people; inside of an open window, how far it has got."""
    rows = session.scalars(sa.select(CrmWindow))
    stamps = {row.object: row.after_stamp or row.done_until for row in rows}
    return {obj: datetime.fromisoformat(stamp) for obj, stamp in stamps.items() if stamp}
