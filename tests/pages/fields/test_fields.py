"""The pages of fields: what they show, and what they ask before a change."""

import re

import pytest

from ml.fields import fields_file
from tests.factories import NOW, make_lead, make_outcome
from webapp import field_lists
from webapp.product import Product
from webapp.services.accounts import audit
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.imports.matching import remembered
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.models import registry, rescoring

ADA = Author("ada@example.com", NOW, fields_file=None)
WRONG = {"label", "name", "min", "salesforce"}
SEATS = {"label": "Seats", "type": "count", "use": "1"}


@pytest.fixture(scope="session")
def dialect():
    """The services say what both databases are asked; see tests/services/fields."""
    return "sqlite"


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


@pytest.fixture
def fields(read):
    return lambda: read(field_lists.current).fields


def form_of(client, name, **changed):
    page = client.get(f"/settings/fields/{name}").text
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    return {"version": version, **changed}


def test_the_list_tells_coverage_and_what_uses_a_field(admin, write):
    write(lambda s: make_lead(s, "L-1", age=30))
    write(lambda s: make_lead(s, "L-2", email_opens=3))
    page = admin.get("/settings/fields").text
    row = re.search(r"<tr>(?:(?!</tr>).)*>Email opens</a>.*?</tr>", page, re.DOTALL)[0]
    assert "50 %" in row
    assert "model 1.0" in row
    assert "whole number 0 to 1,000,000" in row


def test_a_remembered_import_is_among_what_uses_a_field(admin, write):
    columns = ({"name": "Lead", "target": "lead_id"}, {"name": "Years", "target": "age"})
    mapping = Mapping.model_validate({"columns": columns})
    write(lambda s: remembered.remember(s, mapping, file_name="web.csv", actor="ada", now=NOW))
    assert 'title="web">1 import<' in admin.get("/settings/fields/age").text
    assert "1 import" not in admin.get("/settings/fields/industry").text


def test_a_field_is_declared_and_follows_at_once(admin, fields, client, headers):
    answer = admin.post("/settings/fields/new-field", data={**SEATS, "unit": "desks", "max": "500"})
    assert answer.location == "/settings/fields/seats"
    assert fields()["seats"].rule == "a whole number from 0 to 500, or null"
    sent = {"lead_id": "L-1", "seats": 7}
    assert client.post("/score", json=sent, headers=headers).status_code == 200
    assert 'name="seats"' in admin.get("/leads/new").text


def test_wrong_entries_are_told_beside_their_controls(admin, fields):
    data = {"label": "", "type": "count", "min": "few", "salesforce": "no name!"}
    answer = admin.post("/settings/fields/new-field", data=data)
    assert answer.status_code == 422
    assert set(re.findall(r'id="(\w+)-error"', answer.text)) == {
        "label",
        "min",
        "salesforce",
        "name",
    }
    assert 'value="few"' in answer.text
    assert ">Must be a number between" in answer.text


def test_what_belongs_to_another_type_is_left_out(admin, fields):
    admin.post("/settings/fields/new-field", data={**SEATS, "choices": "a\nb"})
    assert fields()["seats"].choices == ()


def test_values_are_shown_with_what_became_of_the_leads(admin, write):
    for number, (source, converted) in enumerate(
        [("Webinar", True), ("Webinar", False), ("Organic", None)]
    ):
        write(lambda s, n=number, v=source: make_lead(s, f"L-{n}", lead_source=v))
        if converted is not None:
            write(lambda s, n=number, c=converted: make_outcome(s, f"L-{n}", c))
    page = admin.get("/settings/fields/lead_source").text
    cells = re.findall(r'row">(\w+)</th>|<td class="num"[^>]*>([^<]+)</td>', page)
    assert [a or b for a, b in cells] == ["Webinar", "2", "2", "50 %", "Organic", "1", "0", "-"]


