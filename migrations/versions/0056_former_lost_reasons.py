"""What lost reasons were called before they were renamed."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0058"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "former_lost_reasons",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("reason_key", Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["reason_key"],
            ["lost_reasons.key"],
            name=op.f("fk_former_lost_reasons_reason_key_lost_reasons"),
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_former_lost_reasons")),
    )
    op.create_index("ix_former_lost_reasons_reason_key", "former_lost_reasons", ["reason_key"])


def downgrade() -> None:
    op.drop_table("former_lost_reasons")
