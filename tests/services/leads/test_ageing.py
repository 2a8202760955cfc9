"""Days since contact go on between two messages; what was known at a scoring stays as it was."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import NOW, make_lead, make_outcome
from webapp.services.leads import ageing, leads
from webapp.services.models import registry, training_data
from webapp.services.runs import runs
from webapp.tables import NEVER_WORKED, Lead

DAY = timedelta(days=1)
LATER = NOW + 40 * DAY


def told(session, lead_id="L-1"):
    """The lead's days since contact, its score, and how often it was scored."""
    lead = leads.find(session, lead_id)
    days = leads.known_inputs(lead).get("days_since_contact")
    return days, leads.current_probability(session, lead), len(leads.snapshots(session, lead))


def age(session, now=LATER):
    """Score what is due, and return the last key."""
    due = ageing.next_due(session, 0, now)
    if due is None:
        return 0
    ageing.score(session, due.keys, now)
    return due.last


def make(days=3, **values):
    return lambda s: make_lead(s, "L-1", email_opens=5, days_since_contact=days, **values)


def test_a_lead_last_written_to_40_days_ago_is_scored_by_43_days(write, read):
    write(make())
    _, before, _ = read(told)
    key = write(age)
    days, after, n_scorings = read(told)
    assert (days, n_scorings) == (43, 2)
    assert after < before - 0.01
    assert read(lambda s: ageing.next_due(s, key, LATER)) is None

    def kept(session):
        newest, first = leads.snapshots(session, leads.find(session, "L-1"))
        card = registry.serving(session)[1]
        assert card.score(newest.inputs).probability == newest.probability == after
        return newest.source, newest.taken_at, newest.inputs["days_since_contact"], first.inputs

    source, taken_at, days, first = read(kept)
    assert (source, taken_at, days) == ("days", LATER, 43)
    assert first["days_since_contact"] == 3


def test_it_can_be_repeated_and_days_go_on_from_when_they_were_told(write, read):
    write(make())
    for day in range(41):
        write(lambda s, day=day: age(s, NOW + day * DAY))
    days, _, n_scorings = read(told)
    write(age)
    assert read(told)[2] == n_scorings < 20
    lead = read(lambda s: leads.find(s, "L-1"))
    assert leads.aged(lead, LATER) == pytest.approx(43, abs=1)
    assert 30 < days <= 43


@pytest.mark.parametrize("status", ["converted", "never_worked", "unknown", "just told"])
def test_only_open_leads_whose_days_are_known_and_old_age(status, write, read):
    write(make(days=None if status == "unknown" else 3))
    if status in {"converted", "never_worked"}:
        write(lambda s: make_outcome(s, "L-1", True if status == "converted" else NEVER_WORKED))
    before = read(told)
    write(lambda s: age(s, NOW + timedelta(hours=9) if status == "just told" else LATER))
    assert read(told) == before


def test_a_message_that_does_not_name_the_days_lets_them_go_on(write, read):
    write(make())
    for half_days in range(1, 5):
        now = NOW + half_days * DAY / 2
        write(lambda s, now=now: make_lead(s, "L-1", website_visits=2, now=now))
    assert read(told)[0] == 5
    write(lambda s: make_lead(s, "L-1", days_since_contact=1, now=LATER))
    assert read(told)[0] == 1
    write(lambda s: make_lead(s, "L-1", days_since_contact=None, now=LATER))
    write(lambda s: make_lead(s, "L-1", website_visits=3, now=LATER + DAY))
    assert read(told)[0] is None


def test_a_message_without_any_input_leaves_them_as_they_were_told(write, read):
    write(make())
    write(lambda s: make_lead(s, "L-1", name="Ada", now=LATER))
    lead = read(lambda s: leads.find(s, "L-1"))
    assert (lead.days_since_contact, lead.scored_at) == (3, NOW)


def test_training_reads_what_was_known_before_the_outcome_happened(write, read):
    write(make())
    write(age)
    write(lambda s: make_outcome(s, "L-1", False, now=LATER + DAY, happened_at=NOW + 9 * DAY))

    def learned(session):
        run = runs.request(session, "training", trigger="request", requested_by="ada", now=LATER)
        session.execute(sa.update(Lead).values(counted_by_run=run.key))
        return training_data.collect(session, run.key, since_run=0).leads[0].inputs

    assert write(learned)["days_since_contact"] == 3
