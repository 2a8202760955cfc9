"""The mapping of fields in a real browser: live progress, 375 px, and no scripts."""

from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right


def test_a_test_shows_how_far_it_is_and_ends_by_itself(page, ada, sign_in, described, fake):
    fake.lead(LeadSource="Web", City="Lyon")
    sign_in(ada)
    page.goto("/sync/mapping")
    page.get_by_label("Email opens", exact=True).select_option("as_is:Email_Opens__c")
    page.get_by_role("button", name="Test on 20 leads").click()
    expect(page.get_by_text("Waiting for the worker")).to_be_visible()
    described.tick()
    expect(page.get_by_role("heading", name="Test on 1 lead")).to_be_visible()
    expect(page.get_by_label("Email opens", exact=True)).to_have_value("as_is:Email_Opens__c")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_text("The mapping is saved.")).to_be_visible()


def test_nothing_is_wider_than_the_screen_or_out_of_reach(page, ada, sign_in, described):
    sign_in(ada)
    for path in ("/sync/mapping", "/sync/rules"):
        page.goto(path)
        assert_looks_right(page)


def test_a_mapping_is_saved_without_scripts(new_context, ada, sign_in, described):
    page = sign_in(ada, new_context(java_script_enabled=False).new_page())
    page.goto("/sync/mapping")
    page.get_by_label("Lead source", exact=True).select_option("")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_text("The mapping is saved.")).to_be_visible()
    expect(page.get_by_label("Lead source", exact=True)).to_have_value("")
