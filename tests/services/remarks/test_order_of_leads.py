"""The lead table with overridden scores: their place is by the person's score, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories import FIELDS, make_lead
from webapp.database import utc_now
from webapp.services.leads import lead_query, lead_table, leads
from webapp.services.owners import sight
from webapp.services.remarks import overrides

RITA = "rita@example.com"
N_LEADS = 9


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr(lead_table, "PAGE_SIZE", 2)


@pytest.fixture
def queue(write):
    """Nine leads, L-8 best by the model; a person puts L-0 above all and L-7 last."""

    def make(session):
        for n in range(N_LEADS):
            make_lead(session, f"L-{n}", name="Ada Lovelace", email_opens=3 * n, owner=RITA)
        for lead_id, score in (("L-0", 0.999), ("L-7", 0.001)):
            put(session, lead_id, score)

    write(make)


def put(session, lead_id, score, ends_in=timedelta(days=1)):
    now = utc_now()
    lead = leads.find(session, lead_id, lock=True)
    made_at, until = now - timedelta(days=2), now + ends_in
    overrides.put(session, lead, score, until=until, reason="r", author=RITA, now=made_at)


def rows(read, asked="", see=None):
    """All rows that are asked for, page after page."""
    parts = dict(part.split("=") for part in asked.split("&") if part)
    query, found = lead_query.read(parts, FIELDS), []

    def look(session):
        if see:
            sight.limit(session, see)
        return lead_table.page(session, FIELDS, query)

    while True:
        page = read(look)
        found += page.rows
        if page.next is None:
            assert page.n_leads == len(found)
            return found
        place = lead_query.written(page.next, query.sort)
        query = replace(query, after=lead_query.read({**parts, "after": place}, FIELDS).after)


def ids(read, asked="", see=None):
    return [row.lead.lead_id for row in rows(read, asked, see)]


IN_ORDER = ["L-0", "L-8", "L-6", "L-5", "L-4", "L-3", "L-2", "L-1", "L-7"]


def test_an_override_moves_its_lead_in_the_queue(queue, read):
    assert ids(read) == IN_ORDER
    assert ids(read, "status=all") == IN_ORDER
    assert ids(read, "owner=" + RITA) == IN_ORDER
    assert ids(read, see=RITA) == IN_ORDER
    assert ids(read, "q=ada") == IN_ORDER


def test_the_model_says_what_it_said_before(queue, read):
    first, last = rows(read)[0], rows(read)[-1]
    for row, score in ((first, 0.999), (last, 0.001)):
        by_model = read(lambda s, lead=row.lead: leads.current_probability(s, lead))
        assert row.probability == by_model
        assert row.override.said.probability == score
    assert (first.override.grade, last.override.grade) == ("A", "D")
    assert first.grade != "A"


def test_filters_of_score_and_grade_go_by_what_the_person_said(queue, read):
    assert "L-0" in ids(read, "grade=A")
    assert "L-7" not in ids(read, "grade=A,B")
    assert "L-7" in ids(read, "grade=D")
    assert ids(read, "score_from=99") == ["L-0"]
    assert ids(read, "score_to=0") == ["L-7"]
    assert ids(read, "score_from=99&q=ada") == ["L-0"]


def test_other_orders_and_counts_stay_as_they_are(queue, read):
    for sort in ("name", "scored", "change", "contact"):
        assert sorted(ids(read, f"sort={sort}")) == [f"L-{n}" for n in range(N_LEADS)], sort


def test_an_override_that_is_over_moves_nothing(queue, write, read):
    write(lambda s: put(s, "L-0", 0.999, ends_in=timedelta(seconds=-1)))
    write(lambda s: overrides.end(s, leads.find(s, "L-7", lock=True), RITA, utc_now()))
    assert ids(read) == [f"L-{n}" for n in range(N_LEADS - 1, -1, -1)]


def test_a_lead_of_somebody_else_stays_out_of_sight(queue, read):
    assert ids(read, see="bo@example.com") == []
