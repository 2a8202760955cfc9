"""What values mean: the list of fields that versions learned under and leads were written under.

Leads have forgotten already what means something else by now; versions that were made before such
a change take part in it from now on: the worker scores all leads anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("model_versions", "leads")
LEARNED = """
    UPDATE model_versions SET field_list = COALESCE((
        SELECT MAX(field_lists.version) FROM field_lists WHERE field_lists.changed_at <= (
            SELECT learned.created_at FROM model_versions AS learned
            WHERE learned.key = COALESCE(model_versions.learned_key, model_versions.key)
        )
    ), 0)
"""
WRITTEN = "UPDATE leads SET field_list = (SELECT COALESCE(MAX(version), 0) FROM field_lists)"


def upgrade() -> None:
    for table in TABLES:
        # Not in a batch, which would make the table anew and lose the triggers of the search.
        op.add_column(
            table, sa.Column("field_list", sa.Integer(), server_default="0", nullable=False)
        )
    op.execute(LEARNED)
    op.execute(WRITTEN)


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "field_list")
