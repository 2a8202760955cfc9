"""Every way to log in works, and each is told apart from the others."""

import jwt
import pytest

from demo.salesforce.http.oauth import key_pair
from sync.crm.faults import Fault
from sync.crm.http.calls import Clocks
from sync.crm.http.quota import Meter
from sync.crm.http.session import Hosts, build
from sync.salesforce import cases
from sync.salesforce.client import HEADERS, Client, TokenCache
from sync.salesforce.login import log_in
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds.salesforce import ENDINGS


@pytest.fixture
def hosts(fake):
    return Hosts.named(fake.url)


def credentials(fake, method, **changes):
    values = {
        "domain": fake.url,
        "username": fake.app.username,
        "consumer_key": fake.app.consumer_key,
        "consumer_secret": fake.app.consumer_secret,
        "private_key": key_pair()[0],
        "password": fake.oauth.soap_password,
        "security_token": fake.oauth.soap_token,
        "session_id": fake.oauth.open_session(),
    }
    return Credentials.of(method, values | changes)


@pytest.mark.parametrize("method", ["client_credentials", "jwt", "session", "password"])
def test_each_way_to_log_in_lets_us_ask(fake, hosts, method):
    fake.oauth.soap_login_is_on = True
    lead = fake.lead()
    clocks = Clocks(now=lambda: fake.clock.now)
    client = Client(credentials(fake, method), hosts, api_version="66.0", clocks=clocks)
    [row] = client.query("SELECT Id FROM Lead").rows
    assert row["Id"] == lead
    assert len(fake.logins) == (method != "session")


def test_a_token_is_kept_for_the_next_run(fake, hosts):
    token_cache = TokenCache()
    for _ in range(3):
        Client(
            credentials(fake, "client_credentials"),
            hosts,
            api_version="66.0",
            token_cache=token_cache,
        ).describe("Lead")
    assert len(fake.logins) == 1


@pytest.mark.parametrize(
    ("domain", "audience"),
    [
        ("acme.my.salesforce.com", "https://login.salesforce.com"),
        ("acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("test.salesforce.com", "https://test.salesforce.com"),
        ("login.salesforce.com", "https://login.salesforce.com"),
    ],
)
def test_an_assertion_is_for_production_or_for_the_sandboxes(fake, monkeypatch, domain, audience):
    sent = []

    def post(url, data):
        sent.append((url, data))
        return Refusal()

    hosts = Hosts(endings=ENDINGS)
    session = build(hosts, Meter(), HEADERS)
    monkeypatch.setattr(session, "post", post)
    with pytest.raises(Exception, match="login answered 400"):
        log_in(session, hosts, credentials(fake, "jwt", domain=domain), fake.clock.now)
    [(url, form)] = sent
    claims = jwt.decode(form["assertion"], options={"verify_signature": False})
    assert url == f"https://{domain}/services/oauth2/token"
    assert claims["aud"] == audience
    assert claims["exp"] - fake.clock.now.timestamp() == 180


def test_nothing_is_sent_to_an_address_of_pages_and_my_domain_is_proposed(fake):
    hosts = Hosts(endings=ENDINGS)
    entered = credentials(fake, "client_credentials", domain="acme.lightning.force.com")
    with pytest.raises(Fault) as fault:
        Client(entered, hosts, api_version="66.0").describe("Lead")
    assert fault.value.case is cases.HOST_NOT_ALLOWED
    assert "Enter acme.my.salesforce.com, the address for programs." in str(fault.value)


class Refusal:
    status_code = 400

    def json(self):
        return {"error": "invalid_grant"}
