"""What people read of a lead follows Salesforce, also where nothing else about it changes."""

import pytest
import sqlalchemy as sa

from webapp.services.accounts import accounts
from webapp.tables import Score


@pytest.fixture(scope="session")
def dialect():
    """What is written is written by the same statements as every lead."""
    return "sqlite"


def test_a_phone_number_that_alone_changes_is_followed(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar", Phone="1")
    salesforce.later()
    fake.update(lead, Phone="2")
    run = salesforce.later()
    assert salesforce.lead(lead).phone == "2"
    assert run.result["counts"].get("leads_scored", 0) == 0


def test_a_converted_lead_is_given_its_new_owner_and_keeps_its_inputs(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.convert(lead)
    salesforce.later()
    fake.update(lead, OwnerId=fake.queue("Customers"), LeadSource="Referral")
    salesforce.later()
    found = salesforce.lead(lead)
    assert (found.owner, found.lead_source) == ("Customers", "Webinar")
    # The lead table filters by what the scores repeat.
    assert salesforce.read(lambda s: s.scalars(sa.select(Score.owner)).all()) == ["Customers"]


def test_a_deleted_lead_changes_no_more(fake, salesforce):
    lead = fake.lead(Phone="1")
    salesforce.later()
    fake.update(lead, Phone="2")
    fake.delete(lead)
    salesforce.later()
    assert salesforce.lead(lead).phone == "1"


def owner(salesforce, lead):
    """Of a lead, and of its scores, by which the lead table is filtered."""
    found = salesforce.lead(lead)
    query = sa.select(Score.owner).where(Score.lead_key == found.key)
    return {found.owner, *salesforce.read(lambda s: s.scalars(query).all())}


@pytest.mark.parametrize("address", ["Rita@example.com", "rita@example.com.invalid"])
def test_an_owner_with_an_account_is_that_account(fake, salesforce, rita, address):
    """A sandbox adds .invalid to the addresses of its users."""
    lead = fake.lead(LeadSource="Webinar", OwnerId=fake.user("Rita Field", Email=address))
    salesforce.later()
    assert owner(salesforce, lead) == {"rita@example.com"}


def test_an_owner_without_an_account_and_a_queue_are_called_by_their_names(fake, salesforce, rita):
    lead = fake.lead(OwnerId=fake.user("Nils Nobody"))
    queued = fake.lead(OwnerId=fake.queue("Inbound"))
    salesforce.later()
    assert owner(salesforce, lead) == {"Nils Nobody"}
    assert owner(salesforce, queued) == {"Inbound"}


def test_a_new_owner_without_an_account_takes_the_lead_from_one_who_has(fake, salesforce, rita):
    lead = fake.lead(OwnerId=fake.user("Rita Field", Email="rita@example.com"))
    salesforce.later()
    fake.update(lead, OwnerId=fake.user("Nils Nobody"))
    salesforce.later()
    assert owner(salesforce, lead) == {"Nils Nobody"}


def test_an_account_made_later_is_given_its_leads_by_the_next_run(fake, salesforce):
    lead = fake.lead(OwnerId=fake.user("Rita Field", Email="rita@example.com"))
    salesforce.later()
    assert owner(salesforce, lead) == {"Rita Field"}
    password = "a passphrase of some length"
    salesforce.write(
        lambda s: accounts.create(s, "rita@example.com", password, "rep", now=salesforce.now)
    )
    run = salesforce.later()
    assert owner(salesforce, lead) == {"rita@example.com"}
    assert run.result["counts"].get("leads_changed", 0) == 0
