"""What a lead record may hold: every wrong field named at once, never its value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import FIELDS
from webapp.services.leads import records
from webapp.services.leads.records import InvalidRecord


def wrong(record, **options):
    with pytest.raises(InvalidRecord) as caught:
        records.clean(FIELDS, record, **options)
    return {e.field: e.message for e in caught.value.errors}


def test_only_the_lead_id_is_required():
    record = records.clean(FIELDS, {"lead_id": "  L-1 "})
    assert record.lead_id == "L-1"
    assert (record.inputs, record.people, record.outcome) == ({}, {}, None)


def test_only_what_was_sent_is_in_a_record():
    sent = {"lead_id": "L", "age": None, "email_opens": 3, "name": None, "owner": "Rita"}
    record = records.clean(FIELDS, sent)
    assert record.inputs == {"age": None, "email_opens": 3}
    assert record.people == {"name": None, "owner": "Rita"}


def test_all_wrong_fields_are_named_at_once():
    errors = wrong({"age": 900, "email_opens": -1, "name": "x" * 201, "actual_outcome": "maybe"})
    assert set(errors) == {"lead_id", "age", "email_opens", "name", "actual_outcome"}


def test_a_typo_is_refused_with_the_nearest_name():
    assert "did you mean email_opens?" in wrong({"lead_id": "L", "email_open": 3})["email_open"]


def test_messages_do_not_repeat_what_was_sent():
    secret = "4111-1111-1111-1111"
    errors = wrong(
        {"lead_id": "L", "age": secret, "email": "a\x00" + secret, "actual_outcome": secret}
    )
    assert secret not in str(errors)


@pytest.mark.parametrize("lead_id", ["a/b c", "//x", "ünï/cödé", "日本", "x" * 100])
def test_slashes_and_unicode_are_part_of_an_id(lead_id):
    assert records.clean(FIELDS, {"lead_id": lead_id}).lead_id == lead_id


@pytest.mark.parametrize(
    "lead_id", ["", "  ", "x" * 101, "a\x00b", "a\nb", "\ud800", None, 5, True, ["a"]]
)
def test_other_ids_are_refused(lead_id):
    assert set(wrong({"lead_id": lead_id})) == {"lead_id"}


def test_composed_and_decomposed_letters_are_one_id():
    assert records.clean(FIELDS, {"lead_id": "e\u0301"}).lead_id == "é"


def test_empty_text_of_a_form_is_unknown():
    record = records.clean(
        FIELDS,
        {"lead_id": "L", "age": "", "lead_source": " ", "actual_outcome": "", "email_opens": "3"},
        text=True,
    )
    assert (record.inputs["age"], record.inputs["lead_source"], record.outcome) == (
        None,
        None,
        None,
    )
    assert record.inputs["email_opens"] == 3


def test_text_is_no_number_in_json():
    assert set(wrong({"lead_id": "L", "email_opens": "3", "actual_outcome": "true"})) == {
        "email_opens",
        "actual_outcome",
    }


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(
    ("value", "outcome"), [("never_worked", "never_worked"), (True, True), (None, None)]
)
def test_every_way_in_takes_the_same_outcomes(value, outcome, text):
    record = {"lead_id": "L", "actual_outcome": value}
    assert records.clean(FIELDS, record, text=text).outcome == outcome


@pytest.mark.parametrize("text", [False, True])
def test_every_way_in_says_the_same_of_a_wrong_outcome(text):
    with pytest.raises(InvalidRecord) as invalid:
        records.clean(FIELDS, {"lead_id": "L", "actual_outcome": "maybe"}, text=text)
    [error] = invalid.value.errors
    assert error.message == "must be true, false or never_worked"
    assert error.rule == "true, false or never_worked, or null"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
names = st.sampled_from(["lead_id", "name", "actual_outcome", *FIELDS.names]) | st.text(max_size=5)


@given(st.dictionaries(names, anything, max_size=8), st.booleans())
def test_any_record_is_cleaned_or_refused_in_words(record, text):
    errors, cleaned = [], None
    try:
        cleaned = records.clean(FIELDS, record, text=text)
    except InvalidRecord as error:
        errors = error.errors
    assert bool(cleaned) != bool(errors)
    assert all(e.message and e.rule for e in errors)
