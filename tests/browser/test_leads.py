"""Working the lead table in a browser: filters, outcomes in the row, pages, no JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.factories import make_leads, make_outcome
from webapp.database import utc_now
from webapp.services.leads import leads
from webapp.services.outcomes.outcomes import Attribution

NAMES = ["Ada Lovelace", "Bo Ek", "Cem Ay"]
BO = Attribution("rep", "bo@example.com")


@pytest.fixture
def some_leads(write):
    """Sixty leads; the three with names score best, in this order."""
    write(make_some)


def make_some(session):
    of_retail = {"industry": "Retail", "website_visits": 0}
    rows = [{"lead_id": f"L-{number:02}", **of_retail} for number in range(60)]
    for number, name in enumerate(NAMES):
        visits = 30 - 10 * number
        rows.append({"lead_id": f"N-{number}", "name": name, "website_visits": visits})
    make_leads(session, rows)


@pytest.fixture
def table(page, rita, sign_in, some_leads):
    """The lead table, open in the browser of a rep."""
    sign_in(rita)
    page.goto("/leads")
    return page


def first_row(page):
    return page.locator("tbody tr").first


def test_a_click_says_what_happened_in_the_row_and_undo_takes_it_back(table):
    row = first_row(table)
    row.get_by_role("button", name="Converted").click()
    undo = row.get_by_role("button", name="Undo converted Ada Lovelace")
    expect(undo).to_be_focused()
    expect(row.locator(".said")).to_have_text("Converted")
    table.keyboard.press("Enter")
    expect(row.get_by_role("button", name="Converted Ada Lovelace")).to_be_focused()
    expect(row.locator(".said")).to_have_count(0)


def test_only_the_row_changes(table):
    second = table.locator("tbody tr").nth(1)
    second.evaluate("row => row.dataset.untouched = 'yes'")
    first_row(table).get_by_role("button", name="Lost").click()
    expect(first_row(table).locator(".said")).to_have_text("Lost")
    expect(second).to_have_attribute("data-untouched", "yes")
    expect(table.locator("tbody tr")).to_have_count(50)


def test_a_said_lead_is_gone_from_the_open_ones_after_a_reload(table):
    first_row(table).get_by_role("button", name="Lost").click()
    expect(first_row(table).locator(".said")).to_be_visible()
    table.reload()
    expect(first_row(table)).to_contain_text("Bo Ek")


def test_a_filter_changes_table_and_address_and_the_way_back_works(table):
    table.get_by_role("combobox", name="Industry").select_option("Retail")
    expect(table).to_have_url(re.compile(r"/leads\?industry=Retail$"))
    expect(table.get_by_text("60 open leads")).to_be_visible()
    table.get_by_role("radio", name="Lost").check()
    expect(table.get_by_text("No lost lead matches")).to_be_visible()
    table.go_back()
    expect(table.get_by_text("60 open leads")).to_be_visible()
    expect(table.get_by_role("combobox", name="Industry")).to_have_value("Retail")


def test_a_sort_lasts_when_a_filter_is_added(table):
    table.get_by_role("link", name="Lead", exact=True).click()
    expect(table.locator("th[aria-sort=ascending]")).to_contain_text("Lead")
    table.get_by_role("combobox", name="Industry").select_option("Retail")
    expect(table).to_have_url(re.compile(r"industry=Retail&sort=name"))
    expect(first_row(table)).to_contain_text("L-00")


def test_the_next_page_starts_at_the_top_and_leads_back_to_the_first(table):
    table.get_by_role("link", name="Next 50").click()
    expect(table.locator("tbody tr")).to_have_count(13)
    assert table.evaluate("scrollY") == 0
    table.get_by_role("link", name="First page").click()
    expect(first_row(table)).to_contain_text("Ada Lovelace")


def test_a_search_finds_a_lead_whatever_became_of_it(table, write):
    write(lambda s: make_outcome(s, "N-1", True))
    table.keyboard.press("/")
    table.keyboard.type("bo")
    table.keyboard.press("Enter")
    expect(table.locator("tbody tr")).to_have_count(1)
    first_row(table).get_by_role("link", name="Bo Ek").click()
    expect(table.get_by_role("heading", name="Bo Ek")).to_be_visible()


def test_two_quick_clicks_say_one_thing(table, read):
    first_row(table).get_by_role("button", name="Converted").dblclick()
    expect(first_row(table).locator(".said")).to_have_text("Converted")


def test_a_second_enter_does_not_override_a_colleague(table, write, read):
    write(lambda s: make_outcome(s, "N-0", False, attribution=BO, now=utc_now()))
    row = first_row(table)
    row.get_by_role("button", name="Converted Ada Lovelace").press("Enter")
    expect(row.locator(".not-saved")).to_be_focused()
    table.keyboard.press("Enter")
    table.keyboard.press("Tab")
    expect(row.get_by_role("button", name="Converted anyway Ada Lovelace")).to_be_focused()
    assert read(lambda s: leads.find(s, "N-0").outcome) is False


def test_on_the_page_of_a_lead_a_second_enter_does_not_override_a_colleague(table, write, read):
    first_row(table).get_by_role("link", name="Ada Lovelace").click()
    button = table.get_by_role("button", name="Converted", exact=True)
    expect(button).to_be_visible()
    write(lambda s: make_outcome(s, "N-0", False, attribution=BO, now=utc_now()))
    button.press("Enter")
    expect(table.get_by_role("alert").locator("p")).to_be_focused()
    table.keyboard.press("Enter")
    expect(table.get_by_role("button", name="Converted anyway")).to_be_visible()
    assert read(lambda s: leads.find(s, "N-0").outcome) is False


def test_without_javascript_everything_is_a_form(new_context, rita, sign_in, some_leads):
    page = sign_in(rita, new_context(java_script_enabled=False).new_page())
    page.goto("/leads")
    page.get_by_role("combobox", name="Industry").select_option("Retail")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("60 open leads")).to_be_visible()
    first_row(page).get_by_role("button", name="Lost").click()
    expect(page.get_by_text("59 open leads")).to_be_visible()
    expect(page).to_have_url(re.compile("industry=Retail"))
    page.goto("/leads?status=lost")
    first_row(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_text("No lost lead matches")).to_be_visible()


def test_a_lead_is_closed_on_its_own_page_and_says_why(table):
    first_row(table).get_by_role("link", name="Ada Lovelace").click()
    table.get_by_label("Why? (optional)").fill("chose another")
    table.get_by_role("button", name="Lost").click()
    expect(table.locator("#outcome + .chip")).to_have_text("lost")
    expect(table.get_by_text("chose another")).to_be_visible()
    table.get_by_role("button", name="Withdraw").click()
    expect(table.locator("#outcome + .chip")).to_have_text("open")


def test_a_lead_in_pipeline_has_its_own_list_and_shows_its_deal(
    page, rita, sign_in, fake, salesforce
):
    fake.lead(FirstName="Bo", LastName="Ek")
    deal = fake.convert(fake.lead(FirstName="Ada", LastName="Lovelace", Company="Engines"))
    fake.update(deal, Name="Engines, forty seats and a long name that no column holds")
    salesforce.later()
    sign_in(rita)
    page.goto("/leads")
    expect(page.get_by_text("1 open lead")).to_be_visible()
    page.get_by_role("radio", name="In pipeline").check()
    expect(page).to_have_url(re.compile(r"/leads\?status=in_pipeline$"))
    expect(page.get_by_text("1 lead in pipeline")).to_be_visible()
    row = first_row(page)
    expect(row.get_by_role("link", name="Engines, forty seats")).to_have_attribute(
        "href", re.compile(f"/{deal}$")
    )
    expect(row.get_by_role("button")).to_have_count(0)
    assert_looks_right(page)
    row.get_by_role("link", name="Ada Lovelace").click()
    expect(page.get_by_text("in pipeline", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Opportunity in Salesforce")).to_be_visible()
    expect(page.get_by_role("button", name="Converted")).to_have_count(0)
    assert_looks_right(page)
