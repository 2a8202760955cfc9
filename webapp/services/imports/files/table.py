"""Open any table that teams export: CSV of every dialect, JSON lines, packed or not, a workbook."""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from webapp.services.imports.files import json_lines, other_kinds, workbook
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.layout import (
    BYTE_ORDER_MARK,
    BrokenRow,
    Cells,
    Layout,
    Row,
)
from webapp.services.imports.files.text_source import (
    OTHER_ENCODINGS,
    Encoding,
    Lines,
    detect_encoding,
    open_lines,
)
from webapp.stored import FileFormat

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Enough records to tell a delimiter from a mark that cells hold.
DIALECT_ROWS = 30
MAX_KEYS_NAMED = 10
# Longer texts in one cell are rare, and a quote that is not closed takes up no more.
MAX_RECORD_LINES = 500
ENDLESS = "endless cell"


@dataclass
class Table:
    """An open table: its layout with the header, and its rows once, each with its first line."""

    layout: Layout
    rows: Iterator[Row]
    share: Callable[[], float]
    format: FileFormat

    @property
    def header(self) -> Cells:
        return self.layout.header

    @property
    def notes(self) -> list[str]:
        """What was read otherwise than it stands in the file; complete when all rows were read."""
        return [*_format_notes(self.format), *self.layout.notes]

    @property
    def share_read(self) -> float:
        return self.share()


def detect(path: Path, sheet: str | None = None, codec: str | None = None) -> FileFormat:
    """Find how a file is read, else `ImportFileError`.

    In a workbook the named or first sheet; a text by the codec that somebody has chosen.
    """
    if workbook.is_workbook(path):
        sheets = workbook.sheet_names(path)
        if sheet is not None and sheet not in sheets:
            raise ImportFileError.at(1, f"the workbook has no sheet “{sheet}”")
        return FileFormat(sheet=sheet or sheets[0], sheets=sheets)
    other_kinds.refuse_old_workbook(path)
    encoding = detect_encoding(path)
    if codec is not None:
        encoding = replace(encoding, codec=codec)
    found = FileFormat(codec=encoding.codec, is_gzip=encoding.is_gzip)
    with path.open("rb") as raw:
        first = list(islice(open_lines(raw, encoding), DIALECT_ROWS))
    beginning = next((line for line in first if line.strip()), "")
    other_kinds.refuse_text(beginning)
    if not beginning.lstrip(BYTE_ORDER_MARK).startswith("{"):
        return found.model_copy(update={"delimiter": _delimiter(first)})
    with path.open("rb") as raw:
        keys, nested = json_lines.columns(open_lines(raw, encoding))
    return found.model_copy(update={"keys": keys, "nested_keys": nested})


def encodings(format_: FileFormat) -> dict[str, str]:
    """The names of encodings that a file may be in, by codec; none where it says so itself."""
    if format_.codec is None or format_.codec.startswith("utf"):
        return {}
    return {codec: Encoding(codec, is_gzip=False).name for codec in OTHER_ENCODINGS}


def format_sentence(format_: FileFormat) -> str:
    """Say how a file is read: "CSV, Windows-1252, separated by semicolons"."""
    if format_.codec is None:
        return f"Workbook, sheet “{format_.sheet}”"
    encoding = Encoding(format_.codec, format_.is_gzip)
    packed = ", gzip" if format_.is_gzip else ""
    if format_.keys:
        return f"JSON lines{packed}, {encoding.name}"
    return f"CSV{packed}, {encoding.name}, separated by {DELIMITERS[format_.delimiter]}"


@contextmanager
def open_table(path: Path, format_: FileFormat) -> Iterator[Table]:
    """Open a table; rows come one at a time, without blank ones, repeated headers and notes."""
    if format_.codec is None:
        assert format_.sheet is not None  # every workbook has a sheet
        book = workbook.read(path, format_.sheet)
        yield _table(book.rows(), book.share_read, format_)
        return
    with path.open("rb") as raw:
        lines = open_lines(raw, Encoding(format_.codec, format_.is_gzip))
        if format_.keys:
            rows = json_lines.rows(lines, format_.keys)
        else:
            rows = _csv_rows(lines, format_.delimiter)
        yield _table(rows, lambda: lines.share_read, format_)


