"""An outcome assumed since time has passed is nobody's word: it counts only where none was said."""

from datetime import timedelta

import pytest

from tests.factories import PROGRAM, make_outcome
from webapp.services.crm import conflicts, unmatched
from webapp.services.leads import lead_history, leads
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import NEVER_WORKED

RITA = Attribution("rep", "rita@example.com")
FILE = Attribution("csv", "mona@example.com")


@pytest.fixture(scope="session")
def dialect():
    """Every statement that these cases run is run on both databases by the other cases."""
    return "sqlite"


@pytest.fixture
def lead(fake, salesforce):
    """An open lead, closed by silence after thirty days."""
    salesforce.rules(silent_days=30)
    lead = fake.lead()
    salesforce.later()
    return lead


def say(salesforce, lead, converted, attribution=RITA, **when):
    salesforce.write(
        lambda s: make_outcome(
            s, lead, converted, attribution=attribution, now=salesforce.now, **when
        )
    )


def be_silent(salesforce):
    salesforce.later(days=31)
    return salesforce.later()


def assert_no_conflict(salesforce, lead):
    assert salesforce.read(conflicts.n_open) == 0
    recorded = salesforce.read(lambda s: leads.outcome_history(s, leads.find(s, lead)))
    assert lead_history.other_opinion(recorded) is None


def test_silence_speaks_where_nobody_has_said_anything(salesforce, lead):
    be_silent(salesforce)
    assert salesforce.history(lead) == [("lost", "4s")]
    assert salesforce.outcome(lead) is False


@pytest.mark.parametrize(
    ("attribution", "converted"),
    [(RITA, True), (RITA, NEVER_WORKED), (PROGRAM, True), (FILE, True)],
)
def test_silence_says_nothing_of_a_lead_of_which_somebody_has_spoken(
    salesforce, lead, attribution, converted
):
    say(salesforce, lead, converted, attribution)
    be_silent(salesforce)
    assert len(salesforce.history(lead)) == 1
    assert salesforce.outcome(lead) is (True if converted is True else None)
    assert_no_conflict(salesforce, lead)


def test_silence_says_nothing_of_a_lead_that_a_rep_has_opened_again(salesforce, lead):
    say(salesforce, lead, True)
    say(salesforce, lead, None)
    be_silent(salesforce)
    assert salesforce.outcome(lead) is None


def test_silence_says_nothing_where_salesforce_has_spoken(fake, salesforce, lead):
    salesforce.rules(disqualified=["Closed - Not Converted"])
    fake.update(lead, Status="Closed - Not Converted")
    salesforce.later()
    fake.update(lead, Status="Working - Contacted")
    be_silent(salesforce)
    assert salesforce.history(lead) == [("lost", "3"), ("withdrawn", "4")]


def test_a_word_after_silence_counts_and_is_no_conflict(salesforce, lead):
    be_silent(salesforce)
    say(salesforce, lead, True)
    salesforce.later()
    assert salesforce.outcome(lead) is True
    assert_no_conflict(salesforce, lead)


def test_a_word_about_an_earlier_time_counts_too(salesforce, lead):
    be_silent(salesforce)
    say(salesforce, lead, True, PROGRAM, happened_at=salesforce.now - timedelta(days=20))
    assert salesforce.outcome(lead) is True
    be_silent(salesforce)
    assert salesforce.outcome(lead) is True
    assert_no_conflict(salesforce, lead)
    [counting, *_] = salesforce.read(lambda s: leads.outcome_history(s, leads.find(s, lead)))
    assert counting.result == "converted"


def test_such_a_word_can_be_withdrawn(salesforce, lead):
    be_silent(salesforce)
    say(salesforce, lead, True, happened_at=salesforce.now - timedelta(days=20))
    be_silent(salesforce)
    say(salesforce, lead, None)
    assert salesforce.outcome(lead) is None


def test_what_silence_said_is_withdrawn_when_something_happens_and_may_be_said_again(
    fake, salesforce, lead
):
    be_silent(salesforce)
    fake.update(lead, LastActivityDate=f"{salesforce.now:%Y-%m-%d}")
    salesforce.later()
    assert salesforce.outcome(lead) is None
    be_silent(salesforce)
    assert salesforce.history(lead) == [("lost", "4s"), ("withdrawn", "4s"), ("lost", "4s")]


def test_a_run_after_the_rule_is_emptied_says_why_it_withdraws(salesforce, lead):
    be_silent(salesforce)
    salesforce.rules(silent_days=None)
    [example] = salesforce.later().result["examples"]
    reason = "the rule that inferred it no longer applies"
    assert (example["outcome"], example["reason"]) == ("withdrawn", reason)


def test_taking_silence_back_leaves_what_a_rep_has_said(fake, salesforce, lead):
    be_silent(salesforce)
    say(salesforce, lead, True)
    fake.update(lead, LastActivityDate=f"{salesforce.now:%Y-%m-%d}")
    salesforce.later()
    assert salesforce.outcome(lead) is True


def test_an_opportunity_won_after_silence_counts(fake, salesforce, lead):
    be_silent(salesforce)
    fake.close(fake.convert(lead), won=True)
    salesforce.later()
    assert salesforce.history(lead)[-1] == ("converted", "1b")
    assert salesforce.outcome(lead) is True


def test_a_word_of_salesforce_keeps_its_time_before_an_assumption(fake, salesforce, lead):
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    won_at = salesforce.now
    be_silent(salesforce)
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    salesforce.later()
    [counting, *_] = salesforce.read(lambda s: leads.outcome_history(s, leads.find(s, lead)))
    assert (counting.result, counting.rule) == ("converted", "Lb")
    assert abs(counting.happened_at - won_at) <= timedelta(seconds=1)
    assert salesforce.outcome(lead) is True


def test_a_lead_that_was_deleted_and_is_back_may_be_silent_again(fake, salesforce, lead):
    be_silent(salesforce)
    fake.delete(lead)
    salesforce.later()
    assert salesforce.outcome(lead) is None
    fake.undelete(lead)
    salesforce.later()
    assert salesforce.history(lead) == [("lost", "4s"), ("withdrawn", "4s"), ("lost", "4s")]
    assert salesforce.outcome(lead) is False


def test_a_deletion_after_silence_takes_back_only_what_was_inferred(fake, salesforce, lead):
    be_silent(salesforce)
    say(salesforce, lead, True)
    fake.clock.advance(minutes=5)
    fake.delete(lead)
    salesforce.later()
    assert [result for result, _ in salesforce.history(lead)] == ["lost", "withdrawn", "converted"]
    assert salesforce.outcome(lead) is None


def test_a_loss_in_salesforce_after_silence_is_a_word_that_a_rep_may_contradict(
    fake, salesforce, lead
):
    be_silent(salesforce)
    fake.close(fake.convert(lead), won=False)
    salesforce.later()
    assert salesforce.history(lead)[-1] == ("lost", "1c")
    say(salesforce, lead, True)
    salesforce.later()
    assert salesforce.read(conflicts.n_open) == 1


def test_a_policy_for_leads_without_a_deal_leaves_what_a_rep_has_said(fake, salesforce):
    salesforce.rules(no_deal="lost", no_deal_days=30)
    lead = fake.lead()
    fake.convert(lead, False)
    salesforce.later()
    say(salesforce, lead, True)
    be_silent(salesforce)
    assert salesforce.outcome(lead) is True
    assert_no_conflict(salesforce, lead)
