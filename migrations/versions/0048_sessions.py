"""Sessions kept one by one, known devices, wrong passwords counted; everybody signs in again."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0045"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sign_in_sessions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("confirmed_at", TIME, nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("agent", sa.String(100), nullable=False),
        sa.Column("address", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.key"], name=op.f("fk_sign_in_sessions_user_key_users")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_sign_in_sessions_digest")),
    )
    for column in ("user_key", "ends_at"):
        op.create_index(op.f(f"ix_sign_in_sessions_{column}"), "sign_in_sessions", [column])
    op.create_table(
        "known_devices",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("user_key", KEY, nullable=False, autoincrement=False),
        sa.Column("used_at", TIME, nullable=False),
        sa.Column("n_failed", sa.Integer(), nullable=False),
        sa.Column("failed_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.key"], name=op.f("fk_known_devices_user_key_users")
        ),
        sa.PrimaryKeyConstraint("digest", "user_key", name=op.f("pk_known_devices")),
    )
    for column in ("user_key", "used_at"):
        op.create_index(op.f(f"ix_known_devices_{column}"), "known_devices", [column])
    op.create_table(
        "failure_counts",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("n_failed", sa.Integer(), nullable=False),
        sa.Column("failed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_failure_counts")),
    )
    op.create_index(op.f("ix_failure_counts_failed_at"), "failure_counts", ["failed_at"])
    op.add_column(
        "users", sa.Column("former_hashes", sa.JSON(), server_default="[]", nullable=False)
    )
    op.add_column(
        "users",
        sa.Column("must_change_password", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    for column in ("session_epoch", "n_failed_sign_ins", "locked_until"):
        op.drop_column("users", column)


def downgrade() -> None:
    for name in ("session_epoch", "n_failed_sign_ins"):
        op.add_column("users", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("users", sa.Column("locked_until", TIME, nullable=True))
    op.drop_column("users", "must_change_password")
    op.drop_column("users", "former_hashes")
    for table in ("failure_counts", "known_devices", "sign_in_sessions"):
        op.drop_table(table)
