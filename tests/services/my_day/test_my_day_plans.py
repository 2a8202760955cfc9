"""How SQLite finds what My day shows: each statement from indexes, however many leads there are."""

import pytest

from tests.factories import FIELDS, NOW, make_lead
from webapp.services.models import registry
from webapp.services.my_day import own_leads, state, team

LATELY = "ix_leads_outcome_day_key (outcome_day>?"


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


def test_the_few_are_read_first_and_each_score_is_looked_up_once(read, plans):
    read(lambda s: team.by_grade(s, registry.serving(s), NOW))
    of_team = plans[-1].splitlines()
    # Of the leads closed lately and the new ones: what a person said of each, and its score.
    windows = of_team[[LATELY in step for step in of_team].index(True) :]
    assert sum("sqlite_autoindex_scores_1" in step for step in windows) == 2
    assert not any("ix_scores_moved" in step for step in of_team)
    overridden = [step for step in of_team if "score_overrides USING INDEX ix_" in step]
    assert len(overridden) == 2


def test_moved_leads_and_new_ones_of_nobody_are_found_along_their_indexes(read, plans):
    def look(session):
        live = registry.serving(session)
        own_leads.lists(session, FIELDS, live, me="rita@example.com", now=NOW)

    read(look)
    steps = plans[-1].splitlines()
    assert any("ix_scores_moved (version_key=? AND status=? AND moved>?" in each for each in steps)
    assert sum("ix_leads_created_at_key (created_at>?" in step for step in steps) == 2
    assert not any("ix_leads_outcome_key" in step for step in steps)
