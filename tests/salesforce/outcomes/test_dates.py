"""When an outcome happened: not before the lead, its conversion, or its inputs of that day."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from sync.crm.mapping import stamp
from sync.crm.outcomes import Derived, time_of
from webapp.crm_tables import CrmConnection, CrmLead
from webapp.services.crm import connections
from webapp.services.leads import leads
from webapp.services.models import training_data
from webapp.tables import Lead

TOKYO, LOS_ANGELES = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Los_Angeles")
LEAD, DEAL = "00Q1", "0061"


@pytest.fixture(scope="session")
def dialect():
    """Times are told by pure functions and one query that other tests run on both databases."""
    return "sqlite"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def converted(made="2026-10-01T08:00", shown="2026-10-20T08:00", on="2026-10-05"):
    return CrmLead(
        id=LEAD,
        created_at=stamp(at(made)),
        stamp=stamp(at(shown)),
        is_converted=True,
        converted_on=on,
    )


BY_CONVERSION = Derived("converted", "1m", LEAD, at("2026-10-05T00:00"))
BY_DEAL = Derived("converted", "1b", DEAL, at("2026-10-09T10:00"))


@pytest.mark.parametrize(
    ("lead", "zone", "expected"),
    [
        (converted(), UTC, "2026-10-06T00:00"),
        (converted(), TOKYO, "2026-10-05T15:00"),
        (converted(), LOS_ANGELES, "2026-10-06T07:00"),
        (converted(), None, "2026-10-06T12:00"),
        (converted(shown="2026-10-05T14:30"), UTC, "2026-10-05T14:30"),
        (converted(shown="2026-10-05T14:30"), None, "2026-10-05T14:30"),
        (converted(made="2026-10-05T14:00", shown="2026-10-05T14:00"), UTC, "2026-10-05T14:00"),
        # A date that was entered by hand is older than the lead.
        (converted(on="2026-09-01"), UTC, "2026-10-01T08:00"),
    ],
    ids=["UTC", "Tokyo", "Los Angeles", "unknown", "read", "read, unknown", "at once", "by hand"],
)
def test_a_conversion_is_dated_by_the_end_of_its_day_or_by_what_shows_it(lead, zone, expected):
    assert time_of(BY_CONVERSION, lead, zone) == at(expected)


@pytest.mark.parametrize(
    ("deal_at", "expected"),
    [
        ("2026-10-09T10:00", "2026-10-09T10:00"),
        ("2026-10-05T10:00", "2026-10-05T10:00"),
        ("2026-08-01T10:00", "2026-10-06T00:00"),
    ],
    ids=["after", "on the day", "an older deal"],
)
def test_a_deal_that_was_won_before_the_conversion_counts_from_the_conversion_on(deal_at, expected):
    derived = replace(BY_DEAL, happened_at=at(deal_at))
    assert time_of(derived, converted(), UTC) == at(expected)


def test_a_deal_linked_by_hand_counts_from_the_lead_on():
    older = Derived("converted", "Lb", DEAL, at("2026-08-01T10:00"))
    lead = CrmLead(id=LEAD, created_at=stamp(at("2026-10-01T08:00")), is_converted=False)
    assert time_of(older, lead, UTC) == at("2026-10-01T08:00")


def labelled(salesforce):
    def collect(session):
        session.execute(sa.update(Lead).values(counted_by_run=1))
        return training_data.collect(session, 1, since_run=0)

    return salesforce.write(collect)


def created_at(fake, lead):
    return datetime.fromisoformat(fake.get(lead)["CreatedDate"])


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_lead_made_and_converted_on_one_day_is_a_label_with_its_inputs(fake, salesforce, zone):
    fake.set_time_zone(zone)
    salesforce.rules(milestone="lead_converted")
    lead = fake.lead(LeadSource="Webinar")
    salesforce.later()
    fake.clock.advance(minutes=30)
    fake.convert(lead)
    converted_at = salesforce.now
    salesforce.later()
    found = labelled(salesforce)
    assert found.n_left_out == 0
    assert [(each.converted, each.came_with_outcome) for each in found.leads] == [(True, False)]
    assert created_at(fake, lead) < salesforce.lead(lead).outcome_at <= converted_at


def test_a_lead_added_to_a_deal_that_was_won_before_is_a_label_with_its_inputs(fake, salesforce):
    deal = fake.opportunity(LeadSource="Web")
    fake.close(deal, won=True)
    fake.clock.advance(days=30)
    lead = fake.lead(LeadSource="Webinar")
    salesforce.later()
    fake.convert(lead, deal)
    salesforce.later()
    assert salesforce.lead(lead).outcome_at >= created_at(fake, lead)
    assert labelled(salesforce).n_left_out == 0


def test_a_deal_closed_just_before_the_lead_was_read_is_dated_by_its_first_inputs(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    salesforce.rules(milestone="lead_converted")
    with fake.late_commit(seconds=400):
        fake.convert(lead)
    fake.clock.advance(seconds=60)
    assert salesforce.run().state == "succeeded"
    scored_at = salesforce.lead(lead).scored_at
    salesforce.later()
    assert salesforce.lead(lead).outcome_at == scored_at
    [word] = salesforce.read(lambda s: leads.outcome_history(s, salesforce.lead(lead)))
    assert "dated by the first sync of that day" in word.reason
    assert labelled(salesforce).n_left_out == 0


def test_another_org_is_asked_for_its_time_zone_before_anything_is_dated(fake, salesforce):
    salesforce.later()
    salesforce.write(lambda s: s.execute(sa.update(CrmConnection).values(domain="old.example")))
    fake.set_time_zone("America/Los_Angeles")
    salesforce.connect()
    salesforce.start()
    fake.clock.advance(minutes=15)
    # The run that describes a lead asks for the zone, or the next one does.
    fake.fail_at(2, "object not visible")
    assert salesforce.run().state == "failed"
    fake.heal()
    salesforce.write(lambda s: connections.close_breaker(connections.get(s)))
    salesforce.later()
    assert salesforce.read(connections.get).time_zone == "America/Los_Angeles"


def test_an_org_that_does_not_tell_its_time_zone_is_read_all_the_same(fake, salesforce):
    fake.set_access("TimeZoneSidKey", "hidden", "Organization")
    salesforce.rules(milestone="lead_converted")
    lead = fake.lead()
    fake.convert(lead)
    salesforce.later()
    assert salesforce.outcome(lead) is True
    assert salesforce.lead(lead).outcome_at >= created_at(fake, lead)
    fake.requests.clear()
    salesforce.later()
    assert not any("TimeZoneSidKey" in query for query in fake.queries)
