"""An opportunity that no lead here names: Salesforce is asked for its lead before a person is."""

import pytest

from webapp.services.crm import unmatched
from webapp.services.leads import leads


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both databases with the list."""
    return "sqlite"


@pytest.fixture
def forgotten(fake, salesforce):
    """A lead converted long before what is read of the org begins, and its opportunity."""
    lead = fake.lead(LeadSource="Web")
    deal = fake.convert(lead)
    fake.clock.advance(days=60)
    salesforce.rules(history_days=30)
    salesforce.later()
    return lead, deal


def apart(fake, **fields):
    """An opportunity won that names a source, and that no lead was converted to."""
    deal = fake.opportunity(LeadSource="Web", **fields)
    fake.close(deal, won=True)
    return deal


def listed(salesforce):
    return {row.deal_id: row.clue for row in salesforce.read(unmatched.listed)}


def is_here(salesforce, lead):
    try:
        return bool(salesforce.lead(lead))
    except leads.LeadNotFound:
        return False


def asked(fake, text):
    return [query for query in fake.queries if text in query]


def test_a_lead_that_was_never_read_comes_in_with_its_outcome(fake, salesforce, forgotten):
    lead, deal = forgotten
    assert not is_here(salesforce, lead)
    fake.close(deal, won=True)
    run = salesforce.later()
    assert salesforce.history(lead) == [("converted", "1b")]
    assert listed(salesforce) == {}
    assert run.result["counts"].get("unmatched", 0) == 0


def test_its_lead_is_found_by_the_contact_that_has_a_part_in_it(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, opportunity=False)
    fake.clock.advance(days=60)
    salesforce.rules(history_days=30)
    salesforce.later()
    deal = fake.opportunity(LeadSource="Web")
    fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "2b")]
    assert listed(salesforce) == {}


def test_what_the_filter_keeps_out_is_neither_read_nor_listed(fake, salesforce, forgotten):
    lead, deal = forgotten
    salesforce.rules(owner_ids=[fake.user("Someone Else")])
    salesforce.later()
    fake.close(deal, won=True)
    salesforce.later()
    assert not is_here(salesforce, lead)
    assert listed(salesforce) == {}


def test_what_salesforce_names_no_lead_for_is_listed_with_what_is_known(fake, salesforce):
    salesforce.later()
    ann = fake.contact(LastName="Ann", Email="ann@example.com")
    account = fake.org.create("Account", Name="Engines Ltd", OwnerId=fake.rep)
    by_address = apart(fake, AccountId=account)
    fake.contact_role(by_address, ann)
    by_company, bare = apart(fake, AccountId=account), apart(fake)
    run = salesforce.later()
    expected = {by_address: "ann@example.com", by_company: "Engines Ltd", bare: None}
    assert listed(salesforce) == expected
    assert run.result["counts"]["unmatched"] == 3
    assert salesforce.later().result["n_calls"] == 4, "nobody is asked again"


@pytest.mark.parametrize(
    ("field", "sobject"), [("Email", "Contact"), ("AccountId", "Opportunity"), ("Name", "Account")]
)
def test_what_may_not_be_seen_is_no_clue(fake, salesforce, field, sobject):
    fake.set_access(field, "hidden", sobject)
    salesforce.later()
    deal = apart(fake)
    salesforce.later()
    assert listed(salesforce) == {deal: None}


def test_where_contact_roles_may_not_be_seen_leads_are_found_by_their_conversion(
    fake, salesforce, forgotten
):
    lead, deal = forgotten
    fake.close(deal, won=True)
    other = apart(fake)
    fake.set_access("ContactId", "hidden", "OpportunityContactRole")
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "1b")]
    assert listed(salesforce) == {other: None}


def test_what_a_run_had_no_calls_left_for_is_asked_by_a_later_one(fake, salesforce, forgotten):
    lead, deal = forgotten
    fake.close(deal, won=True)
    other = apart(fake)
    fake.clock.advance(minutes=15)
    fake.fail_at(3, "day quota used", path="query")
    assert "stopped" in salesforce.run().result
    assert listed(salesforce) == {}
    assert not is_here(salesforce, lead)
    salesforce.later(hours=7)
    assert salesforce.history(lead) == [("converted", "1b")]
    assert listed(salesforce) == {other: None}


def test_many_are_asked_for_two_hundred_at_once(fake, salesforce):
    salesforce.later()
    for _ in range(450):
        apart(fake)
    fake.requests.clear()
    salesforce.later()
    assert len(listed(salesforce)) == 50
    assert salesforce.read(unmatched.n_open) == 450
    assert len(asked(fake, "WHERE ConvertedOpportunityId IN")) == 3


def test_a_lead_that_comes_into_sight_is_found_overnight(fake, salesforce):
    lead = fake.lead(LeadSource="Web", Company="Acme")
    fake.hide(lead)
    salesforce.later()
    deal = fake.convert(lead)
    fake.close(deal, won=True)
    salesforce.later()
    assert listed(salesforce) == {deal: "Acme"}
    fake.show(lead)
    salesforce.next_day()
    assert salesforce.history(lead) == [("converted", "1b")]
    assert listed(salesforce) == {}
