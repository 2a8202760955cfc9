"""What can become of a lead in Salesforce, case by case, through the whole sync."""

import pytest
import sqlalchemy as sa

from tests.conftest import ON_BOTH
from tests.factories import make_outcome
from webapp.crm_tables import CrmLead
from webapp.services.crm import links
from webapp.services.leads import leads
from webapp.services.outcomes import label_counts
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import AuditEntry, Lead, Score

RITA = Attribution("rep", "rita@example.com")


@pytest.fixture
def won(fake, salesforce):
    """A lead whose deal is won, and its deal."""
    lead = fake.lead(LeadSource="Web")
    deal = fake.convert(lead)
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "1b")]
    return lead, deal


def test_a_reopened_deal_withdraws_the_outcome(fake, salesforce, won):
    lead, deal = won
    fake.reopen(deal)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.history(lead) == [
        ("converted", "1b"),
        ("withdrawn", "1d"),
        ("converted", "1b"),
    ]


def test_a_reopened_deal_withdraws_only_what_salesforce_said(fake, salesforce, won):
    lead, deal = won
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    fake.clock.advance(minutes=5)
    fake.reopen(deal)
    salesforce.later()
    assert salesforce.outcome(lead) is False


def test_won_then_lost_then_open_again_is_open(fake, salesforce, won):
    lead, deal = won
    fake.clock.advance(minutes=1)
    fake.close(deal, won=False)
    salesforce.later()
    fake.reopen(deal)
    salesforce.later()
    assert salesforce.outcome(lead) is None


def test_won_then_lost_is_lost(fake, salesforce, won):
    lead, deal = won
    fake.clock.advance(minutes=1)
    fake.close(deal, won=False)
    salesforce.later()
    assert salesforce.outcome(lead) is False
    assert salesforce.history(lead) == [("converted", "1b"), ("lost", "1c")]


def test_lost_then_won_is_won(fake, salesforce):
    lead = fake.lead()
    deal = fake.convert(lead)
    fake.close(deal, won=False)
    salesforce.later()
    assert salesforce.outcome(lead) is False
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.outcome(lead) is True


def test_a_deleted_deal_withdraws_the_outcome_and_an_undeleted_one_brings_it_back(
    fake, salesforce, won
):
    lead, deal = won
    fake.delete(deal)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    fake.undelete(deal)
    salesforce.later()
    assert salesforce.history(lead)[1:] == [("withdrawn", "1a"), ("converted", "1b")]


@ON_BOTH
def test_a_deleted_lead_is_hidden_without_an_outcome_and_comes_back_undeleted(
    fake, salesforce, won
):
    lead, _ = won
    fake.delete(lead)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    assert n_scores(salesforce, lead) == 0
    fake.undelete(lead)
    salesforce.later()
    assert salesforce.outcome(lead) is True
    assert n_scores(salesforce, lead) == 1


def n_scores(salesforce, lead_id):
    query = sa.select(sa.func.count()).select_from(Score).join(Lead, Lead.key == Score.lead_key)
    return salesforce.read(lambda s: s.scalar(query.where(Lead.lead_id == lead_id)))


def test_a_lead_merged_before_its_outcome_goes_on_as_the_other(fake, salesforce):
    winner, loser = fake.lead(), fake.lead()
    salesforce.later()
    fake.merge(winner, loser)
    salesforce.later()
    assert salesforce.lead(loser).lead_id == winner
    assert n_scores(salesforce, loser) == 0
    deal = fake.convert(winner)
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.outcome(loser) is True


@ON_BOTH
def test_a_lead_merged_after_its_outcome_hands_over_what_a_rep_said(fake, salesforce):
    winner, loser = fake.lead(), fake.lead()
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, loser, False, attribution=RITA, now=salesforce.now))
    fake.merge(winner, loser)
    salesforce.later()
    assert salesforce.history(winner) == [("lost", "merged")]
    loser_rows = salesforce.read(
        lambda s: s.scalars(sa.select(Lead.outcome).where(Lead.lead_id == loser)).all()
    )
    assert loser_rows == [None]


