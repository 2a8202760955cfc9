"""Open any table that teams export: CSV of every dialect, packed or not, or a workbook."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from webapp.services.imports.files import workbook
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.text_source import Encoding, Lines, detect_encoding, open_lines
from webapp.stored import FileFormat

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BYTE_ORDER_MARK = "\ufeff"
# Enough records to tell a delimiter from a mark that cells hold.
DIALECT_ROWS = 30
MAX_BLANK_ROWS = 100_000
MAX_COLUMNS = 1_000

Cells = list[str]
Row = tuple[int, Cells]


@dataclass
class Table:
    """An open table: its header, and its rows once, each with the line it begins on."""

    header: Cells
    rows: Iterator[Row]
    share: Callable[[], float]

    @property
    def share_read(self) -> float:
        """How much of the file has been read, in [0, 1]."""
        return self.share()


def detect(path: Path, sheet: str | None = None) -> FileFormat:
    """Find out how a file is to be read.

    Of a workbook the named sheet, or the first. `ImportFileError` where it is no table.
    """
    if workbook.is_workbook(path):
        sheets = workbook.sheet_names(path)
        if sheet is not None and sheet not in sheets:
            raise ImportFileError.at(1, f"the workbook has no sheet “{sheet}”")
        return FileFormat(sheet=sheet or sheets[0], sheets=sheets)
    encoding = detect_encoding(path)
    with path.open("rb") as raw:
        delimiter = _delimiter(open_lines(raw, encoding))
    return FileFormat(codec=encoding.codec, is_gzip=encoding.is_gzip, delimiter=delimiter)


def format_sentence(format_: FileFormat) -> str:
    """Say how a file is read: "CSV, Windows-1252, separated by semicolons"."""
    if format_.codec is None:
        return f"Workbook, sheet “{format_.sheet}”"
    encoding = Encoding(format_.codec, format_.is_gzip)
    packed = ", gzip" if format_.is_gzip else ""
    return f"CSV{packed}, {encoding.name}, separated by {DELIMITERS[format_.delimiter]}"


@contextmanager
def open_table(path: Path, format_: FileFormat) -> Iterator[Table]:
    """Open a table; rows come one at a time, so that a large text file costs no memory.

    Blank rows, repeated headers and notes under the table are passed over, and columns without
    a name and any cell behind the last name are cut.
    """
    if format_.codec is None:
        assert format_.sheet is not None  # every workbook has a sheet
        book = workbook.read(path, format_.sheet)
        yield _table(book.rows(), book.share_read)
        return
    with path.open("rb") as raw:
        lines = open_lines(raw, Encoding(format_.codec, format_.is_gzip))
        yield _table(_csv_rows(lines, format_.delimiter), lambda: lines.share_read)


def _table(rows: Iterator[Row], share: Callable[[], float]) -> Table:
    filled = _filled(rows)
    _, first, _ = next(filled, (1, [], False))
    header = _names(first)
    while header and not header[-1]:
        header.pop()
    if len(header) > MAX_COLUMNS:
        raise ImportFileError.at(1, f"has more than {MAX_COLUMNS:,} columns")
    return Table(header, _under(header, filled), share)


def _names(cells: Cells) -> Cells:
    return [name.strip().lstrip(BYTE_ORDER_MARK) for name in cells]


def _filled(rows: Iterator[Row]) -> Iterator[tuple[int, Cells, bool]]:
    """Rows with any text, each with whether a blank one is before it; not endlessly many blanks."""
    n_blank = 0
    for line, cells in rows:
        if "".join(cells).strip():
            yield line, cells, n_blank > 0
            n_blank = 0
        elif (n_blank := n_blank + 1) > MAX_BLANK_ROWS:
            raise ImportFileError.at(line, f"more than {MAX_BLANK_ROWS:,} blank rows on end")


def _under(header: Cells, rows: Iterator[tuple[int, Cells, bool]]) -> Iterator[Row]:
    """The rows under a header, without the header again and without notes under the table."""
    width, is_note = len(header), False
    for line, cells, is_after_blank in rows:
        # Excel leaves empty columns behind; a row that is too long for another reason stays so.
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        is_note = len(cells) < width and (is_note or is_after_blank)
        if not is_note and (_names(cells[:1]) != header[:1] or _names(cells) != header):
            yield line, cells


def _csv_rows(lines: Lines, delimiter: str) -> Iterator[Row]:
    """Rows with the line each begins on; faults of the format as sentences."""
    reader = csv.reader(_without_hint(lines), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = lines.number + 1
    except csv.Error as error:
        raise ImportFileError.at(begins, _sentence(error)) from None


def _without_hint(lines: Lines) -> Iterator[str]:
    """Pass over the line `sep=;` that some programs write for Excel."""
    for line in lines:
        if lines.number > 1 or _hinted(line) is None:
            yield line


def _hinted(line: str) -> str | None:
    text = line.strip().lstrip(BYTE_ORDER_MARK).strip('"')
    delimiter = text.removeprefix("sep=").removeprefix("SEP=")
    return delimiter if len(delimiter) == 1 and delimiter != text else None


def _delimiter(lines: Lines) -> str:
    """The hinted delimiter, or that that cuts the first rows into as many cells as its header."""
    first = list(islice(lines, DIALECT_ROWS))
    if first and (hinted := _hinted(first[0])) in DELIMITERS:
        return hinted
    return max(DELIMITERS, key=lambda delimiter: _fit(first, delimiter))


def _fit(lines: list[str], delimiter: str) -> tuple[bool, float, int]:
    """How well rows fit their header where they are cut so: the share as wide, and the width."""
    widths: list[int] = []
    with suppress(csv.Error):
        for row in csv.reader(lines, delimiter=delimiter):
            widths += [len(row)] if any(row) else []
    if not widths:
        return False, 0.0, 0
    return widths[0] > 1, widths.count(widths[0]) / len(widths), widths[0]


def _sentence(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text or "unexpected end" in text:
        return 'a cell that begins here never ends: is a quote (") not closed?'
    if "expected after" in text:
        return 'a quoted cell goes on behind its closing quote; write a quote inside as ""'
    return f"is not CSV ({text})"
