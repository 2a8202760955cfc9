"""Rows of an import file: what they become, and everything that is wrong with one."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import FIELDS, NOW
from webapp.services.imports.import_file import ImportFileError
from webapp.services.imports.import_rows import ImportRow, WrongRow, read_rows


@pytest.fixture
def rows_of(tmp_path):
    """Check the rows of a file, given as lines of text."""

    def rows_of(*lines, behind=0):
        path = tmp_path / "leads.csv"
        path.write_text("\n".join(lines))
        return [row for row, _ in read_rows(path, FIELDS, NOW, behind=behind)]

    return rows_of


@pytest.fixture
def errors_of(rows_of):
    """What is wrong with a file's only row, by column."""

    def errors_of(*lines):
        [row] = rows_of(*lines)
        return {error.field: error.message for error in row.errors}

    return errors_of


def test_a_row_becomes_a_record_with_its_times(rows_of):
    [row] = rows_of(
        "lead_id,name,age,lead_source,actual_outcome,scored_at,outcome_at",
        " L-1 , Ada Example ,30,cold call,TRUE,2026-01-05T10:00:00+01:00,2026-02-01T00:00Z",
    )
    assert (row.record.lead_id, row.record.people) == ("L-1", {"name": "Ada Example"})
    assert row.record.inputs == {"age": 30, "lead_source": "Cold Call"}
    assert row.record.outcome is True
    assert row.scored_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert row.outcome_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_empty_cells_say_nothing(rows_of):
    [row] = rows_of("lead_id,age,actual_outcome,scored_at,outcome_at", "L-1,, ,,")
    assert row.record.inputs == {}
    assert (row.record.outcome, row.scored_at, row.outcome_at) == (None, None, None)


@pytest.mark.parametrize("text", ["never_worked", "Never worked"])
def test_a_file_may_say_that_a_lead_was_never_worked(text, rows_of):
    [row] = rows_of("lead_id,actual_outcome,outcome_at", f"L-1,{text},2026-02-01")
    assert row.record.outcome == "never_worked"


def test_a_day_begins_with_the_scoring_and_ends_with_the_outcome(rows_of):
    [row] = rows_of("lead_id,actual_outcome,scored_at,outcome_at", "L,true,2026-01-05,2026-01-05")
    assert row.scored_at == datetime(2026, 1, 5, tzinfo=UTC)
    assert row.outcome_at == datetime(2026, 1, 5, 23, 59, 59, 999999, tzinfo=UTC)


def test_everything_wrong_in_a_row_is_told_at_once(errors_of):
    errors = errors_of(
        "lead_id,age,email_opens,lead_source,actual_outcome,scored_at",
        ",130,many,Referal,maybe,yesterday",
    )
    assert set(errors) == {
        "lead_id",
        "age",
        "email_opens",
        "lead_source",
        "actual_outcome",
        "scored_at",
    }
    assert "did you mean Referral?" in errors["lead_source"]


@pytest.mark.parametrize(
    ("scored_at", "message"),
    [
        ("2026-01-05T10:00:00", "must be a time in ISO 8601 with its offset"),
        ("05.01.2026", "must be a time in ISO 8601 with its offset"),
        ("2027-01-01", "must not lie in the future"),
        ((NOW + timedelta(hours=1)).isoformat(), "must not lie in the future"),
        ("1969-12-31", "from 1970 to now"),
        ("0001-01-01T00:00:00+14:00", "from 1970 to now"),
        ("9999-12-31T23:59:59-14:00", "must not lie in the future"),
        ("2026-01-05T10:00:00Z" + " " * 50 + "x", "must be a time in ISO 8601 with its offset"),
    ],
)
def test_a_wrong_time_is_named_with_the_rule(scored_at, message, errors_of):
    assert message in errors_of("lead_id,scored_at", f"L-1,{scored_at}")["scored_at"]


def test_an_outcome_before_the_scoring_is_a_contradiction(errors_of):
    header = "lead_id,actual_outcome,scored_at,outcome_at"
    assert errors_of(header, "L,true,2026-01-05T10:00Z,2026-01-05T09:00Z") == {
        "outcome_at": "must not lie before scored_at"
    }


def test_a_time_of_an_outcome_needs_the_outcome(errors_of):
    header = "lead_id,actual_outcome,outcome_at"
    assert errors_of(header, "L,,2026-01-05") == {"outcome_at": "needs an actual_outcome beside it"}


@pytest.mark.parametrize(("cells", "n"), [("L-1", 1), ("L-1,30,", 3), ("L-1,30,x,y", 4)])
def test_a_row_of_another_length_is_wrong(cells, n, errors_of):
    assert errors_of("lead_id,age", cells) == {"": f"has {n} cells; the header has 2"}


@pytest.mark.parametrize("cell", ["a\0b", "\0", "a\x07b"])
def test_control_characters_are_wrong_in_text_and_in_numbers(cell, errors_of):
    assert set(errors_of("lead_id,age,location", f"L-1,{cell},{cell}")) == {"age", "location"}


def test_rows_keep_their_numbers_behind_those_done_before(rows_of):
    rows = rows_of("lead_id,age", "L-1,1", "L-2,x", "L-3,3", "L-4,4", behind=1)
    assert [(row.number, isinstance(row, ImportRow)) for row in rows] == [
        (2, False),
        (3, True),
        (4, True),
    ]


HEADERS = [b"lead_id,age,location,actual_outcome,scored_at,outcome_at\n", b"lead_id,age\n", b""]
PIECES = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"\0", b"L-1", b"true", b"2026-01-05", b"9" * 50]
)
CONTENTS = st.builds(b"".join, st.lists(PIECES | st.binary(max_size=5), max_size=40))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.sampled_from(HEADERS), content=CONTENTS, packed=st.booleans())
def test_any_bytes_at_all_give_rows_or_a_refusal_by_line(header, content, packed, tmp_path):
    path = tmp_path / "leads.csv"
    path.write_bytes(gzip.compress(header + content) if packed else header + content)
    rows, errors = [], []
    try:
        rows = [row for row, _ in read_rows(path, FIELDS, NOW)]
    except ImportFileError as refused:
        errors = refused.errors
    assert all(error.line >= 1 and error.message for error in errors)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.errors for row in rows if isinstance(row, WrongRow))
