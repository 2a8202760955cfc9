"""Conflicts, unmatched opportunities and rejected scores: listed with both sides, and resolved."""

import html
import re

import pytest
import sqlalchemy as sa

from tests.conftest import MOSTLY_SQLITE, ON_BOTH
from tests.connected import dispute, without_a_lead
from tests.factories import make_lead
from webapp.services.accounts import audit
from webapp.services.crm import conflicts, unmatched
from webapp.tables import Lead

MISSING = "0065e0000000000AAA"


@pytest.fixture(scope="session", params=MOSTLY_SQLITE)
def dialect(request):
    """The SQL of these lists is tested here alone."""
    return request.param


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def show(visitor, path):
    """The page's text, white space folded."""
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


def find(visitor, deal, search):
    """The page of an unmatched deal once somebody has searched for its lead."""
    answer = visitor.post(f"/sync/unmatched/{deal}", data={"q": search})
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


def conflict_keys(salesforce):
    return [row.conflict.key for row in salesforce.read(conflicts.listed)]


def test_empty_lists_say_what_they_would_hold(manager, salesforce):
    assert "No conflicts" in show(manager, "/sync/conflicts")
    assert "No opportunities read yet" in show(manager, "/sync/unmatched")
    salesforce.later()
    assert "Every closed opportunity has a lead" in show(manager, "/sync/unmatched")
    assert "No rejected scores" in show(manager, "/sync/rejected")


@ON_BOTH
def test_a_conflict_shows_who_says_what_by_which_rule(manager, fake, salesforce):
    dispute(fake, salesforce, FirstName="Ada", LastName="Lovelace", Company="Engines")
    page = show(manager, "/sync/conflicts")
    assert "Ada Lovelace" in page
    assert "<strong>lost</strong>" in page
    assert "rita@example.com" in page
    assert "they told me so" in page
    assert "<strong>converted</strong>" in page
    assert "its opportunity is won" in page
    assert '<dd>1 <span class="muted small">to resolve' in show(manager, "/sync")


@pytest.mark.parametrize(("kept", "outcome"), [("rep", False), ("crm", True)])
def test_a_conflict_is_settled_in_its_row(manager, fake, salesforce, read, kept, outcome):
    lead = dispute(fake, salesforce)
    [key] = conflict_keys(salesforce)
    row = manager.post(f"/sync/conflicts/{key}/row", data={"kept": kept}).text
    assert row.strip().startswith(f'<tr id="conflict-{key}">')
    assert f"kept {'converted' if outcome else 'lost'}" in row
    assert "<form" not in row
    assert "Not saved" not in row
    assert salesforce.outcome(lead) is outcome
    assert "No conflicts" in show(manager, "/sync/conflicts")
    assert ("mona@example.com", "resolved a conflict") in [
        (e.actor, e.action) for e in read(audit.latest)
    ]


@ON_BOTH
def test_resolved_conflicts_are_listed_with_who_when_and_what_was_kept(
    manager, fake, salesforce, monkeypatch
):
    assert "No conflict was resolved yet" in show(manager, "/sync/conflicts?state=resolved")
    monkeypatch.setattr("webapp.pages.crm.conflicts.PAGE", 2)
    for _ in range(3):
        dispute(fake, salesforce)
    newest, middle, oldest = conflict_keys(salesforce)
    for key, kept in [(middle, "rep"), (newest, "crm"), (oldest, "crm")]:
        manager.post(f"/sync/conflicts/{key}", data={"kept": kept})
    page = show(manager, "/sync/conflicts?state=resolved")
    assert [int(k) for k in re.findall(r'id="conflict-(\d+)"', page)] == [oldest, newest]
    assert "kept converted</span>" in page
    assert "by mona<wbr>@example.com, <time" in page
    assert 'Resolved <span id="n-resolved">3</span>' in page
    [older] = re.findall(r'href="(/sync/conflicts[^"]+)">Earlier', page)
    page = show(manager, html.unescape(older))
    assert re.findall(r'id="conflict-(\d+)"', page) == [str(middle)]
    assert "kept lost</span>" in page
    assert manager.get("/sync/conflicts?state=settled").status_code == 400


@ON_BOTH
def test_without_htmx_the_same_leads_back_to_the_list(manager, fake, salesforce):
    lead = dispute(fake, salesforce, FirstName="Ada", LastName="Lovelace")
    [key] = conflict_keys(salesforce)
    answer = manager.post(f"/sync/conflicts/{key}", data={"kept": "rep"}, follow_redirects=True)
    assert "Ada Lovelace is lost." in answer.text
    assert salesforce.outcome(lead) is False


