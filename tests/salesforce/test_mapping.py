"""A Salesforce row becomes a lead record whatever it holds."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import fields
from sync.salesforce.mapping import LEAD_FIELDS, LeadMapping, opportunity_columns
from webapp.services.crm_fields import FieldSource, choices, declared, problems

FIELDS = fields.loads("""
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


def record(**changes):
    parsed = MAPPING.parse(ROW | changes)
    return MAPPING.record(parsed, MAPPING.lead_id(parsed), TODAY, with_outcome=False)


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
def test_a_value_that_breaks_the_rule_is_unknown_and_named(value):
    made, wrong = record(Seats__c=value)
    assert made.inputs["seats"] is None
    assert wrong == ["seats"]


def test_a_source_outside_the_list_becomes_the_chosen_one():
    made, wrong = record(LeadSource="Purchased List")
    assert made.inputs["lead_source"] == "Referral"
    assert wrong == ["lead_source"]


def test_an_activity_in_the_future_is_contact_today():
    assert record(LastActivityDate="2026-12-24")[0].inputs["days_since_contact"] == 0


def test_a_lead_that_comes_with_its_outcome_has_only_inputs_that_do_not_move():
    made, _ = MAPPING.record(MAPPING.parse(ROW), "x", TODAY, with_outcome=True)
    assert {n for n, v in made.inputs.items() if v is not None} == {"lead_source"}


def test_the_lead_id_is_that_of_another_system_where_one_is_mapped():
    mapping = LeadMapping(FIELDS, SOURCES, external_id_field="External__c")
    assert "External__c" in mapping.select
    assert mapping.lead_id(mapping.parse(ROW | {"External__c": " L-1 "})) == "L-1"
    for unusable in (None, "", "x" * 101, "\x00", 7):
        assert mapping.lead_id(mapping.parse(ROW | {"External__c": unusable})) == ROW["Id"]


def test_our_own_answers_change_nothing():
    before = MAPPING.parse(ROW).columns
    after = MAPPING.parse(ROW | {"Conversion_Score__c": 99, "SystemModstamp": "later"}).columns
    assert (after["digest"], after["inputs_digest"]) == (before["digest"], before["inputs_digest"])


def test_another_mapping_makes_other_inputs_of_the_same_values():
    other = LeadMapping(FIELDS, [*SOURCES[:3], FieldSource("lead_source", "LeadSource")])
    assert other.parse(ROW).columns["inputs_digest"] != MAPPING.parse(ROW).columns["inputs_digest"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from([*LEAD_FIELDS, *MAPPING.crm_fields]), anything))
def test_any_row_becomes_a_record_that_keeps_the_rules(changes):
    row = ROW | changes | {n: ROW[n] for n in ("Id", "SystemModstamp")}
    parsed = MAPPING.parse(row)
    made, _ = MAPPING.record(parsed, MAPPING.lead_id(parsed), TODAY, with_outcome=False)
    assert made.lead_id == ROW["Id"]
    assert all(0 < len(text) <= 200 for text in made.people.values())
    for field in FIELDS:
        assert field.parse(made.inputs[field.name]) == made.inputs[field.name]


def test_an_opportunity_is_kept_without_names_and_amounts():
    row = {"Id": "0061", "SystemModstamp": "s", "IsWon": True, "Name": "Deal", "Amount": 5}
    assert {k: v for k, v in opportunity_columns(row).items() if v} == {
        "id": "0061",
        "stamp": "s",
        "created_at": "s",
        "is_won": True,
    }


DESCRIBED = [
    {"name": "Seats__c", "label": "Seats", "type": "double"},
    {"name": "Partner_Since__c", "label": "Partner since", "type": "date"},
    {"name": "LeadSource", "label": "Lead Source", "type": "picklist"},
    {"name": "LastActivityDate", "label": "Last Activity", "type": "date"},
    {"name": "Conversion_Score__c", "label": "Score", "type": "double"},
    {"name": "Status", "label": "Status", "type": "picklist"},
]


def test_only_compatible_fields_are_offered_and_none_that_hold_our_answer_or_the_outcome():
    offered = [(c.name, c.transforms) for c in choices(FIELDS["seats"], DESCRIBED)]
    assert offered == [
        ("LastActivityDate", ("days_since",)),
        ("Partner_Since__c", ("days_since",)),
        ("Seats__c", ("as_is",)),
    ]
    assert [c.name for c in choices(FIELDS["lead_source"], DESCRIBED)] == ["LeadSource"]


def test_a_mapping_is_checked_against_what_salesforce_describes():
    assert problems(SOURCES, FIELDS, DESCRIBED) == []
    wrong = [
        FieldSource("seats", "Gone__c"),
        FieldSource("lead_source", "Seats__c"),
        FieldSource("is_partner", None, "constant", constant="maybe"),
    ]
    assert problems(wrong, FIELDS, DESCRIBED) == [
        "Seats: Salesforce has no Lead field Gone__c, or hides it",
        "Lead source: Seats__c (double) cannot fill a category",
        "Partner: must be true, false or null",
    ]


def test_without_a_saved_mapping_that_of_the_fields_file_counts():
    assert [(s.field, s.crm_field, s.is_stable) for s in declared(FIELDS)] == [
        ("seats", "Seats__c", False),
        ("lead_source", "LeadSource", True),
    ]
