"""The lead table as a page: its fragment, its filters, and outcomes said in a row."""

import base64
import dataclasses
import html
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import NOW, make_lead, make_outcome, make_version
from webapp.database import db, utc_now
from webapp.services.leads import lead_table, leads
from webapp.services.models import lifecycle, rescoring
from webapp.services.outcomes.outcomes import Attribution


@pytest.fixture
def rep(rita, sign_in):
    return sign_in(rita)


@pytest.fixture
def lead(write):
    return write(lambda s: make_lead(s, "L-1", name="Ada Lovelace", company="Engines"))


def outcome_of(read, lead_id="L-1"):
    return read(lambda s: leads.find(s, lead_id).outcome)


def test_the_page_holds_the_fragment_as_it_is(rep, lead):
    fragment = without_token(rep.get("/leads/table?status=all").text)
    table, views, _ = fragment.partition('<nav class="tabs views"')
    assert views  # beside it, swapped by themselves
    assert table.strip() in without_token(rep.get("/leads?status=all").text)
    assert fragment.lstrip().startswith('<div id="lead-table">')
    assert "<html" not in fragment


def without_token(text):
    """A token tells the second in which it was signed."""
    return re.sub(r'(name="csrf_token" value=)"[^"]+"', r"\1", text)


def put_in_use(session, at):
    version = make_version(session)
    rescoring.begin(session, version, at)
    rescoring.fill(session, version, 0)
    lifecycle.switch(session, version, "gate", at)


def test_the_table_says_how_a_new_model_has_changed_the_scores_for_a_day(rep, lead, write):
    assert "Scores changed today" not in rep.get("/leads").text
    write(lambda s: put_in_use(s, utc_now() - timedelta(hours=23)))
    page = " ".join(rep.get("/leads").text.split())
    assert re.search(
        r"Scores changed today:</strong> up \d+ on average, because the model changed\."
        r" 1 of 1 open leads moved by 10 points or more\.",
        page,
    )


def test_yesterdays_change_of_scores_is_no_news(rep, lead, write):
    write(lambda s: put_in_use(s, utc_now() - timedelta(hours=25)))
    assert "Scores changed today" not in rep.get("/leads").text


def test_the_fragment_tells_the_address_of_its_page(rep, lead):
    answer = rep.get("/leads/table?status=open&source=Referral&grade=&sort=name")
    assert answer.headers["HX-Push-Url"] == "/leads?source=Referral&sort=name"


def test_the_filters_of_the_address_are_shown_as_chosen(rep, lead):
    page = rep.get("/leads?status=lost&grade=B&source=Nowhere").text
    assert re.search(r'value="lost" checked', page)
    assert re.search(r"<option selected value=\"B\">", page)
    assert '<option value="Nowhere" selected>' in page


def test_a_row_shows_who_it_is_the_score_and_the_reason(rep, write):
    write(lambda s: make_lead(s, "L-1", name="Ada <b>", company="Engines", lead_source="Referral"))
    page = rep.get("/leads").text
    assert "Ada &lt;b&gt;" in page
    assert re.search(r"Referral <span class=\"up\">\+\d+</span>", page)
    assert '<span class="why" title="Lead source">Referral' in page


def test_what_all_rows_share_is_said_above_them_and_not_in_a_row_after_a_click(rep, write):
    made = [
        write(lambda s, n=n: make_lead(s, f"L-{n}", lead_source="Referral", website_visits=n))
        for n in (3, 20, 90)
    ]
    page = rep.get("/leads").text
    assert "All of these:" in page
    assert page.count(">Referral <") == 1
    above = re.findall(r'name="above" value="(\w+)"', page)
    clicked = rep.post(
        f"/leads/{made[0].key}/row", data={"outcome": "converted", "above": above}
    ).text
    assert ">Referral <" not in clicked
    assert "3 website visits" in clicked