def test_what_a_colleague_has_resolved_is_said_in_its_row_and_on_a_page_that_leads_back(
    manager, fake, salesforce
):
    dispute(fake, salesforce)
    [key] = conflict_keys(salesforce)
    manager.post(f"/sync/conflicts/{key}", data={"kept": "rep"})
    answer = manager.post(f"/sync/conflicts/{key}/row", data={"kept": "crm"})
    assert answer.status_code == 409
    assert "Not saved: resolved already." in answer.text
    assert "kept lost</span>" in answer.text
    assert "by mona<wbr>@example.com" in answer.text
    assert "<button" not in answer.text
    answer = manager.post(f"/sync/conflicts/{key}", data={"kept": "rep"})
    assert answer.status_code == 404
    assert f"Conflict {key} is not open any more." in answer.text
    assert 'href="/sync/conflicts">Go to Conflicts</a>' in answer.text
    assert manager.post(f"/sync/conflicts/{key + 1}/row", data={"kept": "rep"}).status_code == 404


@pytest.mark.parametrize("kept", ["", "newest", "agreement", "me"])
def test_a_conflict_has_two_sides_to_keep(manager, fake, salesforce, kept):
    dispute(fake, salesforce)
    [key] = conflict_keys(salesforce)
    assert manager.post(f"/sync/conflicts/{key}", data={"kept": kept}).status_code == 400


@ON_BOTH
def test_many_conflicts_go_on_on_further_pages(manager, fake, salesforce, monkeypatch):
    monkeypatch.setattr("webapp.pages.crm.conflicts.PAGE", 2)
    for _ in range(3):
        dispute(fake, salesforce)
    seen, addresses = [], ["/sync/conflicts"]
    for address in addresses:
        page = show(manager, address)
        seen += [int(key) for key in re.findall(r'id="conflict-(\d+)"', page)]
        addresses += re.findall(r'href="(/sync/conflicts\?[^"]+)">Earlier', html.unescape(page))
    assert len(addresses) == 2
    assert seen == conflict_keys(salesforce)


def test_an_unmatched_opportunity_is_found_its_lead(manager, fake, salesforce):
    lead = fake.lead(FirstName="Ada", LastName="Lovelace", Company="Engines")
    [deal] = without_a_lead(fake, salesforce)
    page = show(manager, "/sync/unmatched")
    assert re.search(rf'/{deal}"[^>]*>Acme deal</a>', page)
    assert "No matching lead" in page
    assert ">won</td>" in page
    assert ">Closed Won</td>" in page
    page = find(manager, deal, "lovelace")
    assert "Link to Ada Lovelace" in page
    [address] = re.findall(rf'action="(/sync/unmatched/{deal}/link/\d+)"', page)
    answer = manager.post(address, follow_redirects=True)
    assert "Linked to Ada Lovelace. The next sync records what became of it." in answer.text
    assert "Every closed opportunity has a lead" in answer.text
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "Lb")]


@ON_BOTH
def test_find_searches_at_once_by_what_is_known_of_the_opportunity(manager, fake, salesforce):
    fake.lead(LastName="Lovelace", Company="Engines Ltd")
    salesforce.later()
    account = fake.org.create("Account", Name="Engines Ltd", OwnerId=fake.rep)
    deal = fake.opportunity(LeadSource="Webinar", AccountId=account)
    fake.close(deal, won=True)
    salesforce.later()
    page = show(manager, "/sync/unmatched")
    assert re.search(rf'href="/sync/unmatched/{deal}"[^>]*>Find <span[^>]*>Engines Ltd<', page)
    page = show(manager, f"/sync/unmatched/{deal}")
    assert 'name="q" value="Engines Ltd"' in page
    assert "Link to Lovelace" in page


@ON_BOTH
def test_a_lead_without_a_name_is_linked_by_its_id(manager, fake, salesforce, write):
    lead = fake.lead(FirstName="Ada", LastName="Lovelace")
    [deal] = without_a_lead(fake, salesforce)
    write(lambda s: s.execute(sa.update(Lead).where(Lead.lead_id == lead).values(name=None)))
    page = find(manager, deal, "lovelace")
    assert f'aria-label="Link to {lead}"' in page


def test_the_search_puts_no_name_into_an_address(manager, fake, salesforce):
    [deal] = without_a_lead(fake, salesforce)
    [form] = re.findall(r'<form class="filters"[^>]*>', show(manager, f"/sync/unmatched/{deal}"))
    assert 'method="post"' in form


