"""Leads whose deal is open in Salesforce, as reps see them: in their own list, with the deal."""

import re

import pytest

from tests.connected import without_a_lead
from tests.factories import make_lead
from webapp.services.crm import unmatched


@pytest.fixture
def rep(rita, sign_in):
    return sign_in(rita)


@pytest.fixture
def converted(fake, salesforce):
    """A lead and its open deal."""
    lead = fake.lead(FirstName="Ada", LastName="Lovelace", Company="Engines")
    deal = fake.convert(lead)
    fake.update(deal, Name="Engines, 40 seats", StageName="Qualification")
    salesforce.later()
    return lead, deal


def text(page):
    return re.sub(r"\s+", " ", page.text)


def show(rep, salesforce, lead):
    return text(rep.get(f"/leads/{salesforce.lead(lead).key}"))


def link(salesforce, record_id):
    return f'href="{salesforce.fake.url}/{record_id}" target="_blank"'


def test_the_list_shows_name_and_stage_of_the_deal_in_place_of_buttons(rep, salesforce, converted):
    assert "Ada Lovelace" not in text(rep.get("/leads"))
    page = text(rep.get("/leads?status=in_pipeline"))
    assert "1 lead in pipeline, highest score first" in page
    row = page[page.index("<tbody") :]
    assert link(salesforce, converted[1]) in row
    assert ">Engines, 40 seats</a>" in row
    assert ">Qualification</span>" in row
    assert "<button" not in row[: row.index("</tbody>")]


def test_the_lead_links_to_both_records_and_waits_for_the_deal(rep, fake, salesforce, converted):
    lead, deal = converted
    page = show(rep, salesforce, lead)
    assert link(salesforce, lead) in page
    assert link(salesforce, deal) in page
    assert '<span class="chip">in pipeline</span>' in page
    assert "When that closes, the outcome appears here." in page
    assert 'name="outcome"' not in page
    fake.close(deal, won=True)
    salesforce.later()
    page = show(rep, salesforce, lead)
    assert link(salesforce, deal) in page
    assert 'name="outcome"' in page
    assert "Engines, 40 seats" not in page


def test_each_outcome_links_to_the_record_that_it_comes_from(rep, fake, salesforce, converted):
    lead, deal = converted
    fake.close(deal, won=True)
    salesforce.later()
    rep.post(
        f"/leads/{salesforce.lead(lead).key}/outcome",
        data={"outcome": "lost", "reason": "No (never)"},
    )
    page = show(rep, salesforce, lead)
    assert f"its opportunity is won (<a {link(salesforce, deal)}" in page
    # What a person wrote is text, whatever it looks like.
    assert "No (never)" in page


def test_a_lead_lost_by_its_status_is_the_record_itself(rep, fake, salesforce):
    salesforce.rules(disqualified=["Closed - Not Converted"])
    lead = fake.lead(Status="Closed - Not Converted")
    salesforce.later()
    assert f"(<a {link(salesforce, lead)}" in show(rep, salesforce, lead)


def test_without_a_deal_in_sight_a_rep_can_say_what_became_of_the_lead(rep, fake, salesforce):
    alone, hidden = fake.lead(), fake.lead()
    fake.convert(alone, False)
    fake.hide(fake.convert(hidden))
    salesforce.later()
    for lead, why in (
        (alone, "Converted in Salesforce, but no opportunity is known."),
        (hidden, "Leadloop cannot see its opportunity in Salesforce."),
    ):
        page = show(rep, salesforce, lead)
        assert why in page
        assert 'name="outcome" value="converted"' in page
    listed = text(rep.get("/leads?status=in_pipeline"))
    assert "No opportunity known" in listed
    assert "hidden from Leadloop" in listed


def test_a_lead_with_an_open_deal_linked_by_hand_is_not_called_converted(rep, fake, salesforce):
    lead, deal = fake.lead(), fake.opportunity(LeadSource="Webinar")
    salesforce.later()
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    fake.reopen(deal)
    salesforce.later()
    page = show(rep, salesforce, lead)
    assert "It has an open opportunity in Salesforce." in page
    assert "Converted in Salesforce" not in page


def test_of_a_deal_linked_before_the_next_run_the_page_does_not_say_that_none_is_known(
    rep, fake, salesforce
):
    lead = fake.lead()
    fake.convert(lead, False)
    [deal] = without_a_lead(fake, salesforce)
    assert "no opportunity is known" in show(rep, salesforce, lead)
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada@x.org", now=salesforce.now))
    page = show(rep, salesforce, lead)
    assert "The next sync records what became of it." in page
    assert "no opportunity is known" not in page
    assert 'name="outcome" value="converted"' in page


def test_an_outcome_withdrawn_in_the_row_shows_the_deal_again(rep, salesforce, converted):
    key = salesforce.lead(converted[0]).key
    assert "Undo" in rep.post(f"/leads/{key}/row", data={"outcome": "lost"}).text
    row = rep.post(f"/leads/{key}/row", data={"outcome": "withdrawn"}).text
    assert "Engines, 40 seats" in row
    assert "<button" not in row


