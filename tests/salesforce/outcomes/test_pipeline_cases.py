"""A converted lead whose deal is open is in the pipeline, from its conversion to its outcome."""

import pytest
import sqlalchemy as sa

from tests.conftest import ON_BOTH
from tests.factories import FIELDS, make_outcome
from webapp.crm_tables import CrmDeal
from webapp.services.crm import connections, crm_records, pending_writes, unmatched
from webapp.services.leads import lead_query, lead_table, leads, removal
from webapp.services.models import monitor_samples, training_data
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import Score

RITA = Attribution("rep", "rita@example.com")
NOT_CONVERTED = dict.fromkeys(
    ("ConvertedDate", "ConvertedOpportunityId", "ConvertedContactId", "ConvertedAccountId")
) | {"IsConverted": False, "Status": "Working - Contacted"}


@pytest.fixture
def converted(fake, salesforce):
    """A lead that was open here, and its deal."""
    lead = fake.lead(LeadSource="Web", Company="Acme")
    salesforce.later()
    deal = fake.convert(lead)
    salesforce.later()
    return lead, deal


def listed(salesforce, status):
    query = lead_query.read({"status": status})
    page = salesforce.read(lambda s: lead_table.page(s, FIELDS, query))
    assert page.n_leads == len(page.rows)
    return {row.lead.lead_id: row for row in page.rows}


def status(salesforce, lead):
    """The lead's status, which its score repeats and the lead table lists."""
    found = salesforce.lead(lead)
    shown = salesforce.read(
        lambda s: s.scalars(sa.select(Score.status).where(Score.lead_key == found.key)).all()
    )
    assert shown == [found.status]
    assert lead in listed(salesforce, found.status)
    return found.status


def deal_of(salesforce, lead):
    key = salesforce.lead(lead).key
    return salesforce.read(lambda s: crm_records.of_leads(s, [key])[key]).deal


def test_a_lead_whose_deal_is_open_leaves_the_open_leads(fake, salesforce, converted):
    lead, deal = converted
    assert status(salesforce, lead) == "in_pipeline"
    assert listed(salesforce, "open") == {}
    shown = listed(salesforce, "in_pipeline")[lead].deal
    assert (shown.name, shown.is_open) == ("Acme-", True)
    assert shown.stage == fake.get(deal)["StageName"]
    assert shown.address == f"{fake.url}/{deal}"
    assert salesforce.history(lead) == []


def test_the_stage_follows_the_deal(fake, salesforce, converted):
    lead, deal = converted
    fake.update(deal, StageName="Qualification", Name="Acme, 40 seats")
    salesforce.later()
    assert (deal_of(salesforce, lead).name, deal_of(salesforce, lead).stage) == (
        "Acme, 40 seats",
        "Qualification",
    )


@pytest.mark.parametrize(("won", "outcome"), [(True, "converted"), (False, "lost")])
def test_it_gets_its_outcome_when_the_deal_closes(won, outcome, fake, salesforce, converted):
    lead, deal = converted
    fake.close(deal, won=won)
    salesforce.later()
    assert status(salesforce, lead) == outcome
    assert deal_of(salesforce, lead).name is None  # kept while it is open
    fake.reopen(deal)
    salesforce.later()
    assert status(salesforce, lead) == "in_pipeline"
    assert deal_of(salesforce, lead).name == "Acme-"


def test_a_conversion_taken_back_opens_it_again(fake, salesforce, converted):
    lead, _ = converted
    fake.update(lead, **NOT_CONVERTED)
    salesforce.later()
    assert status(salesforce, lead) == "open"
    assert deal_of(salesforce, lead) is None
    assert salesforce.history(lead) == []


