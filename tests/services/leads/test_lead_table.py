"""The lead table: the right leads in the right order, page by page, each from an index."""

import base64
import contextlib
import dataclasses
import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import new_database
from tests.factories import FIELDS, NOW, make_lead, make_outcome
from webapp import database
from webapp.config import Settings
from webapp.database import db
from webapp.services.leads import lead_query, lead_table
from webapp.services.leads.filters import choices
from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.leads.filters.sorts import SORTS
from webapp.services.leads.filters.table import FACETS
from webapp.services.leads.lead_query import Cursor
from webapp.services.leads.records import search_words
from webapp.services.models import lifecycle, registry, rescoring
from webapp.tables import Lead, Score

SOURCES = ("Referral", "Webinar", "Cold Call")
INDUSTRIES = ("Finance", "Retail")
FILTERS = {
    "status": ("", "all", "lost"),
    "grade": ("", "A", "A,C", "B,C"),
    "source": ("", "Referral"),
    "industry": ("", "Retail"),
}


@pytest.fixture(scope="module")
def read_many(dialect, request, tmp_path_factory, apps):
    """Read from many leads that are made once; no test here changes them."""
    folder = tmp_path_factory.mktemp("many")
    with new_database(dialect, request, folder) as url:
        chosen = Settings(data_dir=folder, database_url=url)
        with apps.new(chosen) as app, app.app_context():
            database.write(make_many)
            yield database.read


def make_many(session, n=60):
    """Leads of every kind; some share their score, their name or the time they were scored."""
    rng = random.Random(3)
    for number in range(n):
        lead = make_lead(
            session,
            f"L-{number}",
            now=NOW - timedelta(minutes=rng.randrange(40)),
            name=rng.choice(["Ann", "Bo", "Çelik", None]),
            owner=rng.choice(["Rita", "Omar", None]),
            lead_source=rng.choice(SOURCES),
            industry=rng.choice(INDUSTRIES),
            website_visits=rng.randrange(6),
            days_since_contact=rng.choice([None, *range(0, 60, 20)]),
        )
        if not number % 4:
            make_lead(session, lead.lead_id, website_visits=rng.randrange(90), now=lead.scored_at)
        outcome = rng.choice([True, False, None, None])
        if outcome is not None:
            make_outcome(session, lead, outcome)


def page(session, query=None, **arguments):
    return lead_table.page(session, FIELDS, query or lead_query.read(arguments))


def all_keys(session, query):
    """The keys on all pages, first to last."""
    found = []
    while True:
        here = page(session, query)
        found += [row.lead.key for row in here.rows]
        if here.next is None:
            return found
        place = lead_query.written(here.next, query.sort)
        query = lead_query.read({**query.parameters(), "after": place})


def scored(session):
    """All leads with their probability and grade."""
    card = registry.scorecard(session, registry.champion(session))
    found = session.execute(sa.select(Lead, Score.probability, Score.moved).join(Score)).all()
    return [(lead, p, card.grade(p), moved) for lead, p, moved in found]


def last_contact(lead):
    days = lead.days_since_contact
    return LONG_AGO if days is None else lead.scored_at - timedelta(days=days)


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
SORTED = {
    "score": lambda lead, p, moved: p,
    "change": lambda lead, p, moved: moved,
    "scored": lambda lead, p, moved: lead.scored_at,
    "contact": lambda lead, p, moved: last_contact(lead),
    "outcome": lambda lead, p, moved: lead.outcome_at or LONG_AGO,
    "name": lambda lead, p, moved: lead.sort_name,
}


def expected(everything, query):
    """The keys that a query should find, by looking at every lead."""
    matching = [
        (SORTED[query.sort](lead, p, moved), lead.key)
        for lead, p, grade, moved in everything
        if lead.status in query.statuses
        and (not query.grades or grade in query.grades)
        and all(getattr(lead, FACETS[each.filter.name]) == each.value for each in query.filters)
    ]
    return [key for _, key in sorted(matching, reverse=query.sort not in ("name", "contact"))]


@pytest.mark.parametrize("sort", SORTS)
def test_every_filter_and_sort_shows_each_lead_once_and_in_order(sort, read_many, monkeypatch):
    monkeypatch.setattr(lead_table, "PAGE_SIZE", 7)
    everything = read_many(scored)
    for values in itertools.product(*FILTERS.values()):
        query = lead_query.read({**dict(zip(FILTERS, values, strict=True)), "sort": sort})
        assert read_many(lambda s, q=query: all_keys(s, q)) == expected(everything, query)


@pytest.mark.parametrize("sort", ["scored", "name", "contact", "outcome", "change"])
def test_a_table_too_long_to_be_sorted_is_walked_in_the_same_order(sort, read_many, monkeypatch):
    query = lead_query.read({"grade": "A", "status": "all", "sort": sort})
    wanted = expected(read_many(scored), query)
    monkeypatch.setattr(lead_table, "PAGE_SIZE", 7)
    monkeypatch.setattr(lead_table, "MAX_COUNTED", 5)
    assert read_many(lambda s: all_keys(s, query)) == wanted


