"""A lead scored by hand: the form follows `fields.toml`, errors stand beside their fields."""

import re

import pytest

from tests.factories import make_lead
from webapp.config import Settings
from webapp.services.leads import leads

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
    assert page.count("<select") == 2
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


def test_an_existing_lead_is_not_written_over(rep, write, read):
    write(lambda session: make_lead(session, "A 1", company="Acme"))
    answer = rep.post("/leads/new", data={"lead_id": " A 1 ", "company": "Other"})
    assert answer.status_code == 422
    assert "There is a lead with the ID A 1 already" in answer.text
    assert find(read, "A 1").company == "Acme"


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
