"""Who gave which lead to whom; owners known by an address have it as accounts do."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0030"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "assignments",
        sa.Column("key", KEY, nullable=False),
        sa.Column("lead_key", KEY, nullable=False),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("owner_before", sa.String(200)),
        sa.Column("owner", sa.String(200)),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["lead_key"],
            ["leads.key"],
            name=op.f("fk_assignments_lead_key_leads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_batch"), "assignments", ["batch"])
    op.create_index("ix_assignments_lead_key_at", "assignments", ["lead_key", "at"])
    for table in (sa.table("leads", sa.column("owner")), sa.table("scores", sa.column("owner"))):
        is_address = table.c.owner.like("%@%") & table.c.owner.not_like("% %")
        is_other = table.c.owner != sa.func.lower(table.c.owner)
        lower = sa.func.lower(table.c.owner)
        op.execute(sa.update(table).where(is_address, is_other).values(owner=lower))


def downgrade() -> None:
    op.drop_table("assignments")
