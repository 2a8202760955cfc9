"""After a new connection to the same org outcomes by a link go on with their deals."""

import pytest

from tests.conftest import ON_BOTH
from webapp.services.crm import connections, unmatched


def reconnect(salesforce, **rules):
    salesforce.write(lambda s: connections.disconnect(s, "ada", salesforce.now))
    salesforce.connect()
    salesforce.rules(**rules)
    salesforce.start()
    salesforce.later()


@pytest.fixture
def lost_by_contact(fake, salesforce):
    """A lead, the deal lost in which its contact has a part, and that part."""
    lead = fake.lead()
    fake.convert(lead, False)
    deal = fake.opportunity()
    role = fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    fake.close(deal, won=False)
    salesforce.later()
    salesforce.next_day()
    assert salesforce.history(lead) == [("lost", "2c")]
    return lead, deal, role


@ON_BOTH
def test_an_outcome_by_contact_ends_with_its_deal_also_after_a_new_connection(
    fake, salesforce, lost_by_contact
):
    lead, deal, _ = lost_by_contact
    fake.reopen(deal)
    reconnect(salesforce)
    assert salesforce.history(lead) == [("lost", "2c"), ("withdrawn", "2d")]
    salesforce.next_day()
    assert salesforce.lead(lead).status == "in_pipeline"


def test_an_outcome_by_contact_ends_where_its_contact_left_the_deal(
    fake, salesforce, lost_by_contact
):
    lead, _, role = lost_by_contact
    fake.delete(role)
    reconnect(salesforce)
    assert salesforce.outcome(lead) is False
    salesforce.next_day()
    assert salesforce.history(lead)[-1] == ("withdrawn", "2")


def test_an_outcome_by_contact_stands_while_its_deal_cannot_be_seen(
    fake, salesforce, lost_by_contact
):
    lead, deal, _ = lost_by_contact
    fake.hide(deal)
    reconnect(salesforce)
    salesforce.next_day()
    assert salesforce.history(lead) == [("lost", "2c")]


@ON_BOTH
def test_an_outcome_by_a_link_made_by_hand_follows_its_deal_after_a_new_connection(
    fake, salesforce
):
    lead = fake.lead()
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    salesforce.later()
    reconnect(salesforce, disqualified=("Open - Not Contacted",))
    assert salesforce.history(lead) == [("converted", "Lb")]
    salesforce.next_day()
    fake.reopen(deal)
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "Lb"), ("withdrawn", "Ld")]
    reconnect(salesforce)
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.outcome(lead) is True
    assert salesforce.write(lambda s: unmatched.unlink(s, deal, lead, "ada", now=salesforce.now))
    assert [row.deal_id for row in salesforce.read(unmatched.listed)] == [deal]
    salesforce.later()
    assert salesforce.outcome(lead) is None
