"""By how much scores moved, and what the lead table sorts by: last contact, outcome, change."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0039"
branch_labels = None
depends_on = None

CONTACT_DAY, OUTCOME_DAY = "contact_day", "outcome_day"
ON_SQLITE = {
    CONTACT_DAY: "coalesce(julianday(scored_at) - 2440587.5 - days_since_contact, 0.0)",
    OUTCOME_DAY: "coalesce(julianday(outcome_at) - 2440587.5, 0.0)",
}
EPOCH = "extract(epoch from ({} at time zone 'UTC'))::float8 / 86400"
ON_POSTGRESQL = {
    CONTACT_DAY: f"coalesce({EPOCH.format('scored_at')} - days_since_contact, 0.0)",
    OUTCOME_DAY: f"coalesce({EPOCH.format('outcome_at')}, 0.0)",
}


def upgrade() -> None:
    op.add_column("scores", sa.Column("moved", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("scores", sa.Column("moved_at", sa.DateTime(timezone=True)))
    op.create_index("ix_scores_moved", "scores", ["version_key", "status", "moved", "lead_key"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # SQLite adds no column that is kept, and PostgreSQL before 18 none that is not.
    kind, days = ("VIRTUAL", ON_SQLITE) if is_sqlite else ("STORED", ON_POSTGRESQL)
    number = "DOUBLE" if is_sqlite else "double precision"
    for name, rule in days.items():
        op.execute(
            f"ALTER TABLE leads ADD COLUMN {name} {number} GENERATED ALWAYS AS ({rule}) {kind}"
        )
        op.create_index(f"ix_leads_{name}_key", "leads", [name, "key"])


def downgrade() -> None:
    for name in (OUTCOME_DAY, CONTACT_DAY):
        op.drop_index(f"ix_leads_{name}_key", "leads")
        op.drop_column("leads", name)
    op.drop_index("ix_scores_moved", "scores")
    op.drop_column("scores", "moved_at")
    op.drop_column("scores", "moved")
