"""Files as people met them in the field, each read to its right result."""

import pytest

from tests.services.imports.reading import CASES, read_file
from webapp.services.imports.forecast import Known
from webapp.services.imports.matching.questions import MappingRefused


@pytest.fixture
def read():
    """Read the file of a case without a person."""

    def read(case, **options):
        return read_file(CASES / case / "leads.csv", **options)

    return read


def warnings(result):
    return {
        (warning.column, warning.message): warning.count
        for warning in result.result.warnings
        if warning.column
    }


def test_unicode_text_of_excel_is_read(read):
    assert read("01-utf16-unicode-text").values == {
        "A1": {"lead_id": "A1", "name": "Zoë Müller", "industry": "Bäckerei", "employees": 12},
        "A2": {"lead_id": "A2", "name": "José", "industry": "Café", "employees": 3},
    }


def test_windows_1252_keeps_its_accents(read):
    names = [row["name"] for row in read("02-windows-1252").values.values()]
    assert names == ["Zoë Müller", "José"]


def test_semicolons_go_with_decimal_commas(read):
    amounts = [row["amount"] for row in read("03-semicolon-decimal-comma").values.values()]
    assert amounts == [1234.5, 7.5]


def test_day_and_month_in_either_order_are_never_guessed(read):
    with pytest.raises(MappingRefused, match="which comes first") as refused:
        read("06-dates-ddmm")
    [error] = refused.value.errors
    assert error.field == "outcome_at"
    assert "03/04/2026" in error.message


def test_times_without_an_offset_are_taken_and_the_zone_is_said(read):
    result = read("07-times-without-offset")
    assert [row.outcome_at.isoformat() for row in result.right] == [
        "2026-02-06T06:30:00+00:00",
        "2026-02-06T06:30:11+00:00",
    ]
    assert "UTC" in result.notes[0]


def test_empty_rows_are_passed_over(read):
    assert read("08-trailing-empty-rows").result.n_rows == 1


def test_columns_without_name_and_value_are_passed_over(read):
    result = read("10-empty-trailing-columns")
    assert list(result.values) == ["I1", "I2"]
    assert result.result.ignored_columns == []


def test_ids_that_differ_by_case_are_counted(read):
    notes = " ".join(read("12-id-variants").notes)
    assert "only by upper and lower case" in notes


def test_words_for_unknown_are_no_values_and_are_counted(read):
    result = read("14-null-words")
    assert result.errors == []
    assert [set(row) - {"lead_id"} for row in result.values.values()] == [
        set(),
        set(),
        set(),
        {"employees"},
        {"employees"},
        {"industry", "employees"},
    ]
    assert sum(warnings(result).values()) == 13


def test_ids_that_excel_has_shortened_are_refused_by_row(read):
    result = read("15-excel-scientific-ids")
    assert result.right == []
    assert [(line, column) for line, column, _ in result.errors] == [
        (2, "lead_id"),
        (3, "lead_id"),
        (4, "lead_id"),
    ]
    assert "shortened by Excel" in result.errors[0][2]


def test_headers_may_have_any_case(read):
    row = {"lead_id": "N1", "name": "Ada", "industry": "Banking", "employees": 5}
    assert read("17-header-case").values == {"N1": row}


def test_the_labels_that_the_product_shows_are_known(read):
    row = {"lead_id": "O1", "name": "Ada", "industry": "Banking", "amount": 5, "title": "CEO"}
    assert read("18-header-labels").values == {"O1": row}


def test_the_hint_line_of_excel_is_passed_over(read):
    assert list(read("22-sep-line").values) == ["S1"]


def test_a_second_header_is_no_lead(read):
    assert list(read("25-concatenated-files").values) == ["V1", "V2"]


def test_two_outcomes_of_one_lead_are_told(read):
    notes = read("28-twice-two-outcomes").notes
    assert notes == [
        "1 row repeats the ID of a row above: where they differ, the last one counts.",
        "1 row has another outcome than a row above for the same lead: the last one counts.",
    ]


def test_text_in_a_wrong_encoding_is_warned_about(read):
    result = read("34-mojibake")
    assert result.errors == []
    message = "looks like text that was saved in a wrong encoding; correct it where it comes from"
    assert warnings(result) == {("name", message): 2, ("industry", message): 2}


def test_a_file_of_outcomes_says_nothing_of_inputs(read):
    result = read("35-outcomes-only-file", leads=["oo1", "oo2"])
    assert [set(row) for row in result.values.values()] == [{"lead_id", "actual_outcome"}] * 2
    assert (result.preview.n_outcomes, result.preview.n_changed) == (2, 0)


def test_a_list_of_owners_changes_the_owner_alone(read):
    known = {"oo3": Known({"name": "New Name", "owner": "Bo Rep", "industry": "Banking"}, None)}
    result = read("36-people-only-file", leads=known)
    [change] = result.preview.changes
    assert change.lead_id == "oo3"
    assert [(c.field, c.old, c.new) for c in change.changes] == [("owner", "Bo Rep", "Ann Rep")]
    assert (result.preview.n_changed, result.preview.n_new) == (1, 0)
