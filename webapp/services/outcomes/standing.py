"""Which outcome events stand: those that nobody has withdrawn."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp.tables import Outcome

WITHDRAWN = "withdrawn"


def stands(told: Any = Outcome) -> sa.ColumnElement[bool]:
    """Whether a row of the query around it is a statement that nobody has withdrawn."""
    withdrawal = aliased(Outcome)
    is_cancelled = sa.exists().where(withdrawal.cancels == told.key)
    return sa.and_(told.result != WITHDRAWN, ~is_cancelled)
