"""My day in a browser: one click to the leads, undo by keyboard and without JavaScript, looks."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.factories import make_lead, make_leads, make_outcome
from webapp.database import utc_now
from webapp.services.outcomes.outcomes import Attribution

RITA = "rita@example.com"
HOT = {"email_opens": 40, "website_visits": 40, "content_downloads": 15}


@pytest.fixture
def my_day(page, rita, sign_in, write):
    """Rita's start page: six hot leads to call, one that rose, one that she has lost today."""

    def make(session):
        now = utc_now()
        hot = [
            {"lead_id": f"H-{n}", "name": f"Hot {n}", "owner": RITA, "days_since_contact": 30 + n}
            for n in range(6)
        ]
        make_leads(session, [{**each, **HOT} for each in hot], now=now - timedelta(hours=3))
        cold: dict[str, Any] = {
            "owner": RITA,
            "name": "Riser",
            "email_opens": 0,
            "days_since_contact": 1,
        }
        make_lead(session, "R-1", now=now - timedelta(hours=2), **cold)
        make_lead(session, "R-1", now=now - timedelta(hours=1), email_opens=40)
        lost = make_lead(session, "L-1", name="Lost One", now=now - timedelta(hours=1))
        make_outcome(session, lost, False, attribution=Attribution("rep", RITA), now=now)

    write(make)
    sign_in(rita)
    page.goto("/")
    return page


def test_one_click_on_a_number_leads_to_exactly_these_leads(my_day):
    my_day.get_by_role("region", name="To call").get_by_role("link", name="6", exact=True).click()
    expect(my_day.locator('tbody tr[id^="lead-"]')).to_have_count(6)
    assert "owner=me" in my_day.url


def test_what_was_closed_is_undone_by_keyboard(my_day):
    closed = my_day.get_by_role("region", name="Closed by you")
    undo = closed.get_by_role("button", name="Undo lost Lost One")
    undo.focus()
    my_day.keyboard.press("Enter")
    expect(closed).to_contain_text("You closed nothing since yesterday.")


def test_the_start_page_needs_no_javascript(my_day, rita, new_context, sign_in):
    page = sign_in(rita, new_context(java_script_enabled=False).new_page())
    page.goto("/")
    page.get_by_role("button", name="Undo lost Lost One").click()
    expect(page.get_by_role("region", name="Closed by you")).to_contain_text("You closed nothing")


def test_it_says_why_a_score_rose(my_day):
    rising = my_day.get_by_role("region", name="Rising")
    expect(rising).to_contain_text("0 → 40")
    rising.get_by_role("link", name="Why the score of Riser rose").click()
    expect(my_day.get_by_role("heading", name="Why the score changed")).to_be_visible()


def test_it_looks_right_for_a_rep(my_day):
    assert_looks_right(my_day)


def test_it_looks_right_for_a_manager_and_where_there_is_nothing(my_day, mona, sign_in):
    sign_in(mona)
    my_day.goto("/")
    expect(my_day.get_by_role("heading", name="The team by grade")).to_be_visible()
    assert_looks_right(my_day)
