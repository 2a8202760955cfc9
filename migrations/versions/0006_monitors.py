"""Checks of the monitors are runs, and a version may be another with its level set right."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = "kind IN ('training', 'import', 'rescoring', 'sync')"
AFTER = "kind IN ('training', 'import', 'rescoring', 'sync', 'monitoring')"


def upgrade() -> None:
    _allow(AFTER)
    with op.batch_alter_table("model_versions") as batch_op:
        batch_op.add_column(sa.Column("learned_key", KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_model_versions_learned_key_model_versions"),
            "model_versions",
            ["learned_key"],
            ["key"],
        )


def downgrade() -> None:
    with op.batch_alter_table("model_versions") as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_model_versions_learned_key_model_versions"), type_="foreignkey"
        )
        batch_op.drop_column("learned_key")
    op.execute(
        "UPDATE model_versions SET run_key = NULL"
        " WHERE run_key IN (SELECT key FROM runs WHERE kind = 'monitoring')"
    )
    op.execute("DELETE FROM runs WHERE kind = 'monitoring'")
    _allow(BEFORE)


def _allow(kinds: str) -> None:
    with op.batch_alter_table("runs") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_runs_kind_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_runs_kind_known"), kinds)
