"""Why leads are lost: the list, how reasons are matched to it, and the report."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories import NOW, PROGRAM, make_lead, make_outcome
from webapp.services.leads import leads
from webapp.services.outcomes import lost_reason_changes, lost_reasons, lost_report
from webapp.services.outcomes.lost_reason_changes import InvalidReason

ADA = "ada@example.com"


@pytest.fixture
def budget(write, champion):
    """The list has a reason of its own for each test."""
    write(lambda s: lost_reason_changes.add(s, "Budget cut", by=ADA, now=NOW))


def reasons(read, lead_id):
    return read(lambda s: [e.reason for e in leads.outcome_history(s, leads.find(s, lead_id))])


def test_reasons_are_added_retired_and_offered_again(budget, read, write):
    assert "Budget cut" in read(lost_reasons.offered)
    with pytest.raises(InvalidReason, match="on the list already"):
        write(lambda s: lost_reason_changes.add(s, " budget  CUT", by=ADA, now=NOW))
    key = next(r.key for r in read(lost_reasons.everything) if r.name == "Budget cut")
    write(lambda s: lost_reason_changes.retire(s, key, by=ADA, now=NOW))
    assert "Budget cut" not in read(lost_reasons.offered)
    write(lambda s: lost_reason_changes.add(s, "budget cut", by=ADA, now=NOW))
    assert "Budget cut" in read(lost_reasons.offered)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\0b"])
def test_what_is_no_reason_is_refused(name, write):
    with pytest.raises(InvalidReason):
        write(lambda s: lost_reason_changes.add(s, name, by=ADA, now=NOW))


@pytest.mark.parametrize(
    ("sent", "kept"), [("BUDGET cut", "Budget cut"), ("Moved away", "Moved away"), (None, None)]
)
def test_a_reason_that_comes_with_an_outcome_is_matched_to_the_list(
    sent, kept, budget, read, write
):
    write(lambda s: make_lead(s, "L-1"))
    write(lambda s: make_outcome(s, "L-1", False, attribution=replace(PROGRAM, reason=sent)))
    assert reasons(read, "L-1") == [kept]


def test_the_report_counts_what_stands_by_source_and_grade(budget, read, write):
    def make(session):
        for n, reason in enumerate(["Budget cut", "Budget cut", None, "Gone"]):
            make_lead(session, f"L-{n}", lead_source="Referral" if n else "Webinar")
            told = replace(PROGRAM, reason=reason)
            make_outcome(session, f"L-{n}", False, attribution=told, now=NOW + timedelta(days=n))
        make_outcome(session, "L-3", None, now=NOW + timedelta(days=4))

    write(make)
    lines = read(lambda s: lost_report.report(s, NOW))
    assert [(line.reason, line.n) for line in lines] == [("Budget cut", 2), ("", 1)]
    assert lines[0].by_source == {"Webinar": 1, "Referral": 1}
    assert sum(lines[0].by_grade.values()) == 2
    assert [line.n for line in read(lambda s: lost_report.report(s, NOW + timedelta(days=1)))] == [
        1,
        1,
    ]