def test_the_next_page_goes_on_behind_this_one(rep, write, monkeypatch):
    monkeypatch.setattr(lead_table, "PAGE_SIZE", 2)
    write(lambda s: [make_lead(s, f"L-{n}", website_visits=n) for n in range(3)])
    page = rep.get("/leads").text
    following = re.search(r'id="next-page" href="([^"]+)"', page)[1].replace("&amp;", "&")
    behind = rep.get(following).text
    assert [("L-2" in page, "L-0" in page), ("L-2" in behind, "L-0" in behind)] == [
        (True, False),
        (False, True),
    ]
    assert 'id="first-page" href="/leads"' in behind


@pytest.mark.parametrize("query", ["sort=age", "after=zzz", "grade=E", "owner=a%00b", "q=%0a%01"])
def test_what_the_table_cannot_show_is_refused_in_words(query, rep):
    answer = rep.get(f"/leads?{query}")
    assert answer.status_code == 400
    assert "Go back to the lead table and choose again." in answer.text


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**70])
@pytest.mark.parametrize("path", ["/leads", "/leads/table"])
def test_a_forged_place_beyond_all_numbers_is_no_failure(path, value, rep):
    place = base64.urlsafe_b64encode(f'["score",{value},1]'.encode()).decode().rstrip("=")
    assert rep.get(f"{path}?after={place}").status_code in {200, 400}


def test_without_leads_the_page_says_how_to_get_some(rep):
    page = rep.get("/leads").text
    assert "No leads yet" in page
    assert 'href="/leads/new"' in page


def test_an_empty_answer_says_why_it_is_empty(rep, lead, write):
    assert "No open lead matches" in rep.get("/leads?source=Referral").text
    assert "No lead fits all the filters and the search" in rep.get("/leads?q=nobody").text
    write(lambda s: make_outcome(s, "L-1", True))
    assert "Every lead has an outcome" in rep.get("/leads").text


def test_a_click_answers_with_the_row_and_an_undo(rep, lead, read):
    row = rep.post(f"/leads/{lead.key}/row", data={"outcome": "converted"}).text
    assert row.lstrip().startswith(f'<tr id="lead-{lead.key}">')
    assert re.search(r'value="withdrawn"[^>]+autofocus>Undo', row)
    assert outcome_of(read) is True
    recorded = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))[0]
    assert (recorded.source, recorded.actor) == ("rep", "rita@example.com")


def test_undo_brings_the_buttons_back(rep, lead, read):
    rep.post(f"/leads/{lead.key}/row", data={"outcome": "lost"})
    row = rep.post(f"/leads/{lead.key}/row", data={"outcome": "withdrawn"}).text
    assert outcome_of(read) is None
    assert 'value="converted"' in row
    assert "Undo" not in row


def test_undo_brings_back_what_somebody_else_had_said(rep, lead, write, read):
    crm = Attribution("salesforce", "worker")
    write(lambda s: make_outcome(s, "L-1", False, attribution=crm, now=utc_now()))
    row = rep.post(f"/leads/{lead.key}/row", data={"outcome": "converted"}).text
    assert re.search(r'value="withdrawn"[^>]+autofocus>Undo', row)
    rep.post(f"/leads/{lead.key}/row", data={"outcome": "withdrawn"})
    assert outcome_of(read) is False
    standing = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert [o.result for o in standing if o.source == "rep"] == ["withdrawn", "converted"]


def test_a_lead_never_worked_leaves_the_queue_and_can_be_undone(rep, lead, read):
    row = rep.post(f"/leads/{lead.key}/row", data={"outcome": "never_worked"}).text
    assert "Not worked" in row
    assert outcome_of(read) is None
    assert "No open lead" in rep.get("/leads").text or "L-1" not in rep.get("/leads").text
    assert f'id="lead-{lead.key}"' in rep.get("/leads?status=never_worked").text
    assert '<span class="chip">not worked</span>' in rep.get(f"/leads/{lead.key}").text
    row = rep.post(f"/leads/{lead.key}/row", data={"outcome": "withdrawn"}).text
    assert 'value="converted"' in row


def click(visitor, page, lead, value):
    """Press a button of a lead's row as a page showed it; by htmx, as the row says."""
    row = page[page.index(f'id="lead-{lead.key}"') :]
    found = re.search(rf'name="outcome" value="{value}"[^>]+hx-post="([^"]+)"', row)
    address = html.unescape(found.group(1))
    return visitor.post(address, data={"outcome": value}, headers={"HX-Request": "true"})


def test_a_click_on_a_row_that_has_changed_says_who_did_it_and_saves_nothing(
    rep, lead, write, read
):
    page = rep.get("/leads").text
    bo = Attribution("rep", "bo@example.com")
    write(lambda s: make_outcome(s, "L-1", False, attribution=bo, now=utc_now()))
    answer = click(rep, page, lead, "converted")
    assert answer.status_code == 409
    told = re.sub(r"\s+", " ", answer.text)
    assert "Not saved: lost by now (bo<wbr>@example.com" in told
    assert "<time" in told
    assert outcome_of(read) is False
    # Whoever means it says it anyway, by the state that this row shows.
    assert click(rep, answer.text, lead, "converted").status_code == 200
    assert outcome_of(read) is True


def test_who_has_changed_a_row_in_another_tab_is_called_you(rep, lead):
    page = rep.get("/leads").text
    click(rep, page, lead, "lost")
    answer = click(rep, page, lead, "converted")
    assert answer.status_code == 409
    assert "Not saved: lost by now (you, <time" in re.sub(r"\s+", " ", answer.text)


def test_an_undo_takes_nothing_back_that_the_page_did_not_show(rep, lead, write, read):
    click(rep, rep.get("/leads").text, lead, "lost")
    page = rep.get("/leads?status=lost").text
    bo = Attribution("rep", "bo@example.com")
    write(lambda s: make_outcome(s, "L-1", True, attribution=bo, now=utc_now()))
    answer = click(rep, page, lead, "withdrawn")
    assert answer.status_code == 409
    assert "Undo anyway" in answer.text
    assert outcome_of(read) is True


def test_who_agrees_with_what_a_colleague_has_said_is_not_asked(rep, lead, write, read):
    page = rep.get("/leads").text
    bo = Attribution("rep", "bo@example.com")
    write(lambda s: make_outcome(s, "L-1", True, attribution=bo, now=utc_now()))
    assert click(rep, page, lead, "converted").status_code == 200
    assert outcome_of(read) is True


def test_on_the_page_of_a_lead_the_reason_is_kept_while_asking(rep, lead, write, read):
    page = rep.get(f"/leads/{lead.key}").text
    address = html.unescape(re.search(r'action="(/leads/\d+/outcome[^"]*)"', page).group(1))
    bo = Attribution("rep", "bo@example.com")
    write(lambda s: make_outcome(s, "L-1", False, attribution=bo, now=utc_now()))
    answer = rep.post(address, data={"outcome": "converted", "reason": "they paid"})
    assert answer.status_code == 409
    assert "Converted anyway" in answer.text
    assert 'name="reason" value="they paid"' in answer.text
    assert outcome_of(read) is False
    again = html.unescape(re.search(r'action="(/leads/\d+/outcome[^"]*)"', answer.text).group(1))
    assert rep.post(again, data={"outcome": "converted"}).status_code == 303
    assert outcome_of(read) is True


def test_without_javascript_the_form_leads_back_to_its_page(rep, lead, read):
    data = {"outcome": "lost", "back": "/leads?status=all"}
    answer = rep.post(f"/leads/{lead.key}/outcome", data=data)
    assert (answer.status_code, answer.location) == (303, "/leads?status=all")
    assert outcome_of(read) is False


def test_the_form_leads_to_no_foreign_site(rep, lead):
    for back in ("https://evil.example", "//evil.example", ""):
        answer = rep.post(f"/leads/{lead.key}/outcome", data={"outcome": "lost", "back": back})
        assert answer.location == f"/leads/{lead.key}"


