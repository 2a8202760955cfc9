"""What pages of leads cost: statements to the database, and bytes to the browser."""

import pytest
import sqlalchemy as sa

from tests.apps import engine_of
from tests.factories import make_leads

MAX_BYTES = 100_000
# One is the person, one the live version with the fields.
MAX_STATEMENTS = {"/leads": 6, "/leads?sort=contact": 7, "/leads/3": 15, "/models": 16}


@pytest.fixture
def statements(app):
    found = []

    @sa.event.listens_for(engine_of(app), "before_cursor_execute")
    def note(connection, cursor, statement, *rest):
        if not statement.startswith(("BEGIN", "PRAGMA")):
            found.append(statement)

    return found


@pytest.fixture
def many(write):
    """More leads than a page shows, with all that makes a row heavy."""
    rows = [
        {
            "lead_id": f"00Q5g00000{n:05d}AAA",
            "name": f"Augusta Lovelace {n}",
            "company": f"Analytical Engines of London {n}",
            "email": f"augusta.lovelace.{n}@example.com",
            "owner": "mona@example.com",
            "email_opens": n % 9,
            "website_visits": n % 7,
            "days_since_contact": n % 30,
            "lead_source": ("Referral", "Website")[n % 2],
            "industry": ("Retail", "Technology")[n % 2],
        }
        for n in range(60)
    ]
    return write(lambda session: make_leads(session, rows))


@pytest.mark.parametrize("path", MAX_STATEMENTS)
def test_a_page_is_light(path, many, statements, mona, sign_in):
    client = sign_in(mona)
    client.get(path)  # what a process learns once
    statements.clear()
    page = client.get(path)
    assert page.status_code == 200
    assert len(page.data) < MAX_BYTES
    assert len(statements) <= MAX_STATEMENTS[path], statements


def test_a_page_asks_once_for_the_live_version_and_for_the_fields(many, statements, mona, sign_in):
    client = sign_in(mona)
    statements.clear()
    client.get("/leads")
    assert len([s for s in statements if "FROM model_aliases" in s]) == 1
    assert len([s for s in statements if "FROM field_lists" in s and "digest FROM" in s]) <= 2
