"""What people read of a lead follows Salesforce, also where nothing else about it changes."""

import pytest
import sqlalchemy as sa

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
