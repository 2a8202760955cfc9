"""The hint that there is news: signed, debounced, and nothing else believed of it."""

import hmac
from hashlib import sha256

import pytest
from pydantic import SecretStr

from webapp.pages.crm import run_labels
from webapp.services.crm import sync_runs
from webapp.services.runs import runs

SECRET = "a secret of the hook"


@pytest.fixture(scope="session")
def dialect():
    """What is tested here is the wire; statements are tested on both databases elsewhere."""
    return "sqlite"


@pytest.fixture
def hooked(settings):
    settings.salesforce_hook_secret = SecretStr(SECRET)
    return settings


def sign(body, secret=SECRET):
    signature = hmac.new(secret.encode(), body, sha256).hexdigest()
    return {"X-Leadloop-Signature": signature}


def test_a_signed_hint_makes_the_next_run_early(fake, hooked, salesforce, client):
    salesforce.tick()
    fake.clock.advance(minutes=2)
    lead = fake.lead()
    salesforce.tick()
    n_calls = len(fake.calls)
    answer = client.post("/hooks/crm", data=b"{}", headers=sign(b"{}"))
    assert (answer.status_code, answer.json) == (202, {"is_new": True})
    fake.clock.advance(seconds=1)
    salesforce.tick()
    assert len(fake.calls) > n_calls
    assert salesforce.lead(lead).crm_id == lead


def test_a_run_after_a_hint_says_that_salesforce_has_news(app, fake, hooked, salesforce, client):
    salesforce.tick()
    fake.clock.advance(minutes=2)
    client.post("/hooks/crm", data=b"{}", headers=sign(b"{}"))
    fake.clock.advance(seconds=1)
    salesforce.tick()
    [run, *_] = salesforce.read(lambda s: runs.latest(s, sync_runs.KIND))
    with app.app_context():
        assert run_labels.trigger_label(run) == "after news from Salesforce"


def test_many_hints_make_one_run_in_30_seconds(fake, hooked, salesforce, client):
    salesforce.tick()
    fake.clock.advance(seconds=31)
    starts = 0
    for _ in range(30):
        client.post("/hooks/crm", data=b"", headers=sign(b""))
        fake.clock.advance(seconds=2)
        n_calls = len(fake.calls)
        salesforce.tick()
        starts += len(fake.calls) > n_calls
    assert starts == 2


@pytest.mark.parametrize(
    "headers", [{}, sign(b"other"), sign(b"{}", "x"), {"X-Leadloop-Signature": "ä"}]
)
def test_a_wrong_signature_is_refused(hooked, salesforce, client, headers):
    answer = client.post("/hooks/crm", data=b"{}", headers=headers)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_without_a_secret_there_is_no_hook(salesforce, client):
    assert client.post("/hooks/crm", data=b"{}", headers=sign(b"{}")).status_code == 404


def test_a_huge_body_is_refused(hooked, salesforce, client):
    body = b"x" * 100_000
    assert client.post("/hooks/crm", data=body, headers=sign(body)).status_code == 413
