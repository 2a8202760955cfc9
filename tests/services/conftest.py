"""Fixtures of tests of services."""

import pytest
import sqlalchemy as sa

from tests.apps import engine_of


@pytest.fixture
def explained(app):
    """SQLite's plans of all that is read from now on: a text for each statement, a line a step."""
    found: list[str] = []

    def keep(connection, cursor, statement, parameters, *rest):
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite and statement.startswith(("SELECT", "WITH")):
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            found.append("\n".join(row[3] for row in cursor.fetchall()))

    engine = engine_of(app)
    sa.event.listen(engine, "before_cursor_execute", keep)
    yield found
    # The engine goes on to other tests, which would explain their statements, too.
    sa.event.remove(engine, "before_cursor_execute", keep)
