"""A link made by hand is taken back: what it has brought goes, and no sync brings it back."""

from datetime import timedelta

import pytest

from tests.connected import RITA
from tests.factories import make_outcome
from tests.salesforce.outcomes.test_pipeline_cases import NOT_CONVERTED
from webapp.services.accounts import audit
from webapp.services.crm import links, unmatched
from webapp.services.leads import leads

LAST = ("withdrawn", "4")


@pytest.fixture
def linked(fake, salesforce):
    """A lead and a deal won, linked to it by hand, and what that has brought."""
    lead = fake.lead()
    salesforce.later()
    deal = fake.opportunity(Name="Engines", LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    salesforce.later()
    assert salesforce.outcome(lead) is True
    return lead, deal


def unlink(salesforce, lead, deal):
    return salesforce.write(lambda s: unmatched.unlink(s, deal, lead, "ada", now=salesforce.now))


def listed(salesforce):
    """The deals on each list of people."""
    return [
        (state, row.deal_id)
        for state in ("open", "ignored", "linked")
        for row in salesforce.read(lambda s, state=state: unmatched.listed(s, state))
    ]


def last_recorded(salesforce, lead):
    rows = salesforce.read(lambda s: leads.outcome_history(s, leads.find(s, lead)))
    return max(rows, key=lambda row: row.key)


def last_reason(salesforce, lead):
    return last_recorded(salesforce, lead).reason


def test_the_outcome_that_the_link_had_brought_is_withdrawn(fake, salesforce, linked):
    lead, deal = linked
    assert unlink(salesforce, lead, deal)
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "Lb"), LAST]
    assert salesforce.lead(lead).status == "open"
    because = f"Salesforce: the link to its opportunity was removed by hand ({deal})"
    assert last_reason(salesforce, lead) == because


@pytest.mark.parametrize("is_linked_first", [True, False])
def test_of_two_deals_won_the_one_that_stays_linked_is_named_with_its_date(
    fake, salesforce, is_linked_first
):
    lead = fake.lead()
    salesforce.later()
    deals = [fake.opportunity(LeadSource="Webinar") for _ in range(2)]
    closed_at = {}
    for deal in deals:
        fake.clock.advance(hours=1)
        fake.close(deal, won=True)
        closed_at[deal] = fake.clock.now
    salesforce.later()
    # Of two that are won the older one decides, whichever was linked and recorded first.
    gone, stays = deals[:: 1 if is_linked_first else -1]
    for deal in (gone, stays):
        salesforce.write(
            lambda s, deal=deal: unmatched.link(s, deal, lead, "ada", now=salesforce.now)
        )
        salesforce.later()
    for there in (stays, gone, stays):
        other = gone if there == stays else stays
        unlink(salesforce, lead, other)
        salesforce.later()
        found = salesforce.lead(lead)
        assert (found.outcome, last_reason(salesforce, lead)) == (
            True,
            f"Salesforce: the opportunity linked by hand is won ({there})",
        )
        assert abs(found.outcome_at - closed_at[there]) <= timedelta(seconds=1)
        salesforce.write(
            lambda s, other=other: unmatched.link(s, other, lead, "ada", now=salesforce.now)
        )
        salesforce.later()


def test_later_syncs_do_not_bring_it_back(fake, salesforce, linked):
    lead, deal = linked
    unlink(salesforce, lead, deal)
    salesforce.later()
    fake.touch(deal)
    fake.close(deal, won=False)
    fake.update(lead, LeadSource="Referral")
    salesforce.next_day()
    assert salesforce.history(lead)[-1] == LAST


def test_it_comes_back_where_salesforce_says_so(fake, salesforce, linked):
    lead, deal = linked
    unlink(salesforce, lead, deal)
    salesforce.later()
    fake.convert(lead, deal)
    salesforce.later()
    last = last_recorded(salesforce, lead)
    assert (last.result, last.rule) == ("converted", "1b")
    salesforce.next_day()
    assert salesforce.read(unmatched.n_open) == 0


def test_the_deal_is_listed_again_with_its_name_and_can_be_linked_to_another(
    fake, salesforce, linked
):
    lead, deal = linked
    other = fake.lead()
    fake.clock.advance(days=30)
    salesforce.next_day()
    unlink(salesforce, lead, deal)
    salesforce.later()
    [entry] = salesforce.read(unmatched.listed)
    assert (entry.deal_id, entry.name, entry.stage) == (deal, "Engines", "Closed Won")
    salesforce.write(lambda s: unmatched.link(s, deal, other, "ada", now=salesforce.now))
    salesforce.later()
    assert (salesforce.outcome(lead), salesforce.outcome(other)) == (None, True)


def test_the_deal_is_listed_at_once_and_can_be_ignored_before_the_next_sync(
    fake, salesforce, linked
):
    lead, deal = linked
    unlink(salesforce, lead, deal)
    assert [row.deal_id for row in salesforce.read(unmatched.listed)] == [deal]
    salesforce.write(lambda s: unmatched.ignore(s, deal, "ada", now=salesforce.now))
    assert salesforce.read(unmatched.n_open) == 0
    salesforce.later()
    salesforce.next_day()
    assert salesforce.read(unmatched.n_open) == 0


