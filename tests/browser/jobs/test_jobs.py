"""Jobs of a working day beside those of the lead table and of a lead, with clicks counted.

Every control here is a link or a button, so the keyboard needs Enter where the mouse needs a click.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.test_models import story  # noqa: F401 - a fixture
from tests.browser.test_table import Hands
from tests.factories import make_lead, make_leads, make_outcome
from webapp.database import utc_now

BY_KEY = {"by mouse": False, "by keyboard": True}


class Person(Hands):
    """Hands that use either the mouse or the keyboard."""

    def __init__(self, page, *, by_key):
        super().__init__(page)
        self.by_key = by_key

    def use(self, found):
        """Click, or go there and press Enter: one each."""
        if not self.by_key:
            self.click(found)
            return
        found.focus()
        self.press("Enter")


@pytest.fixture(params=list(BY_KEY.values()), ids=list(BY_KEY))
def person(request, page):
    return Person(page, by_key=request.param)


def test_the_hottest_leads_come_first_and_five_are_closed_in_five(person, rita, sign_in, write):
    rows = [{"lead_id": f"L-{n}", "name": f"Lead {n}", "website_visits": 2 * n} for n in range(12)]
    write(lambda s: make_leads(s, rows))
    page = sign_in(rita)
    page.goto("/leads")
    names = page.locator("tbody .leads-who a").all_inner_texts()
    assert names[:10] == [f"Lead {n}" for n in range(11, 1, -1)]
    for name in names[:5]:
        row = page.locator("tbody tr", has_text=name).first
        person.use(row.get_by_role("button", name="Converted"))
        expect(row).to_contain_text("Undo")
    assert person.n == 5


def test_a_key_is_made_in_two(person, ada, sign_in):
    page = sign_in(ada)
    page.goto("/settings/keys")
    page.get_by_label("Name", exact=True).fill("web form")
    if person.by_key:
        page.get_by_role("checkbox").first.focus()
        person.press("Space")
    else:
        person.click(page.get_by_role("checkbox").first)
    person.use(page.get_by_role("button", name="Create key"))
    expect(page.locator("code.secret").first).to_be_visible()
    assert person.n == 2


def test_a_person_is_invited_in_one(person, ada, sign_in):
    page = sign_in(ada)
    page.goto("/settings/users")
    page.get_by_label("E-mail address").fill("new@example.com")
    person.use(page.get_by_role("button", name="Invite"))
    expect(page.locator("code.secret")).to_be_visible()
    assert person.n == 1


def test_why_a_score_changed_stands_on_the_page_of_the_lead(person, rita, sign_in, write):
    write(lambda s: make_lead(s, "L-1", name="Riser", email_opens=0))
    write(lambda s: make_lead(s, "L-1", email_opens=40, now=utc_now()))
    page = sign_in(rita)
    page.goto("/leads")
    person.use(page.get_by_role("link", name="Riser"))
    expect(page.locator("#change")).to_contain_text("Email opens")
    assert person.n == 1


def test_why_a_model_was_refused_is_one_away(person, mona, sign_in, story):  # noqa: F811
    page = sign_in(mona)
    page.goto("/models")
    decision = page.locator("details.decision", has_text="refused on").first
    person.use(decision.locator("summary"))
    expect(decision).to_contain_text("It failed")
    assert person.n == 1


def test_a_roll_back_is_two_from_the_page_of_its_version(person, mona, sign_in, story):  # noqa: F811
    page = sign_in(mona)
    page.goto("/models/1.0")
    person.use(page.locator("summary", has_text="Roll back"))
    person.use(page.get_by_role("button", name="Roll back"))
    expect(page.get_by_role("heading", name="version 1.0")).to_be_visible()
    assert person.n == 2


def test_the_crm_is_paused_in_one(person, ada, sign_in, salesforce):
    page = sign_in(ada)
    page.goto("/sync")
    person.use(page.get_by_role("button", name="Pause"))
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    assert person.n == 1


def test_conversion_by_grade_this_month_needs_no_click_and_its_leads_one(
    person, mona, sign_in, write
):
    def make(session):
        lead = make_lead(session, "L-1", name="Won", website_visits=50, now=utc_now())
        make_outcome(session, lead, True, now=utc_now())

    write(make)
    page = sign_in(mona)
    page.goto("/")
    month = page.locator(".day-team tbody tr").last.locator("[data-label='this month']")
    expect(month).to_contain_text("100 %")
    person.use(month.get_by_role("link").first)
    expect(page.get_by_role("link", name="Won")).to_be_visible()
    assert person.n == 1
