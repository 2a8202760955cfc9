"""Files that are no table, although their name may say so: what they are, and what to do."""

from webapp.services.imports.files.errors import ImportFileError

SAVE_AS = "open it in a spreadsheet and save it as XLSX or CSV"
# By what a file begins with, small letters, blanks aside.
BEGINNINGS = {
    ("<!doctype html", "<html", "<table", "<head", "<meta", "<body"): (
        f"this is a web page (HTML), whatever its name says: {SAVE_AS}"
    ),
    ("<?xml", "<workbook"): f"this is an XML file: {SAVE_AS}",
    ("{\\rtf",): "this is a text document (RTF): export the table as CSV or XLSX",
    ("%pdf",): "this is a PDF: export the table as CSV or XLSX",
    ("begin:vcard",): "these are contact cards (vCard): export the contacts as CSV",
    ("[",): (
        "this is a JSON list: write one object a line (JSON lines), send it to POST /score/batch,"
        " or export it as CSV"
    ),
}
MARKS = {
    b"%PDF": "this is a PDF: export the table as CSV or XLSX",
    b"\x89PNG": "this is a picture: export the table as CSV or XLSX",
    b"\xff\xd8\xff": "this is a picture: export the table as CSV or XLSX",
    b"PAR1": "this is a Parquet file: export the table as CSV or XLSX",
    b"7z\xbc\xaf": "this is an archive (7z): unpack it and import the file in it",
    b"Rar!": "this is an archive (RAR): unpack it and import the file in it",
    b"BZh": "the file is packed with bzip2: unpack it, or pack it with gzip",
    b"\xfd7zXZ": "the file is packed with xz: unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "the file is packed with zstd: unpack it, or pack it with gzip",
    b"SQLite format 3": "this is a database (SQLite): export the table as CSV",
}


def refuse_bytes(head: bytes) -> None:
    """Raise `ImportFileError` where the first bytes are those of no table."""
    for mark, sentence in MARKS.items():
        if head.startswith(mark):
            raise ImportFileError.at(1, sentence)


def refuse_text(first_line: str) -> None:
    """Raise `ImportFileError` where the first line with text is that of no table."""
    beginning = first_line.lstrip("\ufeff \t").casefold()
    for marks, sentence in BEGINNINGS.items():
        if beginning.startswith(marks):
            raise ImportFileError.at(1, sentence)