def test_many_different_numbers_are_told_in_ranges(admin, write):
    for age in range(20, 80, 5):
        write(lambda s, age=age: make_lead(s, f"L-{age}", age=age))
    page = admin.get("/settings/fields/age").text
    found = re.findall(r'row">([^<]+)</th>', page)
    assert len(found) == 6
    assert found[0] == "up to 30"
    assert found[-1] == "71 or more"


def test_a_change_that_takes_nothing_is_saved_at_once(admin, fields):
    data = form_of(admin, "age", label="Years", type="count", max="120", unit="years", use="1")
    assert admin.post("/settings/fields/age", data=data).status_code == 303
    assert fields()["age"].label == "Years"


def test_a_removed_choice_is_warned_about_first(admin, write, fields):
    write(lambda s: make_lead(s, "L-1", lead_source="Webinar"))
    choices = "\n".join(c for c in fields()["lead_source"].choices if c != "Webinar")
    data = form_of(admin, "lead_source", label="Source", type="category", choices=choices, use="1")
    asked = admin.post("/settings/fields/lead_source", data=data)
    assert "1 lead has a value that is no longer allowed (Webinar)" in asked.text
    assert "Webinar" in fields()["lead_source"].choices
    admin.post("/settings/fields/lead_source", data={**data, "confirmed": "1"})
    assert "Webinar" not in fields()["lead_source"].choices


def test_aliases_are_shown_changed_and_removed(admin, fields):
    data = form_of(admin, "lead_source", label="Source", type="category", use="1")
    data["choices"] = "Organic\nA = B"
    data["aliases"] = "Web = organic\nx = y = a = b\n"
    admin.post("/settings/fields/lead_source", data={**data, "confirmed": "1"})
    assert fields()["lead_source"].aliases == (("Web", "Organic"), ("x = y", "A = B"))
    page = admin.get("/settings/fields/lead_source").text
    assert "Web = Organic\nx = y = A = B</textarea>" in page
    version = form_of(admin, "lead_source")
    wrong = admin.post("/settings/fields/lead_source", data={**data, **version, "aliases": "Web"})
    assert wrong.status_code == 422
    assert "&#39;Web&#39; stands for &#39;&#39;, which is no choice." in wrong.text
    admin.post("/settings/fields/lead_source", data={**data, **version, "aliases": ""})
    assert fields()["lead_source"].aliases == ()


def test_another_type_is_warned_about_and_leads_forget_the_values(admin, write, read):
    write(
        lambda s: declaring.declare_field(
            s, {"name": "seats", "type": "category", "label": "S"}, ADA
        )
    )
    write(lambda s: make_lead(s, "L-1", fields=field_lists.current(s).fields, seats="7"))
    data = form_of(admin, "seats", **SEATS)
    asked = admin.post("/settings/fields/seats", data=data)
    assert "1 lead has a value now and will lose it" in asked.text
    admin.post("/settings/fields/seats", data={**data, "confirmed": "1"})
    write(lambda s: rescoring.fill(s, registry.champion(s), 0))
    assert "No lead has a value yet" in admin.get("/settings/fields/seats").text
    assert read(audit.latest)[0].detail["forgets_values"] is True


@pytest.mark.parametrize(("answer", "is_known"), [("right", True), ("old unit", False)])
def test_another_unit_asks_what_the_values_are(answer, is_known, admin, write):
    write(lambda s: make_lead(s, "L-1", age=30))
    data = form_of(admin, "age", label="Age", type="count", max="120", unit="months", use="1")
    asked = admin.post("/settings/fields/age", data=data)
    assert "Are the values known until now still right?" in asked.text
    admin.post("/settings/fields/age", data={**data, "confirmed": "1", "known_values": answer})
    write(lambda s: rescoring.fill(s, registry.champion(s), 0))
    page = admin.get("/settings/fields/age").text
    assert ("No lead has a value yet" not in page) is is_known


