"""How to log in, as the settings or an administrator say it."""

from datetime import timedelta

import pytest

from webapp.services.crm import connections, mirror
from webapp.services.crm.connections import Loss
from webapp.services.crm.kinds.salesforce import SALESFORCE


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both databases by the cases of tests/salesforce."""
    return "sqlite"


@pytest.mark.parametrize(
    ("changed", "is_forgotten"),
    [
        ({"salesforce_domain": "other.my.salesforce.com"}, True),
        ({"salesforce_username": "b@acme.example"}, False),
        ({"salesforce_method": "client_credentials"}, False),
    ],
)
def test_other_settings_end_a_run_that_logged_in_by_those_of_before(
    session, settings, now, changed, is_forgotten
):
    settings.salesforce_method = "jwt"
    settings.salesforce_domain = "acme.my.salesforce.com"
    settings.salesforce_username = "a@acme.example"
    connections.ensure(session, settings, now)
    connection = connections.ensure(session, settings, now.replace(hour=20))
    assert connection.changed_at == now
    mirror.keep_window(session, "lead", dict.fromkeys(mirror.WINDOW_COLUMNS) | {"done_until": "t"})
    for name, value in changed.items():
        setattr(settings, name, value)
    later = now.replace(hour=21)
    connection = connections.ensure(session, settings, later)
    assert (connection.changed_at, connection.changed_by) == (later, "settings")
    assert (mirror.window(session, "lead")["done_until"] is None) == is_forgotten
    assert not connection.is_paused


def test_a_write_knows_of_the_connection_that_it_made_and_ended_itself(write, settings, now):
    settings.salesforce_domain = "acme.my.salesforce.com"

    def work(session):
        made = connections.ensure(session, settings, now)
        assert connections.get(session) is made
        connections.disconnect(session, "ada", now)
        return connections.find(session)

    assert write(work) is None


def test_another_share_of_another_sample_is_nothing_that_is_back(session, settings, now):
    settings.salesforce_domain = "acme.my.salesforce.com"
    connections.ensure(session, settings, now)
    connection = connections.get(session)

    def noted(n_lost, n_back=0):
        loss = Loss("lead", n_lost, 2000, [f"00Q{n}" for n in range(n_lost)], n_back)
        return connections.note_losses(session, [loss], now + timedelta(days=9))

    assert noted(162) is None
    connections.accept_losses(session, "ada", now)
    assert noted(121) is None
    assert noted(162) is None
    assert connections.too_much_lost(connection, connections.lost(connection), 5) == []
    assert noted(161, n_back=1) == now - timedelta(days=1)
    assert noted(161) is None
    assert noted(0, n_back=161) == now - timedelta(days=1)
    assert connections.lost(connection) == []


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com/00Q1"),
        ("127.0.0.1:8099", "http://127.0.0.1:8099/00Q1"),
        ("localhost", "http://localhost/00Q1"),
        ("http://127.0.0.1:8099", "http://127.0.0.1:8099/00Q1"),
        ("localhost.my.salesforce.com", "https://localhost.my.salesforce.com/00Q1"),
    ],
)
def test_records_of_an_org_on_this_machine_open_without_tls(domain, address):
    assert SALESFORCE.lead_at(domain, "00Q1") == address
    assert SALESFORCE.deal_at(domain, "00Q1") == address
