"""The owner on a lead's page: given away, taken back, and left to the CRM."""

import pytest

from tests.factories import make_lead
from webapp.services.leads import leads


@pytest.fixture
def dialect():
    """The statements are tested on both in tests/services/owners."""
    return "sqlite"


@pytest.fixture
def lead(write, champion):
    return write(lambda s: make_lead(s, "L-1", owner="Rita Moss"))


def owner_of(read, lead):
    return read(lambda s: leads.by_key(s, lead.key).owner)


def test_a_rep_takes_a_lead_and_gives_it_back(lead, rita, sign_in, read):
    rep = sign_in(rita)
    answer = rep.post(f"/leads/{lead.key}/owner", data={"owner": rita.email})
    assert (answer.status_code, owner_of(read, lead)) == (303, rita.email)
    page = rep.get(f"/leads/{lead.key}").text
    assert "You gave it to you" not in page
    assert "You took it" in page
    batch = page.split('name="batch" value="')[1].split('"')[0]
    back = rep.post("/leads/owner/undo", data={"batch": batch, "back": f"/leads/{lead.key}"})
    assert (back.location, owner_of(read, lead)) == (f"/leads/{lead.key}", "Rita Moss")
    assert "1 lead has its previous owner again." in rep.get(f"/leads/{lead.key}").text


def test_undo_of_what_has_gone_on_says_so(lead, rita, sign_in):
    rep = sign_in(rita)
    rep.post("/leads/owner/undo", data={"batch": "0" * 32})
    assert "Nothing to undo: the owner has changed since." in rep.get("/leads").text


def test_somebody_without_an_account_is_refused_in_words(lead, rita, sign_in, read):
    rep = sign_in(rita)
    rep.post(f"/leads/{lead.key}/owner", data={"owner": "Omar"})
    assert "Omar has no account here, or it is turned off." in rep.get(f"/leads/{lead.key}").text
    assert owner_of(read, lead) == "Rita Moss"


def test_nobody_is_an_owner_too(lead, rita, sign_in, read):
    sign_in(rita).post(f"/leads/{lead.key}/owner", data={"owner": ""})
    assert owner_of(read, lead) is None


def test_the_owner_of_a_salesforce_lead_is_changed_there(fake, salesforce, rita, sign_in, read):
    fake.lead(LastName="Byron")
    salesforce.later()
    lead = read(lambda s: leads.by_key(s, 1))
    rep = sign_in(rita)
    page = rep.get(f"/leads/{lead.key}").text
    assert "The owner comes from Salesforce. Change it there" in page
    assert 'name="owner"' not in page
    before = owner_of(read, lead)
    rep.post(f"/leads/{lead.key}/owner", data={"owner": rita.email})
    assert owner_of(read, lead) == before
    assert "The owner of this lead comes from Salesforce." in rep.get(f"/leads/{lead.key}").text


def test_the_form_of_a_lead_assigns_it_and_says_who_cannot_have_it(lead, rita, sign_in, read):
    rep = sign_in(rita)
    form = {"lead_id": "L-1", "shown": '{"lead_id": "L-1", "owner": "Rita Moss"}'}
    refused = rep.post("/leads/new", data={**form, "owner": "Omar"})
    assert refused.status_code == 422
    assert "Omar has no account here, or it is turned off." in refused.text
    assert rep.post("/leads/new", data={**form, "owner": "Rita@example.com"}).status_code == 200
    assert owner_of(read, lead) == rita.email
    assert "You took it" in rep.get(f"/leads/{lead.key}").text
