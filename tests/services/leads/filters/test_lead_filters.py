"""Filters of the lead table: each finds its leads, alone and together, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from ml.fields.fields_file import Fields
from ml.fields.types import Field
from tests.factories import FIELDS as BUILTIN
from tests.factories import NOW, make_lead, make_outcome
from webapp.services.leads import lead_query, lead_table
from webapp.services.leads.filters import table
from webapp.services.outcomes.outcomes import Attribution

FIELDS = Fields(
    [
        *BUILTIN,
        Field("budget", "number", "Budget"),
        Field("plan", "category", "Plan", choices=("Basic", "Pro")),
        Field("has_demo", "boolean", "Had a demo"),
    ]
)
RITA = Attribution("rep", "rita@example.com", reason="Too expensive")
OMAR = Attribution("rep", "omar@example.com")
DAY = timedelta(days=1)


def make(session):
    """Three leads that differ in everything."""
    own: dict[str, Any] = {"budget": 900.5, "plan": "Pro", "has_demo": True}
    old = NOW - 30 * DAY
    make_lead(session, "hot", now=old, lead_source="Referral", email_opens=0, fields=FIELDS)
    hot: dict[str, Any] = {"website_visits": 30, "email_opens": 30, "days_since_contact": 9, **own}
    make_lead(session, "hot", fields=FIELDS, now=NOW - DAY, **hot)
    cold: dict[str, Any] = {
        "lead_source": "Cold Call",
        "owner": "rita@example.com",
        "age": 44,
        "has_demo": False,
    }
    make_lead(session, "cold", fields=FIELDS, now=NOW - 2 * DAY, days_since_contact=0, **cold)
    make_lead(session, "new", fields=FIELDS, budget=10, plan="Basic", age=30)
    for lead_id, told, at in (("cold", OMAR, 9), ("cold", RITA, 1), ("new", OMAR, 0)):
        make_outcome(session, lead_id, False, attribution=told, happened_at=NOW - at * DAY)


FOUND = {
    "score_from=50": {"hot"},
    "score_to=13": {"cold"},
    "score_from=13&score_to=17": {"cold", "new"},
    "grade=A,D": {"hot"},
    "grade=B,C": {"cold", "new"},
    "moved=up": {"hot"},
    "moved=down": set(),
    "moved_since=2": {"hot"},
    "moved_since=0": set(),
    "not_contacted_for=7": {"hot", "new"},
    "not_contacted_for=11": {"new"},
    "contacted_within=7": {"cold"},
    "contacted_within=11": {"hot", "cold"},
    "contacted=never": {"new"},
    "contacted=yes": {"hot", "cold"},
    "created_since=1": {"new"},
    "created_since=2026-02-27": {"cold", "new"},
    "owner=unowned": {"hot", "new"},
    "owner=me": {"cold"},
    "outcome_by=me": {"cold"},
    "outcome_by=omar@example.com": {"new"},
    "outcome_by=rep": {"cold", "new"},
    "outcome_reason=Too expensive": {"cold"},
    "outcome_since=0": {"new"},
    "outcome_before=2026-03-02": {"cold"},
    "field.budget.from=900.5": {"hot"},
    "field.budget.to=900": {"new"},
    "field.plan=Pro": {"hot"},
    "field.has_demo=yes": {"hot"},
    "field.has_demo=no": {"cold"},
    "field.age.from=40": {"cold"},
    "field.age.from=20&field.age.to=40": {"new"},
    "not_contacted_for=7&field.plan=Pro&moved=up&score_from=50": {"hot"},
    "not_contacted_for=7&field.plan=Basic&moved=up": set(),
}


@pytest.mark.parametrize("asked", FOUND)
@pytest.mark.parametrize("sort", ["score", "contact"])
def test_each_filter_finds_its_leads(asked, sort, made, read):
    parts = dict(part.split("=") for part in asked.split("&"))
    query = lead_query.read(
        {"status": "all", "sort": sort, **parts}, FIELDS, me="rita@example.com", now=NOW
    )
    page = read(lambda s: lead_table.page(s, FIELDS, query))
    assert {row.lead.lead_id for row in page.rows} == FOUND[asked]
    assert page.n_leads == len(FOUND[asked])


def test_every_filter_is_tried_here():
    tried = {part.split("=")[0] for asked in FOUND for part in asked.split("&")}
    elsewhere = {"source", "industry", "explore", "ticked"}
    assert {each.name for each in table.FILTERS} <= tried | elsewhere


@pytest.fixture
def made(write):
    write(make)


def test_a_value_of_the_type_that_a_field_had_before_matches_nothing(write, read):
    text = Fields([*BUILTIN, Field("budget", "category", "Budget")])
    write(lambda s: make_lead(s, "L-1", fields=text, budget="much"))
    query = lead_query.read({"field.budget.from": "0"}, FIELDS, now=NOW)
    assert read(lambda s: lead_table.page(s, FIELDS, query)).rows == []


def test_filters_are_said_in_words():
    asked = {"grade": "A,B", "not_contacted_for": "7", "owner": "me", "created_since": "1"}
    asked |= {"moved": "up", "field.has_demo": "yes", "field.budget.from": "2500"}
    words = lead_query.read(asked, FIELDS, me="rita@example.com", now=NOW).words()
    assert list(words.values()) == [
        "grade A or B",
        "mine",
        "score moved up",
        "no contact for 7 days",
        "created since a day ago",
        "Budget from 2,500",
        "Had a demo: yes",
    ]
