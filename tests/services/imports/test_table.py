"""Tables of every dialect: what is read of good files, and what is refused of bad ones, at once."""

import gzip
import zipfile

import pytest

from tests.services.imports.workbooks import MAIN, write_raw, write_workbook
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.layout import BrokenRow
from webapp.services.imports.files.table import detect, format_sentence, open_table

ROWS = [["L-1", "Zoë Müller", "Bäckerei"], ["L-2", "José", "Café"]]
TEXT = "lead_id,name,industry\nL-1,Zoë Müller,Bäckerei\nL-2,José,Café\n"


@pytest.fixture
def file(tmp_path):
    """`file(content)` is a file of the upload's bytes."""

    def file(content):
        path = tmp_path / "leads"
        path.write_bytes(content)
        return path

    return file


def read(path, sheet=None):
    with open_table(path, detect(path, sheet)) as table:
        return table.header, [cells for _, cells in table.rows]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode("utf-16"),
        TEXT.replace(",", "|").encode(),
        b"sep=,\n" + TEXT.encode(),
        b"\xef\xbb\xbfsep=;\r\n" + TEXT.replace(",", ";").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r\n").encode(),
        gzip.compress(TEXT.encode("cp1252"), mtime=0),
        TEXT.replace("industry", "industry,,").replace("erei", "erei,,").encode(),
        (TEXT + ",,\n,,\n\n").encode(),
        (TEXT + "\n\nLead Report\nCopyright 2026, all rights reserved\nConfidential\n").encode(),
        TEXT.replace("L-2", "\ufefflead_id,name,industry\nL-2").encode(),
    ],
)
def test_every_dialect_gives_the_same_rows(file, content):
    header, rows = read(file(content))
    assert header == ["lead_id", "name", "industry"]
    assert [row[:3] for row in rows] == ROWS


def test_the_format_is_said_in_words(file):
    path = file(gzip.compress(TEXT.replace(",", ";").encode("cp1252")))
    assert format_sentence(detect(path)) == "CSV, gzip, Windows-1252, separated by semicolons"


def test_a_comma_in_cells_is_no_delimiter(file):
    header, rows = read(
        file(b"lead_id;name;note\nL-1;Ada;one, two, three\nL-2;Bob;four, five, six\n")
    )
    assert header == ["lead_id", "name", "note"]
    assert rows[0][2] == "one, two, three"


def test_a_row_that_is_too_long_stays_a_row_and_one_cut_at_its_end_is_filled(file):
    _, rows = read(file(b"lead_id,name,note\nL-1,Ada\nL-2,Bob,x,y\n"))
    assert rows == [["L-1", "Ada", ""], ["L-2", "Bob", "x", "y"]]


def test_other_single_byte_encodings_are_told_by_their_letters(file):
    cities = ["Łódź", "Gdańsk", "Kraków", "Święta", "Żółć", "Jaźń", "Ćma", "Ślązak"] * 20
    text = "lead_id;location\n" + "".join(f"L-{n};{city}\n" for n, city in enumerate(cities))
    _, rows = read(file(text.encode("cp1250")))
    assert [row[1] for row in rows] == cities


def test_text_that_changes_its_encoding_is_read_by_the_one_that_holds_all_of_it(file):
    late = "lead_id,name\n" + "L-1,Ada\n" * 300_000 + "L-2,José\n"
    _, rows = read(file(late.encode("cp1252")))
    assert rows[-1] == ["L-2", "José"]


def test_a_workbook_reads_like_its_csv(tmp_path):
    sheet = [
        ["lead_id", "employees", "newsletter", "amount"],
        ["L-1", 12, True, 7.5],
        ["L-2", None, False, 3.0],
    ]
    path = write_workbook(tmp_path / "leads.xlsx", {"Notes": [["read me"]], "Leads": sheet})
    assert detect(path).sheets == ["Notes", "Leads"]
    assert read(path, "Leads") == (
        sheet[0],
        [["L-1", "12", "true", "7.5"], ["L-2", "", "false", "3"]],
    )


def test_a_sheet_that_is_not_there_is_named(tmp_path):
    path = write_workbook(tmp_path / "leads.xlsx", {"Leads": [["lead_id"]]})
    with pytest.raises(ImportFileError, match="no sheet “Deals”"):
        detect(path, "Deals")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a" * 300_000, "is longer than 200,000 characters"),
        (b"lead_id\n" + b"\n" * 200_000, "blank rows on end"),
        (gzip.compress(b"\n" * 20_000_000, mtime=0), "unpacks to far more"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "the gzip file is damaged"),
        (b"GIF89a\x00\x01\x02", "not a table of text"),
        (b'lead_id,"name\nL-1,Ada\nL-2,Bob\n', "is a quote"),
        (b"PK\x03\x04 and then nothing", "the workbook is damaged"),
        (b"lead_id" + b"," * 2_000 + b"x\n", "more than 1,000 columns"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(file, content, message):
    with pytest.raises(ImportFileError, match=message):
        read(file(content))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('L-1,"Ada', "not closed"),
        ('L-1,"Ada" Miller', "goes on behind"),
        ('L-1,"Ada\nL-2,"Bob', "goes on behind"),
    ],
)
@pytest.mark.parametrize("n_behind", [0, 1_000])
def test_a_line_with_a_stray_quote_is_one_broken_row(line, reason, n_behind, file):
    lines = ["lead_id,name", 'L-0,"two\nlines"', line, *["L-9,Eve"] * n_behind]
    path = file("\n".join(lines).encode())
    with open_table(path, detect(path)) as table:
        rows = list(table.rows)
    broken = [(number, cells) for number, cells in rows if isinstance(cells, BrokenRow)]
    assert broken[0][0] == 4
    assert reason in broken[0][1].reason
    assert len(broken) == len(line.split("\n"))
    assert [cells for _, cells in rows[1 + len(broken) :]] == [["L-9", "Eve"]] * n_behind


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<x:row r="1048576"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>',
        "<row r='1048576'><c\ts='>'\n r = 'xfd1048576'><v>1</v></c></row>",
        '<row r="5"><c r="AAAAAAA5"><v>1</v></c></row>',
        '<row r="30000000"><c r="B30000000"><v>1</v></c></row>',
        "<row>" + "<c><v>1</v></c>" * 5_000 + "</row>" + "<row><c><v>1</v></c></row>" * 5_000,
    ],
    ids=["plain", "prefix", "quotes", "letters", "digits", "no places"],
)
def test_a_cell_far_out_does_not_fill_the_memory_however_it_is_written(rows, tmp_path):
    names = f'xmlns="{MAIN}" xmlns:x="{MAIN}"'
    xml = f"<worksheet {names}><sheetData>{rows}</sheetData></worksheet>"
    path = write_raw(tmp_path / "far.xlsx", {"Leads": xml})
    with pytest.raises(ImportFileError, match="spans more than 10,000,000 cells"):
        detect(path)


@pytest.mark.parametrize("part", ["content.xml", "xl/Workbook.BIN"])
def test_a_workbook_of_another_kind_is_refused_unopened(part, tmp_path):
    path = tmp_path / "leads.ods"
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr(part, "<a/>")
    with pytest.raises(ImportFileError, match=r"ODS|XLSB"):
        detect(path)


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet1.xml", b" " * 400_000_000)
    with pytest.raises(ImportFileError, match="unpacks to far more"):
        detect(path)
