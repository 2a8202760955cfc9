"""Fixtures of tests that look at Salesforce from the pages: a made-up org, connected."""

import pytest

from tests.fake_salesforce.clock import Clock
from tests.fake_salesforce.fake import FakeSalesforce
from tests.salesforce.conftest import Salesforce
from webapp.database import utc_now


@pytest.fixture
def fake(settings):
    with FakeSalesforce(Clock(utc_now())) as fake:
        settings.salesforce_extra_host = fake.url
        yield fake


@pytest.fixture
def salesforce(fake, app, settings, champion):
    salesforce = Salesforce(fake, app, settings)
    salesforce.connect()
    return salesforce


@pytest.fixture
def described(salesforce):
    """The org has told its fields."""
    assert salesforce.run("check").state == "succeeded"
    return salesforce
