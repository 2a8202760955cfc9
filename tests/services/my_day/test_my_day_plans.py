"""How SQLite finds what My day shows: each statement from indexes, however many leads there are."""

import pytest

from tests.factories import FIELDS, NOW, make_lead
from webapp.services.models import registry
from webapp.services.my_day import own_leads, state, team


@pytest.fixture(scope="session")
def dialect():
    """Plans are SQLite's own to tell."""
    return "sqlite"


@pytest.fixture
def plans(write, explained):
    """The plans of all statements sent, one text a statement."""
    write(lambda s: make_lead(s, "L-1", owner="rita@example.com"))
    explained.clear()
    return explained


def test_no_list_or_number_reads_a_whole_table(read, plans):
    def look(session):
        live = registry.serving(session)
        own_leads.lists(session, FIELDS, live, me="rita@example.com", now=NOW)
        team.by_grade(session, live, NOW)
        state.state(session)

    read(look)
    steps = "\n".join(plans).splitlines()
    assert len(steps) > 50
    whole = ("SCAN leads", "SCAN scores", "SCAN outcomes", "SCAN snapshots", "SCAN runs")
    assert [step for step in steps if step.startswith(whole) and "INDEX" not in step] == []
    for index in (
        "ix_scores_queue_owner (version_key=? AND status=? AND owner=?",
        "ix_outcomes_actor_happened_at (actor=? AND happened_at>?",
        "ix_leads_created_at_key (created_at>?",
        "ix_leads_outcome_day_key (outcome_day>?",
        "COVERING INDEX ix_scores_queue (version_key=? AND status=?",
    ):
        assert any(index in step for step in plans), index
