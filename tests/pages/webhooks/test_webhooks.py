"""The pages of webhooks: added, secret shown once, tried, watched, disabled, removed."""

import html
import re

import pytest
import sqlalchemy as sa

from tests.conftest import csrf_token
from tests.factories import NOW, PASSWORD, make_lead, make_outcome
from webapp.services.accounts import audit
from webapp.services.webhooks import deliveries, endpoints, events
from webapp.services.webhooks.deliveries import Answer
from webapp.tables.webhooks import WebhookDelivery

URL = "http://127.0.0.1:9/PLANTED?token=PLANTED"
FORM = {"name": "Warehouse", "kind": "webhook", "url": URL, "events": ["outcome.recorded"]}


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"webhook_hosts": "127.0.0.1"})


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def add(admin, **values):
    return admin.post("/settings/webhooks", data={**FORM, **values})


def secret_in(page):
    found = re.findall(r'<code class="secret"[^>]*>(whsec_[^<]+)</code>', page)
    return html.unescape(found[0]) if found else None


def test_a_new_webhook_shows_its_secret_once_and_never_the_whole_address(admin, read, settings):
    page = add(admin).text
    secret = secret_in(page)
    endpoint = read(lambda s: endpoints.by_key(s, 1))
    assert endpoints.address(endpoint, settings) == endpoints.Address(URL, secret)
    for path in ("/settings/webhooks", "/settings/webhooks/1", "/settings/audit-log"):
        text = admin.get(path).text
        assert "http://127.0.0.1:9/…" in html.unescape(text)
        assert "PLANTED" not in text
        assert secret not in text
    assert "PLANTED" not in endpoint.sealed


def test_the_address_of_a_chat_is_a_secret_itself(admin):
    add(admin, kind="slack", url="http://127.0.0.1:9/services/T0/B0/PLANTED")
    text = admin.get("/settings/webhooks").text
    assert "http://127.0.0.1:9/…" in text
    assert "PLANTED" not in text + admin.get("/settings/webhooks/1").text


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"name": ""}, "name", "Say what this address is"),
        ({"url": "https://10.0.0.1/"}, "url", "an address of a private network"),
        ({"url": "http://example.com/"}, "url", "Use https"),
        ({"url": "https://no-such-host.invalid/"}, "url", "No host has the name"),
        ({"events": []}, "events", "Choose at least one event."),
        ({"events": ["everything"]}, "events", "Choose at least one event."),
        ({"min_points": "0"}, "min_points", "Enter a whole number from 1 to 100."),
        ({"min_points": "²"}, "min_points", "Enter a whole number from 1 to 100."),
        ({"min_points": "1" * 5_000}, "min_points", "Enter a whole number from 1 to 100."),
        ({"kind": "fax"}, "kind", "Choose one of"),
    ],
)
def test_a_webhook_that_breaks_a_rule_is_not_added(values, field, sentence, admin, read):
    answer = add(admin, **values)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">[^<]*{re.escape(sentence)}', answer.text)
    assert read(endpoints.everything) == []


def test_a_test_message_waits_for_the_worker_and_the_log_asks_for_itself(admin, read):
    add(admin)
    page = admin.post("/settings/webhooks/1/test", follow_redirects=True).text
    assert "webhook.test" in page
    assert 'hx-get="/settings/webhooks/1/log"' in page
    assert read(lambda s: s.scalars(sa.select(WebhookDelivery.state)).all()) == ["pending"]


def test_the_log_says_what_the_receiver_answered_and_sends_again(admin, write, read):
    add(admin)
    write(lambda s: make_outcome(s, make_lead(s, "L-1", name="Ann Lee"), True))
    write(lambda s: deliveries.record(s, 1, Answer(NOW, 87, status=500)))
    write(lambda s: deliveries.record(s, 1, Answer(NOW, 12, error="The connection was refused")))
    page = admin.get("/settings/webhooks/1").text
    for text in ("L-1", "500", "87 ms", "The connection was refused", "Failing since"):
        assert text in page
    assert "Ann Lee" not in page
    admin.post("/settings/webhooks/1/replay?delivery=1")
    assert read(lambda s: s.get_one(WebhookDelivery, 1)).n_tries == 0


def test_all_that_failed_is_sent_again_by_one_click(admin, write, read):
    add(admin)
    for name in ("L-1", "L-2", "L-3"):
        write(lambda s, name=name: make_outcome(s, make_lead(s, name), True))
    write(lambda s: s.execute(sa.update(WebhookDelivery).values(state="failed")))
    assert "Send 3 failed messages again" in admin.get("/settings/webhooks/1").text
    page = admin.post("/settings/webhooks/1/replay", follow_redirects=True).text
    assert "3 messages put back into the queue." in page
    assert set(read(lambda s: s.scalars(sa.select(WebhookDelivery.state)).all())) == {"pending"}


def test_a_webhook_that_was_given_up_is_told_of_after_sign_in(app, ada, admin, write):
    add(admin)
    reason = "Every call has failed for three days."
    write(lambda s: endpoints.disable(s, 1, actor="worker", now=NOW, reason=reason))
    person = app.test_client()
    form = {"email": ada.email, "password": PASSWORD, "next": "/settings"}
    token = csrf_token(person, "/sign-in")
    page = person.post("/sign-in", data={**form, "csrf_token": token}, follow_redirects=True)
    assert "Webhooks that failed for days are disabled: “Warehouse”." in page.text
    assert reason in admin.get("/settings/webhooks/1").text
    admin.post("/settings/webhooks/1/enable")
    assert reason not in admin.get("/settings/webhooks/1").text


def test_what_an_administrator_does_is_audited(admin, read):
    add(admin)
    admin.post("/settings/webhooks/1", data={**FORM, "url": "", "name": "Lake"})
    admin.post("/settings/webhooks/1/secret")
    admin.post("/settings/webhooks/1/disable")
    admin.post("/settings/webhooks/1/enable")
    admin.post("/settings/webhooks/1/remove")
    found = [(e.action, e.subject) for e in read(audit.latest) if "webhook" in e.action]
    actions = ("removed", "enabled", "disabled", "renewed", "changed", "added")
    wanted = [a + (" webhook secret" if a == "renewed" else " webhook") for a in actions]
    assert found == [(action, "webhook 1") for action in wanted]


def test_a_change_keeps_address_and_secret_unless_they_are_given(admin, read, settings):
    secret = secret_in(add(admin).text)
    admin.post("/settings/webhooks/1", data={**FORM, "url": "", "events": ["sync.failed"]})
    endpoint = read(lambda s: endpoints.by_key(s, 1))
    assert endpoint.events == [events.SYNC_FAILED]
    assert endpoints.address(endpoint, settings) == endpoints.Address(URL, secret)
    renewed = secret_in(admin.post("/settings/webhooks/1/secret").text)
    endpoint = read(lambda s: endpoints.by_key(s, 1))
    assert endpoints.address(endpoint, settings) == endpoints.Address(URL, renewed)
    assert renewed != secret


def test_a_webhook_that_is_gone_says_so(admin):
    assert "Webhook 7 not found" in admin.get("/settings/webhooks/7").text
