"""A rep's jobs in the lead table, by mouse and by keyboard, with clicks and keys counted."""

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.factories import make_leads, make_outcome
from webapp.database import utc_now
from webapp.services.leads import leads
from webapp.services.outcomes.outcomes import Attribution

COLD = {"website_visits": 0, "email_opens": 0, "content_downloads": 0, "lead_source": "Cold Call"}


class Hands:
    """A rep's hands on a page: they count what they do."""

    def __init__(self, page):
        self.page, self.n = page, 0

    def click(self, found, **options):
        self.n += 1
        found.click(**options)

    def choose(self, found, value):
        """Open a list and choose: two clicks."""
        self.n += 2
        found.select_option(value)

    def press(self, *keys):
        for key in keys:
            self.n += 1
            self.page.keyboard.press(key)


@pytest.fixture
def hands(page, rita, sign_in, write):
    """A rep's hands on thirty open leads; the first scores best."""
    rows = [
        {"lead_id": f"L-{n:02}", "name": f"Lead {n:02}", "website_visits": 60 - 2 * n}
        for n in range(30)
    ]
    write(lambda s: make_leads(s, rows))
    sign_in(rita)
    page.goto("/leads")
    return Hands(page)


def row(hands, n):
    return hands.page.locator("tbody tr").nth(n)


def named(hands, n):
    """The id of the lead in a row."""
    return row(hands, n).locator(".leads-who a").inner_text().replace("Lead ", "L-")


def reason(read, lead_id):
    return read(lambda s: leads.outcome_history(s, leads.find(s, lead_id))[0].reason)


def count(hands, text):
    expect(hands.page.locator("#leads-summary")).to_contain_text(text)


def lost(read):
    return read(lambda s: sum(leads.find(s, f"L-{n:02}").status == "lost" for n in range(30)))


def test_an_outcome_and_its_undo_are_one_click_each_and_the_count_follows(hands):
    hands.click(row(hands, 0).get_by_role("button", name="Converted"))
    expect(row(hands, 0).locator(".said")).to_have_text("Converted")
    count(hands, "29 open leads")
    hands.click(row(hands, 0).get_by_role("button", name="Undo"))
    count(hands, "30 open leads")
    assert hands.n == 2


def test_an_outcome_and_its_undo_are_one_key_each(hands):
    hands.page.keyboard.press("j")
    hands.press("c")
    expect(row(hands, 0).locator(".said")).to_have_text("Converted")
    hands.press("u")
    expect(row(hands, 0).locator(".said")).to_have_count(0)
    hands.press("j", "l")
    expect(row(hands, 1).locator(".said")).to_have_text("Lost")
    assert hands.n == 4


def test_twenty_leads_are_lost_with_a_reason_in_four_clicks_and_undone_in_one(hands, read):
    hands.click(row(hands, 0).get_by_role("checkbox"))
    hands.click(row(hands, 19).get_by_role("checkbox"), modifiers=["Shift"])
    expect(hands.page.locator("#n-ticked")).to_have_text("20 selected")
    bar = hands.page.get_by_role("toolbar", name="Selected leads")
    hands.click(bar.locator("summary", has_text="Lost"))
    hands.click(bar.get_by_role("button", name="No budget"))
    expect(hands.page.locator("#notices")).to_contain_text("20 leads marked lost: No budget.")
    count(hands, "10 open leads")
    assert hands.n == 4
    assert lost(read) == 20
    hands.click(hands.page.get_by_role("button", name="Undo all"))
    count(hands, "30 open leads")
    assert hands.n == 5
    assert lost(read) == 0


def test_leads_are_selected_and_lost_by_keys(hands, read):
    hands.press("j", "x", "Shift+J", "Shift+J", "l")
    first = hands.page.locator("#bulk-lost button").first
    expect(first).to_be_focused()
    hands.press("1")
    count(hands, "27 open leads")
    hands.press("u")
    count(hands, "30 open leads")
    assert (hands.n, lost(read)) == (7, 0)


def test_a_bulk_action_is_undone_the_next_day(hands, read):
    hands.press("a", "c")
    expect(hands.page.locator("#notices")).to_contain_text("30 leads marked converted.")
    hands.page.goto("/leads")
    hands.click(hands.page.get_by_role("link", name="Recent actions"))
    hands.click(hands.page.get_by_role("button", name="Undo all"))
    expect(hands.page.get_by_text("undone", exact=True)).to_be_visible()
    assert_looks_right(hands.page)


def test_what_somebody_changed_meanwhile_is_named(hands, write):
    write(lambda s: make_outcome(s, "L-01", True, now=utc_now()))
    hands.press("a", "c")
    said = hands.page.locator("#notices")
    expect(said).to_contain_text("29 leads marked converted")
    hands.press("Escape")


