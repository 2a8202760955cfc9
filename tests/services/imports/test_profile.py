"""What columns hold: seen in one pass, to the last row, in bounded memory."""

import pytest

from tests.services.imports.workbooks import write_workbook
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.table import detect
from webapp.services.imports.matching.profile import MAX_DISTINCT, profile_file


@pytest.fixture
def columns(tmp_path):
    """The profile of the columns of a file, given as lines."""

    def columns(*lines):
        path = tmp_path / "leads.csv"
        path.write_text("\n".join(lines))
        return profile_file(path, detect(path)).columns

    return columns


def test_values_are_counted_without_words_for_unknown(columns):
    _, status = columns("lead_id,Status", "1,Won", "2,Won", "3,Lost", "4,N/A", "5,")
    assert (dict(status.values), status.n_filled) == ({"Won": 2, "Lost": 1}, 3)


def test_the_last_row_can_tell_the_order_of_days_and_the_decimal_mark(columns):
    rows = [f"{n};0{n % 9 + 1}/02/2026;1.{n % 900 + 100}" for n in range(30_000)]
    _, day, amount = columns("lead_id;day;amount", *rows, "x;13/02/2026;7,5")
    assert day.day_first is True
    assert amount.decimal(point_is_usual=False) == (",", True)


def test_many_different_values_are_not_all_kept(columns):
    ids, _ = columns("lead_id,note", *(f"L-{n},{'x' * 5_000}" for n in range(5_000)))
    assert (len(ids.values), ids.is_complete, ids.n_filled) == (MAX_DISTINCT, False, 5_000)


def test_long_cells_are_kept_in_part(columns):
    _, note = columns("lead_id,note", f"1,{'x' * 5_000}")
    assert [len(value) for value in note.values] == [200]


def test_an_empty_file_has_no_columns(columns):
    with pytest.raises(ImportFileError, match="the file is empty"):
        columns("", "")


def test_numbers_of_a_workbook_need_no_question(tmp_path):
    sheet = [["lead_id", "amount"], ["L-1", 1.234], ["L-2", 5.678]]
    path = write_workbook(tmp_path / "leads.xlsx", {"Leads": sheet})
    profile = profile_file(path, detect(path))
    assert profile.columns[1].decimal(point_is_usual=profile.point_is_usual) == (".", True)