def test_the_score_of_one_that_opens_again_is_written_once(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.convert(lead)
    # What became due meanwhile is dropped: the second run has nothing new to offer.
    salesforce.later()
    salesforce.later()
    assert fake.written(lead) == []
    for _ in range(2):
        fake.update(lead, **NOT_CONVERTED)
        salesforce.later()
        salesforce.later()
        fake.convert(lead)
        salesforce.later()
    assert len(fake.written(lead)) == 1


def test_a_deleted_deal_opens_it_again_and_an_undeleted_one_does_not(fake, salesforce, converted):
    lead, deal = converted
    fake.delete(deal)
    salesforce.later()
    assert status(salesforce, lead) == "open"
    fake.undelete(deal)
    salesforce.later()
    assert status(salesforce, lead) == "in_pipeline"


def test_a_lead_first_seen_converted_was_never_open(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead)
    salesforce.later()
    assert status(salesforce, lead) == "in_pipeline"


@ON_BOTH
def test_a_deal_known_before_its_lead_gets_its_name_with_it(fake, salesforce):
    deal = fake.opportunity(Name="Renewal")
    salesforce.later()
    nameless = sa.select(CrmDeal.name)
    assert salesforce.read(lambda s: s.scalars(nameless).all()) == [None]
    lead = fake.lead()
    fake.convert(lead, deal)
    # Its conversion did not touch the deal.
    fake.clock.advance(hours=1)
    salesforce.later()
    assert deal_of(salesforce, lead).name == "Renewal"


def test_a_conversion_without_a_deal_is_no_open_lead_either(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, False)
    salesforce.later()
    assert status(salesforce, lead) == "in_pipeline"
    assert deal_of(salesforce, lead) is None


def test_of_several_deals_an_open_one_keeps_it_until_one_is_won_or_all_are_lost(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, False)
    contact = fake.get(lead)["ConvertedContactId"]
    deals: list[str] = []
    for _ in range(2):
        fake.clock.advance(days=1)
        deals.append(fake.opportunity(Name=f"Deal {len(deals)}"))
        fake.contact_role(deals[-1], contact)
    fake.close(deals[0], won=False)
    salesforce.later()
    salesforce.next_day()
    assert status(salesforce, lead) == "in_pipeline"
    assert deal_of(salesforce, lead).name == "Deal 1"
    fake.close(deals[1], won=False)
    salesforce.later()
    assert status(salesforce, lead) == "lost"
    fake.close(deals[0], won=True)
    salesforce.later()
    assert status(salesforce, lead) == "converted"


def test_what_a_rep_reports_counts_before_it(salesforce, converted):
    lead, _ = converted
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    assert status(salesforce, lead) == "lost"
    salesforce.write(lambda s: make_outcome(s, lead, None, attribution=RITA, now=salesforce.now))
    assert status(salesforce, lead) == "in_pipeline"


@ON_BOTH
def test_its_score_is_not_written(fake, salesforce):
    """Nor that of a lead which is not converted, and whose deal a person has linked to it."""
    lead = fake.lead()
    deal = fake.opportunity(LeadSource="Webinar")
    salesforce.later()
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    fake.reopen(deal)
    salesforce.later()
    assert status(salesforce, lead) == "in_pipeline"
    assert len(fake.written(lead)) == 1
    key = salesforce.lead(lead).key
    make_due = sa.update(pending_writes.CrmScoreWrite).where(
        pending_writes.CrmScoreWrite.lead_key == key
    )
    salesforce.write(lambda s: s.execute(make_due.values(state="due")))
    salesforce.later()
    assert len(fake.written(lead)) == 1


@ON_BOTH
def test_it_is_no_open_lead_to_models_and_no_pick_to_explore(salesforce, converted):
    lead = salesforce.lead(converted[0])
    samples = salesforce.read(lambda s: monitor_samples.read(s, salesforce.now))
    assert sum(samples.scored_by_score) == 0
    assert salesforce.read(lambda s: training_data.newest_open(s, FIELDS)) == []
    assert not leads.is_explored(lead, 100)
    query = lead_query.read({"status": "all", "explore": "yes"})
    page = salesforce.read(lambda s: lead_table.page(s, FIELDS, query, explore_percent=100))
    assert page.rows == []


@ON_BOTH
def test_without_the_connection_it_is_open_again(salesforce, converted):
    lead, _ = converted
    salesforce.write(lambda s: connections.disconnect(s, "ada", salesforce.now))
    assert status(salesforce, lead) == "open"
    assert salesforce.read(lambda s: crm_records.of_leads(s, [salesforce.lead(lead).key])) == {}


@ON_BOTH
def test_an_erased_lead_takes_the_name_of_its_open_deal_with_it(salesforce, converted):
    key = salesforce.lead(converted[0]).key
    salesforce.write(lambda s: removal.erase(s, [key], "ada", salesforce.now))
    named = sa.select(CrmDeal.name, CrmDeal.stage)
    assert salesforce.read(lambda s: s.execute(named).all()) == [(None, None)]


def test_a_change_of_rules_moves_it(salesforce, converted):
    lead, _ = converted
    salesforce.rules(milestone="deal_created")
    salesforce.later()
    assert status(salesforce, lead) == "converted"
    salesforce.rules(milestone="deal_won")
    salesforce.later()
    assert status(salesforce, lead) == "in_pipeline"
