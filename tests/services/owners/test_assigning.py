"""Leads given to people: who may have one, what is kept of it, and how it is taken back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import FIELDS, NOW, make_lead, make_user
from webapp.services.accounts import accounts, audit
from webapp.services.leads import lead_query, lead_table, leads
from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.owners import assigning
from webapp.services.owners.assigning import NotAnOwner
from webapp.tables.owners import Assignment

RITA, OMAR = "rita@example.com", "omar@example.com"


@pytest.fixture
def make(write, champion):
    """Rita and Omar have accounts; `make(owner)` gives the key of a lead that belongs to one."""
    write(lambda s: [make_user(s, email) for email in (RITA, OMAR)])
    return lambda owner=None: write(lambda s: make_lead(s, owner=owner).key)


def owners(read, *keys):
    return read(lambda s: [leads.by_key(s, key).owner for key in keys])


def listed(read, owner, me=RITA):
    query = lead_query.read({"owner": owner}, me=me)
    page = read(lambda s: lead_table.page(s, FIELDS, query))
    return [row.lead.key for row in page.rows]


def test_many_leads_go_to_one_person_and_all_come_back_at_once(make, read, write):
    mine, his, nobodys = make(RITA), make(OMAR), make()
    keys = [mine, his, nobodys]
    done = write(lambda s: assigning.assign(s, keys, "Rita@Example.com ", by=OMAR, now=NOW))
    assert owners(read, *keys) == [RITA, RITA, RITA]
    assert sorted(lead.key for lead in done.changed) == sorted([his, nobodys])
    assert sorted(listed(read, "me")) == sorted(keys)
    later = NOW + timedelta(minutes=1)
    back = write(lambda s: assigning.undo(s, done.batch, by=OMAR, now=later))
    assert sorted(lead.key for lead in back) == sorted([his, nobodys])
    assert owners(read, *keys) == [RITA, OMAR, None]
    assert listed(read, "unowned") == [nobodys]


def test_undo_leaves_what_somebody_has_given_away_since(make, read, write):
    key = make()
    first = write(lambda s: assigning.assign(s, [key], RITA, by=OMAR, now=NOW))
    write(lambda s: assigning.assign(s, [key], OMAR, by=RITA, now=NOW))
    assert write(lambda s: assigning.undo(s, first.batch, by=OMAR, now=NOW)) == []
    assert owners(read, key) == [OMAR]


def assignments(read):
    query = sa.select(Assignment).order_by(Assignment.key)
    return [(a.actor, a.owner_before, a.owner) for a in read(lambda s: s.scalars(query).all())]


def test_the_history_and_the_audit_log_say_who_gave_a_lead_to_whom(make, read, write):
    key = make(RITA)
    write(lambda s: assigning.assign(s, [key], OMAR, by=RITA, now=NOW))
    write(lambda s: assigning.assign(s, [key], None, by=OMAR, now=NOW + timedelta(minutes=1)))
    assert assignments(read) == [(RITA, RITA, OMAR), (OMAR, OMAR, None)]
    entry = read(audit.latest)[0]
    assert (entry.actor, entry.action, entry.subject) == (OMAR, "assigned", "1 lead")
    assert entry.detail["owner"] == ["nobody"]


def test_nothing_is_kept_of_an_assignment_that_changes_nothing(make, read, write):
    key = make(RITA)
    done = write(lambda s: assigning.assign(s, [key], RITA, by=OMAR, now=NOW))
    assert (done.batch, done.changed) == (None, [])
    assert assignments(read) == []


@pytest.mark.parametrize("owner", ["nobody@example.com", "Rita Moss", "off@example.com"])
def test_leads_go_only_to_accounts_that_are_on(owner, make, read, write):
    key = make(RITA)
    off = write(lambda s: make_user(s, "off@example.com").key)
    write(lambda s: accounts.set_active(s, off, False, actor="tests", now=NOW))
    with pytest.raises(NotAnOwner, match=owner):
        write(lambda s: assigning.assign(s, [key], owner, by=RITA, now=NOW))
    assert owners(read, key) == [RITA]


@pytest.mark.parametrize(
    "told", ["Rita@Example.COM", " rita@example.com", "Rita Moss <rita@example.com>"]
)
def test_an_address_in_any_spelling_is_the_account(told, make, read):
    assert owners(read, make(told)) == [RITA]


def test_an_owner_without_an_address_keeps_the_name(make, read):
    key = make("Rita Moss")
    assert owners(read, key) == ["Rita Moss"]
    assert listed(read, "Rita Moss") == [key]
    assert listed(read, "me") == []


def test_programs_have_no_leads_of_their_own():
    with pytest.raises(InvalidQuery, match="signed in"):
        lead_query.read({"owner": "me"})


def test_mine_stays_a_word_in_the_address():
    query = lead_query.read({"owner": "me"}, me=RITA)
    assert query.parameters() == {"owner": "me"}


def test_recent_assignments_are_the_persons_own_with_how_many_stand(make, read, write):
    his, nobodys = make(OMAR), make()
    first = write(lambda s: assigning.assign(s, [his, nobodys], RITA, by=OMAR, now=NOW))
    later = NOW + timedelta(hours=1)
    write(lambda s: assigning.assign(s, [his], None, by=RITA, now=later))
    shown = read(lambda s: assigning.recent(s, OMAR, later))
    assert [(b.key, b.owner, b.n_leads, b.n_standing) for b in shown] == [(first.batch, RITA, 2, 1)]
    assert shown[0].at == NOW
    assert [b.owner for b in read(lambda s: assigning.recent(s, RITA, later))] == [None]
    assert read(lambda s: assigning.recent(s, OMAR, NOW + timedelta(days=31))) == []


def test_recent_assignments_are_found_by_who_made_them(make, write, read, explained, dialect):
    write(lambda s: assigning.assign(s, [], RITA, by=OMAR, now=NOW))
    explained.clear()
    read(lambda s: assigning.recent(s, OMAR, NOW))
    if dialect == "sqlite":  # a planner of few rows reads them all
        assert "ix_assignments_actor_at (actor=? AND at>?)" in explained[-1]
