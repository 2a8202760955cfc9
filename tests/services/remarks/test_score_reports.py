"""Scores that people say are wrong: kept for review, and out of all that is learned."""

from datetime import timedelta

import pytest

from tests.factories import NOW, make_lead, make_outcome
from webapp.services.exports import remarks
from webapp.services.leads import leads, removal
from webapp.services.models import training_data
from webapp.services.remarks import overrides, score_reports
from webapp.services.runs import runs
from webapp.tables import Lead, Score, Snapshot
from webapp.tables.remarks import ScoreReport

DAY = timedelta(days=1)
RITA, BO, MONA = "rita@example.com", "bo@example.com", "mona@example.com"


@pytest.fixture
def lead(write):
    return write(lambda s: make_lead(s, "L-1", website_visits=3))


def report(session, reason="not_a_fit", note=None, author=RITA, now=NOW, lead_id="L-1"):
    lead = leads.find(session, lead_id, lock=True)
    return score_reports.report(session, lead, reason, note, author=author, now=now)


def test_a_report_keeps_the_score_that_it_is_about(write, read, lead):
    made = write(lambda s: report(s, note="a student"))
    assert (made.reason, made.note, made.author) == ("not_a_fit", "a student", RITA)
    score = read(lambda s: leads.current_probability(s, lead))
    assert (made.version, made.probability) == ("1.0", score)
    write(lambda s: make_lead(s, "L-1", website_visits=900, now=NOW + DAY))
    assert read(lambda s: s.get(ScoreReport, made.key)).probability == score


def test_a_person_has_one_open_report_on_a_lead_and_may_change_it(write, read, lead):
    first = write(report)
    second = write(lambda s: report(s, "other", "odd", now=NOW + DAY))
    write(lambda s: report(s, author=BO))
    assert first.key == second.key
    rows, _ = read(lambda s: score_reports.listed(s, is_open=True))
    assert [(r.report.author, r.report.reason) for r in rows] == [
        (BO, "not_a_fit"),
        (RITA, "other"),
    ]
    write(lambda s: score_reports.take_back(s, leads.find(s, "L-1"), RITA))
    assert read(score_reports.counts) == (1, 0)


def test_a_resolved_report_is_listed_apart_and_a_new_one_can_follow(write, read, lead):
    made = write(report)
    write(lambda s: score_reports.resolve(s, made.key, MONA, NOW + DAY))
    with pytest.raises(score_reports.ReportNotFound):
        write(lambda s: score_reports.resolve(s, made.key, BO, NOW + DAY))
    write(report)
    assert read(score_reports.counts) == (1, 1)
    [row], _ = read(lambda s: score_reports.listed(s, is_open=False))
    assert (row.lead.lead_id, row.report.resolved_by) == ("L-1", MONA)


def test_the_list_goes_on_page_by_page(write, read):
    for n in range(5):
        write(lambda s, n=n: make_lead(s, f"L-{n}"))
        write(lambda s, n=n: report(s, lead_id=f"L-{n}"))
    found, before = [], None
    while True:
        rows, before = read(
            lambda s, b=before: score_reports.listed(s, is_open=True, before=b, size=2)
        )
        found += [row.lead.lead_id for row in rows]
        if before is None:
            break
    assert found == ["L-4", "L-3", "L-2", "L-1", "L-0"]


def test_reports_are_counted_by_grade_and_direction(write, read, lead):
    made = write(report)
    write(lambda s: report(s, "wants_to_buy", author=BO))
    write(lambda s: report(s, "wrong_data", author=MONA))
    write(lambda s: score_reports.resolve(s, made.key, MONA, NOW))
    assert read(lambda s: score_reports.reported(s, "1.0").by_grade) == {made.grade: (1, 1, 1)}
    assert read(lambda s: score_reports.reported(s, "1.1").by_grade) == {}


def test_what_is_not_in_the_list_of_reasons_and_a_lead_without_a_score_are_refused(write, lead):
    with pytest.raises(score_reports.UnknownReason):
        write(lambda s: report(s, "because"))
    write(lambda s: removal.remove(s, s.get(Lead, lead.key), NOW))
    with pytest.raises(score_reports.NoScore):
        write(report)


def test_nothing_of_reports_and_overrides_reaches_scores_or_training(write, read, lead):
    def known(session):
        labelled = training_data.collect(session, run.key, since_run=0)
        tables = [
            [
                tuple(getattr(row, column.key) for column in table.__table__.columns)
                for row in session.query(table)
            ]
            for table in (Lead, Score, Snapshot)
        ]
        return labelled, tables

    write(lambda s: make_outcome(s, "L-1", True))
    run = write(lambda s: runs.request(s, "training", trigger="t", requested_by="t", now=NOW))
    write(lambda s: setattr(leads.find(s, "L-1"), "counted_by_run", run.key))
    before = read(known)
    assert before[0].leads
    made = write(report)
    write(lambda s: score_reports.resolve(s, made.key, MONA, NOW))
    write(
        lambda s: overrides.put(
            *(s, leads.find(s, "L-1", lock=True), 0.99),
            until=NOW + DAY,
            reason="r",
            author=RITA,
            now=NOW,
        )
    )
    assert read(known) == before


def test_reports_are_exported_and_erased_with_their_lead(write, read, lead):
    made = write(lambda s: report(s, note="a student"))
    [row], _ = read(lambda s: remarks.score_reports().read_block(s, None))
    assert row["lead_id"] == "L-1"
    assert (row["reason"], row["note"], row["grade"]) == ("not_a_fit", "a student", made.grade)
    assert (row["conversion_score"], row["model_version"]) == (made.probability, "1.0")
    write(lambda s: removal.erase(s, [lead.key], "ada@example.com", NOW))
    assert read(lambda s: remarks.score_reports().read_block(s, None)) == ([], None)
