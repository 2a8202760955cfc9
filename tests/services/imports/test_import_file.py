"""Import files as text: what is read from good ones, and what is said of bad ones."""

import gzip

import pytest

from tests.factories import FIELDS
from webapp.services.imports.import_file import MAX_LINE_LENGTH, ImportFileError, open_table


@pytest.fixture
def rows_of(tmp_path):
    """Read a whole file from its bytes."""

    def rows_of(content):
        path = tmp_path / "leads.csv"
        path.write_bytes(content)
        with open_table(path, FIELDS) as table:
            return list(table.rows)

    return rows_of


@pytest.fixture
def refusal_of(rows_of):
    """The first thing said of a file that is refused: line, column, message."""

    def refusal_of(content):
        with pytest.raises(ImportFileError) as refused:
            rows_of(content)
        first = refused.value.errors[0]
        return first.line, first.field, first.message

    return refusal_of


@pytest.mark.parametrize(
    "content",
    [
        b"lead_id,age\nL-1,30\n",
        b"\xef\xbb\xbflead_id,age\r\nL-1,30\r\n",
        b"lead_id,age\rL-1,30",
        b'"lead_id","age"\n"L-1","30"\n\n\n',
        gzip.compress(b"lead_id,age\nL-1,30\n", mtime=0),
    ],
)
def test_every_usual_form_of_csv_is_read(content, rows_of):
    assert [cells for _, cells in rows_of(content)] == [["L-1", "30"]]


def test_a_row_is_named_by_the_line_on_which_it_begins(rows_of):
    content = b'lead_id,name\n\nL-1,"two\nlines"\nL-2,one\n'
    assert rows_of(content) == [(3, ["L-1", "two\nlines"]), (5, ["L-2", "one"])]


def test_a_column_that_is_not_known_is_named_with_the_nearest(refusal_of):
    assert refusal_of(b"lead_id,emailopens\n") == (
        1,
        "emailopens",
        "the column emailopens is not a known field; did you mean email_opens?",
    )


def test_all_that_is_wrong_with_a_header_is_said_at_once(rows_of):
    with pytest.raises(ImportFileError) as refused:
        rows_of(b"age,age,,colour\n")
    assert [(e.field, e.message) for e in refused.value.errors] == [
        ("age", "the column age stands there twice"),
        ("", "column 3 has no name"),
        ("colour", "the column colour is not a known field"),
        ("lead_id", "the column lead_id is missing"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "the file is empty"),
        (b"\n\n", 1, "the file is empty"),
        (b'lead_id,age\nL-1,"30\nL-2,30\n', 2, "is a quote .* not closed"),
        (b'lead_id,age\nL-1,"30"x\n', 2, "goes on behind its closing quote"),
        (b'lead_id,age\nL-1,"' + b"9" * 140_000 + b"\n", 2, "is a quote .* not closed"),
        (b"lead_id,name\nL-1,Ada\nL-2,J\xf6rg\n", 3, "not UTF-8"),
        ("lead_id,age\nL-1,30\n".encode("utf-16"), 1, "not UTF-8"),
        (b"lead_id,age\nL-1," + b"9" * MAX_LINE_LENGTH, 2, "longer than 200,000"),
        (
            gzip.compress(b"lead_id,age\n" + b"L-1,30\n" * 999, mtime=0)[:-9],
            None,
            "gzip file is damaged",
        ),
        (b"\x1f\x8bnot gzip at all", 1, "gzip file is damaged"),
        (
            gzip.compress(b"lead_id,age\nL" + (b"," + b" " * 9_999 + b"\nL") * 1_800, mtime=0),
            None,
            "unpacks to far more",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_line(content, line, message, rows_of):
    with pytest.raises(ImportFileError, match=message) as refused:
        rows_of(content)
    assert line is None or refused.value.errors[0].line == line


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_refused_with_the_reason(separator, rows_of):
    with pytest.raises(ImportFileError, match="must be separated by commas"):
        rows_of(f"lead_id{separator}age\nL-1{separator}30\n".encode())


def test_the_share_read_grows_to_one(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_bytes(b"lead_id,age\n" + b"L-1,30\n" * 20_000)
    with open_table(path, FIELDS) as table:
        shares = [table.share_read for _ in table.rows]
    assert shares == sorted(shares)
    assert shares[0] < 0.2
    assert shares[-1] == 1
