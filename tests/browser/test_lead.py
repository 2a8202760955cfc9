"""The page of a lead in a browser, by mouse and by keyboard, clicks and keys counted."""

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.factories import make_lead


@pytest.fixture
def lead(write):
    return write(lambda s: make_lead(s, "L-1", name="Ada Lovelace", website_visits=3))


@pytest.fixture
def lead_page(page, rita, sign_in, lead):
    """The page of the lead, open in the browser of a rep."""
    sign_in(rita)
    page.goto(f"/leads/{lead.key}")
    return page


def test_a_note_is_two_clicks_and_stays_in_place(lead_page):
    note = lead_page.get_by_label("Note", exact=True)
    note.click()
    lead_page.keyboard.type("Wants a demo")
    lead_page.get_by_role("button", name="Add note").click()
    expect(lead_page.locator(".event-note")).to_contain_text("Wants a demo")
    expect(note).to_be_focused()
    expect(note).to_have_value("")
    assert_looks_right(lead_page)


def test_a_note_is_two_keys(lead_page):
    lead_page.keyboard.press("n")
    lead_page.keyboard.type("Wants a demo, n")
    lead_page.keyboard.press("Control+Enter")
    expect(lead_page.locator(".event-note")).to_contain_text("Wants a demo, n")
    lead_page.get_by_text("Edit", exact=False).first.click()
    text = lead_page.get_by_label("Your note", exact=True)
    text.fill("Wants two demos")
    text.press("Control+Enter")
    expect(lead_page.locator(".event-note")).to_contain_text("Wants two demos")
    lead_page.locator(".note-edit summary").click()
    assert_looks_right(lead_page)
    lead_page.get_by_role("button", name="Delete").click()
    expect(lead_page.locator(".event-note")).to_have_count(0)


def test_without_javascript_a_note_is_a_form(new_context, rita, sign_in, lead):
    page = sign_in(rita, new_context(java_script_enabled=False).new_page())
    page.goto(f"/leads/{lead.key}")
    page.get_by_label("Note", exact=True).fill("Wants a demo")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".event-note")).to_contain_text("Wants a demo")
    page.get_by_text("Edit", exact=False).first.click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".event-note")).to_have_count(0)
