import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.fields.fields_file import Field, Fields, category_key, clean_text, load, loads
from ml.fields.types import NULL_WORD

SHIPPED = load("fields.toml")
SEATS = Field("seats", "count", "Seats", minimum=0)
BUDGET = Field("budget", "number", "Budget")
SOURCE = SHIPPED["lead_source"]
TRIAL = Field("trial", "boolean", "Trial")

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet=st.characters(categories=["Cc", "Cs", "Mn", "Lu"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_shipped_file_declares_exactly_the_eight_builtin_fields():
    assert SHIPPED.names == tuple(field.name for field in SHIPPED.model)
    assert sorted(SHIPPED.names) == sorted(Fields([]).names)
    assert len(SHIPPED) == 8
    assert SHIPPED.own == ()


def test_shipped_sources_are_the_seven_of_the_contract():
    assert SHIPPED.choices("lead_source") == (
        "Webinar",
        "Referral",
        "Cold Call",
        "Email Campaign",
        "Organic",
        "Trade Show",
        "Advertisement",
    )


@pytest.mark.parametrize("value", [3, 3.0, True, "3", -1, 1.5, math.nan, [3], {}])
def test_count_takes_whole_numbers_only(value):
    if type(value) in (int, float) and value == 3:
        assert type(SEATS.parse(value)) is int
    else:
        with pytest.raises(ValueError, match="must be a whole number of 0 or more, or null"):
            SEATS.parse(value)


@pytest.mark.parametrize(
    "value",
    [10**5000, -(10**5000), math.inf, 1.1e15],
    ids=["huge", "huge below zero", "infinity", "too large"],
)
def test_a_number_beyond_what_is_exact_is_refused_with_the_limit(value):
    limit = "1,000,000,000,000,000"
    with pytest.raises(ValueError, match=f"must be a number from -{limit} to {limit}, or null"):
        BUDGET.parse(value)
    with pytest.raises(ValueError, match=f"must be a whole number from 0 to {limit}, or null"):
        SEATS.parse(value)
    for text in ("1e300", "1" * 60):
        with pytest.raises(ValueError, match=f"from -{limit} to {limit}"):
            BUDGET.parse(text, text=True)


@pytest.mark.parametrize("value", [math.nan, "5", True])
def test_number_refuses_what_is_no_ordinary_number(value):
    with pytest.raises(ValueError, match="must be a number, or null"):
        BUDGET.parse(value)


def test_number_becomes_a_float_and_minus_zero_zero():
    assert type(BUDGET.parse(5)) is float
    assert str(BUDGET.parse(-0.0)) == "0.0"


@pytest.mark.parametrize(
    ("text", "seats"),
    [("12", 12), (" 12.0 ", 12), ("+3", 3), ("1e3", 1000), ("", None), (" ", None)],
)
def test_count_is_read_from_text(text, seats):
    assert SEATS.parse(text, text=True) == seats


@pytest.mark.parametrize(
    "text", ["1_000", "1,000", "nan", "inf", "0x10", "9" * 5000, "٣", "1.5", "-1"]
)
def test_text_that_is_no_count_is_refused(text):
    with pytest.raises(ValueError, match="must be a whole number"):
        SEATS.parse(text, text=True)


@pytest.mark.parametrize("text", ["true", "YES", "1", " True "])
def test_boolean_is_read_from_text(text):
    assert TRIAL.parse(text, text=True) is True


@pytest.mark.parametrize("value", [0, 1, "true", "maybe"])
def test_boolean_takes_only_true_and_false_as_json(value):
    with pytest.raises(ValueError, match="must be true, false or null"):
        TRIAL.parse(value)


def test_choice_is_matched_without_case_and_stored_as_the_file_writes_it():
    assert SOURCE.parse("  cold   CALL ") == "Cold Call"


def test_wrong_choice_is_told_all_choices_and_the_nearest():
    with pytest.raises(
        ValueError, match=r"one of Webinar, .*, or null \(did you mean Referral\?\)"
    ):
        SOURCE.parse("Refferal")


@pytest.mark.parametrize("bad", ["a\x00b", "a\nb", "a\ud800b", "x" * 101, 7, ["a"]])
def test_bad_text_is_refused_with_a_sentence(bad):
    with pytest.raises(ValueError, match=r"^must "):
        SHIPPED["industry"].parse(bad)


def test_text_is_trimmed_composed_and_blank_is_unknown():
    assert clean_text("  Cafe\u0301 ", maximum=4) == "Café"
    assert SHIPPED["industry"].parse("  ") is None


def test_long_run_of_accents_is_refused_without_composing_it():
    with pytest.raises(ValueError, match="at most 100 characters"):
        clean_text("e" + "\u0301\u0327" * 10**6, maximum=100)


@pytest.mark.parametrize("text", ["\x1f", "Ada\x1c", "\x1dAda", "a\0b", "\ud800"])
def test_a_text_with_control_characters_is_refused_at_its_ends_too(text):
    with pytest.raises(ValueError, match="control characters"):
        clean_text(text, maximum=100)


def test_category_key_ignores_case_and_inner_white_space():
    assert category_key("Straße  Nord") == category_key("STRASSE NORD")


@given(value=anything, text=st.booleans())
def test_any_value_is_parsed_or_refused_with_a_sentence(value, text):
    for field in (SEATS, BUDGET, SOURCE, TRIAL, SHIPPED["industry"], SHIPPED["age"]):
        try:
            parsed = field.parse(value, text=text)
        except ValueError as error:
            assert str(error).startswith(("must ", NULL_WORD))  # noqa: PT017
        else:
            assert field.parse(parsed) == parsed
            json.dumps(parsed, allow_nan=False).encode()


def test_schema_names_type_bounds_and_choices():
    age = SHIPPED["age"].json_schema()
    assert (age["type"], age["minimum"], age["maximum"]) == (["integer", "null"], 0, 120)
    assert SOURCE.json_schema()["enum"] == [*SOURCE.choices, None]
    assert BUDGET.json_schema()["maximum"] == 10**15


def test_undeclared_builtin_fields_are_accepted_but_neither_shown_nor_learned_from():
    fields = loads('[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"')
    assert fields["age"].parse(44) == 44
    assert fields.declared == fields.model == fields.own == (fields["seats"],)
    assert fields.names[0] == "seats"
    assert "nothing" not in fields


def test_field_marked_not_for_use_is_shown_but_not_learned_from():
    fields = loads('[[field]]\nname = "age"\ntype = "count"\nlabel = "Age"\nuse = false')
    assert fields.declared == (fields["age"],)
    assert fields.model == ()


def test_nearest_name_is_found_among_fields_and_other_keys():
    assert SHIPPED.nearest("emailopens") == "email_opens"
    assert SHIPPED.nearest("led_id", also=["lead_id"]) == "lead_id"
    assert SHIPPED.nearest("zzzz" * 10**5) is None


def test_characters_that_turn_text_around_are_left_out():
    assert clean_text("Ada \u202egpj.exe\u202c", maximum=20) == "Ada gpj.exe"
    assert clean_text("\u2066", maximum=20) is None
