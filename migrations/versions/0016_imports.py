"""An import is a row that goes from state to state, and can be undone."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATES = (
    *("reading", "matching", "checking", "preview", "importing"),
    *("done", "failed", "cancelled", "undoing", "undone"),
)
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.DateTime(timezone=True)
RUNS = sa.table(
    "runs",
    *(sa.column(name) for name in ("key", "kind", "state", "requested_by", "error")),
    *(sa.column(name, Time) for name in ("requested_at", "finished_at")),
    *(sa.column(name, sa.JSON) for name in ("task", "result")),
)


def upgrade() -> None:
    listed = ", ".join(f"'{state}'" for state in STATES)
    imports = op.create_table(
        "imports",
        sa.Column("key", Key, primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("path", sa.String(40), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("requested_at", Time, nullable=False),
        sa.Column("is_automatic", sa.Boolean, nullable=False),
        sa.Column("skip_bad_rows", sa.Boolean, nullable=False),
        sa.Column("uses_remembered", sa.Boolean, nullable=False),
        sa.Column("run_key", Key, sa.ForeignKey("runs.key"), nullable=True),
        sa.Column("checked_at", Time, nullable=True),
        sa.Column("finished_at", Time, nullable=True),
        sa.Column("undone_by", sa.String(200), nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        *(
            sa.Column(name, sa.JSON, nullable=False)
            for name in ("file_format", "profile", "mapping", "preview", "result")
        ),
        sa.CheckConstraint(f"state IN ({listed})", name="state_known"),
    )
    op.create_index("ix_imports_state_key", "imports", ["state", "key"])
    op.create_index("ix_imports_digest", "imports", ["digest"])
    op.create_table(
        "import_changes",
        sa.Column(
            "import_key", Key, sa.ForeignKey("imports.key"), primary_key=True, autoincrement=False
        ),
        sa.Column(
            "lead_key", Key, sa.ForeignKey("leads.key"), primary_key=True, autoincrement=False
        ),
        sa.Column("is_new", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("before", "after", "snapshots")),
    )
    op.create_index("ix_import_changes_lead_key", "import_changes", ["lead_key"])
    op.create_table(
        "import_mappings",
        sa.Column("key", Key, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("signature", sa.String(64), nullable=False, unique=True),
        sa.Column("mapping", sa.JSON, nullable=False),
        sa.Column("used_at", Time, nullable=False),
        sa.Column("used_by", sa.String(200), nullable=False),
    )
    _keep_earlier_imports(imports)


def downgrade() -> None:
    """Forget the imports; their runs, and what they brought, stay. What is under way fails."""
    is_open = sa.and_(RUNS.c.kind == "import", RUNS.c.finished_at.is_(None))
    ended = {"state": "failed", "finished_at": datetime.now(UTC), "error": "Import it again."}
    op.execute(sa.update(RUNS).where(is_open).values(**ended))
    for table in ("import_mappings", "import_changes", "imports"):
        op.drop_table(table)


def _keep_earlier_imports(imports: sa.Table) -> None:
    """Make a row for each import there was; one that is not over is read anew."""
    connection = op.get_bind()
    for run in connection.execute(sa.select(RUNS).where(RUNS.c.kind == "import")).all():
        states = {"succeeded": "done", "failed": "failed"}
        is_over = run.state in states
        statement = imports.insert().values(
            state=states.get(run.state, "reading"),
            path=run.task.get("path", ""),
            name=run.task.get("name", ""),
            digest=run.task.get("digest", ""),
            requested_by=run.requested_by,
            requested_at=run.requested_at,
            is_automatic=True,
            skip_bad_rows=run.task.get("skip_wrong_rows", False),
            uses_remembered=False,
            run_key=run.key,
            finished_at=run.finished_at,
            error=run.error,
            file_format={},
            profile={},
            mapping={},
            preview={},
            result=run.result if is_over else {},
        )
        [key] = connection.execute(statement).inserted_primary_key
        task = {"import": key, "name": run.task.get("name", "")}
        connection.execute(sa.update(RUNS).where(RUNS.c.key == run.key).values(task=task))