def test_an_outcome_from_a_page_of_before_the_pipeline_is_not_taken_silently(rep, fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    page = rep.get("/leads").text
    address = re.search(r'value="lost"[^>]+hx-post="([^"]+)"', page).group(1)
    fake.convert(lead)
    salesforce.later()
    answer = rep.post(address, data={"outcome": "lost"}, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "Not saved: in pipeline by now (Salesforce)" in text(answer)
    assert salesforce.lead(lead).status == "in_pipeline"
    address = re.search(r'value="lost"[^>]+hx-post="([^"]+)"', answer.text).group(1)
    assert rep.post(address, data={"outcome": "lost"}).status_code == 200
    assert salesforce.lead(lead).status == "lost"


def test_an_empty_pipeline_says_so(rep, write):
    write(lambda s: make_lead(s, "L-1"))
    assert "No lead in pipeline matches" in text(rep.get("/leads?status=in_pipeline"))


def test_a_lead_that_no_crm_has_links_nowhere(rep, write):
    lead = write(lambda s: make_lead(s, "L-1"))
    assert "in Salesforce" not in text(rep.get(f"/leads/{lead.key}"))


@pytest.fixture
def linked_by_hand(fake, salesforce):
    """A lead with a deal won, linked to it by Ada."""
    lead = fake.lead()
    [deal] = without_a_lead(fake, salesforce)
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada@x.org", now=salesforce.now))
    salesforce.later()
    return lead, deal


def test_a_manager_unlinks_on_the_lead_what_a_person_has_linked(
    mona, sign_in, salesforce, linked_by_hand
):
    lead, deal = linked_by_hand
    manager = sign_in(mona)
    page = show(manager, salesforce, lead)
    assert "ada<wbr>@x.org" in page
    [address] = re.findall(rf'action="(/sync/unmatched/{deal}/unlink/\d+)"', page)
    answer = text(manager.post(address, follow_redirects=True))
    assert "Unlinked. The next sync takes back what the link had brought." in answer
    assert address not in answer
    again = text(manager.post(address, follow_redirects=True))
    assert "This link was removed before. Nothing has changed." in again
    salesforce.later()
    assert salesforce.outcome(lead) is None


def test_a_link_by_hand_that_salesforce_came_to_say_too_can_be_removed(
    mona, sign_in, fake, salesforce, linked_by_hand
):
    lead, deal = linked_by_hand
    fake.convert(lead, deal)
    salesforce.later()
    manager = sign_in(mona)
    page = show(manager, salesforce, lead)
    assert "linked in Salesforce, and by ada<wbr>@x.org, " in page
    [address] = re.findall(rf'action="(/sync/unmatched/{deal}/unlink/\d+)"', page)
    answer = text(manager.post(address, follow_redirects=True))
    assert "Unlinked." in answer
    assert address not in answer
    assert salesforce.outcome(lead) is True


def test_until_the_next_run_an_unlinked_lead_says_why_its_outcome_still_stands(
    mona, sign_in, salesforce, linked_by_hand
):
    lead, deal = linked_by_hand
    manager = sign_in(mona)
    says = "was removed. The next sync takes back the outcome it brought."
    assert says not in show(manager, salesforce, lead)
    salesforce.write(lambda s: unmatched.unlink(s, deal, lead, "ada@x.org", now=salesforce.now))
    page = show(manager, salesforce, lead)
    assert f'">{deal}</a> {says}' in page
    assert deal in text(manager.get("/sync/unmatched"))
    salesforce.fake.clock.advance(minutes=1)
    salesforce.tick()
    assert says not in show(manager, salesforce, lead)
    assert "Started by" in (runs := text(manager.get("/sync/runs")))
    assert "after a change by ada@x.org" in runs


def test_a_rep_sees_the_link_and_cannot_remove_it(rep, salesforce, linked_by_hand):
    lead, deal = linked_by_hand
    page = show(rep, salesforce, lead)
    assert deal in page
    assert "/unlink/" not in page
    key = salesforce.lead(lead).key
    assert rep.post(f"/sync/unmatched/{deal}/unlink/{key}").status_code == 403


def test_a_link_that_salesforce_tells_says_so_and_has_no_unlink(
    mona, sign_in, fake, salesforce, converted
):
    lead, deal = converted
    manager = sign_in(mona)
    page = show(manager, salesforce, lead)
    assert "A link that comes from Salesforce can only be changed there." in page
    assert "/unlink/" not in page
    key = salesforce.lead(lead).key
    answer = manager.post(f"/sync/unmatched/{deal}/unlink/{key}")
    assert answer.status_code == 409
    assert "Salesforce itself links this opportunity to the lead." in text(answer)
