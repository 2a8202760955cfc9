"""Files as programs and people really make them: what each gives, and what is said of it."""

import io
import zipfile

import pytest

from tests.services.imports.reading import read_file
from tests.services.imports.workbooks import write_workbook
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
    ("under", "lines"),
    [
        ("Leads report\nCopyright 2026\n", "lines 5, 6"),
        ("Filtered by,new\n", "line 5"),
    ],
)
def test_notes_under_a_blank_row_are_left_out_and_named(read, under, lines):
    result = read(TABLE + "\n" + under)
    assert result.values == ROWS
    assert result.notes == [f"Left out as notes, since they follow a blank row: {lines}."]


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
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(900), "an old kind"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "a password",
        ),
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
        ("lead_id,name,full name", "The column “full name” fills in where “name” is empty."),
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


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1250", ("Żółć Łódź", "Wrocław")),
        ("cp1251", ("Фирма Ромашка", "Вектор Плюс")),
        ("koi8_r", ("Фирма Ромашка", "Вектор Плюс")),
        ("cp1253", ("Αθήνα", "Παπαδόπουλος")),
        ("shift_jis", ("日本株式会社テスト", "東京商事")),
        ("gb18030", ("北京有限公司", "上海 张伟")),
        ("euc_kr", ("주식회사 서울", "김철수")),
        ("cp1252", ("Besançon", "“Jürgen” … Groß €5")),
        ("cp1252", ("Élève à Orléans", "Señor Núñez, Málaga ¿qué?")),
    ],
)
def test_the_letters_of_a_few_rows_tell_their_encoding(read, encoding, names):
    rows = "".join(f"L-{n};{name}\n" for n, name in enumerate(names))
    values = read(f"lead_id;company\n{rows}".encode(encoding)).values
    assert [values[f"L-{n}"]["company"] for n in range(len(names))] == list(names)


@pytest.mark.parametrize("hint", ["sep=;", "Sep=;", '"sep=;"', "sep=|", "sep=\t"])
def test_a_hint_counts_where_it_fits_the_header(read, hint):
    assert read(f"{hint}\r\n" + TABLE.replace(",", ";")).values == ROWS


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(("(1,200.50)", -1200.5), ("120-", -120), ("\u22125", -5), ("-$5.50", -5.5)),
        *(("1,20,000", 120000), ("\uff11\uff12", 12), ("1\u2009200.5", 1200.5)),
        *(("kr 1200", 1200), ("1200 z\u0142", 1200), ("\u20b9 500", 500), ("R$ 5.50", 5.5)),
    ],
)
def test_numbers_are_read_as_people_write_them(read, cell, value):
    result = read(f'lead_id,amount\nL-1,"{cell}"\nL-2,1.5\n')
    assert result.values["L-1"]["amount"] == value


@pytest.mark.parametrize("cell", ["35 years", "10+", "11-50", "12k", "~12", "1.5", "=5"])
def test_a_number_with_more_in_its_cell_does_not_lose_the_lead(read, cell):
    result = read(f"lead_id,name,employees\nL-1,Ada,{cell}\nL-2,Bob,6\n")
    assert result.values["L-1"] == {"lead_id": "L-1", "name": "Ada"}
    [warning] = [w for w in result.result.warnings if w.column == "employees"]
    assert warning.message.startswith("must be a whole number")
    assert "leave it empty" not in warning.message
    assert warning.lines == [2]


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("3. März 2025", "2025-03-03"),
        ("1er août 2025", "2025-08-01"),
        ("27 de noviembre de 2025", "2025-11-27"),
        ("02-Mar-25", "2025-03-02"),
        ("2025年3月2日", "2025-03-02"),
        ("2025-03-02 09:30 CET", "2025-03-02T08:30:00+00:00"),
        ("2025-03-02 09:30 UTC+1", "2025-03-02T08:30:00+00:00"),
        ("2025-03-02T09:30:00+01:00[Europe/Berlin]", "2025-03-02T08:30:00+00:00"),
        (
            "Sun Mar 02 2025 09:30:00 GMT+0100 (Central European Standard Time)",
            "2025-03-02T08:30:00+00:00",
        ),
        ("1740907800.123", "2025-03-02T09:30:00.123000+00:00"),
        ("20250302T093000Z", "2025-03-02T09:30:00+00:00"),
        ("2.3.2025 3.05pm", "2025-03-02T15:05:00+00:00"),
    ],
)
def test_times_are_read_as_people_write_them(read, cell, at):
    [row] = read(f"lead_id;outcome;outcome_at\nL-1;won;{cell}\n").right
    assert row.outcome_at.isoformat().startswith(at)


