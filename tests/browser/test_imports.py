"""An import in a real browser, from the drop of a file to the leads."""

import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right, assert_within_reach
from tests.factories import make_lead
from webapp.database import utc_now

LAYOUTS = sorted((Path(__file__).parents[1] / "cases/layouts").iterdir())
# These ask nothing that the others do not ask; tests/services/imports reads and imports all.
ALIKE = ("odoo-crm-lead", "zoho-leads")
# Of each layout: new leads, and outcomes that count or wait.
BROUGHT = {
    "hubspot-contacts.csv": (3, 2),
    "odoo-crm-lead.csv": (3, 2),
    "pipedrive-deals.csv": (3, 2),
    "salesforce-report.csv": (3, 2),
    "weekly-outcomes.csv": (1, 4),
    "zoho-leads.csv": (3, 3),
}
MAX_CLICKS = 4
# The times in the files lie before it.
LATER = datetime(2026, 12, 1, tzinfo=UTC)
ASKING = b"""Lead,Lead Source,Status,Closed on,Shoe size,Owner
A-1,Web,Ghosted,03/02/2024 10:00,43,Rita
A-2,Referral,Won,04/02/2024 11:30,44,Rita
A-3,Referral,Won,04/02/2024 11:30,,Mona
,Referral,Won,04/02/2024 11:30,41,Mona
"""


class Walk:
    """Somebody walks through an import on a page; their clicks are counted."""

    def __init__(self, page, work):
        self.page, self.work, self.n_clicks = page, work, 0

    def drop(self, name, content):
        self.page.goto("/imports")
        file = {"name": name, "mimeType": "text/csv", "buffer": content}
        self.page.get_by_label("Drop a file here").set_input_files(file)
        self.click("Continue")
        self.wait_for("What the columns mean")

    def answer_all(self):
        """Answer what is open by the last answer offered."""
        for question in self.page.locator(".questions fieldset").all():
            if question.locator(":checked").count() == 0:
                question.get_by_role("radio").last.click()
                self.n_clicks += 1

    def click(self, button):
        self.page.get_by_role("button", name=button).first.click()
        self.n_clicks += 1

    def wait_for(self, heading):
        """Let the worker do its part, and see the page follow by itself or by its link."""
        expect(self.page.get_by_text("Waiting for the worker")).to_be_visible()
        self.work()
        if self.page.get_by_role("link", name="Refresh").count():
            self.page.get_by_role("link", name="Refresh").click()
        expect(self.page.get_by_role("heading", name=heading)).to_be_visible()

    def figure(self, label):
        term = self.page.locator(".figures div", has_text=label)
        return int(term.locator("dd").inner_text()) if term.count() else 0


@pytest.fixture
def walk(do_import):
    return lambda page, now=LATER: Walk(page, partial(do_import, now))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem in ALIKE else ())
        for path in LAYOUTS
    ],
)
def test_a_usual_export_goes_in_within_four_clicks_after_the_file(path, page, mona, sign_in, walk):
    walk = walk(sign_in(mona))
    walk.drop(path.name, path.read_bytes())
    walk.answer_all()
    walk.click("Continue")
    walk.wait_for("What this import will do")
    walk.click(re.compile(r"Import \d+ rows"))
    walk.wait_for(re.compile(r"\d+ rows imported"))
    assert walk.n_clicks <= MAX_CLICKS
    outcomes = walk.page.locator("dt", has_text=re.compile("^Outcomes")).locator("+ dd")
    brought = walk.figure("New leads"), sum(map(int, outcomes.all_inner_texts()))
    assert brought == BROUGHT[path.name]
    assert walk.figure("Rows with errors") == 0


def test_a_finished_import_asks_no_more(page, mona, sign_in, walk):
    walk = walk(sign_in(mona))
    walk.drop("leads.csv", b"lead_id,age\nA 1,44\n")
    walk.click("Continue")
    walk.wait_for("What this import will do")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_timeout(2_500)
    assert requests == []


