"""Fixtures of tests that look at Salesforce from the pages: a made-up org, connected."""

from datetime import timedelta

import pytest

from demo.salesforce.fake import FakeSalesforce
from demo.salesforce.org.clock import Clock
from tests import factories
from tests.salesforce.conftest import Salesforce
from webapp.database import utc_now
from webapp.services.outcomes.outcomes import Attribution

RITA = Attribution("rep", "rita@example.com", "they told me so")


@pytest.fixture
def fake(settings):
    """An org whose clock stands still until it is moved, a day ago: pages go by the real time."""
    a_day_ago = utc_now().replace(microsecond=0) - timedelta(days=1)
    with FakeSalesforce(Clock(a_day_ago)) as fake:
        settings.salesforce_extra_host = fake.url
        yield fake


@pytest.fixture
def salesforce(fake, app, settings, champion):
    """The product connected to the org, as after the first steps."""
    salesforce = Salesforce(fake, app, settings)
    salesforce.connect()
    salesforce.start()
    return salesforce


@pytest.fixture
def described(salesforce):
    """The org has told its fields."""
    assert salesforce.run("check").state == "succeeded"
    return salesforce


def dispute(fake, salesforce, *, result=False, **fields):
    """A lead that Rita calls lost, or `result`, and Salesforce converted a little later."""
    lead = fake.lead(**fields)
    deal = fake.convert(lead)
    salesforce.later()
    salesforce.write(
        lambda s: factories.make_outcome(s, lead, result, attribution=RITA, now=salesforce.now)
    )
    fake.clock.advance(minutes=5)
    fake.close(deal, won=True)
    salesforce.later()
    return lead


def without_a_lead(fake, salesforce, n=1, **fields):
    """Opportunities won that came from a lead by their source, not linked to a lead."""
    salesforce.later()
    deals = [fake.opportunity(LeadSource="Webinar", **fields) for _ in range(n)]
    for deal in deals:
        fake.close(deal, won=True)
    salesforce.later()
    return deals
