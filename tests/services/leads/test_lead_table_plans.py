"""How SQLite finds the pages of the lead table: from indexes, whatever is asked."""

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.apps import engine_of
from tests.factories import FIELDS, make_lead
from webapp.database import utc_now
from webapp.services.leads import lead_query, lead_table, leads, similar
from webapp.services.leads.filters import choices
from webapp.services.leads.filters.sorts import SORTS
from webapp.services.models import registry
from webapp.services.owners import sight
from webapp.services.remarks import overrides

FILTERS = {
    "status": ("", "all"),
    "grade": ("", "B"),
    "source": ("", "Referral"),
    "industry": ("", "Retail"),
    "owner": ("", "Rita"),
    "q": ("", "ada love"),
    "not_contacted_for": ("", "7"),
}


@pytest.fixture(scope="session")
def dialect():
    """Plans are SQLite's own to tell."""
    return "sqlite"


@pytest.fixture
def plans(write, explained):
    """The plans of all statements sent, one text a statement."""
    write(lambda s: [make_lead(s, f"L-{n}", name="Ada Lovelace") for n in range(5)])
    explained.clear()
    return explained


def pages(read, plans, sort):
    """Ask for the first and a later page of every combination of filters; give all plans."""
    for values in itertools.product(*FILTERS.values()):
        asked = {**dict(zip(FILTERS, values, strict=True)), "sort": sort}
        first = lead_query.read(asked)
        here = read(lambda s, q=first: lead_table.page(s, FIELDS, q))
        if here.next is not None:
            place = lead_query.written(here.next, sort)
            later = lead_query.read({**asked, "after": place})
            read(lambda s, q=later: lead_table.page(s, FIELDS, q))
    return plans


def scans(plan):
    """The steps of a plan that read a table otherwise than by an index."""
    whole = ("SCAN leads", "SCAN scores", "SCAN snapshots")
    return [s for s in plan.splitlines() if s.startswith(whole) and "INDEX" not in s]


@pytest.mark.parametrize("limit", [2, 1_000])
@pytest.mark.parametrize("sort", SORTS)
def test_no_filter_or_sort_reads_the_whole_table(sort, limit, plans, read, monkeypatch):
    monkeypatch.setattr(lead_table, "PAGE_SIZE", 2)
    monkeypatch.setattr(lead_table, "MAX_COUNTED", limit)
    seen = pages(read, plans, sort)
    assert len(seen) > 200
    assert [s for plan in seen for s in scans(plan)] == []


def test_the_queue_by_score_is_never_sorted(plans, read):
    """The order comes with the index: of one status, a page is its first rows."""
    for source, industry in itertools.product(FILTERS["source"], FILTERS["industry"]):
        query = lead_query.read({"source": source, "industry": industry, "grade": "C"})
        read(lambda s, q=query: lead_table.page(s, FIELDS, q))
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


@pytest.mark.parametrize("limit", [2, 1_000])
@pytest.mark.parametrize("sort", SORTS)
def test_leads_to_explore_are_looked_up_one_by_one(sort, limit, plans, read, monkeypatch):
    monkeypatch.setattr(lead_table, "MAX_COUNTED", limit)
    query = lead_query.read({"explore": "yes", "sort": sort})
    read(lambda s: lead_table.page(s, FIELDS, query, explore_percent=60))
    slices = [plan for plan in plans if "CORRELATED" in plan and "snapshots" not in plan]
    assert len(slices) == (1 if SORTS[sort].is_of_score else 2)  # how many there are, and the page
    for plan in slices:
        assert "SEARCH leads USING INTEGER PRIMARY KEY (rowid=?)" in plan
        assert scans(plan) == []


def test_the_choices_of_a_filter_are_found_in_steps(plans, read):
    for facet in leads.FACETS:
        read(lambda s, f=facet: choices.offered(s, {f: f}))
        assert f"ix_scores_queue_{facet} (version_key=? AND status=? AND {facet}>?)" in plans[-1]


@pytest.mark.parametrize("status", ["", "all"])
def test_the_queue_of_who_sees_only_their_own_is_read_by_owner(status, plans, read):
    """A rep with ten leads among a million waits for ten."""

    def look(session):
        sight.limit(session, "rita@example.com")
        del plans[:]
        lead_table.page(session, FIELDS, lead_query.read({"status": status}))

    read(look)
    (plan,) = [plan for plan in plans if "ix_scores_queue" in plan]
    steps = [s for s in plan.splitlines() if "ix_scores_queue" in s]
    assert len(steps) >= 2  # how many there are, and the page
    by_owner = "ix_scores_queue_owner (version_key=? AND status=? AND owner=?"
    assert [step for step in steps if by_owner not in step] == []


def test_overridden_leads_are_looked_up_one_by_one(plans, write, read):
    def put(session):
        lead, now = leads.find(session, "L-1", lock=True), utc_now()
        until = now + timedelta(days=1)
        overrides.put(session, lead, 0.5, until=until, reason="r", author="r", now=now)

    write(put)
    del plans[:]
    for asked in ({}, {"status": "all", "grade": "C"}, {"q": "ada"}, {"sort": "name"}):
        read(lambda s, asked=asked: lead_table.page(s, FIELDS, lead_query.read(asked)))
    steps = [step for plan in plans for step in plan.splitlines() if "score_overrides" in step]
    assert steps
    assert [
        s for s in steps if "INTEGER PRIMARY KEY" not in s and "ix_score_overrides" not in s
    ] == []
    assert [s for plan in plans for s in scans(plan)] == []


def test_similar_leads_are_ranges_of_the_queue(plans, write, read):
    def look(session):
        version, card = registry.serving(session)
        del plans[:]
        similar.past(session, card, version.key, leads.find(session, "L-1"))

    read(look)
    [plan] = [plan for plan in plans if "ix_scores_queue" in plan]
    assert plan.count("(version_key=? AND status=? AND probability") == 4
    assert scans(plan) == []


def test_where_no_lead_is_to_explore_none_is_looked_at(app, read, plans):
    asked = lead_query.read({"explore": "yes"})
    sent = []

    def keep(connection, cursor, statement, *rest):
        sent.append(statement)

    engine = engine_of(app)
    sa.event.listen(engine, "before_cursor_execute", keep)
    assert read(lambda s: lead_table.page(s, FIELDS, asked, explore_percent=0)).rows == []
    sa.event.remove(engine, "before_cursor_execute", keep)
    of_scores = [each for each in sent if "FROM scores" in each]
    assert of_scores
    assert all(" 0 = 1" in each and "EXISTS" not in each for each in of_scores)