def test_why_a_lead_was_lost_is_asked_in_its_row(hands, read):
    hands.click(row(hands, 0).get_by_role("button", name="Lost"))
    why = row(hands, 0).get_by_label("Why was")
    hands.choose(why, "No need")
    expect(why).to_have_count(0)
    assert (reason(read, named(hands, 0)), hands.n) == ("No need", 3)


def test_why_a_lead_was_lost_is_said_by_a_number(hands, read):
    hands.press("j", "l")
    expect(row(hands, 0).locator("select")).to_be_visible()
    hands.press("1")
    expect(row(hands, 0).locator("select")).to_have_count(0)
    assert reason(read, named(hands, 0)) == "No budget"


def test_a_lead_is_found_by_three_letters_and_enter(hands, write):
    write(lambda s: make_leads(s, [{"lead_id": "Z", "name": "Zoe Quill"}]))
    hands.page.keyboard.press("/")
    before = hands.page.evaluate("history.length")
    hands.press("z", "o", "e")
    expect(hands.page.locator("tbody tr")).to_have_count(1)
    expect(hands.page).to_have_url("/leads?q=zoe")
    assert hands.page.evaluate("history.length") == before
    hands.press("Enter")
    expect(hands.page.get_by_role("heading", name="Zoe Quill")).to_be_visible()
    assert hands.n == 4


def test_leads_are_assigned_in_two_clicks(hands, read, rita):
    hands.page.keyboard.press("j")
    hands.page.keyboard.press("x")
    bar = hands.page.get_by_role("toolbar", name="Selected leads")
    hands.click(bar.locator("summary", has_text="Assign"))
    hands.click(bar.get_by_role("button", name="Me"))
    expect(hands.page.locator("#notices")).to_contain_text("1 lead given to")
    assert read(lambda s: leads.find(s, named(hands, 0)).owner) == rita.email
    assert hands.n == 2


