"""A session that sees only some leads: every query of it, on both databases, from an index."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from tests.factories import FIELDS, make_lead, make_outcome
from webapp.services.leads import lead_query, lead_table, leads
from webapp.services.leads.filters import choices
from webapp.services.leads.leads import LeadNotFound
from webapp.services.owners import sight
from webapp.tables import Lead, Score

OMAR = "omar@example.com"
RITA = "rita@example.com"


@pytest.fixture
def made(write):
    def make(session):
        owners = {"mine": RITA, "his": "omar@example.com", "nobodys": None}
        return {
            name: make_lead(session, name, name=f"Ada {name}", owner=owner).key
            for name, owner in owners.items()
        }

    return write(make)


@pytest.fixture
def limited(read, made):
    """Read as Rita does."""

    def limited(work):
        def as_rita(session):
            sight.limit(session, RITA)
            return work(session)

        return read(as_rita)

    return limited


def pages(session, **asked):
    query = lead_query.read(asked, me=RITA)
    page = lead_table.page(session, FIELDS, query)
    assert page.n_leads == len(page.rows)
    return {row.lead.lead_id for row in page.rows}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"mine", "nobodys"}),
        ({"status": "all", "sort": "name"}, {"mine", "nobodys"}),
        ({"sort": "scored"}, {"mine", "nobodys"}),
        ({"q": "ada"}, {"mine", "nobodys"}),
        ({"q": "his"}, set()),
        ({"owner": "me"}, {"mine"}),
        ({"owner": "unowned"}, {"nobodys"}),
        ({"owner": "omar@example.com"}, set()),
    ],
)
def test_the_table_has_own_and_unowned_leads_only(asked, found, limited):
    assert limited(lambda s: pages(s, **asked)) == found


def test_sorts_that_walk_an_index_leave_others_leads_out(limited, monkeypatch):
    monkeypatch.setattr(lead_table, "MAX_COUNTED", 1)
    query = lead_query.read({"sort": "name"})
    page = limited(lambda s: lead_table.page(s, FIELDS, query))
    assert [row.lead.lead_id for row in page.rows] == ["mine", "nobodys"]


def test_a_search_is_cut_to_the_newest_of_those_that_are_seen(limited, write, monkeypatch):
    """Many newer leads of others with the same words hide none of one's own."""
    write(lambda s: make_lead(s, "q-mine", owner=RITA, company="Quasar"))
    write(lambda s: [make_lead(s, f"q-{n}", owner=OMAR, company="Quasar") for n in range(4)])
    monkeypatch.setattr(lead_table, "MAX_COUNTED", 1)
    query = lead_query.read({"q": "quasar"})
    page = limited(lambda s: lead_table.page(s, FIELDS, query))
    assert [row.lead.lead_id for row in page.rows] == ["q-mine"]


def test_a_filter_offers_only_owners_whose_leads_are_seen(limited):
    assert limited(lambda s: choices.offered(s, {"owner": "owner"}).facets) == {"owner": [RITA]}


@pytest.mark.parametrize(
    "look",
    [
        leads.by_key,
        lambda s, key: leads.find(s, "his"),
        lambda s, key: leads.find(s, "his", lock=True),
        lambda s, key: lead_table.row(s, FIELDS, key),
    ],
)
def test_anothers_lead_is_not_found(look, limited, made):
    with pytest.raises(LeadNotFound):
        limited(lambda s: look(s, made["his"]))


def test_no_way_of_asking_gets_round_the_limit(limited):
    other = aliased(Lead)
    of_score = sa.select(Score.lead_key).where(Score.lead_key == Lead.key)
    asked = [
        sa.select(Lead.lead_id),
        sa.select(other.lead_id),
        sa.select(Lead.lead_id).where(of_score.exists()),
        sa.select(sa.select(Lead.lead_id).subquery().c.lead_id),
        sa.select(sa.select(Lead.lead_id).cte("found").c.lead_id),
        sa.select(sa.union_all(*[sa.select(Lead.lead_id)] * 2).subquery().c.lead_id).distinct(),
    ]
    seen = limited(lambda s: [set(s.scalars(each)) for each in asked])
    assert seen == [{"mine", "nobodys"}] * len(asked)
    n_scores = sa.select(sa.func.count()).select_from(Score)
    assert limited(lambda s: s.scalar(n_scores)) == 2


@pytest.mark.parametrize(
    ("role", "reps_see", "is_limited"),
    [("rep", "all", False), ("manager", "own", False), ("rep", "own", True)],
)
def test_only_reps_are_limited_and_only_where_the_setting_says_so(role, reps_see, is_limited):
    assert sight.is_limited(role, reps_see) is is_limited


def test_a_closed_lead_of_another_stays_unseen(write, limited, made):
    write(lambda s: make_outcome(s, "his", True))
    assert limited(lambda s: pages(s, status="converted")) == set()