def _table(rows: Iterator[Row], share: Callable[[], float], format_: FileFormat) -> Table:
    layout = Layout.of(rows)
    return Table(layout, layout.rows(), share, format_)


def _format_notes(format_: FileFormat) -> Iterator[str]:
    """What somebody should know of how the file was read."""
    if format_.codec is not None and not format_.codec.startswith("utf"):
        name = Encoding(format_.codec, format_.is_gzip).name
        yield (
            f"The file does not say how its letters are encoded; it was read as {name}. If accents"
            " look wrong, export it as CSV UTF-8."
        )
    if len(format_.sheets) > 1:
        yield f"The workbook has {len(format_.sheets)} sheets; only “{format_.sheet}” was read."
    if format_.nested_keys:
        names = ", ".join(f"“{key[:60]}”" for key in format_.nested_keys[:MAX_KEYS_NAMED])
        yield f"Left out, since they hold lists or objects: {names}."


def _csv_rows(lines: Lines, delimiter: str) -> Iterator[Row]:
    """Read CSV; a line with a stray quote is one broken row, and reading goes on behind it.

    That is a line where a quoted cell goes on behind its quote, or is not closed within
    `MAX_RECORD_LINES`. In the first row, which names the columns, it refuses the file.
    """
    source = iter(lines)
    first = list(islice(source, 1))
    n_hints = sum(_hinted(line) is not None for line in first)
    again = _Again(chain(first[n_hints:], source))
    parse = partial(csv.reader, delimiter=delimiter, skipinitialspace=True)
    begins, is_first = 1 + n_hints, True
    while True:
        try:
            for cells in parse(again, strict=True):
                yield begins, cells
                begins, is_first = begins + again.forget(), False
        except csv.Error as error:
            reason = _sentence(error)
        else:
            return
        if is_first:
            raise ImportFileError.at(begins, reason)
        line = again.go_back()
        yield begins, BrokenRow(next(parse([line], quoting=csv.QUOTE_NONE), []), reason)
        begins += 1


class _Again:
    """Lines that can be read again from the second one of the record at hand."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.taken: list[str] = []
        self.ahead: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_RECORD_LINES:
            raise csv.Error(ENDLESS)
        self.taken.append(self.ahead.popleft() if self.ahead else next(self.lines))
        return self.taken[-1]

    def forget(self) -> int:
        """Begin the next record; give the number of lines of this one."""
        n_lines = len(self.taken)
        self.taken.clear()
        return n_lines

    def go_back(self) -> str:
        """Give the first line of the record, and let the others be read once more."""
        first, *others = self.taken
        self.ahead.extendleft(reversed(others))
        self.taken.clear()
        return first


def _hinted(line: str) -> str | None:
    text = line.lstrip(BYTE_ORDER_MARK).strip("\r\n ").strip('"')
    is_hint = text[:4].casefold() == "sep=" and len(text) == len("sep=") + 1
    return text[-1] if is_hint else None


def _delimiter(first: list[str]) -> str:
    """The hinted delimiter, or that that cuts the first rows into as many cells as its header."""
    if first and (hinted := _hinted(first[0])):
        first = first[1:]
        if hinted in DELIMITERS and _fit(first, hinted)[0]:
            return hinted
    return max(DELIMITERS, key=lambda delimiter: _fit(first, delimiter))


def _fit(lines: list[str], delimiter: str) -> tuple[bool, float, int, int]:
    """How well rows fit their header where they are cut so.

    The share as wide as it, as few rows above it as possible, and the width.
    """
    rows: list[Row] = []
    with suppress(csv.Error):
        rows.extend(enumerate(csv.reader(lines, delimiter=delimiter, skipinitialspace=True)))
    layout = Layout.of(iter(rows))
    fitting = [layout.fits(row.cells) for row in layout.filled]
    width = len(layout.header)
    return width > 1, sum(fitting) / max(len(fitting), 1), -len(layout.above), width


def _sentence(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text or text in ("unexpected end of data", ENDLESS):
        return 'a cell that begins here never ends: is a quote (") not closed?'
    if "expected after" in text:
        return 'a quoted cell goes on behind its closing quote; write a quote inside as ""'
    return f"is not CSV ({text})"
