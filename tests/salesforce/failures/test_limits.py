"""Bounds on what is called and read: the quota, and the size and time of an answer."""

import socket
from datetime import UTC, datetime, timedelta

import pytest
from urllib3.connection import HTTPConnection

from sync.crm.faults import AnswerTooSlow, Fault
from sync.crm.http import session
from sync.crm.http.calls import Clocks
from sync.crm.http.quota import Meter, Quota
from sync.crm.http.session import Hosts
from sync.crm.protocol import LEADS
from sync.salesforce import cases
from sync.salesforce.client import Client
from tests.salesforce.conftest import opened
from webapp.services.crm.credentials import Credentials

NOW = datetime(2026, 11, 2, 23, 50, tzinfo=UTC)


@pytest.fixture
def client(fake):
    credentials = Credentials(
        "client_credentials",
        fake.url,
        secrets={
            "consumer_key": fake.app.consumer_key,
            "consumer_secret": fake.app.consumer_secret,
        },
    )
    # Waiting for the next try takes no time.
    clocks = Clocks(sleep=lambda seconds: None)
    return Client(credentials, Hosts.named(fake.url), api_version="66.0", clocks=clocks)


@pytest.mark.parametrize(
    ("quota", "meter", "case"),
    [
        (Quota(), Meter(n_used=79_999, n_limit=100_000), None),
        (Quota(), Meter(n_used=80_000, n_limit=100_000), cases.QUOTA_RESERVE),
        (Quota(24_990), Meter(n_calls=9, n_used=0, n_limit=100_000), None),
        (
            Quota(n_made_today=24_990),
            Meter(n_calls=10, n_used=0, n_limit=100_000),
            cases.OWN_BUDGET,
        ),
        (Quota(n_made_today=5, budget=6), Meter(n_calls=1), cases.OWN_BUDGET),
        (Quota(n_made_today=10**9), Meter(), None),
    ],
    ids=["below 80 %", "80 %", "below a quarter", "a quarter", "own budget", "nothing known"],
)
def test_calls_end_at_80_percent_of_the_org_s_day_and_at_our_own_budget(quota, meter, case):
    if case is None:
        quota.check(meter, NOW)
    else:
        with pytest.raises(Fault) as fault:
            quota.check(meter, NOW)
        assert fault.value.case is case


def test_a_run_over_midnight_is_not_held_to_the_calls_of_yesterday():
    quota, meter = Quota(n_made_today=94, budget=100), Meter(n_calls=5)
    quota.check(meter, NOW)
    meter.n_calls += 1
    with pytest.raises(Fault):
        quota.check(meter, NOW)
    after_midnight = NOW + timedelta(minutes=20)
    quota.check(meter, after_midnight)
    meter.n_calls += 100
    with pytest.raises(Fault):
        quota.check(meter, after_midnight)


def test_an_answer_that_is_too_large_is_not_read_to_its_end(client, monkeypatch):
    monkeypatch.setattr(session, "MAX_ANSWER_BYTES", 1000)
    with pytest.raises(Fault) as fault:
        client.describe("Lead")
    assert fault.value.case is cases.UNREACHABLE


def test_pages_once_halved_are_whole_again_after_some_came_in_time(fake):
    crm = opened(fake)
    fake.fail_next("operation too large")
    stamps = "2026-11-02T09:00:00.000+0000", "2026-11-03T09:00:00.000+0000"
    for _ in range(5):
        crm.page(LEADS, *stamps)
    n_rows = [int(query.rpartition(" ")[2]) for query in fake.queries]
    assert n_rows == [2000, 1000, 1000, 1000, 1000, 2000]


def test_a_call_ends_in_time_whatever_became_of_earlier_connections():
    connections = session._Connections()
    closed = [connections.make(HTTPConnection, "localhost") for _ in range(20)]
    reading = connections.make(HTTPConnection, "localhost")
    reading.sock, other = socket.socketpair()
    with other, reading.sock, pytest.raises(AnswerTooSlow), connections.within(0.05):
        assert reading.sock.recv(1) == b""
    assert {each.sock for each in closed} == {None}
