"""Webhooks in a real browser: added, tried, and all states of the page."""

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.factories import NOW, make_lead, make_outcome
from webapp.services.webhooks import deliveries, endpoints
from webapp.services.webhooks.deliveries import Answer


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"webhook_hosts": "127.0.0.1"})


def test_a_webhook_is_added_tried_and_given_up(page, ada, sign_in, write):
    sign_in(ada)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/settings/webhooks")
    page.get_by_label("Name").fill("Data warehouse")
    page.get_by_label("Address").fill("http://127.0.0.1:9/hooks")
    page.get_by_role("button", name="Add webhook").click()
    secret = page.locator("code.secret").inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert_looks_right(page)
    page.get_by_role("button", name="Send test message").click()
    expect(page.get_by_text("waiting", exact=True)).to_be_visible()
    write(lambda s: deliveries.record(s, 1, Answer(NOW, 31, status=204)))
    expect(page.get_by_text("delivered", exact=True)).to_be_visible()
    write(lambda s: make_outcome(s, make_lead(s, "L-1042"), True))
    write(lambda s: deliveries.record(s, 2, Answer(NOW, 15000, error="No response within 15 s")))
    page.reload()
    expect(page.get_by_text("Failing since")).to_be_visible()
    assert_looks_right(page)
    reason = "Every call has failed for three days."
    write(lambda s: endpoints.disable(s, 1, actor="worker", now=NOW, reason=reason))
    page.reload()
    assert_looks_right(page)
    page.goto("/settings/webhooks")
    assert_looks_right(page)
