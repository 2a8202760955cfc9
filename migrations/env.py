"""How migrations run: one transaction for all steps, one process at a time."""

import sqlalchemy as sa
from alembic import context
from flask import current_app

from webapp import crm_tables, intake_tables
from webapp.database import Base, db
from webapp.tables import (
    labels,
    owners,
    people,
    reasons,
    remarks,
    setup,
    sign_ins,
    views,
    webhooks,
    workers,
)

# With webapp.tables, which these import: all that the models know of.
TABLES = (
    *(crm_tables, intake_tables),
    *(labels, owners, people, reasons, remarks, setup, sign_ins, views, webhooks, workers),
)
# Any number that nothing else in the database locks.
MIGRATION_LOCK = 4_201_731


class BrokenReferences(RuntimeError):
    """A step has left rows that refer to rows which are not there."""


def is_in_models(name: str | None, kind: str, parents: object) -> bool:
    """Whether the models know of it: the index of the lead search stands only in a migration."""
    return not (name or "").startswith("leads_search")


def run() -> None:
    """Bring the database to the wanted revision, or leave it as it was."""
    engine = db.engine.execution_options(writes=True)
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            check_references_at_the_end(connection)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=is_in_models,
            **current_app.extensions["migrate"].configure_args,
        )
        with connection.begin(), context.begin_transaction():
            if not is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            context.run_migrations()
            if is_sqlite:
                check_references(connection)


def check_references_at_the_end(connection: sa.Connection) -> None:
    """Let SQLite make a table again that others refer to, as it alters none in place.

    Only a connection without a transaction can be told so, and this one is not used again.
    """
    connection.detach()
    connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")


def check_references(connection: sa.Connection) -> None:
    """Refuse what a step has torn apart."""
    torn = {row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
    if torn:
        raise BrokenReferences(f"rows of {', '.join(sorted(torn))} refer to rows that are gone")


run()