def test_pages_say_that_the_live_model_leaves_out_a_field_in_another_unit(admin, write):
    lead = write(lambda s: make_lead(s, "L-1", email_opens=30))
    data = form_of(admin, "email_opens", label="Opens", type="count", unit="dozens", use="1")
    sure = {"confirmed": "1", "known_values": "old unit"}
    admin.post("/settings/fields/email_opens", data={**data, **sure})
    data = form_of(admin, "email_opens", label="Opens", type="count", unit="scores", use="1")
    asked = admin.post("/settings/fields/email_opens", data=data).text
    assert "If they are left out" in asked
    admin.post("/settings/fields/email_opens", data={**data, **sure})
    assert "It leaves out Opens" in admin.get("/models").text
    write(lambda s: rescoring.fill(s, registry.champion(s), 0))
    page = admin.get(f"/leads/{lead.key}").text
    assert "from a changed field" in page
    assert "The live model learned it in another unit or type" in page
    address = re.search(rf"/leads/{lead.key}\?fields=\d+", page)[0]
    assert "Opens" in admin.get(address).text


def test_a_field_that_models_may_no_longer_use_is_warned_about(admin):
    data = form_of(admin, "email_opens", label="Opens", type="count", max="1,000,000")
    asked = admin.post("/settings/fields/email_opens", data=data)
    assert "Model 1.0 is live and uses Email opens" in asked.text


def test_a_field_is_retired_and_comes_back(admin, fields):
    page = admin.get("/settings/fields/email_opens").text
    assert "Values sent are still taken" in page
    admin.post("/settings/fields/email_opens/retire", data=form_of(admin, "email_opens"))
    assert fields()["email_opens"].retired
    assert "Not in use" in admin.get("/settings/fields").text
    admin.post("/settings/fields/email_opens/restore", data=form_of(admin, "email_opens"))
    assert fields()["email_opens"].declared


def test_what_somebody_else_changed_is_not_overwritten_unseen(admin, write, fields):
    data = form_of(admin, "age", label="Years", type="count", max="120", unit="years", use="1")
    entry = {"type": "count", "label": "Age of contact", "max": 120}
    write(lambda s: declaring.change_field(s, "age", entry, ADA, seen_version=0))
    answer = admin.post("/settings/fields/age", data={**data, "confirmed": "1"})
    assert answer.status_code == 409
    assert "Somebody else has changed Age of contact" in answer.text
    assert 'value="Years"' in answer.text
    assert admin.post("/settings/fields/age/retire", data=data).status_code == 409
    assert fields()["age"].label == "Age of contact"


def test_an_unknown_field_and_a_damaged_version_are_refused(admin):
    assert admin.get("/settings/fields/colour").status_code == 404
    for version in ("", "x", "-1", "9" * 30):
        data = {"version": version}
        assert admin.post("/settings/fields/age/retire", data=data).status_code == 400


@pytest.fixture
def desks(tmp_path):
    file = tmp_path / "company.toml"
    file.write_text('[[field]]\nname = "desks"\ntype = "count"\nlabel = "Desks"\n')
    return file


def test_where_a_file_rules_the_pages_only_show(desks, app, admin):
    here = app.extensions["leadloop"]
    settings = here.settings.model_copy(update={"fields_file": desks})
    app.extensions["leadloop"] = Product(settings, fields_file.load(desks))
    for path in ("", "/desks", "/new-field"):
        page = admin.get(f"/settings/fields{path}").text
        assert "declared in company.toml" in page
        assert not re.search(r"Save field|Retire|Declare field<", page)
    assert admin.post("/settings/fields/new-field", data=SEATS).status_code == 409


def test_a_field_is_marked_as_one_that_a_rep_can_influence(admin, fields):
    admin.post("/settings/fields/new-field", data=SEATS)
    assert not fields()["seats"].influenced
    form = form_of(admin, "seats", **SEATS, influenced="1")
    admin.post("/settings/fields/seats", data=form)
    assert fields()["seats"].influenced
    assert fields()["days_since_contact"].influenced
    assert not fields()["website_visits"].influenced
