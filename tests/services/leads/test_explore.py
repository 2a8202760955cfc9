"""A random slice of leads to explore: drawn by the id alone, found in the lead table."""

import pytest

from tests.factories import FIELDS, NOW, make_lead, make_leads, make_outcome
from webapp.services.leads import lead_query, lead_table, leads
from webapp.services.leads.filters.sorts import SORTS


def table(session, percent, **asked):
    query = lead_query.read({"explore": "yes", **asked})
    return lead_table.page(session, FIELDS, query, explore_percent=percent)


@pytest.fixture
def many(write):
    write(lambda s: make_leads(s, ({"lead_id": f"L-{i}", "age": i} for i in range(60))))


def test_the_draw_is_even_and_always_the_same():
    draws = [leads.explore_draw(f"lead {i}") for i in range(20_000)]
    assert draws == [leads.explore_draw(f"lead {i}") for i in range(20_000)]
    for percent in (1, 10, 50):
        share = sum(d < 100 * percent for d in draws) / len(draws)
        assert share == pytest.approx(percent / 100, rel=0.15)


def test_a_lead_keeps_its_draw_whatever_becomes_of_it(write, read):
    write(lambda s: make_lead(s, "L-1", age=20))
    write(lambda s: make_lead(s, "L-1", age=60, name="Ada"))
    assert read(lambda s: leads.find(s, "L-1").explore_draw) == leads.explore_draw("L-1")


def test_the_table_shows_the_slice_in_the_order_of_scores(many, read):
    rows = read(lambda s: table(s, 25)).rows
    wanted = {f"L-{i}" for i in range(60) if leads.explore_draw(f"L-{i}") < 2500}
    assert {row.lead.lead_id for row in rows} == wanted
    assert [row.probability for row in rows] == sorted((r.probability for r in rows), reverse=True)


def test_the_slice_goes_on_behind_its_page_and_is_counted(many, read, monkeypatch):
    whole = [row.lead.key for row in read(lambda s: table(s, 50)).rows]
    monkeypatch.setattr(lead_table, "PAGE_SIZE", 4)
    for sort in SORTS:
        found: list[int] = []
        after: dict[str, str] = {}
        while True:
            page = read(lambda s, a=after, by=sort: table(s, 50, sort=by, **a))
            assert page.n_leads == len(whole)
            found += [row.lead.key for row in page.rows]
            if page.next is None:
                break
            after = {"after": lead_query.written(page.next, sort)}
        assert sorted(found) == sorted(whole)


def test_nothing_is_explored_unless_it_is_asked_for(many, read):
    assert read(lambda s: table(s, 0)).rows == []


def test_a_lead_with_an_outcome_leaves_the_slice_too(many, write, read):
    key = read(lambda s: table(s, 50)).rows[0].lead
    write(lambda s: make_outcome(s, key.lead_id, True, now=NOW))
    assert key.key not in {row.lead.key for row in read(lambda s: table(s, 50)).rows}
