"""Files that are no table, although their name may say so: what they are, and what to do."""

import os
from collections.abc import Collection
from pathlib import Path

from webapp.services.imports.files.errors import ImportFileError

BLOCK_BYTES = 1_000_000
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

OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# In UTF-16, as the directory of such a file has it.
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# By the beginning of the name of any part of a ZIP file.
ZIP_PARTS = {
    ("content.xml",): f"this is an OpenDocument file (ODS): {SAVE_AS}",
    ("xl/workbook.bin",): f"this is a binary workbook (XLSB): {SAVE_AS}",
    ("word/", "ppt/"): "this is a text document or a presentation: export the table as CSV or XLSX",
    ("index/",): "this is a Numbers document: export it as XLSX or CSV",
}


def refuse_old_workbook(path: Path) -> None:
    """Raise `ImportFileError` for an XLS, which may unpack without end, and an encrypted XLSX."""
    with path.open("rb") as raw:
        if raw.read(len(OLD_WORKBOOK)) != OLD_WORKBOOK:
            return
        raw.seek(0)
        is_encrypted = ENCRYPTED in raw.read(BLOCK_BYTES)
        raw.seek(-min(BLOCK_BYTES, path.stat().st_size), os.SEEK_END)
        is_encrypted = is_encrypted or ENCRYPTED in raw.read()
    if is_encrypted:
        raise ImportFileError.at(
            1, "the workbook is protected by a password: save it without one, or export it as CSV"
        )
    raise ImportFileError.at(1, f"this is a workbook of an old kind (XLS): {SAVE_AS}")


def refuse_zip(names: Collection[str]) -> None:
    """Raise `ImportFileError` where the parts of a ZIP file make no XLSX workbook."""
    for beginnings, sentence in ZIP_PARTS.items():
        if any(name.lower().startswith(beginnings) for name in names):
            raise ImportFileError.at(1, sentence)
    if names and not any(name.startswith("xl/") for name in names):
        raise ImportFileError.at(
            1, "this is a ZIP archive: unpack it and import the file in it, or pack it with gzip"
        )


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
