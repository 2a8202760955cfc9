"""Planted secrets are found nowhere: not in the database, a log, a run, an answer or a repr."""

import logging
import socket

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from demo.salesforce.http.oauth import key_pair
from sync.salesforce import cases
from webapp.crm_tables import Base
from webapp.database import db
from webapp.services.crm import connections
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds.salesforce import LOGIN
from webapp.services.sealing import UnreadableSecret, opened, sealed

PAGES = [
    "/sync",
    "/sync/status",
    "/sync/runs",
    "/sync/runs/1",
    "/sync/conflicts",
    "/sync/unmatched",
    "/sync/rejected",
    "/sync/connection",
    "/sync/connection?method={method}",
    "/settings/in-force",
    "/settings/audit-log",
]
PLANTED = {
    "consumer_key": "3MVG9PLANTEDkey0001",
    "consumer_secret": "PLANTED-secret-0002",
    "password": "PLANTED-password-0003",
    "security_token": "PLANTEDtoken0004",
    "session_id": "00D5e0000000001!PLANTED0005",
}


@pytest.fixture(scope="session")
def dialect():
    """A secret that is written is written to either; statements are tested on both by the cases."""
    return "sqlite"


@pytest.fixture
def everything_logged(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


def traces(salesforce, caplog, *secrets):
    """Where any of these texts stands."""
    places = {"log": caplog.text}
    with salesforce.app.app_context():
        for table in Base.metadata.sorted_tables:
            rows = db.session.execute(sa.select(table)).all()
            places[table.name] = "\n".join(map(repr, rows))
        db.session.remove()
    for path in salesforce.settings.data_dir.rglob("*"):
        if path.is_file() and path.name != "crm_key":
            places[path.name] = path.read_bytes().decode("latin-1")
    return {(place, s) for place, text in places.items() for s in secrets if s in text}


@pytest.mark.parametrize("method", ["client_credentials", "password", "session"])
def test_no_secret_stays_anywhere_whatever_salesforce_answers(
    fake, salesforce, everything_logged, method
):
    fake.app.consumer_key, fake.app.consumer_secret = (
        PLANTED["consumer_key"],
        PLANTED["consumer_secret"],
    )
    salesforce.connect(method, username="a@example.com", **PLANTED)
    salesforce.run("check")
    echo = " ".join(PLANTED.values())
    for status in (400, 401, 403, 500):
        salesforce.connect(method, username="a@example.com", **PLANTED)
        fake.oauth.soap_login_is_on = True
        fake.oauth.soap_password, fake.oauth.soap_token = (
            PLANTED["password"],
            PLANTED["security_token"],
        )
        fake.app.username = "a@example.com"
        fake.answer_next([{"errorCode": "STRANGE", "message": f"no {echo}"}], status)
        salesforce.run("check")
    fake.answer_next(f"<html>{echo}</html>", 200)
    salesforce.run("check")
    token = PLANTED["session_id"]
    assert traces(salesforce, everything_logged, *PLANTED.values(), token) == set()


def test_no_token_and_no_private_key_stay_anywhere(fake, salesforce, everything_logged):
    private_key, _ = key_pair()
    salesforce.connect(method="jwt", username=fake.app.username, private_key=private_key, **PLANTED)
    salesforce.connect(
        method="jwt", username=fake.app.username, private_key="-----BEGIN PLANTED KEY-----"
    )
    assert salesforce.run().error == cases.BROKEN_KEY.message
    salesforce.connect(
        method="jwt",
        username=fake.app.username,
        private_key=private_key,
        consumer_key=fake.app.consumer_key,
    )
    fake.lead(LeadSource="Webinar")
    salesforce.later()
    tokens = {
        r.headers["Authorization"].removeprefix("Bearer ")
        for r in fake.calls
        if r.headers.get("Authorization")
    }
    lines = [line for line in private_key.splitlines() if len(line) > 40]
    assert tokens
    found = traces(salesforce, everything_logged, *tokens, *lines[:3], "BEGIN PLANTED KEY")
    assert found == set()


def test_no_page_of_the_sync_shows_a_secret(fake, salesforce, ada, sign_in, everything_logged):
    fake.app.consumer_key, fake.app.consumer_secret = (
        PLANTED["consumer_key"],
        PLANTED["consumer_secret"],
    )
    pem, _ = key_pair()
    of_key = pem.splitlines()[1]
    admin, sent = sign_in(ada), {"domain": fake.url, "username": "a@example.com", **PLANTED}
    for method, needed in LOGIN.methods.items():
        answer = admin.post("/sync/connection", data=sent | {"method": method, "domain": ""})
        assert answer.status_code == 422
        assert said_in(answer.text, *PLANTED.values()) == set()
        admin.post("/sync/connection", data=sent | {"method": method, "private_key": pem})
        fake.heal()
        secrets = [field.name for field in needed.fields if field.is_secret]
        echo = " ".join(PLANTED.get(name, pem) for name in secrets)
        fake.answer_next([{"errorCode": "STRANGE", "message": f"no {echo}"}], 400)
        salesforce.tick()
        for path in PAGES:
            answer = admin.get(path.format(method=method))
            assert answer.status_code == 200, path
            assert said_in(answer.text, *PLANTED.values(), of_key) == set(), path
    assert traces(salesforce, everything_logged, *PLANTED.values(), of_key) == set()


def said_in(text, *secrets):
    return {secret for secret in secrets if secret in text}


def test_credentials_show_none_of_their_secrets():
    shown = repr(Credentials("password", "acme.my.salesforce.com", "a@example.com", PLANTED))
    assert "PLANTED" not in shown
    assert "acme.my.salesforce.com" in shown


def test_what_is_sealed_is_opened_by_the_same_key_only():
    text = sealed({"password": "PLANTED"}, "one key that is long")
    assert "PLANTED" not in text
    assert opened(text, "one key that is long") == {"password": "PLANTED"}
    with pytest.raises(UnreadableSecret):
        opened(text, "another key that is long")


def test_with_another_key_a_run_says_what_to_do_and_calls_nobody(fake, salesforce):
    (salesforce.settings.data_dir / "crm_key").write_text("a key from elsewhere")
    run = salesforce.run()
    assert run.state == "failed"
    assert "LEADLOOP_CRM_SECRET_KEY" in run.error
    assert len(fake.requests) == 0
    salesforce.connect()
    assert salesforce.run().state == "succeeded"


def test_the_key_is_not_in_the_database_and_only_its_owner_reads_it(salesforce):
    path = salesforce.settings.data_dir / "crm_key"
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_host_than_salesforce_s_is_never_called(fake, salesforce, monkeypatch):
    reached: list[str] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda host, *rest, **more: reached.append(host))
    for domain in ("evil.example", "acme.my.salesforce.com.evil.example", "http://169.254.1.1"):
        salesforce.connect(domain=domain, consumer_key="k", consumer_secret="s")
        run = salesforce.run("check")
        assert run.error.startswith("Leadloop does not call this address")
    assert reached == []


