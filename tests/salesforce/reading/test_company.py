"""The made-up company of `make run SALESFORCE=demo`, read again and again while it goes on."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from demo.salesforce import company, try_out
from tests.factories import NOW
from webapp.services.crm import saved_mapping
from webapp.tables import Lead

N_RUNS = 20


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both by the cases."""
    return "sqlite"


@pytest.fixture
def world():
    return company.filled(leads=200, seed=1, port=0, end=NOW)


@pytest.fixture
def fake(world):
    with world.fake as fake:
        fake.oauth.signing_time = lambda: fake.clock.now.timestamp()  # noqa: PLW0108
        yield fake


def there(fake):
    """The converted leads of the org by what can be seen of their deals: open, closed or none."""
    found: dict[str, set[str]] = {"open": set(), "closed": set(), "none": set()}
    for row in fake.org.tables["lead"].rows.values():
        if row.get("IsConverted"):
            deal = row.get("ConvertedOpportunityId")
            is_seen = deal and deal not in fake.org.hidden
            state = ("closed" if fake.get(deal)["IsClosed"] else "open") if is_seen else "none"
            found[state].add(row["Id"])
    return found


def by_status(salesforce):
    statuses = salesforce.read(lambda s: s.scalars(sa.select(Lead)).all())
    return {
        name: {lead.lead_id for lead in statuses if lead.status == name}
        for name in ("open", "in_pipeline")
    }


def test_no_converted_lead_is_ever_in_the_open_queue(world, fake, salesforce):
    salesforce.write(
        lambda s: saved_mapping.save(s, try_out.sources(), try_out.ACTOR, salesforce.now)
    )
    seen, converted = set(), there(fake)
    for _ in range(N_RUNS):
        world.play(fake.clock.now + timedelta(hours=12), moves_clock=True)
        salesforce.later()
        assert salesforce.converted_but_open() == []
        converted, here = there(fake), by_status(salesforce)
        assert here["open"].isdisjoint(set().union(*converted.values()))
        assert converted["open"] <= here["in_pipeline"] <= converted["open"] | converted["none"]
        seen |= converted["open"]
    assert len(seen) > len(converted["open"]) > 0  # some have come, some have gone
