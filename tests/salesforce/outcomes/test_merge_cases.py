"""Leads merged into others before they were first read: their ids mean the lead that goes on."""

import pytest
import sqlalchemy as sa

from sync.salesforce import soql
from tests.factories import make_lead, make_outcome
from webapp.crm_tables import CrmLead
from webapp.services.crm import unmatched
from webapp.services.imports import erasure
from webapp.services.leads import leads
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import Lead

RITA = Attribution("rep", "rita@example.com")


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both by the other cases and tests/pages/crm."""
    return "sqlite"


@pytest.fixture
def merged(fake, salesforce):
    """The lead that goes on, and one that was merged into it before either was read."""
    winner, loser = fake.lead(LeadSource="Webinar"), fake.lead(LeadSource="Referral")
    fake.merge(winner, loser)
    salesforce.later()
    return winner, loser


def test_the_other_id_means_the_lead_that_goes_on(fake, salesforce, merged):
    winner, loser = merged
    assert salesforce.lead(loser).lead_id == winner
    fake.close(fake.convert(winner), won=True)
    salesforce.later()
    assert salesforce.outcome(loser) is True
    assert fake.written(loser) == []


def test_a_program_that_names_the_other_id_speaks_of_the_lead_that_goes_on(salesforce, merged):
    winner, loser = merged
    salesforce.write(lambda s: make_outcome(s, loser, False, now=salesforce.now))
    scored = salesforce.write(lambda s: make_lead(s, loser, now=salesforce.now, email_opens=7))
    assert scored.lead_id == winner
    assert salesforce.history(winner) == [("lost", None)]


def test_a_deal_can_be_linked_by_the_other_id(fake, salesforce, merged):
    winner, loser = merged
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, loser, "ada", now=salesforce.now))
    salesforce.later()
    assert salesforce.history(winner) == [("converted", "Lb")]


def test_a_deal_linked_to_it_by_hand_goes_over_to_the_lead_that_goes_on(fake, salesforce):
    winner, loser = fake.lead(), fake.lead()
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, loser, "ada", now=salesforce.now))
    salesforce.later()
    fake.merge(winner, loser)
    salesforce.later()
    assert salesforce.lead(loser).lead_id == winner
    assert salesforce.history(winner) == [("converted", "Lb")]
    fake.reopen(deal)
    salesforce.later()
    assert salesforce.outcome(winner) is None


def test_what_was_said_of_it_before_goes_over_to_the_lead_that_goes_on(fake, salesforce):
    winner, loser = fake.lead(), fake.lead()
    salesforce.write(lambda s: make_lead(s, loser, now=salesforce.now))
    salesforce.write(lambda s: make_outcome(s, loser, False, attribution=RITA, now=salesforce.now))
    fake.merge(winner, loser)
    salesforce.later()
    assert salesforce.history(loser) == [("lost", "merged")]
    assert salesforce.lead(loser).lead_id == winner


def test_duplicates_with_one_external_id_are_one_lead(fake, salesforce):
    salesforce.rules(external_id_field="Website")
    loser, winner = fake.lead(Website="L-7"), fake.lead(Website="L-7")
    fake.merge(winner, loser)
    salesforce.later()
    assert salesforce.lead("L-7").crm_id == winner
    assert salesforce.lead(loser).crm_id == winner


def test_a_chain_of_merges_read_one_by_one_ends_at_the_last_lead(fake, salesforce, monkeypatch):
    monkeypatch.setattr(soql, "PAGE_ROWS", 1)
    first, second, third = fake.lead(), fake.lead(), fake.lead()
    fake.merge(second, first)
    fake.clock.advance(seconds=5)
    fake.merge(third, second)
    fake.clock.advance(seconds=5)
    fake.touch(second)
    fake.clock.advance(seconds=5)
    fake.touch(third)
    salesforce.later()
    assert {salesforce.lead(i).lead_id for i in (first, second, third)} == {third}


def test_its_id_is_nobody_s_while_the_lead_that_goes_on_cannot_be_seen(fake, salesforce):
    winner, loser = fake.lead(), fake.lead()
    fake.hide(winner)
    fake.merge(winner, loser)
    salesforce.later()
    assert shown(salesforce) == []
    fake.show(winner)
    salesforce.next_day()
    assert shown(salesforce) == [winner]
    assert salesforce.lead(loser).lead_id == winner


def test_one_that_is_purged_stays_the_alias_of_the_lead_that_goes_on(
    fake, salesforce, merged, monkeypatch
):
    winner, loser = merged
    asked: list[set[str]] = []

    def naming(session, folder, people, now):
        asked.append(people)
        return []

    monkeypatch.setattr(erasure, "naming", naming)
    fake.purge(loser)
    salesforce.next_day()
    assert salesforce.lead(loser).lead_id == winner
    fake.delete(winner)
    salesforce.next_day()
    assert asked == [], "it may still be restored"
    fake.purge(winner)
    salesforce.next_day()
    assert {winner.casefold(), loser.casefold()} <= asked[0]
    for lead in merged:
        with pytest.raises(leads.LeadNotFound):
            salesforce.lead(lead)


def test_one_that_was_purged_before_the_lead_that_goes_on_was_read_means_that_lead(
    fake, salesforce, monkeypatch
):
    monkeypatch.setattr(soql, "PAGE_ROWS", 1)
    winner, loser = fake.lead(), fake.lead(LeadSource="Referral")
    fake.hide(winner)
    fake.merge(winner, loser)
    salesforce.later()
    fake.purge(loser)
    fake.show(winner)
    fake.update(winner, LeadSource="Webinar")
    salesforce.next_day()
    salesforce.later()
    assert salesforce.lead(loser).lead_id == winner


def test_one_that_was_merged_into_a_purged_lead_is_gone_with_it(fake, salesforce):
    winner, loser = fake.lead(), fake.lead(LeadSource="Referral")
    salesforce.later()
    fake.merge(winner, loser)
    salesforce.later()
    fake.delete(winner)
    salesforce.later()
    fake.purge(winner)
    # The night erases both; the run after it reads the last days again.
    salesforce.next_day()
    salesforce.later()
    assert salesforce.read(lambda s: s.scalars(sa.select(Lead.lead_id)).all()) == []
    fake.purge(loser)
    salesforce.next_day()
    assert salesforce.read(lambda s: s.scalars(sa.select(CrmLead.id)).all()) == []


def shown(salesforce):
    query = sa.select(Lead.lead_id).where(Lead.removed_at.is_(None))
    return salesforce.read(lambda s: s.scalars(query).all())


def test_one_that_is_taken_out_of_its_merge_is_scored_by_its_own_inputs(fake, salesforce, merged):
    _, loser = merged
    fake.undelete(loser)
    salesforce.later()
    lead = salesforce.lead(loser)
    assert (lead.lead_id, lead.lead_source) == (loser, "Referral")
    [snapshot] = salesforce.read(lambda s: leads.snapshots(s, leads.find(s, loser)))
    assert snapshot.inputs["lead_source"] == "Referral"
    assert salesforce.read(lambda s: leads.current_probability(s, lead)) == snapshot.probability
