"""API keys live with the account that made them."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0055"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OWNER = "SELECT users.key FROM users WHERE users.email = api_keys.created_by"
IS_OFF = "owner_key IN (SELECT users.key FROM users WHERE NOT users.is_active)"


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.add_column(sa.Column("owner_key", KEY, nullable=True))
        table.add_column(sa.Column("orphaned_at", sa.DateTime(timezone=True), nullable=True))
        table.create_foreign_key(
            op.f("fk_api_keys_owner_key_users"), "users", ["owner_key"], ["key"]
        )
        table.create_index(op.f("ix_api_keys_owner_key"), ["owner_key"])
    op.execute(f"UPDATE api_keys SET owner_key = ({OWNER})")  # noqa: S608 - constants
    op.execute(f"UPDATE api_keys SET orphaned_at = CURRENT_TIMESTAMP WHERE {IS_OFF}")  # noqa: S608


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.drop_index(op.f("ix_api_keys_owner_key"))
        table.drop_constraint(op.f("fk_api_keys_owner_key_users"), type_="foreignkey")
        table.drop_column("orphaned_at")
        table.drop_column("owner_key")
