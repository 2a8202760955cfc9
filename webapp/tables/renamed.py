"""How a reason that was sent under a former name is called today."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

# By name: the classes stand in `reasons.py`, and outcomes, which are read by it, come before them.
_reasons = sa.table("lost_reasons", sa.column("key"), sa.column("name", sa.String))
_former = sa.table("former_lost_reasons", sa.column("name"), sa.column("reason_key"))


def called_today(sent: Mapped[str | None] | sa.ColumnElement[str]) -> sa.ColumnElement[str | None]:
    """A reason as the list calls it today, by how it was sent."""
    renamed = (
        sa.select(_reasons.c.name)
        .join_from(_former, _reasons, _former.c.reason_key == _reasons.c.key)
        .where(_former.c.name == sent)
        .correlate_except(_reasons, _former)
    )
    return sa.func.coalesce(renamed.scalar_subquery(), sent)
