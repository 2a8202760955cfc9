"""How many leads have an outcome now, as triggers keep it: however many leads there are."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change
from webapp.tables.labels import LabelCount

MAX_ADDED_UP = 10_000  # rows at once: each is a parameter of the statement
MIN_ADDED_UP = 2
N_CONVERTED, N_LOST = (
    sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)
    for column in (LabelCount.n_converted, LabelCount.n_lost)
)


def by_class(session: Session) -> tuple[int, int]:
    """How many leads are known to have converted, and how many to be lost."""
    n_converted, n_lost = session.execute(sa.select(N_CONVERTED, N_LOST)).one()
    return n_converted, n_lost


def count(session: Session) -> int:
    """The number of leads whose outcome is known now."""
    return sum(by_class(session))


def add_up(session: Session, now: datetime) -> int:
    """Put one row in the place of many; return of how many, 0 where none are left to add up."""
    some = sa.select(LabelCount.key).limit(MAX_ADDED_UP).with_for_update(skip_locked=True)
    keys = session.scalars(some).all()
    if len(keys) < MIN_ADDED_UP:
        return 0
    rows = LabelCount.key.in_(keys)
    n_converted, n_lost = session.execute(sa.select(N_CONVERTED, N_LOST).where(rows)).one()
    change(session, sa.delete(LabelCount).where(rows))
    session.add(LabelCount(n_converted=n_converted, n_lost=n_lost))
    return len(keys)
