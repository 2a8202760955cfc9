"""An invitation in a real browser: from the administrator's page to the invited person's first."""

from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right


def test_an_invited_person_gets_in_by_the_link(page, ada, sign_in, new_context):
    sign_in(ada)
    page.goto("/settings/users")
    page.get_by_label("E-mail address").fill("new@example.com")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("code.secret").inner_text()
    expect(page.get_by_role("heading", name="Invited")).to_be_visible()
    assert_looks_right(page)
    guest = new_context(java_script_enabled=False).new_page()
    guest.goto(link)
    guest.get_by_label("Password", exact=True).fill("a password of my own")
    guest.get_by_label("Repeat password").fill("a password of my own")
    guest.get_by_role("button", name="Set password and sign in").click()
    expect(guest.get_by_text("Password set. You are signed in.")).to_be_visible()
    page.get_by_label("E-mail address").fill("other@example.com")
    page.get_by_role("button", name="Invite").click()
    page.goto(page.locator("code.secret").inner_text())
    assert_looks_right(page)