def test_a_search_without_a_hit_says_so(manager, fake, salesforce):
    [deal] = without_a_lead(fake, salesforce)
    assert "No lead matches “nobody”" in find(manager, deal, "nobody")


def test_a_lead_that_salesforce_does_not_have_cannot_be_linked(manager, fake, salesforce, write):
    [deal] = without_a_lead(fake, salesforce)
    ours = write(lambda s: make_lead(s, "ours", name="Bo Ek"))
    assert "not in Salesforce" in find(manager, deal, "bo")
    answer = manager.post(f"/sync/unmatched/{deal}/link/{ours.key}")
    assert answer.status_code == 409
    assert "This lead is not from Salesforce: record its outcome on its own page" in answer.text
    assert manager.post(f"/sync/unmatched/{deal}/link/{ours.key + 1}").status_code == 404


@ON_BOTH
def test_an_opportunity_is_ignored_and_listed_again_in_its_row(manager, fake, salesforce):
    [deal] = without_a_lead(fake, salesforce)
    row = manager.post(f"/sync/unmatched/{deal}/row", data={"state": "ignored"}).text
    assert "ignored by mona<wbr>@example.com" in row
    assert '<span id="n-open" hx-swap-oob="true">0</span>' in row
    assert '<span id="n-ignored" hx-swap-oob="true">1</span>' in row
    assert "Undo opportunity Acme deal" in row
    assert salesforce.read(unmatched.n_open) == 0
    row = manager.post(f"/sync/unmatched/{deal}/row", data={"state": "open"}).text
    assert "Ignore opportunity Acme deal" in row
    assert salesforce.read(unmatched.n_open) == 1
    assert manager.post(f"/sync/unmatched/{deal}/state", data={"state": "ignored"}).location
    assert salesforce.read(unmatched.n_open) == 0


def actions(salesforce):
    return [(e.actor, e.action) for e in reversed(salesforce.read(audit.latest))]


def test_what_is_ignored_is_listed_with_who_and_can_be_listed_again(manager, fake, salesforce):
    [deal] = without_a_lead(fake, salesforce, Name="Acme deal")
    assert 'Ignored <span id="n-ignored">0</span>' in show(manager, "/sync/unmatched")
    manager.post(f"/sync/unmatched/{deal}/state", data={"state": "ignored"})
    page = show(manager, "/sync/unmatched?state=ignored")
    assert "Acme deal" in page
    assert "ignored by mona<wbr>@example.com" in page
    assert "Stop ignoring opportunity Acme deal" in page
    back = manager.post(
        f"/sync/unmatched/{deal}/state",
        data={"state": "open", "back": "/sync/unmatched?state=ignored"},
        follow_redirects=True,
    )
    assert "No opportunity is ignored" in back.text
    assert "Acme deal" in show(manager, "/sync/unmatched")
    assert actions(salesforce)[-2:] == [
        ("mona@example.com", "ignored opportunity"),
        ("mona@example.com", "listed opportunity"),
    ]
    salesforce.later()
    assert salesforce.read(unmatched.n_open) == 1


def test_what_is_linked_by_hand_is_listed_with_who_and_can_be_unlinked(manager, fake, salesforce):
    lead = fake.lead(FirstName="Ada", LastName="Lovelace")
    [deal] = without_a_lead(fake, salesforce)
    key = salesforce.lead(lead).key
    manager.post(f"/sync/unmatched/{deal}/link/{key}")
    page = show(manager, "/sync/unmatched?state=linked")
    assert f'href="/leads/{key}">Ada Lovelace</a> (open)' in page
    assert "mona<wbr>@example.com" in page
    assert ">Acme deal</a>" in page
    assert ">Closed Won</td>" in page
    on_lead = show(manager, f"/leads/{key}")
    assert ">Acme deal</a>" in on_lead
    assert "The next sync records what became of it." in on_lead
    salesforce.later()
    on_lead = show(manager, f"/leads/{key}")
    assert ">Acme deal</a>" in on_lead
    assert "The next sync records what became of it." not in on_lead
    assert ">Acme deal</a>" in show(manager, "/sync/unmatched?state=linked")
    back = "/sync/unmatched?state=linked"
    [address] = re.findall(rf'action="(/sync/unmatched/{deal}/unlink/\d+)"', page)
    answer = manager.post(address, data={"back": back})
    assert answer.location == back
    assert "No opportunity is linked by hand" in show(manager, back)
    assert actions(salesforce)[-1] == ("mona@example.com", "unlinked opportunity")


