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
    errors = wrong({"age": "many", "email_opens": 1.5, "name": 7, "actual_outcome": "maybe"})
    assert set(errors) == {"lead_id", "age", "email_opens", "name", "actual_outcome"}


def test_a_typo_is_refused_with_the_nearest_name():
    assert "did you mean email_opens?" in wrong({"lead_id": "L", "email_open": 3})["email_open"]


def test_messages_do_not_repeat_what_was_sent():
    secret = "4111-1111-1111-1111"
    errors = wrong(
        {"lead_id": "a\x00" + secret, "age": secret, "email": [secret], "actual_outcome": secret}
    )
    assert secret not in str(errors)


@pytest.mark.parametrize("lead_id", ["a/b c", "//x", "ünï/cödé", "日本", "x" * 100])
def test_slashes_and_unicode_are_part_of_an_id(lead_id):
    assert records.clean(FIELDS, {"lead_id": lead_id}).lead_id == lead_id


@pytest.mark.parametrize(
    "lead_id", ["", "  ", "x" * 101, "a\x00b", "a\nb", "\ud800", None, 5.5, True, ["a"]]
)
def test_other_ids_are_refused(lead_id):
    assert set(wrong({"lead_id": lead_id})) == {"lead_id"}


def test_composed_and_decomposed_letters_are_one_id():
    assert records.clean(FIELDS, {"lead_id": "e\u0301"}).lead_id == "é"


def test_empty_text_of_a_form_is_unknown():
    record = records.clean(
        FIELDS,
        {"lead_id": "L", "age": "", "lead_source": " ", "actual_outcome": "", "email_opens": "3"},
    )
    assert (record.inputs["age"], record.inputs["lead_source"], record.outcome) == (
        None,
        None,
        None,
    )
    assert record.inputs["email_opens"] == 3


@pytest.mark.parametrize("sent", ["8", " 8 ", "8.0", 8, 8.0, "+8"])
def test_plain_spellings_of_a_number_are_that_number(sent):
    record = records.clean(FIELDS, {"lead_id": "L", "email_opens": sent})
    assert (record.inputs, record.warnings) == ({"email_opens": 8}, ())


@pytest.mark.parametrize("sent", ["eight", "8 mails", True, [8], {}, 8.5, "8.5", float("nan")])
def test_a_value_of_another_type_is_refused(sent):
    assert set(wrong({"lead_id": "L", "email_opens": sent})) == {"email_opens"}


@pytest.mark.parametrize(
    ("field", "sent", "kept", "said"),
    [
        ("industry", "n/a", None, "unknown"),
        ("email_opens", "NaN", None, "unknown"),
        ("name", "--None--", None, "unknown"),
        ("industry", "x" * 1234, "x" * 100, "at most 100 characters long; cut from 1,234"),
        ("company", "Birch\nFoods", "Birch Foods", "blanks"),
    ],
)
def test_what_surprises_is_taken_with_a_warning(field, sent, kept, said):
    record = records.clean(FIELDS, {"lead_id": "L", field: sent})
    assert (record.inputs | record.people) == {field: kept}
    [warning] = record.warnings
    assert (warning.field, warning.value) == (field, str(sent).replace("\n", " ")[:100])
    assert said in warning.message
    assert warning.rule
    assert set(wrong({"lead_id": "L", field: sent}, strict=True)) == {field}


@pytest.mark.parametrize(
    ("field", "sent", "said"),
    [
        ("email_opens", -1, "must be a whole number from 0 to 1,000,000, or null; not used"),
        ("age", "900", "what was known before is kept"),
        ("lead_source", "Web", "must be one of"),
    ],
)
def test_a_value_that_breaks_its_rule_is_as_if_it_had_not_been_sent(field, sent, said):
    record = records.clean(FIELDS, {"lead_id": "L", field: sent, "industry": None})
    assert record.inputs == {"industry": None}
    [warning] = record.warnings
    assert (warning.field, warning.value) == (field, str(sent))
    assert said in warning.message
    assert set(wrong({"lead_id": "L", field: sent}, strict=True)) == {field}


@pytest.mark.parametrize("sent", ["email campaign", "EMAIL_CAMPAIGN", "Email-Campaign"])
def test_case_and_punctuation_of_a_category_do_not_matter(sent):
    record = records.clean(FIELDS, {"lead_id": "L", "lead_source": sent})
    assert (record.inputs, record.warnings) == ({"lead_source": "Email Campaign"}, ())


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        *[(word, True) for word in (True, 1, "1", "True", " yes ", "Won", "Closed Won")],
        *[(word, False) for word in (False, 0, "0", "FALSE", "no", "lost", "closed-lost")],
        *[(word, "never_worked") for word in ("never_worked", "Never worked")],
        *[(word, None) for word in (None, "", " ", "n/a", "NULL")],
    ],
)
def test_outcomes_are_read_in_plain_words(sent, outcome):
    found = records.clean(FIELDS, {"lead_id": "L", "actual_outcome": sent}).outcome
    assert found is outcome or found == outcome == "never_worked"


@pytest.mark.parametrize("sent", ["maybe", 2, -1, 0.5, [True], "x" * 10_000])
def test_other_outcomes_are_refused_with_the_list(sent):
    message = wrong({"lead_id": "L", "actual_outcome": sent})["actual_outcome"]
    assert "won, lost" in message


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
names = st.sampled_from(["lead_id", "name", "actual_outcome", *FIELDS.names]) | st.text(max_size=5)


@given(st.dictionaries(names, anything, max_size=8), st.booleans())
def test_any_record_is_cleaned_or_refused_in_words(record, strict):
    errors, cleaned = [], None
    try:
        cleaned = records.clean(FIELDS, record, strict=strict)
    except InvalidRecord as error:
        errors = error.errors
    assert bool(cleaned) != bool(errors)
    assert all(e.message and e.rule for e in errors)