def test_counting_ends_at_its_limit(read_many, monkeypatch):
    monkeypatch.setattr(lead_table, "MAX_COUNTED", 40)
    here = read_many(lambda s: page(s, status="all"))
    assert (here.n_leads, here.is_more) == (40, True)
    here = read_many(lambda s: page(s, status="lost"))
    assert 0 < here.n_leads < 40
    assert not here.is_more


def test_a_row_has_score_grade_and_its_reasons_the_strongest_first(write, read):
    write(lambda s: make_lead(s, "L-1", lead_source="Cold Call", website_visits=5))
    [row] = read(page).rows
    strongest = row.reasons[0]
    assert (strongest.field, strongest.short) == ("lead_source", "Cold Call")
    assert (row.grade, strongest.effect < 0) == ("D", True)
    alone = read(lambda s: lead_table.row(s, FIELDS, row.lead.key))
    assert (alone.probability, alone.reasons) == (row.probability, row.reasons)


def test_a_reason_that_all_rows_share_is_none_of_a_row(write, read):
    for visits in (3, 20, 90):
        write(lambda s, n=visits: make_lead(s, f"L-{n}", lead_source="Referral", website_visits=n))
    shown = read(page)
    [shared] = [each for each in shown.shared_reasons if each.field == "lead_source"]
    assert shared.short == "Referral"
    above = [each.field for each in shown.shared_reasons]
    assert {row.own_reasons(above)[0].short for row in shown.rows} == {
        "3 website visits",
        "20 website visits",
        "90 website visits",
    }


def test_few_rows_share_no_reason(write, read):
    write(lambda s: [make_lead(s, f"L-{n}", lead_source="Referral") for n in range(2)])
    assert read(page).shared_reasons == []


@pytest.mark.parametrize(
    "words",
    ["ada", "ADA lovelace", "love ada", "engines", "00q", "00q-17 ada", "ada@engines", "žofie"],
)
def test_a_search_finds_words_by_their_beginnings(words, write, read):
    write(lambda s: make_lead(s, "noise", name="Bob Grada", email="bob@example.com"))
    write(
        lambda s: make_lead(
            s, "00Q-17", name="Ada Lovelace Zofie", company="Engines & Co", email="ada@engines.test"
        )
    )
    assert [r.lead.lead_id for r in read(lambda s: page(s, q=words)).rows] == ["00Q-17"]


@pytest.mark.parametrize("words", ["lace", "adam", "bob ada", "'", '"a* OR b"', "& | !", "%", "\\"])
def test_a_search_for_anything_else_finds_nothing(words, write, read):
    write(lambda s: make_lead(s, "L-1", name="Ada Lovelace"))
    found = read(lambda s: page(s, q=words)).rows
    assert [r.lead.lead_id for r in found] == (["L-1"] if not search_words(words) else [])


def test_a_search_follows_a_changed_name(write, read):
    write(lambda s: make_lead(s, "L-1", name="Ada Byron"))
    write(lambda s: make_lead(s, "L-1", name="Ada Lovelace"))
    assert read(lambda s: page(s, q="lovelace")).n_leads == 1
    assert read(lambda s: page(s, q="byron")).n_leads == 0


def test_a_search_looks_at_every_status_and_can_be_filtered_and_sorted(read_many):
    assert (
        read_many(lambda s: page(s, q="ann")).n_leads
        > read_many(lambda s: page(s, q="ann", status="open")).n_leads
    )
    rows = read_many(lambda s: page(s, q="ann", source="Referral", sort="scored")).rows
    assert {r.lead.lead_source for r in rows} == {"Referral"}
    assert [r.lead.scored_at for r in rows] == sorted(
        (r.lead.scored_at for r in rows), reverse=True
    )


def test_a_search_with_too_many_hits_shows_the_newest_and_says_so(read_many, monkeypatch):
    monkeypatch.setattr(lead_table, "MAX_COUNTED", 20)
    here = read_many(lambda s: page(s, q="l"))
    assert here.is_more
    assert {r.lead.lead_id for r in here.rows} == {f"L-{n}" for n in range(39, 60)}


def test_a_converted_lead_leaves_the_open_ones_and_comes_back(write, read):
    write(lambda s: make_lead(s, "L-1"))
    write(lambda s: make_outcome(s, "L-1", True))
    assert read(page).n_leads == 0
    assert read(lambda s: page(s, status="converted")).n_leads == 1
    write(lambda s: make_outcome(s, "L-1", None, now=NOW + timedelta(days=1)))
    assert read(page).n_leads == 1


def test_a_lead_moves_to_the_owner_it_was_given(write, read):
    write(lambda s: make_lead(s, "L-1", owner="Rita"))
    write(lambda s: make_lead(s, "L-1", owner="Omar"))
    assert read(lambda s: page(s, owner="Rita")).n_leads == 0
    assert read(lambda s: page(s, owner="Omar")).n_leads == 1


def test_a_version_that_takes_over_has_the_whole_table(write, read):
    write(make_many)
    before = read(lambda s: page(s, status="lost", source="Webinar")).n_leads
    write(put_another_version_in_use)
    assert read(lambda s: page(s, status="lost", source="Webinar")).n_leads == before


