"""Names of model families have up to 200 characters: a blend names each of its families.

SQLite holds no text to a length, so its tables stay as they are. Going down fails where a longer
name has come in meanwhile, and leaves all as it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _hold_to(200)


def downgrade() -> None:
    _hold_to(50)


def _hold_to(length: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("model_versions", "family", type_=sa.String(length))
