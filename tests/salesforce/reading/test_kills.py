"""Kill -9 of the worker at any point of a run: the end is the same as without."""

import random
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from demo.salesforce.fake import FakeSalesforce
from demo.salesforce.org.clock import Clock
from tests.salesforce.reading import killable
from webapp.database import utc_now
from webapp.services.runs import runs
from webapp.tables import Lead, Outcome, Snapshot

N_LEADS = 120


@pytest.fixture(scope="session")
def dialect():
    """tests/sync/test_recovery kills workers on both; statements are tested by the cases."""
    return "sqlite"


@pytest.fixture
def fake():
    """With the real time, as the process that is killed has it."""
    with FakeSalesforce(Clock(utc_now() - timedelta(hours=1), ticks=True)) as fake:
        yield fake


@pytest.fixture
def org(fake, salesforce):
    salesforce.rules(history_days=2)
    fake.rest.queries.page_cap = 10
    leads = [fake.lead(LeadSource="Webinar") for _ in range(6)]
    salesforce.later()
    leads += [fake.lead(LeadSource="Webinar") for _ in range(N_LEADS - len(leads))]
    for number, lead in enumerate(leads):
        if number % 2:
            deal = fake.convert(lead)
            fake.close(deal, won=number % 4 == 1)
    fake.merge(*leads[0:6:2])
    return leads


@pytest.fixture
def kill_at(forks, salesforce):
    """`kill_at(n)` kills a run at its n-th request; False where it came to its end before."""

    def kill_at(n_requests):
        before = len(salesforce.fake.requests)
        url = str(salesforce.settings.database_url.get_secret_value())
        arguments = (str(salesforce.settings.data_dir), url, salesforce.fake.url)
        process = forks.Process(target=killable.run, args=arguments)
        process.start()
        while process.is_alive() and len(salesforce.fake.requests) - before < n_requests:
            time.sleep(0.001)
        was_alive = process.is_alive()
        process.kill()
        process.join()
        free_lost_run(salesforce)
        return was_alive

    return kill_at


def free_lost_run(salesforce):
    later = utc_now() + timedelta(hours=1)
    for lost in salesforce.read(lambda s: runs.overdue(s, later)):
        salesforce.write(lambda s, r=lost: runs.give_up(s, r, later))


def said_and_scored(session):
    """How often each lead was spoken of, and scored."""
    recorded = sa.select(Lead.lead_id, sa.func.count()).join(Outcome, Outcome.lead_key == Lead.key)
    scored = sa.select(Lead.lead_id, sa.func.count()).join(Snapshot)
    return [dict(session.execute(q.group_by(Lead.lead_id)).all()) for q in (recorded, scored)]


@pytest.mark.parametrize(
    "n_kills", [3, pytest.param(50, marks=pytest.mark.slow)], ids=["few", "fifty"]
)
def test_however_often_the_worker_is_killed_the_end_is_the_same(
    n_kills, fake, salesforce, org, kill_at
):
    rng = random.Random(n_kills)
    for _ in range(n_kills):
        kill_at(rng.randint(1, 12))
    while kill_at(10_000):
        pass
    last = salesforce.read(lambda s: runs.latest(s, "sync", limit=1))[0]
    assert last.state == "succeeded", last.error
    outcomes = {lead: None if n % 2 == 0 else n % 4 == 1 for n, lead in enumerate(org)}
    losers = set(org[2:6:2])
    for lead in org:
        found = salesforce.lead(lead)
        assert found.outcome is outcomes[lead]
        assert (found.lead_id != lead) == (lead in losers)
    attribution, scored = salesforce.read(said_and_scored)
    assert attribution == dict.fromkeys(org[1::2], 1)
    assert scored == dict.fromkeys(org, 1)
    for lead in org[0::2]:
        assert lead in losers or fake.get(lead)["Conversion_Score__c"] is not None