def put_another_version_in_use(session):
    champion = registry.champion(session)
    card = registry.scorecard(session, champion)
    card = dataclasses.replace(card, intercept=card.intercept + 1)
    details: dict[str, Any] = {"fields": [], "training": {}, "metrics": {}, "decision": {}}
    version = registry.save(session, card, created_at=NOW, **details)
    rescoring.begin(session, version, NOW)
    rescoring.fill(session, version, 0)
    lifecycle.switch(session, version, "ada@example.com", NOW)


def test_the_choices_of_a_filter_are_the_values_that_leads_have(read_many):
    assert read_many(lambda s: choices.offered(s, {"source": "lead_source"}).facets) == {
        "source": sorted(SOURCES)
    }
    assert read_many(lambda s: choices.offered(s, {"owner": "owner"}).facets) == {
        "owner": ["Omar", "Rita"]
    }


def test_the_number_of_queries_does_not_grow_with_rows(write, statements, read):
    write(lambda s: make_many(s, 3))
    read(lambda s: page(s, status="all"))
    few = len(statements)
    write(make_many)
    statements.clear()
    assert len(read(lambda s: page(s, status="all")).rows) == lead_table.PAGE_SIZE
    assert len(statements) <= few


@pytest.fixture
def statements(app):
    """The statements sent to the database, as they are sent."""
    sent: list[str] = []
    with app.app_context():
        engine = db.engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def keep(connection, cursor, statement, *rest):
        sent.append(statement)

    return sent


BAD = {
    "status": "won",
    "grade": "E",
    "sort": "age",
    "source": "a\0b",
    "industry": "x" * 201,
    "owner": "\ud800",
    "score_from": "-1",
    "score_to": "much",
    "moved": "left",
    "not_contacted_for": "-3",
    "contacted_within": "36501",
    "created_since": "2026-13-01",
    "outcome_since": "yesterday",
    "outcome_by": "a\0b",
    "field.age.from": "old",
    "field.nothing": "x",
    "q": "a\nb",
}


def test_everything_wrong_in_a_query_is_named_at_once():
    with pytest.raises(InvalidQuery) as caught:
        lead_query.read({**BAD, "after": "???"}, FIELDS)
    assert {e.field for e in caught.value.errors} == {*BAD, "after"}


@pytest.mark.parametrize("sort", SORTS)
def test_a_place_survives_being_written_and_read(sort):
    value = {"scored": NOW + timedelta(microseconds=7), "name": None}
    place = Cursor(value.get(sort, 0.1 + 0.2), 2**40)
    text = lead_query.written(place, sort)
    assert lead_query.read({"sort": sort, "after": text}).after == place
    assert text.isascii()


@pytest.mark.parametrize("sort", SORTS)
def test_a_place_in_an_address_tells_no_name(sort, read_many):
    text = read_many(lambda s: lead_query.written(page(s, sort=sort, status="all").next, sort))
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    assert not any(name in raw.lower() for name in ("ann", "bo", "çelik"))


def test_behind_a_lead_that_is_gone_the_table_by_name_begins_anew(read_many):
    first = read_many(lambda s: page(s, sort="name"))
    gone = lead_query.written(Cursor(None, 10**6), "name")
    again = read_many(lambda s: page(s, sort="name", after=gone))
    assert [row.lead.key for row in again.rows] == [row.lead.key for row in first.rows]


@given(text=st.text(max_size=60), sort=st.sampled_from(list(SORTS)))
def test_any_text_as_a_place_is_read_or_refused(text, sort):
    with contextlib.suppress(InvalidQuery):
        assert lead_query.read({"sort": sort, "after": text}).sort == sort


HUGE = st.sampled_from([10**400, -(10**400), 2**63])
SCALARS = st.none() | st.booleans() | st.integers() | HUGE | st.floats() | st.text(max_size=20)


@given(content=st.lists(SCALARS | st.sampled_from(list(SORTS)), max_size=4) | SCALARS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_forged_place_is_refused_or_gives_a_page(content, champion, read):
    text = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    for sort in SORTS:
        try:
            query = lead_query.read({"sort": sort, "after": text, "grade": "B"})
        except InvalidQuery:
            continue
        assert read(lambda s, q=query: page(s, q)).rows == []


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_place_beyond_all_numbers_is_refused(value):
    text = base64.urlsafe_b64encode(f'["score",{value},1]'.encode()).decode().rstrip("=")
    with pytest.raises(InvalidQuery):
        lead_query.read({"after": text})


def test_the_query_is_written_as_it_is_read():
    asked = {"status": "lost", "grade": "B", "source": "Referral", "owner": "Rita", "q": "ada"}
    asked |= {"score_from": "20", "score_to": "69.5", "moved": "up", "not_contacted_for": "7"}
    assert lead_query.read(asked).parameters() == asked
    assert lead_query.read({"status": "open", "sort": "score"}).parameters() == {}
    assert lead_query.read({"q": "ada"}).parameters() == {"q": "ada"}
