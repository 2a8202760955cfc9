"""How migrations run: one transaction for all steps, one process at a time."""

import sqlalchemy as sa
from alembic import context
from flask import current_app

from webapp import crm_tables
from webapp.database import db

# Any number that nothing else in the database locks.
MIGRATION_LOCK = 4_201_731


def is_in_models(name: str | None, kind: str, parents: object) -> bool:
    """Whether the models know of it: the index of the lead search stands only in a migration."""
    return not (name or "").startswith("leads_search")


def run() -> None:
    """Bring the database to the wanted revision, or leave it as it was."""
    engine = db.engine.execution_options(writes=True)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=crm_tables.Base.metadata,
            include_name=is_in_models,
            **current_app.extensions["migrate"].configure_args,
        )
        with connection.begin(), context.begin_transaction():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            context.run_migrations()


run()
