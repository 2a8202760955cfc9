"""Pages and runs lock rows in one order, so that none waits for the other in a circle."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from webapp.services.crm import connections, mirror, unmatched

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
