"""Scores that people say are wrong, and scores of theirs that stand beside the model's."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0035"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.DateTime(timezone=True)
REASONS = ("not_a_fit", "no_interest", "good_fit", "wants_to_buy", "wrong_data", "other")


def upgrade() -> None:
    listed = ", ".join(f"'{reason}'" for reason in REASONS)
    op.create_table(
        "score_reports",
        sa.Column("key", Key, primary_key=True),
        sa.Column("lead_key", Key, sa.ForeignKey("leads.key"), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("version", sa.String(20), nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("grade", sa.String(1), nullable=False),
        sa.Column("reported_at", Time, nullable=False),
        sa.Column("resolved_at", Time, nullable=True),
        sa.Column("resolved_by", sa.String(200), nullable=True),
        sa.CheckConstraint(f"reason IN ({listed})", name="reason_known"),
    )
    op.create_index("ix_score_reports_lead_key", "score_reports", ["lead_key"])
    op.create_index("ix_score_reports_resolved_at_key", "score_reports", ["resolved_at", "key"])
    _only(
        "uq_score_reports_open", "score_reports", "resolved_at", "lead_key", "author", unique=True
    )
    op.create_table(
        "score_overrides",
        sa.Column("key", Key, primary_key=True),
        sa.Column("lead_key", Key, sa.ForeignKey("leads.key"), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.Column("ended_at", Time, nullable=True),
        sa.Column("ended_by", sa.String(200), nullable=True),
    )
    op.create_index("ix_score_overrides_lead_key", "score_overrides", ["lead_key"])
    _only("uq_score_overrides_lead_key", "score_overrides", "ended_at", "lead_key", unique=True)
    _only("ix_score_overrides_until", "score_overrides", "ended_at", "until")


def downgrade() -> None:
    op.drop_table("score_overrides")
    op.drop_table("score_reports")


def _only(name: str, table: str, while_null: str, *columns: str, unique: bool = False) -> None:
    where = sa.text(f"{while_null} IS NULL")
    op.create_index(
        name, table, list(columns), unique=unique, sqlite_where=where, postgresql_where=where
    )
