"""A lead whose deal is open in the CRM is in the pipeline: no longer open, and no outcome yet.

Going up, what is known of converted leads already is used, and the next run goes through all of
them once more without a call. Going down opens these leads again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BEFORE = "'open', 'converted', 'lost', 'never_worked'"
AFTER = "'open', 'in_pipeline', 'converted', 'lost', 'never_worked'"
NAMES = ("name", "stage")
# Converted, here without an outcome, and no deal of its own that is known to be over.
FILL = """
    UPDATE leads SET is_in_pipeline = :yes
    WHERE outcome IS NULL AND is_never_worked = :no AND removed_at IS NULL AND key IN (
        SELECT lead_key FROM crm_leads
        WHERE lead_key IS NOT NULL AND is_converted = :yes AND is_deleted = :no
        AND linked_opportunity_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM crm_opportunities
            WHERE crm_opportunities.id = crm_leads.opportunity_id AND is_readable = :yes
            AND (is_closed = :yes OR crm_opportunities.is_deleted = :yes)
        )
    )
"""
SHOW = """
    UPDATE scores SET status = 'in_pipeline'
    WHERE lead_key IN (SELECT key FROM leads WHERE is_in_pipeline = :yes)
"""


def upgrade() -> None:
    # Not in a batch, which would make the table anew and lose the triggers of the search.
    op.add_column(
        "leads",
        sa.Column("is_in_pipeline", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    for name in NAMES:
        op.add_column("crm_opportunities", sa.Column(name, sa.String(200), nullable=True))
    _hold_to(AFTER)
    connection = op.get_bind()
    connection.execute(sa.text(FILL), {"yes": True, "no": False})
    connection.execute(sa.text(SHOW), {"yes": True})
    op.execute("UPDATE crm_connections SET settle_after_id = ''")


def downgrade() -> None:
    op.execute("UPDATE scores SET status = 'open' WHERE status = 'in_pipeline'")
    _hold_to(BEFORE)
    for name in NAMES:
        op.drop_column("crm_opportunities", name)
    op.drop_column("leads", "is_in_pipeline")


def _hold_to(listed: str) -> None:
    name = op.f("ck_scores_status_known")
    with op.batch_alter_table("scores") as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"status IN ({listed})")
