"""Files as programs and people really make them: what each gives, and what is said of it."""

import pytest

from tests.services.imports.reading import read_file
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.table import detect, format_sentence
from webapp.services.imports.matching.questions import MappingRefused

TABLE = "lead_id,name,employees\nL-1,Ada,4\nL-2,Bob,6\n"
ROWS = {
    "L-1": {"lead_id": "L-1", "name": "Ada", "employees": 4},
    "L-2": {"lead_id": "L-2", "name": "Bob", "employees": 6},
}


@pytest.fixture
def read(tmp_path):
    """`read(content)` reads a file of this text or these bytes without a person."""

    def read(content):
        path = tmp_path / "leads"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_file(path)

    return read


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("Leads report\nGenerated 2026-11-01\n\n" + TABLE, "lines 1, 2"),
        ("Leads report,,\nGenerated 2026-11-01,,\n,,\n" + TABLE, "lines 1, 2"),
        ("Leads: new, all\nby Ann\n\n" + TABLE.replace(",", ";"), "lines 1, 2"),
        ("Filter,new\n\n" + TABLE, "line 1"),
        ("# exported\n" + TABLE, "line 1"),
        ("Lead,,\n" + TABLE, "line 1"),
    ],
)
def test_titles_above_the_header_are_left_out_and_named(read, content, lines):
    result = read(content)
    assert result.values == ROWS
    assert result.notes == [f"Left out above the header: {lines}."]


@pytest.mark.parametrize(
    "row",
    [
        *("Total,,10", "Grand Total,,10", "Grand Totals (2 records),,", "Summe,,10"),
        *("Count: 2,,", "Total Général,,10", "Sous-total,,10", "Итого,,10", "2 records,,"),
        *("-------,---,---",),
    ],
)
def test_totals_and_rules_are_no_leads(read, row):
    result = read(TABLE + row + "\n")
    assert result.values == ROWS
    assert result.errors == [(4, "lead_id", "is a line of totals or a rule, not a lead's ID")]


def test_cells_cut_off_at_the_end_are_empty_and_this_is_said(read):
    result = read("lead_id,name,employees,amount\nL-1,Ada,4\nL-2,Bob\nL-3,Cy,1,2\nL-4,Di\n")
    assert result.values["L-2"] == {"lead_id": "L-2", "name": "Bob"}
    assert list(result.values) == ["L-1", "L-2", "L-3", "L-4"]
    assert result.notes == ["Cells missing at the end of a row were read as empty: lines 2, 3, 5."]


@pytest.mark.parametrize(
    "rows",
    [
        ["L-1,Ada,Ba", "nk,5"],
        ["L-1,A", "d", "a,Bank,5"],
        ["L-1,Ada,Bank,5", "(1 rows affected)"],
    ],
)
def test_a_line_break_outside_quotes_makes_no_lead(read, rows):
    result = read("\n".join(["lead_id,name,industry,amount", *rows, "L-3,Cy,Food,4"]))
    assert result.values.keys() <= {"L-1", "L-3"}
    assert all("the header has 4" in message for _, _, message in result.errors)
    assert len(result.right) + len(result.errors) == len(rows) + 1


def test_json_lines_are_a_table(read, tmp_path):
    result = read(
        '{"lead_id": "L-1", "name": "Ada", "amount": 1.50, "tags": ["x"], "newsletter": null}\n'
        '\n{"lead_id": 12345678901234567890, "newsletter": true, "title": "\'=1+1"}\n'
    )
    assert result.values == {
        "L-1": {"lead_id": "L-1", "name": "Ada", "amount": 1.5},
        "12345678901234567890": {
            "lead_id": "12345678901234567890",
            "newsletter": True,
            "title": "'=1+1",
        },
    }
    assert result.notes == ["Left out, since they hold lists or objects: “tags”."]
    assert format_sentence(detect(tmp_path / "leads")) == "JSON lines, UTF-8"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<html><body><table><tr><td>lead_id</td></tr></table>", "a web page"),
        ("\ufeff <!DOCTYPE html>\n<table>", "a web page"),
        ("<?xml version='1.0'?>\n<Workbook/>", "an XML file"),
        ('[{"lead_id": "L-1"}]', "a JSON list"),
        ('{"leads": [\n{"lead_id": "L-1"}\n]}', "JSON lines"),
        ('{"lead_id": "L-1", "lead_id": "L-2"}', "JSON lines"),
        ("{\\rtf1\\ansi leads}", "a text document"),
        ("BEGIN:VCARD\nFN:Ada\nEND:VCARD\n", "contact cards"),
        (b"%PDF-1.7\nleads", "a PDF"),
        (b"BZh91AY", "bzip2"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(read, content, message):
    with pytest.raises(ImportFileError, match=message):
        read(content)


def test_a_missing_header_is_told(read):
    with pytest.raises(MappingRefused, match=r"the header seems to be missing.*lead_id,name"):
        read("N-1,Ann,Webinar\nN-2,Bob,Referral\n")


@pytest.mark.parametrize(
    ("header", "note"),
    [
        ("lead_id,name,name", "The column “name” stands in the header more than once"),
        ("lead_id,,name", "Column 2 has values but no name"),
    ],
)
def test_columns_left_out_for_their_name_are_told(read, header, note):
    [said] = read(f"{header}\nL-1,Ada,Bob\n").notes
    assert said.startswith(note)


@pytest.mark.parametrize(
    ("encoding", "name", "city"),
    [
        ("cp1252", "Windows-1252", "Besançon Genève"),
        ("mac_roman", "Mac Roman", "Besançon Genève"),
        ("cp850", "DOS (CP850)", "Besançon Genève"),
        ("cp866", "CP866", "Москва Иван Петров"),
    ],
)
def test_a_guessed_encoding_is_said(read, encoding, name, city):
    rows = "".join(f"L-{n},{city}\n" for n in range(40))
    result = read(f"lead_id,location\n{rows}".encode(encoding))
    assert result.values["L-0"]["location"] == city
    assert f"it was read as {name}." in result.notes[0]


@pytest.mark.parametrize("hint", ["sep=;", "Sep=;", '"sep=;"', "sep=|", "sep=\t"])
def test_a_hint_counts_where_it_fits_the_header(read, hint):
    assert read(f"{hint}\r\n" + TABLE.replace(",", ";")).values == ROWS
