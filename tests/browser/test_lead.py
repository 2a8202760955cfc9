"""The page of a lead in a browser, by mouse and by keyboard, clicks and keys counted."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.factories import make_lead
from webapp.database import utc_now
from webapp.services.remarks import score_reports


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


def test_a_wrong_score_is_two_clicks(lead_page):
    lead_page.get_by_text("Score is wrong").click()
    assert_looks_right(lead_page)
    lead_page.get_by_role("button", name="Too high: not a fit").click()
    expect(lead_page.get_by_text("You reported this score as wrong")).to_be_visible()
    expect(lead_page.locator(".event-reported")).to_contain_text("not a fit")
    assert_looks_right(lead_page)


def test_a_wrong_score_is_two_keys(lead_page):
    lead_page.keyboard.press("w")
    lead_page.keyboard.press("4")
    expect(lead_page.get_by_text("You reported this score as wrong")).to_contain_text("to buy")


def test_an_override_is_four_clicks(lead_page):
    lead_page.get_by_text("Override score").click()
    assert_looks_right(lead_page)
    lead_page.get_by_label("Score (").click()
    lead_page.keyboard.type("93")
    lead_page.locator("#override-reason").click()
    lead_page.keyboard.type("met their CEO")
    lead_page.get_by_role("button", name="Override", exact=True).click()
    expect(lead_page.locator(".override")).to_contain_text("met their CEO")
    assert_looks_right(lead_page)
    lead_page.get_by_role("button", name="End now").click()
    expect(lead_page.locator(".override")).to_have_count(0)


def test_an_override_is_three_keys_and_a_refused_one_stays_open(lead_page):
    lead_page.keyboard.press("o")
    lead_page.keyboard.type("930")
    lead_page.keyboard.press("Tab")
    lead_page.keyboard.type("met their CEO")
    lead_page.keyboard.press("Enter")
    expect(lead_page.get_by_text("a whole number from 0 to 100")).to_be_visible()
    assert_looks_right(lead_page)
    lead_page.get_by_label("Score (").fill("93")
    lead_page.keyboard.press("Enter")
    expect(lead_page.locator(".override")).to_contain_text("93")


def test_a_manager_reviews_what_was_reported(page, mona, sign_in, lead, write):
    write(
        lambda s: score_reports.report(
            *(s, lead, "not_a_fit", "a student"), author="rita@example.com", now=utc_now()
        )
    )
    sign_in(mona)
    page.goto("/models")
    page.get_by_role("link", name="1 to review").click()
    expect(page.get_by_text("a student")).to_be_visible()
    assert_looks_right(page)
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("Nothing to review")).to_be_visible()
    page.get_by_role("link", name="Resolved 1").click()
    expect(page.get_by_text("a student")).to_be_visible()


def test_j_and_k_go_through_the_view_and_u_back_to_it(page, rita, sign_in, write):
    for n in range(3):
        write(lambda s, n=n: make_lead(s, f"N-{n}", name=f"Lead {n}", email_opens=9 * n))
    sign_in(rita)
    page.goto("/leads?sort=name&status=all")
    page.get_by_role("link", name="Lead 0").click()
    page.wait_for_url("**/leads/1?**")
    for key, name in (("j", "Lead 1"), ("j", "Lead 2"), ("k", "Lead 1")):
        page.keyboard.press(key)
        expect(page).to_have_title(f"{name} · Leadloop")
        page.wait_for_load_state()
    assert_looks_right(page)
    page.keyboard.press("u")
    expect(page).to_have_url(re.compile(r"/leads\?sort=name&status=all$"))


def test_on_paper_stands_what_is_known_and_no_button(lead_page):
    lead_page.emulate_media(media="print")
    expect(lead_page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
    expect(lead_page.get_by_role("heading", name="Details")).to_be_visible()
    assert lead_page.get_by_role("button").count() == 0
    assert lead_page.get_by_role("navigation").count() == 0
