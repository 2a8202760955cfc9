"""Leads may be closed without ever being worked: no label, and no longer open.

Going down makes them open again; their history then says that the outcome was withdrawn.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BEFORE = {
    "outcomes": ("result", "'converted', 'lost', 'withdrawn'"),
    "scores": ("status", "'open', 'converted', 'lost'"),
}
AFTER = {
    "outcomes": ("result", "'converted', 'lost', 'never_worked', 'withdrawn'"),
    "scores": ("status", "'open', 'converted', 'lost', 'never_worked'"),
}


def upgrade() -> None:
    # Not in a batch, which would make the table anew and lose the triggers of the search.
    op.add_column(
        "leads",
        sa.Column("is_never_worked", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    _hold_to(AFTER)


def downgrade() -> None:
    op.execute("UPDATE outcomes SET result = 'withdrawn' WHERE result = 'never_worked'")
    op.execute("UPDATE scores SET status = 'open' WHERE status = 'never_worked'")
    op.execute("UPDATE leads SET outcome_at = NULL WHERE is_never_worked")
    _hold_to(BEFORE)
    op.drop_column("leads", "is_never_worked")


def _hold_to(values: dict[str, tuple[str, str]]) -> None:
    for table, (column, listed) in values.items():
        name = op.f(f"ck_{table}_{column}_known")
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(name, type_="check")
            batch_op.create_check_constraint(name, f"{column} IN ({listed})")
