"""Every lead has a draw that says whether it is one to explore."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LEADS = sa.table("leads", sa.column("key"), sa.column("lead_id"), sa.column("explore_draw"))
CHUNK = 5000


def upgrade() -> None:
    # Not in a batch, which would make the table anew and lose the triggers of the search.
    op.add_column(
        "leads", sa.Column("explore_draw", sa.Integer(), server_default="10000", nullable=False)
    )
    connection, after = op.get_bind(), 0
    while rows := connection.execute(_next(after)).all():
        draws = [{"of": key, "draw": _draw(lead_id)} for key, lead_id in rows]
        connection.execute(_DRAWN, draws)
        after = rows[-1].key


def downgrade() -> None:
    op.drop_column("leads", "explore_draw")


def _draw(lead_id: str) -> int:
    """As the product drew when this migration was written, whatever it does later."""
    digest = hashlib.sha256(f"explore:{lead_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % 10_000


def _next(after: int) -> sa.Select[tuple[int, str]]:
    query = sa.select(LEADS.c.key, LEADS.c.lead_id).where(LEADS.c.key > after)
    return query.order_by(LEADS.c.key).limit(CHUNK)


_DRAWN = (
    sa.update(LEADS)
    .where(LEADS.c.key == sa.bindparam("of"))
    .values(explore_draw=sa.bindparam("draw"))
)
