"""Why leads are lost: the list, how reasons are matched to it, and the report."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, PROGRAM, make_lead, make_outcome
from webapp.services.accounts import audit
from webapp.services.leads import lead_query, lead_table, leads
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


def rename(write, before, name):
    def work(session):
        key = next(r.key for r in lost_reasons.everything(session) if r.name == before)
        lost_reason_changes.rename(session, key, name, by=ADA, now=NOW)

    write(work)


def lose(session, lead_id, reason):
    make_lead(session, lead_id)
    make_outcome(session, lead_id, False, attribution=replace(PROGRAM, reason=reason))


def found(read, reason):
    asked = {"status": "lost", "outcome_reason": reason}
    query = lead_query.read(asked, FIELDS, me=ADA)
    page = read(lambda s: lead_table.block(s, query, size=50, explore_percent=0.0)[0])
    return [lead.lead_id for lead in page]


def test_history_report_and_filter_follow_a_renamed_reason(budget, read, write):
    write(lambda s: lose(s, "L-1", "Budget cut"))
    rename(write, "Budget cut", "No money left")
    assert "No money left" in read(lost_reasons.offered)
    assert "Budget cut" not in read(lost_reasons.offered)
    assert reasons(read, "L-1") == ["No money left"]
    assert [line.reason for line in read(lambda s: lost_report.report(s, NOW))] == ["No money left"]
    # Addresses that people kept still find it.
    assert found(read, "No money left") == found(read, "Budget cut") == ["L-1"]
    entry = read(lambda s: audit.latest(s, 1))[0]
    assert (entry.actor, entry.action, entry.subject, entry.detail) == (
        *(ADA, "renamed", "lost reason Budget cut"),
        {"name": "No money left"},
    )


def test_what_comes_in_with_a_former_name_is_the_same_reason(budget, read, write):
    rename(write, "Budget cut", "No money left")
    rename(write, "No money left", "Broke")
    for lead_id, sent in [("L-1", "budget CUT"), ("L-2", "No money left"), ("L-3", "broke")]:
        write(lambda s, i=lead_id, r=sent: lose(s, i, r))
        assert reasons(read, lead_id) == ["Broke"]
    assert [(line.reason, line.n) for line in read(lambda s: lost_report.report(s, NOW))] == [
        ("Broke", 3)
    ]


def test_a_reason_gets_its_former_name_back(budget, read, write):
    write(lambda s: lose(s, "L-1", "Budget cut"))
    rename(write, "Budget cut", "No money left")
    write(lambda s: lose(s, "L-2", "No money left"))
    rename(write, "No money left", "Budget cut")
    assert reasons(read, "L-1") == reasons(read, "L-2") == ["Budget cut"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no BUDGET", "No budget is on the list already"),
        ("Old words", "Old words is a former name of New words"),
        (" ", "A reason needs a name"),
    ],
)
def test_a_name_that_means_another_reason_is_refused(name, told, budget, read, write):
    write(lambda s: lost_reason_changes.add(s, "Old words", by=ADA, now=NOW))
    rename(write, "Old words", "New words")
    with pytest.raises(InvalidReason, match=told):
        rename(write, "Budget cut", name)
    assert "Budget cut" in read(lost_reasons.offered)
