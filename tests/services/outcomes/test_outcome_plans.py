"""How SQLite finds the newest outcomes: along an index, however many leads there are."""

import pytest
import sqlalchemy as sa

from tests.factories import NOW, make_lead, make_outcome
from webapp.database import db
from webapp.services.models import training_data
from webapp.services.outcomes import lost_report

BY_DAY = "ix_leads_outcome_day_key"


@pytest.fixture(scope="session")
def dialect():
    """Plans are SQLite's own to tell."""
    return "sqlite"


@pytest.fixture
def plans(app, write, champion):
    """The steps of the plans of all statements sent."""
    write(lambda s: make_lead(s, "L-1"))
    write(lambda s: make_outcome(s, "L-1", False))
    found: list[str] = []
    with app.app_context():
        engine = db.engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def keep(connection, cursor, statement, parameters, *rest):
        if statement.startswith(("SELECT", "WITH")):
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            found.extend(row[3] for row in cursor.fetchall())

    return found


def test_the_report_of_lost_reasons_reads_only_the_leads_of_its_days(read, plans):
    read(lambda s: lost_report.report(s, NOW))
    assert any(f"{BY_DAY} (outcome_day>?" in step for step in plans)
    assert not any(step.startswith(("SCAN leads", "SCAN scores", "SCAN out")) for step in plans)


def test_the_newest_outcomes_for_landmarks_are_read_without_a_sort(read, plans):
    read(training_data.landmark_days)
    assert any(BY_DAY in step for step in plans)
    assert "USE TEMP B-TREE FOR ORDER BY" not in plans
