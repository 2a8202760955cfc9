"""How SQLite finds the newest outcomes: along an index, however many leads there are."""

import pytest

from tests.factories import NOW, make_lead, make_outcome
from webapp.services.models import training_data
from webapp.services.outcomes import lost_report

BY_DAY = "ix_leads_outcome_day_key"


@pytest.fixture(scope="session")
def dialect():
    """Plans are SQLite's own to tell."""
    return "sqlite"


@pytest.fixture
def plans(write, champion, explained):
    """The plans of all statements sent, one text a statement."""
    write(lambda s: make_lead(s, "L-1"))
    write(lambda s: make_outcome(s, "L-1", False))
    explained.clear()
    return explained


def test_the_report_of_lost_reasons_reads_only_the_leads_of_its_days(read, plans):
    read(lambda s: lost_report.report(s, NOW))
    steps = "\n".join(plans).splitlines()
    assert any(f"{BY_DAY} (outcome_day>?" in step for step in steps)
    assert not any(step.startswith(("SCAN leads", "SCAN scores", "SCAN out")) for step in steps)


def test_the_newest_outcomes_for_landmarks_are_read_without_a_sort(read, plans):
    read(training_data.landmark_days)
    steps = "\n".join(plans).splitlines()
    assert any(BY_DAY in step for step in steps)
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps
