"""A lead scored or updated by hand: the form follows the fields, errors stand beside theirs."""

import html
import re

import pytest

from ml.fields import fields_file
from tests.factories import make_lead, make_outcome
from webapp.config import Settings
from webapp.database import utc_now
from webapp.services.leads import leads
from webapp.services.outcomes.outcomes import Attribution

OWN_FIELDS = """
[[field]]
name = "seats"
type = "count"
label = "Seats wanted"
max = 5000

[[field]]
name = "has_budget"
type = "boolean"
label = "Budget approved"

[[field]]
name = "plan"
type = "category"
label = "Plan"
choices = ["Basic", "Team"]
"""


@pytest.fixture
def settings(database_url, tmp_path):
    (tmp_path / "fields.toml").write_text(OWN_FIELDS)
    return Settings(
        data_dir=tmp_path, database_url=database_url, fields_file=tmp_path / "fields.toml"
    )


@pytest.fixture
def rep(rita, sign_in):
    return sign_in(rita)


def find(read, lead_id):
    return read(lambda session: leads.find(session, lead_id))


def test_the_form_asks_for_the_declared_fields(rep):
    page = rep.get("/leads/new").text
    assert re.search(r'inputmode="numeric"[^>]*>', page)
    assert ">Seats wanted<" in page
    assert page.count("<select") == 3
    assert 'name="age"' not in page


def test_a_lead_is_scored_and_says_why(rep, read):
    form = {"lead_id": "A 1", "name": "Max", "seats": "40", "has_budget": "true", "plan": "team"}
    answer = rep.post("/leads/new", data=form)
    assert answer.status_code == 200
    assert re.search(r"Max is \d+ % likely to convert", answer.text)
    assert find(read, "A 1").own_fields == {"seats": 40, "has_budget": True, "plan": "Team"}


def test_a_lead_without_an_id_gets_one(rep, read):
    answer = rep.post("/leads/new", data={"lead_id": "  ", "company": "Acme"})
    lead_id = re.findall(r"(hand-[0-9a-f]+) is ", answer.text)[0]
    assert find(read, lead_id).company == "Acme"


def test_every_wrong_field_keeps_its_value_and_says_its_rule(rep, read):
    form = {"lead_id": "A 1", "seats": "many", "plan": "Gold", "name": "x" * 201}
    answer = rep.post("/leads/new", data=form)
    assert answer.status_code == 422
    assert "Nothing was saved: 3 fields need correcting." in answer.text
    assert 'value="many"' in answer.text
    assert re.search(r'id="seats-error">Must be a whole number from 0 to 5,000; leave', answer.text)
    with pytest.raises(leads.LeadNotFound):
        find(read, "A 1")


def opened(page):
    """What a form was filled with, as a browser would send it."""
    parts = re.findall(r'<input type="text" id="(\w+)" [^>]*?value="([^"]*)"', page)
    for name, select in re.findall(r'<select id="(\w+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', select)
        parts.append((name, chosen[1] if chosen else ""))
    shown = re.search(r'name="shown" value="([^"]*)"', page)[1]
    return {"shown": html.unescape(shown)} | {n: html.unescape(v) for n, v in parts}


def make_known(session, **more):
    known = {"company": "Acme", "seats": 40, "has_budget": True, "owner": "Omar"}
    fields = fields_file.loads(OWN_FIELDS)
    return make_lead(session, "A 1", **{**known, **more}, fields=fields)


def test_a_known_lead_is_shown_with_what_is_known_and_changed_where_a_person_changed_it(
    rep, write, read
):
    lead = write(make_known)
    form = opened(rep.get(f"/leads/{lead.key}/edit").text)
    assert (form["company"], form["seats"], form["has_budget"]) == ("Acme", "40", "true")
    write(lambda s: make_known(s, company="Acme Ltd"))  # meanwhile
    answer = rep.post("/leads/new", data={**form, "seats": "", "plan": "Team"})
    assert answer.status_code == 200, answer.text
    assert "Updated." in answer.text
    found = find(read, "A 1")
    assert found.own_fields == {"has_budget": True, "plan": "Team"}
    assert (found.company, found.owner) == ("Acme Ltd", "Omar")
    assert opened(answer.text)["company"] == "Acme Ltd"


def test_an_id_that_is_known_updates_that_lead_by_what_was_filled_in(rep, write, read):
    write(make_known)
    form = opened(rep.get("/leads/new").text)
    answer = rep.post("/leads/new", data={**form, "lead_id": " A 1 ", "seats": "7"})
    assert "Updated." in answer.text
    found = find(read, "A 1")
    assert found.own_fields == {"seats": 7, "has_budget": True}
    assert (found.company, found.owner) == ("Acme", "Omar")
    rep.post("/leads/new", data={**form, "lead_id": "A 1", "owner": "rita@example.com"})
    assert find(read, "A 1").owner == "rita@example.com"


def test_a_new_lead_belongs_to_whoever_enters_it(rep, read):
    form = opened(rep.get("/leads/new").text)
    assert "New lead saved." in rep.post("/leads/new", data={**form, "lead_id": "A 1"}).text
    assert find(read, "A 1").owner == "rita@example.com"


def test_the_outcome_is_recorded_with_the_lead_and_kept_where_nothing_new_is_said(rep, read):
    rep.post("/leads/new", data={"lead_id": "A 1", "actual_outcome": "false"})
    lead = find(read, "A 1")
    assert lead.outcome is False
    page = rep.get(f"/leads/{lead.key}/edit").text
    assert "Now: lost." in page
    form = opened(page)
    rep.post("/leads/new", data={**form, "seats": "3"})
    assert find(read, "A 1").outcome is False
    rep.post("/leads/new", data={**form, "actual_outcome": "never_worked"})
    assert find(read, "A 1").status == "never_worked"


def test_an_outcome_from_a_form_that_shows_another_is_asked_about(rep, write, read):
    lead = write(make_known)
    form = opened(rep.get(f"/leads/{lead.key}/edit").text)
    bo = Attribution("rep", "bo@example.com")
    write(lambda s: make_outcome(s, "A 1", False, attribution=bo, now=utc_now()))
    answer = rep.post("/leads/new", data={**form, "seats": "3", "actual_outcome": "true"})
    assert answer.status_code == 409
    assert "This lead is lost by now (bo@example.com, just now)." in answer.text
    found = find(read, "A 1")
    assert (found.outcome, found.own_fields["seats"]) == (False, 40)
    again = opened(answer.text)
    assert (again["seats"], again["actual_outcome"]) == ("3", "true")
    assert rep.post("/leads/new", data=again).status_code == 200
    found = find(read, "A 1")
    assert (found.outcome, found.own_fields["seats"]) == (True, 3)


def test_a_value_that_somebody_else_changed_meanwhile_is_asked_about(rep, write, read):
    lead = write(make_known)
    form = opened(rep.get(f"/leads/{lead.key}/edit").text)
    write(lambda s: make_known(s, seats=55))
    answer = rep.post("/leads/new", data={**form, "seats": "3", "plan": "Team"})
    assert answer.status_code == 409
    assert "Meanwhile this was changed to 55. Save again to use yours." in answer.text
    assert find(read, "A 1").own_fields["seats"] == 55
    assert rep.post("/leads/new", data=opened(answer.text)).status_code == 200
    found = find(read, "A 1").own_fields
    assert (found["seats"], found["plan"]) == (3, "Team")


@pytest.mark.parametrize("shown", ["", "[]", "{", "1", "[" * 100_000])
def test_a_damaged_form_is_refused(shown, rep):
    assert rep.post("/leads/new", data={"lead_id": "A 1", "shown": shown}).status_code == 400


def test_a_field_that_the_form_does_not_have_is_named(rep):
    answer = rep.post("/leads/new", data={"lead_id": "A 1", "seets": "4"})
    assert answer.status_code == 422
    assert "did you mean seats?" in answer.text


@pytest.mark.parametrize("value", ["\0", "9" * 5000, "NaN", "Infinity", "-1", "1e400", "٣"])
def test_no_value_is_too_odd_to_be_refused(value, rep):
    assert rep.post("/leads/new", data={"lead_id": "A 1", "seats": value}).status_code == 422


def test_what_people_enter_is_never_markup(rep):
    answer = rep.post("/leads/new", data={"name": "<img src=x>", "seats": '"><script>'})
    assert "<img" not in answer.text
    assert "<script>" not in answer.text
