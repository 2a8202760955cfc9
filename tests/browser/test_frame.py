"""The frame of the pages in a real browser: looks, keys, policy, and life without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_is_accessible, assert_looks_right
from tests.factories import PASSWORD

PAGES = [
    "/",
    "/sign-in",
    "/settings",
    "/settings/keys",
    "/settings/users",
    "/settings/webhooks",
    "/settings/audit-log",
    "/settings/in-force",
    "/leads",
    "/leads/new",
    "/models",
    "/sync",
    "/imports",
    "/exports",
    "/no/such/page",
]


def test_signing_in_and_out_leads_there_and_back(page, ada):
    page.goto("/settings/keys")
    expect(page).to_have_url(re.compile("/sign-in"))
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(ada.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New key")).to_be_visible()
    page.locator("summary", has_text=ada.email).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()


def test_every_page_looks_right_and_keeps_the_policy(page, complaints, ada, sign_in):
    page.goto("/sign-in")
    assert_looks_right(page)
    sign_in(ada)
    for path in PAGES:
        page.goto(path)
        page.keyboard.press("/")
        assert_looks_right(page)
    assert [c for c in complaints if "404" not in c] == []


def test_the_page_of_the_api_looks_right(page, complaints):
    page.goto("/docs")
    assert_looks_right(page)
    assert complaints == []


@pytest.mark.parametrize("fault", ["color: #bbb", "background: #555"])
def test_one_text_among_many_alike_that_is_hard_to_read_is_found(fault, page):
    page.set_content("<p><a>A text</a></p>" * 9)
    assert_is_accessible(page, "dark")
    page.locator("p").nth(6).evaluate("(each, fault) => each.style = fault", fault)
    with pytest.raises(AssertionError, match="color-contrast"):
        assert_is_accessible(page, "dark")


def test_a_form_with_errors_an_answer_and_an_open_menu_look_right(page, rita, sign_in):
    sign_in(rita)
    page.goto("/leads/new")
    page.locator(".bar summary").click()
    assert_looks_right(page)
    for age in ("old", "44"):
        page.get_by_label("Age").fill(age)
        page.get_by_label("Lead source").select_option("Referral")
        page.get_by_role("button", name="Score this lead").click()
        expect(page.locator(".error" if age == "old" else ".reasons")).to_be_visible()
        assert_looks_right(page)


def test_a_wrong_field_keeps_its_value_and_the_rest_of_the_form(page, rita, sign_in):
    sign_in(rita)
    page.goto("/leads/new")
    page.get_by_label("Company").fill("Acme")
    page.get_by_label("Age").fill("old")
    page.get_by_role("button", name="Score this lead").click()
    expect(page.get_by_text("Must be a whole number from 0 to 120")).to_be_visible()
    expect(page.get_by_label("Age")).to_have_value("old")
    expect(page.get_by_label("Age")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Age").fill("44")
    page.get_by_role("button", name="Score this lead").click()
    expect(page.get_by_role("heading", name=re.compile("likely to convert"))).to_be_visible()


def test_without_javascript_a_lead_is_scored_and_a_key_made_and_revoked(new_context, ada, sign_in):
    page = sign_in(ada, new_context(java_script_enabled=False).new_page())
    page.goto("/leads/new")
    page.get_by_label("Lead ID").fill("A 1")
    page.get_by_role("button", name="Score this lead").click()
    expect(
        page.get_by_role("heading", name=re.compile(r"A 1 is \d+ % likely to convert"))
    ).to_be_visible()
    page.goto("/settings/keys")
    page.get_by_label("Name").fill("Website")
    page.get_by_role("button", name="Create key").click()
    expect(page.locator(".secret")).to_contain_text("ll_")
    page.locator("summary", has_text="Change").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("revoked just now")).to_be_visible()


def test_where_the_cdn_cannot_be_reached_the_vendored_htmx_steps_in(new_context, rita, sign_in):
    context = new_context()
    context.unroute_all()
    context.route("https://**", lambda route: route.abort())
    page = sign_in(rita, context.new_page())
    page.goto("/leads/new")
    expect(page.locator("script[src$='vendor/htmx-4.0.1.min.js']")).to_have_count(1)
    answers = []
    page.on("request", lambda request: answers.append(request.headers.get("hx-request")))
    page.get_by_role("button", name="Score this lead").click()
    expect(page.get_by_role("heading", name=re.compile("likely to convert"))).to_be_visible()
    assert answers[0] == "true"


def test_a_server_that_does_not_answer_is_told_in_words(page, rita, sign_in):
    sign_in(rita)
    page.goto("/leads/new")
    page.route("**/leads/new", lambda route: route.abort())
    page.get_by_role("button", name="Score this lead").click()
    expect(page.locator("#notices")).to_contain_text(
        "No connection. Your click was not saved; try again."
    )
    page.locator("#notices").get_by_role("button", name="Close").click()
    expect(page.locator("#notices .notice")).to_have_count(0)


def test_a_list_that_does_not_arrive_is_no_click_that_was_lost(page, rita, sign_in):
    sign_in(rita)
    page.goto("/leads")
    page.route("**/leads/table*", lambda route: route.abort())
    page.get_by_label("Grade").select_option("Grade A")
    expect(page.locator("#notices")).to_contain_text("No connection. Try again.")


def test_a_part_that_refreshes_itself_fails_in_silence(page, rita, sign_in):
    sign_in(rita)
    page.goto("/leads")
    page.route("**/leads/table*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.evaluate(
            """() => {
              const part = document.createElement("div");
              part.setAttribute("hx-get", "/leads/table");
              part.setAttribute("hx-trigger", "every 1s");
              document.getElementById("main").append(part);
              htmx.process(part);
            }"""
        )
    page.wait_for_timeout(200)
    expect(page.locator("#notices .notice")).to_have_count(0)


def test_the_menu_closes_by_key_and_by_a_click_elsewhere(page, rita, sign_in):
    sign_in(rita)
    page.goto("/settings")
    summary, button = page.locator(".bar summary"), page.get_by_role("button", name="Sign out")
    summary.click()
    expect(button).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_hidden()
    expect(summary).to_be_focused()
    summary.press("Enter")
    page.get_by_role("heading", name="Settings").click()
    expect(button).to_be_hidden()