@pytest.mark.parametrize("cell", ["0000-00-00 00:00:00", "1899-12-30", "01/00/1900"])
def test_a_date_of_nought_is_unknown(read, cell):
    result = read(f"lead_id,outcome,outcome_at\nL-1,won,{cell}\n")
    assert result.right[0].record.outcome is True
    assert result.right[0].outcome_at is None


def test_the_number_of_a_day_is_called_so(read):
    [(_, _, message)] = read("lead_id,outcome,outcome_at\nL-1,won,45992\n").errors
    assert message.startswith("is the number of a day in a spreadsheet")


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        *(("oui", "non"), ("Ja", "Nein"), ("sí", "no"), ("VRAI", "FAUX"), ("WAHR", "FALSCH")),
        *(("да", "нет"), ("on", "off"), ("Y", "N"), ("1.0", "0.0"), ("\u2713", "\u2717")),
    ],
)
def test_yes_and_no_are_read_in_many_languages(read, yes, no):
    rows = read(f"lead_id,newsletter\nL-1,{yes}\nL-2,{no}\n").values
    assert [row["newsletter"] for row in rows.values()] == [True, False]


@pytest.mark.parametrize(
    ("won", "lost"),
    [
        *(("Gewonnen", "Verloren"), ("Gagné", "Perdu"), ("Ganado", "Perdido"), ("Vinto", "Perso")),
        *(("Выиграна", "Проиграна"), ("成交", "丢单"), ("Vunnen", "Förlorad")),
    ],
)
def test_outcomes_are_read_in_many_languages(read, won, lost):
    rows = read(f"lead_id,status\nL-1,{won}\nL-2,{lost}\n").right
    assert [row.record.outcome for row in rows] == [True, False]


def test_times_of_outcomes_without_any_outcome_are_left_out_and_this_is_said(read):
    result = read("Deal ID,Name,Close date\n7,Ada,2025-03-02T09:30:00Z\n")
    assert result.notes == [
        "The column “Close date” was left out: no column says what became of leads."
    ]


def test_times_of_winning_and_losing_are_outcomes_by_themselves(read):
    result = read(
        "Deal ID,Deal - Won time,Deal - Lost time\n"
        "1,2025-03-02T09:30:00Z,\n"
        "2,,2025-03-03T09:30:00Z\n"
        "3,,\n"
        "4,2025-03-05T09:30:00Z,2025-03-04T09:30:00Z\n"
    )
    told = [(r.record.outcome, r.outcome_at and r.outcome_at.day) for r in result.right]
    assert told == [(True, 2), (False, 3), (None, None), (True, 5)]
    assert result.mapping.is_of_outcomes_only


def test_a_status_beside_them_says_which_of_the_times_counts(read):
    [row] = read(
        "Deal ID,Status,Won time,Lost time\n1,lost,2025-03-02T09:30:00Z,2025-03-04T09:30:00Z\n"
    ).right
    assert (row.record.outcome, row.outcome_at.day) == (False, 4)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("leads.csv", "a ZIP archive"),
        ("content.xml", "an OpenDocument file"),
        ("word/document.xml", "a text document"),
        ("xl/workbook.bin", "a binary workbook"),
    ],
)
def test_a_zip_that_is_no_workbook_is_called_by_its_name(read, part, message):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as parts:
        parts.writestr(part, TABLE)
    with pytest.raises(ImportFileError, match=message):
        read(content.getvalue())


def test_a_cover_sheet_is_told_and_an_empty_one_passed_over(tmp_path):
    sheet = [["lead_id", "name"], ["L-1", "Ada"]]
    path = write_workbook(tmp_path / "leads.xlsx", {"Empty": [], "Leads": sheet})
    assert read_file(path).values == {"L-1": {"lead_id": "L-1", "name": "Ada"}}
    path = write_workbook(tmp_path / "leads.xlsx", {"Cover": [["Read me"]], "Leads": sheet})
    with pytest.raises(MappingRefused, match="has 2 sheets; only “Cover” was read"):
        read_file(path)


@pytest.mark.parametrize(
    ("cell", "lead_id"), [('"=""00012"""', "00012"), ("'=1", "=1"), (' "L, 1"', "L, 1")]
)
def test_ids_are_read_as_exports_write_them(read, cell, lead_id):
    assert list(read(f"name,lead_id\nAda,{cell}\n").values) == [lead_id]


@pytest.mark.parametrize("lead_id", ["1.23457E+14", "1.23457E14", "1,234E+12"])
def test_ids_that_were_shortened_are_refused(read, lead_id):
    [(_, _, message)] = read(f"lead_id;name\n{lead_id};Ada\n").errors
    assert "shortened" in message


def test_a_unit_in_the_header_is_asked_about(read):
    result = read("lead_id,Age (years)\nL-1,35\n")
    assert result.values == {"L-1": {"lead_id": "L-1"}}
    assert result.notes == ["The column “Age (years)” looks like age; it was left out."]