def test_a_login_that_names_another_host_gets_no_token_sent_there(fake, salesforce):
    fake.oauth.url = "https://evil.example"
    run = salesforce.run()
    assert run.error.startswith("Leadloop does not call this address")
    assert len(fake.calls) == 0


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/services",
        "http://evil.example/services",
        "https://acme.my.salesforce.com@evil.example/",
        "https://acme.my.salesforce.com:8443/",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_another_host_is_not_followed(fake, salesforce, monkeypatch, address):
    salesforce.run("check")
    reached: list[str] = []
    monkeypatch.setattr("socket.getaddrinfo", looked_up(reached))
    for _ in range(5):
        fake.answer_next([], 302, headers={"Location": address})
    run = salesforce.run("check")
    assert run.error.startswith("An answer points to an address that is not Salesforce's")
    assert set(reached) == {"127.0.0.1"}


def looked_up(reached, ask=socket.getaddrinfo):
    def asking(host, *rest, **more):
        reached.append(host)
        return ask(host, *rest, **more)

    return asking


def test_a_secret_left_empty_keeps_the_stored_one(fake, salesforce):
    salesforce.connect(consumer_secret="")
    kept = salesforce.read(
        lambda s: connections.credentials(connections.get(s), salesforce.settings)
    )
    assert kept.value("consumer_secret") == fake.app.consumer_secret


def test_another_domain_asks_for_its_secrets(fake, salesforce):
    with pytest.raises(connections.InvalidConnection) as refusal:
        salesforce.connect(domain="other.my.salesforce.com", consumer_secret="")
    assert refusal.value.errors == {"consumer_secret": "is required"}


def test_the_environment_s_credentials_come_first_and_are_not_stored(fake, app, settings, write):
    settings.salesforce_domain = fake.url
    settings.salesforce_consumer_key = SecretStr(fake.app.consumer_key)
    settings.salesforce_consumer_secret = SecretStr(fake.app.consumer_secret)
    write(lambda s: connections.ensure(s, settings, fake.clock.now))
    row = write(connections.get)
    assert row.sealed_secrets == ""
    found = connections.credentials(row, settings)
    assert found.value("consumer_secret") == fake.app.consumer_secret
