"""Rows read by a mapping: what they become, and everything that is wrong with one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.fields.reading import NOT_USED
from tests.factories import FIELDS, NOW
from tests.services.imports.reading import TEAM_FIELDS
from webapp.services.imports import quality
from webapp.services.imports.matching.mapping import ColumnMapping, Mapping
from webapp.services.imports.rows import ImportRow, RowReader, WrongRow
from webapp.services.leads import records

NAMES = (
    *("lead_id", "name", "age", "location", "lead_source", "actual_outcome", "scored_at"),
    "outcome_at",
)


def reader(*columns, fields=TEAM_FIELDS, **options):
    """A reader of columns, each a name of its target or a whole mapping."""
    mapped = (
        c if isinstance(c, ColumnMapping) else ColumnMapping(name=c, target=c) for c in columns
    )
    return RowReader(Mapping(columns=tuple(mapped), **options), fields, NOW)


def errors_of(row):
    return {error.field: error.message for error in row.errors}


def test_a_row_becomes_a_record_with_its_times():
    cells = [" L-1 ", " Ada Example ", "30", "Kiel", "cold call", "TRUE"]
    cells += ["2026-01-05T10:00:00+01:00", "2026-02-01T00:00Z"]
    row = reader(*NAMES).read(1, 2, cells)
    assert row.values == {
        "lead_id": "L-1",
        "name": "Ada Example",
        "age": 30,
        "location": "Kiel",
        "lead_source": "Cold Call",
        "actual_outcome": True,
    }
    assert row.scored_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert row.outcome_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_an_empty_cell_keeps_what_is_known_unless_it_shall_clear():
    cells = ["L-1", "", "", "", "n/a", "", "", ""]
    assert reader(*NAMES).read(1, 2, cells).values == {"lead_id": "L-1"}
    assert reader(*NAMES, empty_clears=True).read(1, 2, cells).values == {
        "lead_id": "L-1",
        "name": None,
        "age": None,
        "location": None,
        "lead_source": None,
    }


def test_everything_wrong_in_a_row_is_told_at_once_by_the_names_of_the_file():
    columns = [ColumnMapping(name=f"My {name}", target=name) for name in NAMES]
    row = reader(*columns).read(1, 7, ["", "", "old", "", "", "maybe", "yesterday", ""])
    assert {(e.line, e.field) for e in row.errors} == {
        (7, "My lead_id"),
        (7, "My age"),
        (7, "My actual_outcome"),
        (7, "My scored_at"),
    }


def test_surprises_in_a_row_are_taken_with_a_warning():
    cells = ["L-1", "Ada\nExample", "130", "x" * 120, "Fair", "", "", ""]
    row = reader(*NAMES).read(1, 2, cells)
    assert row.values == {"lead_id": "L-1", "name": "Ada Example", "location": "x" * 100}
    assert [warning.column for warning in row.warnings] == [
        "name",
        "age",
        "location",
        "lead_source",
    ]
    remedies = [warning.message.rpartition("; ")[2] for warning in row.warnings]
    assert remedies == ["they became blanks", NOT_USED, "cut from 120", NOT_USED]


@pytest.mark.parametrize("clears", [False, True])
def test_a_cell_that_cannot_be_read_drops_no_outcome(clears):
    cells = ["L-1", "", "old", "Kiel", "", "TRUE", "", "2026-02-01T00:00Z"]
    row = reader(*NAMES, empty_clears=clears).read(1, 2, cells)
    assert isinstance(row, ImportRow)
    assert row.record.outcome is True
    assert row.outcome_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert row.values["location"] == "Kiel"
    assert "age" not in row.values
    message = f"must be a whole number from 0 to 120; {NOT_USED}"
    assert [w[:4] for w in row.warnings] == [("age", "age", "old", message)]


@pytest.mark.parametrize(
    ("place", "text"), [(0, ""), (5, ""), (5, "maybe"), (6, "yesterday"), (7, "soon")]
)
def test_what_an_outcome_hangs_on_is_still_wrong_beside_a_cell_that_cannot_be_read(place, text):
    cells = ["L-1", "", "old", "Kiel", "", "TRUE", "", ""]
    cells[place] = text
    wrong = errors_of(reader(*NAMES).read(1, 2, cells))
    assert wrong["age"].startswith("must be a whole number from 0 to 120")


def test_a_value_that_breaks_its_rule_clears_nothing_where_empty_cells_do():
    cells = ["L-1", "n/a", "130", "", "Fair", "", "", ""]
    row = reader(*NAMES, empty_clears=True).read(1, 2, cells)
    assert row.values == {"lead_id": "L-1", "name": None, "location": None}


def test_a_day_begins_with_the_scoring_and_ends_with_the_outcome():
    read = reader("lead_id", "actual_outcome", "scored_at", "outcome_at").read
    row = read(1, 2, ["L", "true", "2026-01-05", "05.01.2026"])
    assert row.scored_at == datetime(2026, 1, 5, tzinfo=UTC)
    assert row.outcome_at == datetime(2026, 1, 5, 23, 59, 59, 999999, tzinfo=UTC)


def test_inputs_younger_than_the_outcome_are_taken_and_said_to_teach_nothing():
    read = reader("lead_id", "actual_outcome", "scored_at", "outcome_at").read
    row = read(1, 2, ["L", "true", "2026-01-05T10:00Z", "2026-01-05T09:00Z"])
    assert (row.scored_at.hour, row.outcome_at.hour) == (10, 9)
    [warning] = row.warnings
    not_learned = "training does not learn from inputs newer than the outcome"
    assert warning.message == f"is earlier than scored_at: {not_learned}"


def test_a_time_without_an_outcome_beside_it_is_left_out_and_said():
    row = reader("lead_id", "actual_outcome", "outcome_at").read(1, 2, ["L", "", "2026-01-05"])
    assert (row.record.outcome, row.outcome_at) == (None, None)
    assert [w.message for w in row.warnings] == ["has no outcome beside it, and was left out"]


@pytest.mark.parametrize("times", [("2026-01-05T10:00Z", ""), ("2026-01-05T09:00Z", "won")])
def test_times_that_do_not_fit_together_are_no_wrong_values(times):
    outcome_at, outcome = times
    read = reader("lead_id", "actual_outcome", "scored_at", "outcome_at").read
    row = read(1, 2, ["L", outcome, "2026-01-05T10:00Z", outcome_at])
    assert len(row.warnings) == 1
    assert quality.seen(FIELDS, row.warnings) == []


def test_when_an_open_lead_may_close_is_no_time_of_an_outcome():
    row = reader("lead_id", "actual_outcome", "outcome_at").read(1, 2, ["L", "Open", "2027-01-05"])
    assert (row.record.outcome, row.outcome_at) == (None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2027-01-01", "must not lie in the future"),
        ((NOW + timedelta(hours=1)).isoformat(), "must not lie in the future"),
        ("1969-12-31", "from 1970 to now"),
        ("0001-01-01T00:00:00+14:00", "from 1970 to now"),
        ("9999-12-31T23:59:59-14:00", "must not lie in the future"),
        ("yesterday", "must be a date or time such as 2026-03-02"),
        ("03/04/2025", "in either order"),
    ],
)
def test_a_wrong_time_is_named_with_the_rule(text, message):
    row = reader("lead_id", "scored_at").read(1, 2, ["L-1", text])
    assert message in errors_of(row)["scored_at"]


def test_columns_that_contradict_each_other_on_the_outcome_are_wrong():
    columns = [
        ColumnMapping(name="Status", target="actual_outcome"),
        ColumnMapping(name="CONVERTED", target="actual_outcome", words="converted"),
    ]
    read = reader("lead_id", *columns).read
    assert read(1, 2, ["L", "Lost Lead", "No"]).record.outcome is False
    assert read(1, 2, ["L", "Contacted", "Yes"]).record.outcome is True
    assert errors_of(read(1, 2, ["L", "Lost Lead", "Yes"])) == {
        "Status": "says lost, but “CONVERTED” says converted"
    }


@pytest.mark.parametrize("text", ["never_worked", "Never worked"])
def test_a_file_may_say_that_a_lead_was_never_worked(text):
    row = reader("lead_id", "actual_outcome").read(1, 2, ["L", text])
    assert row.record.outcome == "never_worked"


def test_an_id_of_an_e_mail_address_is_in_small_letters():
    read = reader("email", "name", id_from_email=True).read
    row = read(1, 2, [" Ada@Example.com", "Ada"])
    assert (row.record.lead_id, row.values["email"]) == ("ada@example.com", "Ada@Example.com")
    assert errors_of(read(1, 2, ["none of your business", "Ada"])) == {
        "email": "is no e-mail address, and the lead's ID is made of it"
    }
    assert "is empty" in errors_of(read(1, 2, ["", "Ada"]))["email"]


@pytest.mark.parametrize(("cells", "n"), [(["L-1"], "1 cell"), (["L-1", "30", "x"], "3 cells")])
def test_a_row_of_another_length_is_wrong(cells, n):
    row = reader("lead_id", "age").read(1, 2, cells)
    assert errors_of(row) == {"": f"has {n}; the header has 2"}


TEXTS = (
    *("", " ", "0", "30", "-1", "2.5", "1e3", "yes", "Won", "lost", "webinar", "Cold-Call", "Café"),
    *("2026-01-05", "05.01.2026", "03/04/2025", "nan", "a\0b", "x" * 300, "Ã¶", "1.23457E+14"),
)
CELLS = st.sampled_from(TEXTS) | st.text(max_size=8)


@given(st.lists(CELLS, min_size=len(NAMES), max_size=len(NAMES)), st.booleans())
def test_any_cells_give_what_the_rule_of_records_takes_or_an_error_by_column(cells, clears):
    row = reader(*NAMES, fields=FIELDS, empty_clears=clears).read(1, 2, cells)
    if isinstance(row, WrongRow):
        assert {error.field for error in row.errors} <= set(NAMES)
        assert all(error.message for error in row.errors)
    else:
        assert isinstance(row, ImportRow)
        unasked = replace(row.record, asked=frozenset())
        assert unasked == records.clean(FIELDS, row.values)
        assert row.record.asked == set(NAMES) & set(FIELDS.names)
