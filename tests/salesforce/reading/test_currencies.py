"""Amounts of several currencies are read in one, and compared and learned from in that alone."""

import pytest


@pytest.fixture(scope="session")
def dialect():
    """What is tested here is what Salesforce is asked for."""
    return "sqlite"


@pytest.fixture
def revenue(salesforce):
    """Website visits are filled from an amount."""
    salesforce.map(website_visits=("AnnualRevenue", "as_is"))


def test_amounts_of_several_currencies_are_read_in_one(fake, salesforce, revenue):
    fake.use_currencies("USD", JPY=100.0)
    dollars = fake.lead(AnnualRevenue=500.0, CurrencyIsoCode="USD")
    yen = fake.lead(AnnualRevenue=500.0, CurrencyIsoCode="JPY")
    salesforce.later()
    assert salesforce.lead(dollars).website_visits == 500
    assert salesforce.lead(yen).website_visits == 5


def test_changed_rates_are_seen_at_night(fake, salesforce, revenue):
    fake.use_currencies("USD", JPY=100.0)
    yen = fake.lead(AnnualRevenue=500.0, CurrencyIsoCode="JPY")
    salesforce.later()
    fake.org.rates["JPY"] = 50.0
    salesforce.next_day()
    assert salesforce.lead(yen).website_visits == 10


def test_where_there_is_one_currency_amounts_are_read_as_they_are(fake, salesforce, revenue):
    lead = fake.lead(AnnualRevenue=500.0)
    salesforce.later()
    assert salesforce.lead(lead).website_visits == 500
    assert not [query for query in fake.queries if "convertCurrency" in query]
