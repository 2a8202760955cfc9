"""Pages and runs lock rows in one order, so that none waits for the other in a circle."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from webapp.services.crm import connections, mirror, unmatched
from webapp.services.leads import leads, removal

WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture(scope="session")
def dialect():
    """SQLite has one writer."""
    return "postgresql"


def test_linking_a_deal_waits_for_the_step_at_work(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()

    def link():
        salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))

    def step(session):
        connections.get(session, lock=True)
        linked = pool.submit(link)
        while not salesforce.read(lambda s: s.scalar(WAITING)):
            assert not linked.done()
        mirror.read_again(session, [lead])
        return linked

    with ThreadPoolExecutor() as pool:
        salesforce.write(step).result()
    assert salesforce.read(unmatched.n_open) == 0


def test_linking_a_deal_to_a_lead_that_is_being_erased_finds_no_lead(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    deal = fake.opportunity(LeadSource="Webinar")
    fake.close(deal, won=True)
    salesforce.later()
    key = salesforce.lead(lead).key

    def link():
        salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))

    def erase(session):
        leads.lock_by_key(session, [key])
        linked = pool.submit(link)
        while not salesforce.read(lambda s: s.scalar(WAITING)):
            assert not linked.done()
        removal.erase(session, [key], "ada", salesforce.now)
        return linked

    with ThreadPoolExecutor() as pool:
        linked = salesforce.write(erase)
        with pytest.raises(leads.LeadNotFound):
            linked.result()
    assert salesforce.read(unmatched.n_open) == 1
