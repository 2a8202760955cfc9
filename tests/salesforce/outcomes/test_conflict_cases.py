"""People and Salesforce say different things: listed with both sides, settled by word or rule."""

import pytest
import sqlalchemy as sa

from sync.crm import phases
from tests.connected import RITA, dispute
from tests.factories import make_outcome
from webapp.crm_tables import CrmUnmatched
from webapp.services.crm import conflicts, unmatched
from webapp.services.leads import leads, removal
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import OutcomeEvent
from webapp.tables import NEVER_WORKED


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both by the other cases and tests/pages/crm."""
    return "sqlite"


@pytest.fixture
def disputed(fake, salesforce):
    """Rita says lost, then Salesforce says won."""
    return dispute(fake, salesforce)


def listed(salesforce):
    found = salesforce.read(conflicts.listed)
    return [(row.lead.lead_id, row.rep.result, row.crm.result) for row in found]


def test_a_disagreement_is_listed_with_both_sides_and_the_newest_counts_meanwhile(
    salesforce, disputed
):
    assert listed(salesforce) == [(disputed, "lost", "converted")]
    assert salesforce.outcome(disputed) is True
    salesforce.later()
    assert len(listed(salesforce)) == 1


def test_a_rep_s_click_after_salesforce_is_a_disagreement_too(fake, salesforce):
    lead = fake.lead()
    fake.close(fake.convert(lead), won=True)
    salesforce.later()
    fake.clock.advance(minutes=5)
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    salesforce.later()
    assert listed(salesforce) == [(lead, "lost", "converted")]
    assert salesforce.outcome(lead) is False


def test_a_lead_never_worked_here_and_won_in_salesforce_is_a_disagreement_too(fake, salesforce):
    lead = dispute(fake, salesforce, result=NEVER_WORKED)
    assert listed(salesforce) == [(lead, NEVER_WORKED, "converted")]
    [row] = salesforce.read(conflicts.listed)
    key = row.conflict.key
    salesforce.write(lambda s: conflicts.resolve(s, key, "rep", "ada", now=salesforce.now))
    assert salesforce.read(lambda s: leads.find(s, lead).is_never_worked)


@pytest.mark.parametrize(("kept", "expected"), [("rep", False), ("crm", True)])
def test_a_person_settles_it(salesforce, disputed, kept, expected):
    [row] = salesforce.read(conflicts.listed)
    key = row.conflict.key
    salesforce.write(lambda s: conflicts.resolve(s, key, kept, "ada", now=salesforce.now))
    assert salesforce.outcome(disputed) is expected
    salesforce.later()
    assert listed(salesforce) == []
    with pytest.raises(conflicts.ConflictNotFound):
        salesforce.write(lambda s: conflicts.resolve(s, key, kept, "ada", now=salesforce.now))


@pytest.mark.parametrize(("rule", "expected"), [("newest", True), ("rep", False), ("crm", True)])
def test_a_rule_settles_it(fake, salesforce, rule, expected):
    salesforce.rules(conflicts=rule)
    lead = dispute(fake, salesforce)
    assert listed(salesforce) == []
    assert salesforce.outcome(lead) is expected


def test_what_was_resolved_for_a_rep_ends_when_the_rep_withdraws(fake, salesforce, disputed):
    [row] = salesforce.read(conflicts.listed)
    key = row.conflict.key
    salesforce.write(lambda s: conflicts.resolve(s, key, "rep", "ada", now=salesforce.now))
    fake.clock.advance(minutes=1)
    salesforce.write(
        lambda s: make_outcome(s, disputed, None, attribution=RITA, now=salesforce.now)
    )
    for _ in range(2):
        salesforce.later()
        assert salesforce.outcome(disputed) is True
        assert listed(salesforce) == []


def test_an_outcome_of_salesforce_that_a_rep_withdraws_counts_again_with_the_next_sync(
    fake, salesforce
):
    salesforce.rules(disqualified=["Closed - Not Converted"])
    lead = fake.lead(Status="Closed - Not Converted")
    salesforce.later()

    def withdraw(session):
        event = OutcomeEvent(leads.find(session, lead, lock=True), None, RITA, withdraws="counting")
        outcomes.record_many(session, [event], now=salesforce.now)

    salesforce.write(withdraw)
    assert salesforce.outcome(lead) is None
    for _ in range(2):
        salesforce.later()
        # By time of happening: what counts again is dated as before.
        assert salesforce.history(lead) == [("lost", "3"), ("lost", "3"), ("withdrawn", None)]
    assert salesforce.outcome(lead) is False
    salesforce.write(withdraw)
    fake.update(lead, Status="Working - Contacted")
    salesforce.later()
    assert salesforce.outcome(lead) is None


def test_salesforce_wins_over_a_later_click_where_that_is_the_rule(fake, salesforce):
    salesforce.rules(conflicts="crm")
    lead = fake.lead()
    fake.close(fake.convert(lead), won=True)
    salesforce.later()
    fake.clock.advance(minutes=5)
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    salesforce.later()
    assert salesforce.outcome(lead) is True


def test_agreement_closes_it(salesforce, disputed):
    salesforce.write(
        lambda s: make_outcome(s, disputed, True, attribution=RITA, now=salesforce.now)
    )
    salesforce.later()
    assert listed(salesforce) == []


def test_a_settled_one_comes_back_when_salesforce_changes_its_mind(fake, salesforce, disputed):
    [row] = salesforce.read(conflicts.listed)
    key = row.conflict.key
    salesforce.write(lambda s: conflicts.resolve(s, key, "crm", "ada", now=salesforce.now))
    deal = fake.get(disputed)["ConvertedOpportunityId"]
    fake.reopen(deal)
    salesforce.later()
    fake.close(deal, won=True)
    salesforce.later()
    assert listed(salesforce) == [(disputed, "lost", "converted")]


def test_a_closed_deal_without_a_lead_is_listed_and_can_be_linked(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    fake.opportunity(LeadSource=None)
    salesforce.later()
    assert [u.deal_id for u in salesforce.read(unmatched.listed)] == [deal]
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "Lb")]
    assert salesforce.read(unmatched.n_open) == 0
    fake.close(deal, won=False)
    salesforce.later()
    assert salesforce.outcome(lead) is False


def test_an_unmatched_deal_can_be_ignored_and_does_not_come_back(fake, salesforce):
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.ignore(s, deal, "ada", now=salesforce.now))
    fake.touch(deal)
    salesforce.later()
    assert salesforce.read(unmatched.n_open) == 0


def test_an_unmatched_deal_leaves_the_list_when_its_lead_comes(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    fake.convert(lead, deal)
    salesforce.next_day()
    assert salesforce.read(unmatched.n_open) == 0
    assert salesforce.outcome(lead) is True


@pytest.fixture
def unmatched_deal(fake, salesforce):
    """A lead, and a closed deal called by its person that no lead names yet."""
    lead = fake.lead()
    salesforce.later()
    deal = fake.opportunity(Name="Ada Lovelace", LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    assert names_kept(salesforce) == {deal: ("Ada Lovelace", "Closed Won")}
    return lead, deal


def names_kept(salesforce):
    rows = salesforce.read(lambda s: s.scalars(sa.select(CrmUnmatched)).all())
    return {row.deal_id: (row.name, row.stage) for row in rows if row.name or row.stage}


def by_hand(fake, salesforce, lead, deal):
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))


def by_conversion(fake, salesforce, lead, deal):
    fake.convert(lead, deal, role=False)


def by_contact_role(fake, salesforce, lead, deal):
    fake.convert(lead, False)
    fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    salesforce.next_day()


def test_an_unmatched_deal_is_called_as_it_is_called_now(fake, salesforce, unmatched_deal):
    _, deal = unmatched_deal
    fake.update(deal, Name="Ada King")
    salesforce.later()
    assert names_kept(salesforce) == {deal: ("Ada King", "Closed Won")}


def test_a_deal_linked_by_hand_keeps_its_name_until_it_is_unlinked(
    fake, salesforce, unmatched_deal
):
    lead, deal = unmatched_deal
    by_hand(fake, salesforce, lead, deal)
    fake.update(deal, Name="Ada King")
    salesforce.later()
    assert names_kept(salesforce) == {deal: ("Ada King", "Closed Won")}
    salesforce.write(lambda s: unmatched.unlink(s, deal, lead, "ada", now=salesforce.now))
    fake.convert(lead, deal)
    salesforce.next_day()
    assert names_kept(salesforce) == {}


@pytest.mark.parametrize("match", [by_conversion, by_contact_role])
def test_a_deal_that_has_its_lead_has_no_name_here_any_more(
    fake, salesforce, unmatched_deal, match
):
    match(fake, salesforce, *unmatched_deal)
    salesforce.next_day()
    fake.update(unmatched_deal[1], Name="Ada King")
    salesforce.later()
    assert names_kept(salesforce) == {}


@pytest.mark.parametrize("match", [by_hand, by_conversion, by_contact_role])
def test_a_lead_that_is_erased_takes_the_name_of_its_deal_with_it(
    fake, salesforce, unmatched_deal, match
):
    lead, deal = unmatched_deal
    match(fake, salesforce, lead, deal)
    salesforce.later()
    salesforce.write(
        lambda s: removal.erase(s, [leads.find(s, lead).key], "ada", now=salesforce.now)
    )
    fake.update(deal, Name="Ada King")
    salesforce.later()
    assert names_kept(salesforce) == {}
    assert salesforce.read(unmatched.n_open) == 0


def test_an_ignored_deal_keeps_its_name_until_it_has_its_lead(fake, salesforce, unmatched_deal):
    lead, deal = unmatched_deal
    salesforce.write(lambda s: unmatched.ignore(s, deal, "ada", now=salesforce.now))
    assert deal in names_kept(salesforce)
    fake.convert(lead, deal)
    salesforce.next_day()
    assert names_kept(salesforce) == {}


def test_many_outcomes_reported_at_once_are_compared_by_one_run(fake, salesforce, monkeypatch):
    monkeypatch.setattr(phases, "STEP_ROWS", 1)
    monkeypatch.setattr(conflicts, "LATE_KEYS", 1)
    some = fake.leads(4)
    for lead in some:
        fake.close(fake.convert(lead), won=True)
    salesforce.later()
    for lead in some:
        salesforce.write(lambda s, i=lead: make_outcome(s, i, False, attribution=RITA))
    salesforce.later()
    assert len(listed(salesforce)) == 4
