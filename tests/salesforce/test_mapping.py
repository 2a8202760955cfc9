"""A Salesforce row becomes a lead record whatever it holds."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.fields import fields_file
from sync.crm.mapping import LeadMapping, deal_columns, deal_names
from sync.salesforce.access import LEAD_FIELDS
from sync.salesforce.adapter import deal_row, lead_row
from webapp.services.crm.field_sources import FieldSource, choices, declared, problems
from webapp.services.crm.kinds.salesforce import SALESFORCE

FIELDS = fields_file.loads("""
[[field]]
name = "seats"
type = "count"
label = "Seats"
min = 1
salesforce = "Seats__c"
[[field]]
name = "is_partner"
type = "boolean"
label = "Partner"
[[field]]
name = "days_since_contact"
type = "count"
label = "Days since contact"
[[field]]
name = "lead_source"
type = "category"
label = "Lead source"
choices = ["Webinar", "Referral"]
salesforce = "LeadSource"
""")
SOURCES = [
    FieldSource("seats", "Seats__c"),
    FieldSource("is_partner", "Partner_Since__c", "boolean"),
    FieldSource("days_since_contact", "LastActivityDate", "days_since"),
    FieldSource("lead_source", "LeadSource", fallback="Referral", is_stable=True),
]
TODAY = date(2026, 11, 2)
ROW: dict[str, Any] = {
    "Id": "00Q5g000001AbCdEAK",
    "SystemModstamp": "2026-11-01T09:00:00.000+0000",
    "CreatedDate": "2026-10-01T09:00:00.000+0000",
    "LastActivityDate": "2026-10-30",
    "Name": "Ada  Example",
    "Company": "Birch\x07Foods",
    "Owner": {"attributes": {"type": "Group"}, "Name": "Inbound queue"},
    "Seats__c": 12.0,
    "Partner_Since__c": None,
    "LeadSource": "webinar",
}
MAPPING = LeadMapping(FIELDS, SOURCES)


def parse(row, mapping=MAPPING, external_id_field=None):
    return mapping.parse(lead_row(row, mapping.crm_fields, external_id_field))


def record(**changes):
    parsed = parse(ROW | changes)
    made = MAPPING.record(parsed, MAPPING.lead_id(parsed), TODAY, before={}, with_outcome=False)
    return made, [warning.field for warning in made.warnings]


def test_each_transform_makes_the_field_s_value():
    made, wrong = record()
    known = {name: value for name, value in made.inputs.items() if value is not None}
    assert known == {
        "seats": 12,
        "is_partner": False,
        "days_since_contact": 3,
        "lead_source": "Webinar",
    }
    assert wrong == []


def test_people_read_name_company_and_owner_even_a_queue():
    assert record()[0].people == {
        "name": "Ada Example",
        "company": "BirchFoods",
        "owner": "Inbound queue",
    }


def test_a_lead_without_company_or_owner_is_taken_as_it_is():
    assert record(Company=None, Owner=None)[0].people == {"name": "Ada Example"}


@pytest.mark.parametrize("value", [0, 2.5, "many", True, [1], {"a": 1}, float("nan"), 1e300])
def test_a_value_that_breaks_the_rule_is_left_out_and_named(value):
    made, wrong = record(Seats__c=value)
    assert "seats" not in made.inputs
    assert wrong == ["seats"]


def test_a_source_outside_the_list_becomes_the_one_chosen_for_it():
    replaced = FieldSource(
        "lead_source", "LeadSource", fallback="Referral", replacements={"Web": "Webinar"}
    )
    mapping = LeadMapping(FIELDS, [replaced])
    made = [mapping.inputs({"LeadSource": text}, TODAY) for text in ("Web", "WEBINAR", "List")]
    assert [inputs["lead_source"] for inputs, _ in made] == ["Webinar", "Webinar", "Referral"]
    assert [list(wrong) for _, wrong in made] == [[], [], ["lead_source"]]


def test_another_source_outside_the_list_becomes_the_default():
    made, wrong = record(LeadSource="Purchased List")
    assert made.inputs["lead_source"] == "Referral"
    assert wrong == ["lead_source"]


def test_an_activity_in_the_future_is_contact_today():
    assert record(LastActivityDate="2026-12-24")[0].inputs["days_since_contact"] == 0


@pytest.mark.parametrize(
    ("time", "days"),
    [
        ("2026-11-01", 1),
        ("2026-11-01T23:59:59.000+0000", 1),
        ("2026-11-02T00:00:00.000Z", 0),
        # The same moment as the one above: the day is that of UTC, as today is.
        ("2026-11-01T16:00:00.000-0800", 0),
        ("2026-10-31T12:00:00.000", 2),
        ("1700-01-01T00:00:00.000+0000", 119374),
    ],
)
def test_days_since_a_time_are_days_of_utc(time, days):
    assert record(LastActivityDate=time)[0].inputs["days_since_contact"] == days


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "yesterday", 20261101, True, [1]])
def test_a_time_that_is_none_is_left_out_and_named(time):
    made, wrong = record(LastActivityDate=time)
    assert "days_since_contact" not in made.inputs
    assert wrong == ["days_since_contact"]


@pytest.mark.parametrize(
    ("value", "is_yes"),
    [
        *((no, False) for no in (None, " ", "No", "false", "0", 0.0, False)),
        *((yes, True) for yes in ("Yes", "2026-01-01", "A;B", 3, True)),
    ],
)
def test_what_is_filled_in_is_yes_unless_it_says_no(value, is_yes):
    assert record(Partner_Since__c=value)[0].inputs["is_partner"] is is_yes


@pytest.mark.parametrize("value", [7, True, ["Webinar"], {"value": "Webinar"}])
def test_only_text_is_a_category(value):
    mapping = LeadMapping(FIELDS, [FieldSource("industry", "Industry")])
    inputs, wrong = mapping.inputs({"Industry": value}, TODAY)
    assert inputs["industry"] is None
    assert wrong == {"industry": "must be text"}


def test_of_a_long_text_only_its_beginning_is_kept():
    kept = parse(ROW | {"Partner_Since__c": f"  {'long ' * 6000}"}).columns["values"]
    assert len(kept["Partner_Since__c"]) == 255


def test_a_lead_that_comes_with_its_outcome_has_only_inputs_that_do_not_move():
    made = MAPPING.record(parse(ROW), "x", TODAY, before={}, with_outcome=True)
    assert {n for n, v in made.inputs.items() if v is not None} == {"lead_source"}


@pytest.mark.parametrize("active_on", [None, "never"])
def test_what_the_crm_does_not_know_does_not_age(active_on):
    values = {"LastActivityDate": active_on}
    assert MAPPING.aged_record(values, "L-1", TODAY).inputs == {}


def test_what_is_mapped_was_asked_for_unless_it_is_withheld():
    withheld = MAPPING.record(parse(ROW), "x", TODAY, before={}, with_outcome=True)
    asked = {"seats", "is_partner", "days_since_contact", "lead_source"}
    assert withheld.asked == {"lead_source"}
    assert record(LastActivityDate=None)[0].asked == asked
    assert record(Seats__c="many")[0].asked == asked - {"seats"}


def test_the_lead_id_is_that_of_another_system_where_one_is_mapped():
    def lead_id(text):
        return MAPPING.lead_id(parse(ROW | {"External__c": text}, external_id_field="External__c"))

    assert lead_id(" L-1 ") == "L-1"
    for unusable in (None, "", "x" * 101, "\x00", 7):
        assert lead_id(unusable) == ROW["Id"]


def test_our_own_answers_change_nothing():
    before = parse(ROW).columns
    after = parse(ROW | {"Conversion_Score__c": 99, "SystemModstamp": "later"}).columns
    assert (after["digest"], after["inputs_digest"]) == (before["digest"], before["inputs_digest"])


def test_another_mapping_makes_other_inputs_of_the_same_values():
    other = LeadMapping(FIELDS, [*SOURCES[:3], FieldSource("lead_source", "LeadSource")])
    assert parse(ROW, other).columns["inputs_digest"] != parse(ROW).columns["inputs_digest"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from([*LEAD_FIELDS, *MAPPING.crm_fields]), anything))
def test_any_row_becomes_a_record_that_keeps_the_rules(changes):
    row = ROW | changes | {n: ROW[n] for n in ("Id", "SystemModstamp")}
    parsed = parse(row)
    made = MAPPING.record(parsed, MAPPING.lead_id(parsed), TODAY, before={}, with_outcome=False)
    assert made.lead_id == ROW["Id"]
    assert all(text and len(text) <= 200 for text in made.people.values())
    for field in FIELDS:
        assert field.parse(made.inputs.get(field.name)) == made.inputs.get(field.name)


def test_an_opportunity_is_kept_without_amounts_and_with_names_while_it_is_open():
    row = {"Id": "0061", "SystemModstamp": "s", "Name": " Acme\n deal ", "Amount": 5}
    row |= {"StageName": "Proposal", "Description": "Secret"}
    kept = {"id": "0061", "stamp": "s", "created_at": "s"}
    names = {"name": "Acme deal", "stage": "Proposal"}
    assert {k: v for k, v in deal_columns(deal_row(row)).items() if v} == kept | names
    over = row | {"IsClosed": True, "IsWon": True}
    closed = kept | {"is_closed": True, "is_won": True}
    assert {k: v for k, v in deal_columns(deal_row(over)).items() if v} == closed
    # Those of closed ones are for the list of unmatched ones alone.
    assert deal_names(deal_row(over)) == names


DESCRIBED: list[dict[str, Any]] = [
    {"name": "Seats__c", "label": "Seats", "type": "double", "custom": True},
    {"name": "Partner_Since__c", "label": "Partner since", "type": "date"},
    {"name": "LeadSource", "label": "Lead Source", "type": "picklist"},
    {"name": "LastActivityDate", "label": "Last Activity", "type": "date"},
    {"name": "Conversion_Score__c", "label": "Score", "type": "double"},
    {"name": "Status", "label": "Status", "type": "picklist"},
    {"name": "ConvertedDate", "label": "Converted", "type": "date"},
    {"name": "LastModifiedDate", "label": "Modified", "type": "datetime"},
]


def offered(name, *described):
    return [(c.name, c.transforms) for c in choices(FIELDS[name], described)]


def test_only_compatible_fields_are_offered_and_none_that_hold_our_answer_or_the_outcome():
    assert offered("seats", *DESCRIBED) == [
        ("LastActivityDate", ("days_since",)),
        ("Partner_Since__c", ("days_since",)),
        ("Seats__c", ("as_is",)),
    ]
    assert [name for name, _ in offered("lead_source", *DESCRIBED)] == ["LeadSource"]


@pytest.mark.parametrize("kind", ["int", "double", "currency", "percent", "string"])
def test_a_number_is_read_from_every_kind_of_number(kind):
    assert offered("seats", {"name": "N__c", "type": kind}) == [("N__c", ("as_is",))]


def test_a_number_is_read_from_a_picklist_of_numbers_only():
    described = {"name": "Size__c", "type": "picklist"}
    assert offered("seats", described | {"values": ["1", "2", "many"]}) == [("Size__c", ("as_is",))]
    assert offered("seats", described | {"values": ["few", "many"]}) == []


@pytest.mark.parametrize(
    ("kind", "transforms"),
    [("boolean", "as_is"), ("picklist", "boolean"), ("textarea", "boolean"), ("email", "boolean")],
)
def test_a_boolean_is_a_checkbox_or_whether_something_is_filled_in(kind, transforms):
    assert offered("is_partner", {"name": "X__c", "type": kind}) == [("X__c", (transforms,))]


@pytest.mark.parametrize("kind", ["address", "location", "base64", "anyType", "new in 2030"])
def test_nothing_is_read_from_what_is_several_values_in_one(kind):
    assert [offered(name, {"name": "X__c", "type": kind}) for name in FIELDS.names[:4]] == [[]] * 4


def test_a_long_text_is_no_category():
    described = {"name": "Notes__c", "type": "textarea"}
    assert offered("lead_source", described | {"length": 255}) == [("Notes__c", ("as_is",))]
    assert offered("lead_source", described | {"length": 32000}) == []


def test_a_mapping_is_checked_against_what_salesforce_describes():
    assert problems(SOURCES, FIELDS, DESCRIBED) == {}
    wrong = [
        FieldSource("seats", "Gone__c"),
        FieldSource("lead_source", "Seats__c"),
        FieldSource("is_partner", None, "constant", constant="maybe"),
        FieldSource("days_since_contact", "ConvertedDate", "days_since"),
    ]
    assert problems(wrong, FIELDS, DESCRIBED) == {
        "seats": "There is no lead field Gone__c, or it is hidden",
        "lead_source": "Seats__c (double) cannot fill a category this way",
        "is_partner": "the default must be true, false or null",
        "days_since_contact": "ConvertedDate must not be an input: it changes with the outcome, or"
        " when Leadloop reads it",
    }
    odd = FieldSource("lead_source", "LeadSource", replacements={"Web": "Internet"})
    problem = problems([odd], FIELDS, DESCRIBED)["lead_source"]
    assert "the replacement for Web must be one of" in problem


def test_without_a_saved_mapping_that_of_the_fields_file_counts():
    assert [(s.field, s.crm_field, s.is_stable) for s in declared(FIELDS, SALESFORCE)] == [
        ("seats", "Seats__c", False),
        ("lead_source", "LeadSource", True),
    ]
