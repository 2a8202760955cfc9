"""The state of a guarded field is one word, as programs read it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NAME = "ck_guarded_fields_state_known"


def upgrade() -> None:
    _rename("left out", "left_out")


def downgrade() -> None:
    _rename("left_out", "left out")


def _rename(before: str, after: str) -> None:
    fields = sa.table("guarded_fields", sa.column("state"))
    name = op.f(NAME)
    with op.batch_alter_table("guarded_fields") as batch_op:
        batch_op.drop_constraint(name, type_="check")
    op.execute(fields.update().where(fields.c.state == before).values(state=after))
    with op.batch_alter_table("guarded_fields") as batch_op:
        batch_op.create_check_constraint(name, f"state IN ('suspected', 'allowed', '{after}')")