def test_an_old_page_says_who_has_handled_an_opportunity_and_leads_back_to_the_lists(
    manager, fake, salesforce
):
    lead = fake.lead()
    [deal] = without_a_lead(fake, salesforce)
    manager.post(f"/sync/unmatched/{deal}/state", data={"state": "ignored"})
    answer = manager.post(f"/sync/unmatched/{deal}/link/{salesforce.lead(lead).key}")
    assert answer.status_code == 404
    assert f"Opportunity {deal} was ignored by mona@example.com." in answer.text
    assert 'href="/sync/unmatched">Go to Unmatched</a>' in answer.text
    row = manager.post(f"/sync/unmatched/{deal}/row", data={"state": "ignored"})
    assert row.status_code == 409
    assert "ignored by mona<wbr>@example.com" in row.text
    assert "Stop ignoring opportunity" in row.text


def test_an_unknown_list_of_unmatched_is_refused(manager, salesforce):
    assert manager.get("/sync/unmatched?state=settled").status_code == 400


@pytest.mark.parametrize("state", ["", "linked", "settled"])
def test_an_opportunity_is_ignored_or_listed_and_nothing_else(manager, fake, salesforce, state):
    [deal] = without_a_lead(fake, salesforce)
    assert manager.post(f"/sync/unmatched/{deal}/state", data={"state": state}).status_code == 400


def test_what_is_not_on_the_list_is_said(manager, salesforce, write):
    lead = write(make_lead)
    for answer in (
        manager.get(f"/sync/unmatched/{MISSING}"),
        manager.post(f"/sync/unmatched/{MISSING}/link/{lead.key}"),
        manager.post(f"/sync/unmatched/{MISSING}/state", data={"state": "open"}),
    ):
        assert answer.status_code == 404
        assert f"Opportunity {MISSING} is not on the list." in answer.text


@pytest.mark.parametrize("opportunity", ["x", "0065e0000000000AAAA", "0065e00000%00000AAA"])
def test_what_is_no_id_of_salesforce_is_no_address(manager, salesforce, opportunity):
    assert manager.get(f"/sync/unmatched/{opportunity}").status_code == 404


@ON_BOTH
def test_many_unmatched_go_on_on_further_pages(manager, fake, salesforce, monkeypatch):
    monkeypatch.setattr("webapp.pages.crm.unmatched.PAGE", 2)
    deals = without_a_lead(fake, salesforce, n=5)
    seen, addresses = [], ["/sync/unmatched"]
    for address in addresses:
        page = show(manager, address)
        seen += re.findall(r'action="/sync/unmatched/(\w+)/state"', page)
        found = re.findall(r'href="(/sync/unmatched\?[^"]+)">Next', page)
        addresses += map(html.unescape, found)
    assert len(addresses) == 3
    assert sorted(seen) == sorted(deals)


@pytest.mark.parametrize("after", ["x", f"x~{MISSING}", "1~", "1~'", f"{'9' * 30}~{MISSING}"])
def test_a_damaged_address_of_a_page_is_refused(manager, salesforce, after):
    assert manager.get("/sync/unmatched", query_string={"after": after}).status_code == 400


def test_a_refused_score_says_why_and_what_to_do(manager, fake, salesforce):
    lead = fake.lead(LeadSource="Webinar", FirstName="Ada", LastName="Lovelace")
    fake.refuse(lead, "validation rule", "A score needs a region")
    run = salesforce.later()
    page = show(manager, "/sync/rejected")
    assert "Ada Lovelace" in page
    assert "A validation rule of the org rejects the score." in page
    assert "A score needs a region" in page
    assert 'href="/sync/rejected"' in show(manager, f"/sync/runs/{run.key}")


def test_many_refused_go_on_on_further_pages(manager, fake, salesforce, monkeypatch):
    monkeypatch.setattr("webapp.pages.crm.rejected.PAGE", 2)
    for lead in fake.leads(5, LeadSource="Webinar"):
        fake.refuse(lead, "validation rule")
    salesforce.later()
    seen, addresses = [], ["/sync/rejected"]
    for address in addresses:
        page = show(manager, address)
        seen += re.findall(r'href="/leads/(\d+)"', page)
        addresses += re.findall(r'href="(/sync/rejected\?after=\d+)">Next', page)
    assert len(set(seen)) == 5


def test_a_rep_settles_nothing(rita, sign_in, fake, salesforce):
    dispute(fake, salesforce)
    [key] = conflict_keys(salesforce)
    rep = sign_in(rita)
    assert rep.post(f"/sync/conflicts/{key}", data={"kept": "rep"}).status_code == 403
    assert rep.get("/sync/unmatched").status_code == 403
