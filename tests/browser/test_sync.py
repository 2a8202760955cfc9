"""The sync in a browser: live progress, a conflict settled in place, no JavaScript, looks."""

import re
from collections import Counter

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.connected import dispute, without_a_lead
from webapp.database import utc_now
from webapp.services.crm import conflicts, sync_runs
from webapp.services.crm.sync_runs import SyncResult
from webapp.services.runs import runs


@pytest.fixture
def busy(fake, salesforce):
    """A conflict, an unmatched opportunity and a refused score; ids of lead and opportunity."""
    fake.refuse(fake.lead(LeadSource="Webinar", LastName="Ek"), "validation rule")
    lead = dispute(fake, salesforce, FirstName="Ada", LastName="Lovelace", Company="Engines")
    name = "Difference Engines of Lovelace, Babbage and Daughters, Limited"
    account = fake.org.create("Account", Name=name, OwnerId=fake.rep)
    [deal] = without_a_lead(fake, salesforce, AccountId=account)
    return lead, deal


def pages(deal):
    listed = ["/sync", "/sync/runs", "/sync/runs/1", "/sync/conflicts", "/sync/unmatched"]
    return [*listed, f"/sync/unmatched/{deal}?q=ada", "/sync/rejected", "/sync/connection"]


def test_a_sync_shows_how_far_it_is_and_renews_the_page_at_its_end(
    page, mona, sign_in, salesforce, write
):
    sign_in(mona)
    page.goto("/sync")
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("heading", name="Sync is waiting")).to_be_visible()
    expect(page.get_by_role("button", name="Sync now")).to_be_disabled()
    run = write(lambda s: runs.claim(s, "sync", "w", utc_now()))
    so_far = {"counts": {"leads_read": 40}, "n_calls": 3}
    write(lambda s: runs.renew(s, run, utc_now(), progress=0.4, stage="Reading", result=so_far))
    expect(page.get_by_text("40 leads and 0 opportunities read, 3 calls.")).to_be_visible()
    expect(page.locator("#how-far")).to_have_attribute("value", "0.4")
    done = SyncResult(counts=Counter(converted=7))
    write(lambda s: sync_runs.succeed(s, run, done, utc_now()))
    expect(page.get_by_role("heading", name=re.compile("Up to date"))).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("7 converted")
    expect(page.get_by_role("button", name="Sync now")).to_be_enabled()


def test_a_conflict_is_settled_in_place(page, mona, sign_in, salesforce, busy):
    lead, _ = busy
    sign_in(mona)
    page.goto("/sync/conflicts")
    row = page.locator("tbody tr")
    page.locator("table").evaluate("table => table.dataset.untouched = 'yes'")
    row.get_by_role("button", name="Ada Lovelace is lost").click()
    expect(row).to_contain_text("kept lost")
    expect(row.locator(".chip")).to_be_focused()
    tabs = page.get_by_role("navigation", name="Conflicts")
    expect(tabs.get_by_role("link")).to_have_text(["To resolve 0", "Resolved 1"])
    expect(page.locator("table")).to_have_attribute("data-untouched", "yes")
    assert salesforce.outcome(lead) is False


def test_a_click_on_a_conflict_that_a_colleague_has_resolved_says_it_was_not_saved(
    page, mona, sign_in, salesforce, busy, write
):
    sign_in(mona)
    page.goto("/sync/conflicts")
    row = page.locator("tbody tr")
    expect(row.get_by_role("button", name="Ada Lovelace is converted")).to_be_visible()
    [listed] = salesforce.read(conflicts.listed)
    write(lambda s: conflicts.resolve(s, listed.conflict.key, "rep", "bo@a.example", now=utc_now()))
    row.get_by_role("button", name="Ada Lovelace is converted").click()
    expect(row.get_by_text("Not saved: resolved already.")).to_be_focused()
    expect(row).to_contain_text("kept lost")
    tabs = page.get_by_role("navigation", name="Conflicts")
    expect(tabs.get_by_role("link")).to_have_text(["To resolve 0", "Resolved 1"])
    assert_looks_right(page)


def test_an_opportunity_is_ignored_and_taken_back_in_place(page, mona, sign_in, busy):
    sign_in(mona)
    page.goto("/sync/unmatched")
    page.get_by_role("button", name="Ignore opportunity Acme deal").click()
    undo = page.get_by_role("button", name="Undo opportunity Acme deal")
    expect(undo).to_be_focused()
    undo.click()
    expect(page.get_by_role("button", name="Ignore opportunity Acme deal")).to_be_visible()


def test_a_search_for_a_lead_leaves_the_address_as_it_is(page, mona, sign_in, busy):
    _, deal = busy
    sign_in(mona)
    page.goto(f"/sync/unmatched/{deal}")
    address = page.url
    for search in ("nobody", "lovelace"):
        page.get_by_label("Lead", exact=True).fill(search)
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Link to Ada Lovelace")).to_be_visible()
    expect(page.get_by_label("Lead", exact=True)).to_be_focused()
    assert page.url == address
    page.get_by_role("button", name="Link to Ada Lovelace").click()
    expect(page.get_by_text("Linked to Ada Lovelace.")).to_be_visible()


def test_without_javascript_everything_is_a_form(new_context, ada, sign_in, salesforce, busy):
    page = sign_in(ada, new_context(java_script_enabled=False).new_page())
    page.goto("/sync/conflicts")
    page.get_by_role("button", name="Ada Lovelace is lost").click()
    expect(page.get_by_text("Ada Lovelace is lost.")).to_be_visible()
    page.goto("/sync/unmatched")
    page.get_by_role("link", name=re.compile("^Find .* for opportunity Acme deal$")).click()
    expect(page.get_by_text("No lead matches “Difference Engines of Lovelace")).to_be_visible()
    page.get_by_label("Lead", exact=True).fill("lovelace")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="Link to Ada Lovelace").click()
    expect(page.get_by_text("Linked to Ada Lovelace.")).to_be_visible()
    page.goto("/sync")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("link", name="Show progress")).to_be_visible()
    salesforce.tick()
    page.get_by_role("link", name="Show progress").click()
    expect(page.get_by_text("The connection works.")).to_be_visible()
    page.goto("/sync/connection")
    page.get_by_role("link", name="JWT bearer").click()
    page.get_by_role("button", name="Save and test").click()
    expect(page.get_by_text("values need correcting")).to_be_visible()


def test_the_sync_looks_right_and_keeps_the_policy(page, complaints, ada, sign_in, busy):
    sign_in(ada)
    for path in pages(busy[1]):
        page.goto(path)
        assert_looks_right(page)
    assert complaints == []