@ON_BOTH
def test_a_chain_of_merges_ends_at_the_last_lead(fake, salesforce):
    first, second, third = fake.lead(), fake.lead(), fake.lead()
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, first, True, attribution=RITA, now=salesforce.now))
    fake.merge(second, first)
    salesforce.later()
    fake.merge(third, second)
    salesforce.later()
    assert salesforce.lead(first).lead_id == third
    assert salesforce.outcome(first) is True


def test_both_merges_of_a_chain_in_one_page_give_the_same(fake, salesforce):
    first, second, third = fake.lead(), fake.lead(), fake.lead()
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, first, True, attribution=RITA, now=salesforce.now))
    fake.merge(second, first)
    fake.merge(third, second)
    salesforce.later()
    assert salesforce.lead(first).lead_id == third
    assert salesforce.outcome(third) is True


def test_converted_without_a_deal_waits_and_then_follows_the_policy(fake, salesforce):
    salesforce.rules(no_deal="lost", no_deal_days=30)
    lead = fake.lead()
    fake.convert(lead, False)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    salesforce.later(days=20)
    assert salesforce.outcome(lead) is None
    salesforce.later(days=12)
    assert salesforce.history(lead) == [("lost", "2n")]


def contact_of(fake, lead):
    return fake.get(lead)["ConvertedContactId"]


def test_a_deal_found_later_by_its_contact_counts(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, False)
    salesforce.later()
    fake.clock.advance(days=3)
    deal = fake.opportunity()
    fake.contact_role(deal, contact_of(fake, lead))
    salesforce.next_day()
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "2b")]


def test_of_two_candidates_the_won_deal_counts_and_is_marked(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, False)
    for won in (False, True):
        fake.clock.advance(days=1)
        deal = fake.opportunity()
        fake.contact_role(deal, contact_of(fake, lead))
        fake.close(deal, won=won)
    salesforce.later()
    salesforce.next_day()
    assert salesforce.outcome(lead) is True
    row = salesforce.read(lambda s: leads.outcome_history(s, leads.find(s, lead))[0])
    assert "the opportunity of its contact is won, one of several" in row.reason


@ON_BOTH
def test_three_leads_on_one_deal_share_its_outcome(fake, salesforce):
    some = [fake.lead() for _ in range(3)]
    deal = fake.convert(some[0])
    for lead in some[1:]:
        fake.convert(lead, deal)
    fake.close(deal, won=False)
    salesforce.later()
    assert [salesforce.outcome(lead) for lead in some] == [False] * 3


def test_a_renamed_stage_changes_nothing(fake, salesforce, won):
    lead, _ = won
    fake.rename_stage("Closed Won", "Gewonnen")
    salesforce.next_day()
    assert salesforce.history(lead) == [("converted", "1b")]


def test_a_stage_that_becomes_lost_is_seen_by_the_next_day(fake, salesforce):
    lead = fake.lead()
    deal = fake.convert(lead)
    fake.update(deal, StageName="Qualification")
    salesforce.later()
    fake.change_stage_type("Qualification", is_closed=True, is_won=False)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    salesforce.next_day()
    assert salesforce.outcome(lead) is False
    fake.change_stage_type("Qualification", is_closed=False, is_won=False)
    salesforce.next_day()
    fake.change_stage_type("Qualification", is_closed=True, is_won=False)
    salesforce.next_day()
    assert salesforce.history(lead) == [("lost", "1c"), ("withdrawn", "1d"), ("lost", "1c")]


