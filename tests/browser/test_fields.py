"""The pages of fields in a real browser, and a process beside that knows a new field at once."""

import subprocess
import sys

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right, assert_within_reach
from tests.factories import FIELDS, make_lead, make_outcome
from tests.sync.processes import environment, wait_until
from webapp.config import ROOT


@pytest.fixture
def other_process(settings, free_port, champion):
    """A second web process on the same database, as `make run` starts one."""
    env = environment(settings.model_copy(update={"port": free_port}))
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    url = f"http://127.0.0.1:{free_port}"
    wait_until(lambda: answers(url))
    yield url
    process.terminate()
    process.wait(20)


def answers(url):
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def post(url, lead, headers):
    return requests.post(f"{url}/score", json=lead, headers=headers, timeout=20)


def test_a_declared_field_scores_in_another_process_without_a_restart(
    page, ada, sign_in, other_process, headers
):
    lead = {"lead_id": "L-1", "seats": 7}
    refused = post(other_process, lead, headers)
    assert refused.status_code == 422
    sign_in(ada)
    page.goto("/settings/fields")
    page.get_by_role("link", name="New field").click()
    page.get_by_label("Label").fill("Seats")
    page.get_by_label("Type").select_option("Whole number")
    page.get_by_role("button", name="Declare field").click()
    expect(page.get_by_role("heading", name="Seats")).to_be_visible()
    scored = post(other_process, lead, headers)
    assert (scored.status_code, scored.json()["warnings"]) == (200, [])
    page.reload()
    expect(page.get_by_text("100 %: 1 of the 1 scored last")).to_be_visible()


def test_the_form_shows_what_belongs_to_the_type(page, ada, sign_in):
    sign_in(ada)
    page.goto("/settings/fields/new-field")
    expect(page.get_by_label("Allowed values")).to_be_visible()
    expect(page.get_by_label("Unit")).to_be_hidden()
    page.get_by_label("Type").select_option("Number")
    expect(page.get_by_label("Allowed values")).to_be_hidden()
    expect(page.get_by_label("Unit")).to_be_visible()


def test_a_change_is_asked_about_and_made_without_scripts(
    new_context, ada, sign_in, write, server_url
):
    write(lambda s: make_lead(s, "L-1", lead_source="Webinar"))
    page = sign_in(ada, new_context(java_script_enabled=False).new_page())
    page.goto("/settings/fields/lead_source")
    kept = [choice for choice in FIELDS["lead_source"].choices if choice != "Webinar"]
    page.get_by_label("Allowed values").fill("\n".join(kept))
    page.get_by_role("button", name="Save field").click()
    expect(page.get_by_text("1 lead has a value that is no longer allowed")).to_be_visible()
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Lead source changed.")).to_be_visible()
    expect(page.get_by_text("one of 6 values")).to_be_visible()


def test_nothing_is_wider_than_the_screen_or_out_of_reach(page, ada, sign_in, write):
    write(lambda s: make_outcome(s, make_lead(s, "L-1", age=30, lead_source="Webinar"), True))
    sign_in(ada)
    for path in ("", "/new-field", "/age", "/lead_source"):
        page.goto(f"/settings/fields{path}")
        assert_looks_right(page)
    page.get_by_text("Retire", exact=True).click()
    assert_within_reach(page, page.get_by_role("button", name="Retire field"))
