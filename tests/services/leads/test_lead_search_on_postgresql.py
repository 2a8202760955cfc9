"""The lead search on PostgreSQL reads the index that the migration made for it."""

import pytest
import sqlalchemy as sa

from tests.factories import FIELDS, make_lead
from webapp.database import db
from webapp.services.leads import lead_query, lead_table


@pytest.fixture(scope="session")
def dialect():
    return "postgresql"


def test_a_search_reads_its_index(app, write):
    write(lambda s: make_lead(s, "L-1", name="Ada Lovelace"))
    plans = []
    with app.app_context(), db.engine.connect() as connection:
        # So few leads would be read as a whole otherwise.
        connection.exec_driver_sql("SET enable_seqscan = off")
        connection.exec_driver_sql("SET enable_indexscan = off")

        @sa.event.listens_for(connection, "before_cursor_execute")
        def keep(connection, cursor, statement, parameters, *rest):
            if "@@" in statement:
                cursor.execute("EXPLAIN " + statement, parameters)
                plans.append("\n".join(row[0] for row in cursor.fetchall()))

        session = sa.orm.Session(connection)
        found = lead_table.page(session, FIELDS, lead_query.read({"q": "ada love"}))
    assert [row.lead.lead_id for row in found.rows] == ["L-1"]
    assert len(plans) == 2
    assert all("Bitmap Index Scan on leads_search" in plan for plan in plans)
