"""Why a lead was lost, filled in after the click that said so."""

from datetime import timedelta

import pytest

from tests.factories import NOW, PROGRAM, make_lead, make_outcome
from webapp.services.leads import leads
from webapp.services.outcomes import bulk, reasons
from webapp.services.outcomes.outcomes import Attribution

ADA, BO = "ada@example.com", "bo@example.com"


@pytest.fixture
def lead(write, champion):
    return write(lambda s: make_lead(s, "L-1"))


def report(write, outcome, minutes=0, **told):
    attribution = Attribution("rep", ADA, **told)
    now = NOW + timedelta(minutes=minutes)
    write(lambda s: make_outcome(s, "L-1", outcome, attribution=attribution, now=now))


def fill(write, reason, by=ADA):
    return write(lambda s: reasons.fill(s, leads.find(s, "L-1", lock=True), reason, by=by))


def kept(read, lead_id="L-1"):
    return read(lambda s: [e.reason for e in leads.outcome_history(s, leads.find(s, lead_id))])


def test_a_reason_is_filled_in_once_by_who_said_lost_in_the_words_of_the_list(lead, read, write):
    report(write, False)
    assert not fill(write, "No need", by=BO)
    assert not fill(write, None)
    assert kept(read) == [None]
    assert fill(write, "no BUDGET")
    assert not fill(write, "No need")
    assert kept(read) == ["No budget"]


def test_a_lead_that_converted_has_no_reason_for_being_lost(lead, read, write):
    report(write, False)
    report(write, True, minutes=1)
    assert not fill(write, "No need")
    assert kept(read) == [None, None]


def test_what_was_withdrawn_or_said_by_others_keeps_no_reason(lead, read, write):
    report(write, False)
    report(write, None, minutes=1)
    write(lambda s: make_outcome(s, "L-1", False, attribution=PROGRAM, now=NOW))
    assert not fill(write, "No need")
    assert set(kept(read)) == {None}


def test_a_bulk_action_stays_one_where_a_reason_was_filled_in(lead, read, write):
    other = write(lambda s: make_lead(s, "L-2"))
    seen = {lead.key: "open", other.key: "open"}
    done = write(lambda s: bulk.record(s, seen, False, reason=None, by=ADA, now=NOW))
    assert fill(write, "No need")
    [action] = read(lambda s: bulk.recent(s, ADA, NOW))
    assert (action.n_leads, action.n_standing, action.reason) == (2, 2, None)
    back = write(lambda s: bulk.undo(s, done.action, by=ADA, now=NOW))
    assert {each.lead_id for each in back} == {"L-1", "L-2"}