def test_the_whole_conversation_works_without_javascript(
    new_context, ada, sign_in, walk, write, server_url
):
    write(lambda s: make_lead(s, "A-2", lead_source="Webinar"))
    page = sign_in(ada, new_context(java_script_enabled=False).new_page())
    walk = walk(page)
    walk.drop("spring.csv", ASKING)
    page.get_by_label("Lead means").select_option("Lead ID")
    page.get_by_label("Shoe size means").select_option("New field …")
    page.get_by_role("button", name="Update this page").click()
    expect(page.get_by_label("Label")).to_have_value("Shoe size")
    page.get_by_role("group", name="What became of leads").get_by_label("Lost").check()
    page.get_by_role("group", name="which comes first").get_by_label("The day").check()
    page.get_by_label("In which time zone").fill("Europe/Berlin")
    page.get_by_label("Web", exact=False).first.select_option("Organic")
    page.get_by_role("button", name="Continue").click()
    walk.wait_for("What this import will do")
    expect(page.get_by_text("Import 3 rows")).to_be_visible()
    expect(page.get_by_role("row", name="A-2 Lead source Webinar")).to_contain_text("Referral")
    walk.click("Import 3 rows")
    walk.wait_for("3 rows imported")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download these rows").click()
    assert "Referral" in download.value.path().read_text("utf-8-sig")
    page.get_by_role("link", name="A-1").click()
    expect(page.get_by_text("Organic").first).to_be_visible()


def test_a_new_target_shows_its_values_at_once_and_keeps_the_focus(page, mona, sign_in, walk):
    walk = walk(sign_in(mona))
    walk.drop("leads.csv", b"lead_id,How,Note\nA 1,Fair,x\nA 2,Web,y\n")
    target = page.get_by_label("How means")
    target.focus()
    target.select_option("Lead source")
    expect(page.get_by_label("Fair")).to_be_visible()
    expect(target).to_be_focused()
    expect(page.get_by_text("your choice")).to_be_visible()


def test_two_targets_chosen_before_the_server_answers_both_count(page, mona, sign_in, walk):
    walk = walk(sign_in(mona))
    walk.drop("leads.csv", b"lead_id,How,Firm\nA 1,Fair,x\nA 2,Web,y\n")
    held = []

    def hold(route):
        held.append(route)

    page.route("**/columns", hold)
    page.get_by_label("How means").select_option("Lead source")
    page.get_by_label("Firm means").select_option("Company")
    page.wait_for_timeout(300)
    for route in held:
        route.continue_()
    expect(page.get_by_text("your choice")).to_have_count(2)
    expect(page.get_by_label("How means")).to_have_value("lead_source")
    expect(page.get_by_label("Firm means")).to_have_value("company")


def test_each_step_fits_the_screen_and_is_accessible(page, ada, sign_in, walk, write):
    write(lambda s: make_lead(s, "A-2", lead_source="Webinar"))
    walk = walk(sign_in(ada), utc_now())
    walk.drop("spring.csv", ASKING)
    assert_looks_right(page)
    page.get_by_label("Lead means").select_option("Lead ID")
    expect(page.get_by_text("your choice")).to_be_visible()
    page.get_by_label("Shoe size means").select_option("New field …")
    expect(page.get_by_label("Label")).to_be_visible()
    assert_looks_right(page)
    walk.answer_all()
    page.get_by_label("In which time zone").fill("Mars")
    walk.click("Continue")
    expect(page.get_by_text("There is no time zone")).to_be_visible()
    assert_looks_right(page)
    page.get_by_label("In which time zone").fill("UTC")
    walk.click("Continue")
    expect(page.get_by_text("You can leave this page")).to_be_visible()
    assert_looks_right(page)
    walk.wait_for("What this import will do")
    assert_looks_right(page)
    walk.click("Import 3 rows")
    walk.wait_for("3 rows imported")
    page.get_by_text("Undo import").click()
    assert_looks_right(page)
    assert_within_reach(page, page.get_by_role("button", name="Undo this import"))
    page.goto("/imports")
    assert_looks_right(page)
