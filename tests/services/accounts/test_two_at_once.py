"""Two people who make the same thing at the same moment: the second is told so."""

from concurrent import futures

import pytest

from tests.factories import FIELDS, NOW
from webapp.database import utc_now
from webapp.services.accounts import accounts
from webapp.services.crm import connections, saved_mapping
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.field_sources import FieldSource


@pytest.fixture
def second(write):
    """`second(first, other)` does the first and, before that is committed, begins the other."""

    def second(first, other):
        def both(session):
            first(session)
            future = pool.submit(write, other)
            futures.wait([future], timeout=0.5)
            return future

        with futures.ThreadPoolExecutor(1) as pool:
            return write(both)

    return second


def make_account(session):
    return accounts.create(session, "rita@example.com", "a hash", "rep", now=NOW)


def test_of_two_accounts_with_one_address_the_second_is_refused(second, read):
    future = second(make_account, make_account)
    with pytest.raises(accounts.AccountError, match="has an account already"):
        future.result()
    assert len(read(accounts.everyone)) == 1


def test_of_two_mappings_saved_at_once_the_second_replaces_the_first(second, write, read, settings):
    secrets = {"consumer_key": "key", "consumer_secret": "secret"}
    acme = Credentials("client_credentials", "acme.my.salesforce.com", secrets=secrets)
    write(lambda s: connections.save(s, acme, settings, actor="ada", now=NOW))
    mapped = [FieldSource("location", "City")], [FieldSource("location", "State")]
    future = second(*(lambda s, m=m: saved_mapping.save(s, m, "ada", utc_now()) for m in mapped))
    assert future.result() is True
    found = {s.field: s.crm_field for s in read(lambda s: saved_mapping.sources(s, FIELDS))}
    assert found["location"] == "State"