def test_a_lead_leaves_the_pipeline_with_the_link_to_a_deal_that_is_open_again(
    fake, salesforce, linked
):
    lead, deal = linked
    fake.reopen(deal)
    salesforce.later()
    assert salesforce.lead(lead).status == "in_pipeline"
    unlink(salesforce, lead, deal)
    salesforce.later()
    assert salesforce.lead(lead).status == "open"
    # While it is open nobody has to look for its lead.
    assert salesforce.read(unmatched.n_open) == 0
    fake.close(deal, won=True)
    salesforce.later()
    assert [row.deal_id for row in salesforce.read(unmatched.listed)] == [deal]


def test_a_score_is_written_once_the_linked_deal_is_no_longer_won(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, False)
    salesforce.later()
    deal = fake.opportunity(Name="Engines", LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    fake.update(lead, **NOT_CONVERTED)
    salesforce.later()
    assert (salesforce.outcome(lead), fake.written(lead)) == (True, [])
    fake.close(deal, won=False)
    salesforce.later()
    assert (salesforce.outcome(lead), len(fake.written(lead))) == (False, 1)


def test_what_a_rep_has_said_stays(fake, salesforce, linked):
    lead, deal = linked
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    unlink(salesforce, lead, deal)
    salesforce.later()
    assert salesforce.outcome(lead) is False


def test_what_its_own_deal_says_counts_again(fake, salesforce, linked):
    lead, deal = linked
    own = fake.convert(lead)
    fake.close(own, won=False)
    salesforce.later()
    assert salesforce.outcome(lead) is True
    unlink(salesforce, lead, deal)
    salesforce.later()
    last = last_recorded(salesforce, lead)
    assert (last.result, last.rule) == ("lost", "1c")


def test_a_link_handed_over_by_a_merge_is_taken_back_from_the_lead_that_goes_on(
    fake, salesforce, linked
):
    lead, deal = linked
    survivor = fake.lead()
    salesforce.later()
    fake.merge(survivor, lead)
    salesforce.later()
    assert salesforce.outcome(survivor) is True
    assert unlink(salesforce, survivor, deal)
    salesforce.later()
    assert salesforce.outcome(survivor) is None


def test_unlinking_twice_is_unlinking_once(fake, salesforce, linked):
    lead, deal = linked
    assert unlink(salesforce, lead, deal)
    assert not unlink(salesforce, lead, deal)
    entries = [(e.actor, e.action, e.subject, e.detail) for e in salesforce.read(audit.latest)]
    assert entries.count(("ada", "unlinked opportunity", deal, {"lead": lead})) == 1


def test_what_salesforce_says_itself_is_not_unlinked_here(fake, salesforce):
    lead = fake.lead()
    deal = fake.convert(lead)
    fake.close(deal, won=True)
    salesforce.later()
    with pytest.raises(unmatched.NamedByCrm, match="Salesforce itself"):
        unlink(salesforce, lead, deal)
    assert salesforce.read(lambda s: links.of_leads(s, [lead]))[lead]
    assert salesforce.outcome(lead) is True


def test_a_link_that_salesforce_came_to_say_too_is_taken_back_and_the_outcome_stays(
    fake, salesforce, linked
):
    lead, deal = linked
    fake.convert(lead, deal)
    salesforce.later()
    assert unlink(salesforce, lead, deal)
    assert listed(salesforce) == []
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "Lb")]
    with pytest.raises(unmatched.NamedByCrm):
        unlink(salesforce, lead, deal)


def test_a_link_is_taken_back_of_a_lead_that_cannot_be_seen_any_more(fake, salesforce, linked):
    lead, deal = linked
    salesforce.settings.sync_max_lost_percent = 100
    fake.hide(lead)
    salesforce.later()
    unlink(salesforce, lead, deal)
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "Lb"), LAST]


def test_the_deal_can_be_linked_to_another_before_the_next_run(fake, salesforce, linked):
    lead, deal = linked
    other = fake.lead()
    salesforce.later()
    unlink(salesforce, lead, deal)
    assert listed(salesforce) == [("open", deal)]
    assert salesforce.read(unmatched.n_open) == 1
    salesforce.write(lambda s: unmatched.link(s, deal, other, "ada", now=salesforce.now))
    salesforce.later()
    assert (salesforce.outcome(lead), salesforce.outcome(other)) == (None, True)


def test_what_its_contact_has_a_part_in_is_not_unlinked_here(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, opportunity=False)
    deal = fake.opportunity(LeadSource="Webinar")
    fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.next_day()
    with pytest.raises(unmatched.NamedByCrm):
        unlink(salesforce, lead, deal)


def test_a_listed_deal_that_is_open_for_a_night_is_listed_again_once_it_closes(fake, salesforce):
    salesforce.later()
    deal = fake.opportunity(Name="Engines", LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    fake.reopen(deal)
    salesforce.next_day()
    assert salesforce.read(unmatched.n_open) == 0
    fake.close(deal, won=True)
    salesforce.later()
    assert [row.deal_id for row in salesforce.read(unmatched.listed)] == [deal]


def test_an_ignored_deal_stays_ignored_through_a_night_in_which_it_is_open(fake, salesforce):
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.ignore(s, deal, "ada", now=salesforce.now))
    fake.reopen(deal)
    salesforce.next_day()
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.read(unmatched.n_open) == 0
    assert [r.deal_id for r in salesforce.read(lambda s: unmatched.listed(s, "ignored"))] == [deal]
