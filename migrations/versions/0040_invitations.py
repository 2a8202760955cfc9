"""People are invited by a link; API keys may expire; digests by mail."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0034"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("key", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("user_key", KEY, nullable=True),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.key"], name=op.f("fk_invitations_user_key_users")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
    )
    op.create_table(
        "digests",
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("sent_on", sa.String(10), nullable=True),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_key"], ["users.key"], name=op.f("fk_digests_user_key_users")
        ),
        sa.PrimaryKeyConstraint("user_key", name=op.f("pk_digests")),
    )
    op.add_column("api_keys", sa.Column("expires_at", TIME, nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "expires_at")
    op.drop_table("digests")
    op.drop_table("invitations")