def test_a_deal_that_arrives_before_its_lead_counts_when_the_lead_comes(fake, salesforce):
    with fake.late_commit(seconds=400):
        lead = fake.lead(LeadSource="Web")
    fake.clock.advance(seconds=1)
    deal = fake.opportunity(LeadSource="Web")
    fake.close(deal, won=True)
    salesforce.later(seconds=60)
    fake.clock.advance(seconds=400)
    fake.convert(lead, deal)
    salesforce.later()
    assert salesforce.outcome(lead) is True


@ON_BOTH
def test_a_deal_that_we_may_not_see_is_pending_and_counted(fake, salesforce):
    lead = fake.lead()
    deal = fake.convert(lead)
    fake.close(deal, won=True)
    fake.hide(deal)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    assert salesforce.read(links.counts) == {"leads": 1, "with_deal": 1, "unreadable": 1}
    n_calls = salesforce.later().result["n_calls"]
    assert n_calls == 4, "it is not asked for again at each run"
    fake.show(deal)
    salesforce.next_day()
    assert salesforce.outcome(lead) is True
    assert salesforce.read(links.counts)["unreadable"] == 0


@ON_BOTH
def test_a_deleted_lead_teaches_nothing_though_a_rep_spoke_after_a_withdrawal(fake, salesforce):
    lead = fake.lead()
    deal = fake.convert(lead)
    fake.close(deal, won=False)
    salesforce.later()
    fake.reopen(deal)
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, lead, True, attribution=RITA, now=salesforce.now))
    fake.clock.advance(minutes=5)
    fake.delete(lead)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    recorded = salesforce.history(lead)
    salesforce.later(days=1, minutes=1)
    assert salesforce.history(lead) == recorded
    assert salesforce.read(label_counts.by_class) == (0, 0)


def test_what_a_rep_reported_of_a_deleted_lead_counts_once_it_is_undeleted(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    at = salesforce.lead(lead).outcome_at
    fake.delete(lead)
    salesforce.later()
    assert (salesforce.outcome(lead), salesforce.history(lead)) == (None, [("lost", None)])
    fake.undelete(lead)
    salesforce.later()
    assert (salesforce.outcome(lead), salesforce.history(lead)) == (False, [("lost", None)])
    assert salesforce.lead(lead).outcome_at == at
    shown = sa.select(Score.status).where(Score.lead_key == salesforce.lead(lead).key)
    assert salesforce.read(lambda s: s.scalars(shown).all()) == ["lost"]


def test_what_is_withdrawn_while_the_lead_is_deleted_does_not_come_back(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    fake.delete(lead)
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, lead, None, attribution=RITA, now=salesforce.now))
    fake.undelete(lead)
    salesforce.later()
    assert salesforce.outcome(lead) is None


@ON_BOTH
def test_a_purged_lead_is_erased_here_too(fake, salesforce):
    lead, other = fake.lead(LastName="Secret"), fake.lead()
    salesforce.later()
    salesforce.write(lambda s: make_outcome(s, lead, True, attribution=RITA, now=salesforce.now))
    fake.delete(lead)
    fake.purge(lead)
    salesforce.next_day()
    with pytest.raises(leads.LeadNotFound):
        salesforce.lead(lead)
    assert salesforce.read(lambda s: s.get(CrmLead, lead)) is None
    actions = salesforce.read(
        lambda s: s.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.key)).all()
    )
    assert "erased a lead" in actions
    assert salesforce.lead(other).lead_id == other


@ON_BOTH
def test_a_disqualified_status_is_lost_once_it_was_chosen(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    fake.update(lead, Status="Closed - Not Converted")
    salesforce.later()
    assert salesforce.outcome(lead) is None
    salesforce.rules(disqualified=["Closed - Not Converted"])
    n_calls = salesforce.later().result["n_calls"]
    assert salesforce.history(lead) == [("lost", "3")]
    assert n_calls == 4, "the rule is applied to what is here"
    fake.update(lead, Status="Working - Contacted")
    salesforce.later()
    assert salesforce.history(lead) == [("lost", "3"), ("withdrawn", "4")]