@pytest.mark.parametrize("outcome", ["", "won", "true"])
def test_an_outcome_that_is_none_is_refused(outcome, rep, lead, read):
    assert rep.post(f"/leads/{lead.key}/row", data={"outcome": outcome}).status_code == 400
    assert outcome_of(read) is None


def test_a_lead_that_is_not_there_is_told_in_words(rep):
    answer = rep.post("/leads/4711/row", data={"outcome": "lost"}, headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "Lead 4711 not found" in answer.text


def test_a_click_needs_the_token_of_our_own_forms(rep, lead, read):
    rep.environ_base.pop("HTTP_X_CSRFTOKEN")
    assert rep.post(f"/leads/{lead.key}/row", data={"outcome": "lost"}).status_code == 400
    assert outcome_of(read) is None


def test_the_last_contact_is_told_from_when_the_lead_was_scored(rep, write):
    at = utc_now() - timedelta(days=10)
    write(lambda s: make_lead(s, "L-1", days_since_contact=4, now=at))
    assert "14 days ago" in rep.get("/leads").text
    write(lambda s: make_lead(s, "L-1", days_since_contact=1_000_000, now=NOW))
    assert rep.get("/leads").status_code == 200


def test_leads_to_explore_are_marked_and_filtered_where_a_share_is_set(rep, lead, app, read):
    assert "To explore" not in rep.get("/leads").text
    found = app.extensions["leadloop"]
    settings = found.settings.model_copy(update={"explore_percent": 50})
    app.extensions["leadloop"] = dataclasses.replace(found, settings=settings)
    page = rep.get("/leads").text
    is_marked = read(lambda s: leads.find(s, lead.lead_id).explore_draw) < 5000
    assert ("explore</b>" in page) == is_marked
    assert ("explore</b>" in rep.get(f"/leads/{lead.key}").text) == is_marked
    assert "To explore" in page
    assert (f'id="lead-{lead.key}"' in rep.get("/leads?explore=yes").text) == is_marked
    assert rep.get("/leads?explore=maybe").status_code == 400


def test_a_score_that_moved_says_so_and_since_when(rep, write):
    now = utc_now()
    write(lambda s: make_lead(s, "L-1", email_opens=0, now=now - timedelta(days=3)))
    assert "points," not in rep.get("/leads").text
    write(lambda s: make_lead(s, "L-1", email_opens=20, now=now - timedelta(days=2)))
    assert re.search(r'title="Up \d+ points, 2 days ago"', rep.get("/leads").text)
    write(lambda s: make_lead(s, "L-1", email_opens=0, now=now))
    assert "points," not in rep.get("/leads").text


def test_the_summary_counts_and_reads_no_row(app, rep, write):
    write(lambda s: [make_lead(s, f"L-{n}", name=f"Ada {n}") for n in range(3)])
    with app.app_context():
        engine = db.engine
    sent = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def keep(connection, cursor, statement, parameters, *rest):
        sent.append(statement)

    assert "3 open leads, highest score first" in rep.get("/leads/summary").text
    assert "3 leads, highest score first" in rep.get("/leads/summary?q=ada").text
    assert not [each for each in sent if "leads.name" in each]


def test_wrong_filters_are_named_by_their_labels(rep):
    answer = rep.get("/leads?score_from=many&not_contacted_for=x&field.age.from=old")
    assert answer.status_code == 400
    text = " ".join(answer.text.split())
    assert "Score from: must be a number from 0 to 100" in text
    assert "Age from: must be a whole number from 0 to 120" in text
    assert "score_from" not in text


def test_a_lost_lead_says_once_in_its_row_that_it_is_lost(rep, write):
    write(lambda s: make_outcome(s, make_lead(s, "L-1", name="Ada"), False))
    row = re.search(r'<tr id="lead-.*?</tr>', rep.get("/leads?status=lost").text, re.DOTALL)[0]
    assert len(re.findall(r">\s*Lost\b", row)) == 1