def test_the_keys_are_listed(hands):
    hands.page.keyboard.press("?")
    expect(hands.page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert_looks_right(hands.page)
    hands.page.keyboard.press("Escape")
    expect(hands.page.get_by_role("dialog")).to_have_count(0)


def test_the_table_with_a_selection_looks_right(hands):
    row(hands, 0).get_by_role("checkbox").check()
    row(hands, 1).get_by_role("button", name="Lost").click()
    expect(row(hands, 1).locator("select")).to_be_visible()
    assert_looks_right(hands.page)


def test_without_javascript_ticked_leads_are_lost_with_a_reason_and_undone(
    new_context, hands, read
):
    context = new_context(
        java_script_enabled=False, storage_state=hands.page.context.storage_state()
    )
    page = context.new_page()
    page.goto("/leads")
    for n in range(2):
        page.locator("tbody tr").nth(n).get_by_role("checkbox").check()
    page.locator(".bulk-bar summary", has_text="Lost").click()
    page.get_by_role("button", name="Bad timing").click()
    assert lost(read) == 2
    expect(page.locator("#notices")).to_contain_text("2 leads marked lost: Bad timing.")
    page.get_by_role("button", name="Undo all").click()
    assert lost(read) == 0


def test_mine_and_hot_and_untouched_are_two_clicks_from_my_day(hands, write, rita):
    """Neither another's lead, nor a poor one, nor one called yesterday."""
    mine = {"owner": rita.email, "website_visits": 60, "days_since_contact": 9}
    rows = [
        {"lead_id": "M-1", "name": "Call me", **mine},
        {"lead_id": "M-2", "name": "Called", **mine, "days_since_contact": 1},
        {"lead_id": "M-3", "name": "Of another", **mine, "owner": "Bo"},
        {"lead_id": "M-4", "name": "Cold", "owner": rita.email, "days_since_contact": 300, **COLD},
    ]
    write(lambda s: make_leads(s, rows, now=utc_now()))
    page = hands.page
    page.goto("/")
    hands.click(page.get_by_role("link", name="Leads", exact=True))
    hands.click(page.get_by_role("link", name="Mine to call"))
    count(hands, "1 open lead")
    assert page.locator("tbody .leads-who a").all_inner_texts() == ["Call me"]
    assert hands.n == 2
    tab = page.get_by_role("link", name="Mine to call")
    expect(tab).to_have_attribute("aria-current", "page")
    expect(tab).to_contain_text("1")


def test_mine_and_hot_and_untouched_by_keyboard(hands):
    page = hands.page
    page.get_by_role("link", name="All open").focus()
    hands.press("Tab", "Enter")
    expect(page).to_have_url("/leads?grade=A,B&owner=me&not_contacted_for=7")
    assert hands.n == 2


def test_ticked_leads_are_exported_in_two_clicks(page, ada, sign_in, write):
    write(lambda s: make_leads(s, [{"lead_id": f"L-{n}", "name": f"Lead {n}"} for n in range(3)]))
    sign_in(ada)
    page.goto("/leads?sort=name")
    hands = Hands(page)
    hands.click(row(hands, 1).get_by_role("checkbox"))
    with page.expect_download() as download:
        hands.click(page.get_by_role("button", name="Export"))
    lines = download.value.path().read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["lead_id", "L-1"]
    assert hands.n == 2
    with page.expect_download():
        hands.click(page.get_by_role("link", name="CSV"))
    assert hands.n == 3


def test_leads_are_assigned_and_a_view_is_saved_by_keyboard(hands, read, rita):
    page = hands.page
    hands.press("j", "x")
    page.locator(".bulk-bar summary", has_text="Assign").focus()
    hands.press("Enter", "Tab")
    mine = page.get_by_role("toolbar").get_by_role("button", name="Me", exact=True)
    mine.focus()
    hands.press("Enter")
    expect(page.locator("#notices")).to_contain_text("1 lead given to")
    assert read(lambda s: leads.find(s, named(hands, 0)).owner) == rita.email
    assert hands.n == 5
    page.goto("/leads?grade=A,B")
    page.locator("#save-view summary").focus()
    hands.press("Enter", "Tab")
    page.keyboard.type("Hot")
    hands.press("Enter")
    view = page.get_by_role("link", name="Hot")
    expect(view).to_have_attribute("aria-current", "page")
    assert hands.n == 8


def test_filters_chosen_by_hand_are_saved_as_a_view_in_two_clicks(hands):
    page = hands.page
    page.goto("/leads?not_contacted_for=7")
    page.get_by_role("combobox", name="Owner").select_option("unowned")
    expect(page).to_have_url("/leads?owner=unowned&not_contacted_for=7")
    page.get_by_role("combobox", name="Grade").select_option("A,B")
    expect(page).to_have_url("/leads?grade=A,B&owner=unowned&not_contacted_for=7")
    hands.click(page.get_by_text("Save view"))
    page.locator("#save-view").get_by_label("Name").fill("My hot ones")
    hands.click(page.get_by_role("button", name="Save", exact=True))
    view = page.get_by_role("link", name="My hot ones")
    expect(view).to_have_attribute("aria-current", "page")
    assert hands.n == 2
    assert_looks_right(page)
    page.goto("/leads")
    hands.click(view)
    expect(page).to_have_url("/leads?grade=A,B&owner=unowned&not_contacted_for=7")
    page.get_by_label("Change this view").click()
    page.get_by_role("button", name="Begin with this view").click()
    page.get_by_label("Change this view").click()
    expect(page.get_by_role("button", name="Begin with My day")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(view).to_have_count(0)


def test_columns_are_chosen_and_stay_in_a_row_that_changes(hands):
    page = hands.page
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Website visits", exact=True).check()
    page.get_by_role("button", name="Show", exact=True).click()
    head = page.get_by_role("columnheader", name="Website visits")
    expect(head).to_be_visible()
    expect(page.get_by_role("columnheader", name="Owner")).to_have_count(0)
    before = row(hands, 0).locator("td").count()
    row(hands, 0).get_by_role("button", name="Converted").click()
    expect(row(hands, 0).locator(".said")).to_be_visible()
    assert row(hands, 0).locator("td").count() == before


def test_lost_reasons_and_their_report_look_right(page, ada, sign_in, write):
    def make(session):
        make_leads(session, [{"lead_id": f"L-{n}", "lead_source": "Referral"} for n in range(3)])
        for n, why in enumerate(["No budget", "No budget", None]):
            told = Attribution("rep", ada.email, reason=why)
            make_outcome(session, f"L-{n}", False, attribution=told, now=utc_now())

    write(make)
    sign_in(ada)
    page.goto("/settings/lost-reasons")
    line = page.get_by_role("row", name="No budget 2")
    expect(line.get_by_role("link", name="2")).to_be_visible()
    page.get_by_label("New reason").fill("Moved away")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("rowheader", name="Moved away")).to_be_visible()
    assert_looks_right(page)
    line.get_by_role("link", name="2").click()
    expect(page.locator("#leads-summary")).to_contain_text("2 lost leads")


def test_rows_stay_on_one_line_whoever_owns_them_and_the_first_one_is_in_sight(
    page, ada, sign_in, write
):
    def make(session):
        rows = [
            {"lead_id": f"L-{n}", "name": f"Lead {n}", "owner": ada.email, "lead_source": "Web"}
            for n in range(3)
        ]
        make_leads(session, rows)
        told = Attribution("rep", ada.email, reason="No budget")
        for n in range(3):
            make_outcome(session, f"L-{n}", False, attribution=told, now=utc_now())

    write(make)
    sign_in(ada)
    page.goto("/leads?status=lost")
    first = page.locator("tbody tr").first
    expect(first.locator(".leads-why")).to_have_text("Lost · ada · just now · No budget")
    expect(first.get_by_title(ada.email, exact=True)).to_have_text("ada")
    assert first.bounding_box()["height"] == 40
    page.set_viewport_size({"width": 375, "height": 667})
    box = first.bounding_box()
    assert box["y"] + box["height"] <= 667
    for button in first.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 32
