"""Workbooks (XLSX) as rows of text: measured before they are opened, for they unpack in memory."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.parsers import expat

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
)

from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.other_kinds import refuse_zip

ZIP_MAGIC = b"PK\x03\x04"
MAX_PARTS = 1_000
MAX_UNPACKED_BYTES = 300_000_000
MAX_CELLS = 10_000_000
BLOCK_BYTES = 1_000_000
CELL_PLACE = re.compile(r"([A-Za-z]{1,9})([0-9]{1,9})")
DAMAGED = "the workbook is damaged; save it again, or export it as CSV"
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError),
    *(NotImplementedError, RuntimeError),
)

Cell = int | float | str | bool | date | datetime | time | timedelta | None


def is_workbook(path: Path) -> bool:
    """Whether a file is packed as workbooks are."""
    with path.open("rb") as raw:
        return raw.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def sheet_names(path: Path) -> tuple[str, ...]:
    """Name the sheets; `ImportFileError` where the workbook is damaged or far too large."""
    _check_size(path)
    n_empty = 0
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheets = [s for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
            # The first is read unless somebody chooses: hidden and empty ones come last.
            sheets.sort(key=lambda s: s.visible != SheetVisibleEnum.Visible)
            names = tuple(sheet.name for sheet in sheets)
            while n_empty < len(names) and not book.get_sheet_by_name(names[n_empty]).height:
                n_empty += 1
    except (CalamineError, OSError):
        raise ImportFileError.at(1, DAMAGED) from None
    if not names:
        raise ImportFileError.at(1, "the workbook has no sheet")
    return names[n_empty:] + names[:n_empty]


@dataclass
class Sheet:
    """A sheet that was read: its cells by row, and how many were handed out."""

    cells: Iterator[Sequence[Cell]]
    first_row: int
    n_rows: int
    n_done: int = 0

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        for number, row in enumerate(self.cells, self.first_row):
            self.n_done += 1
            yield number, [_text(cell) for cell in row]

    def share_read(self) -> float:
        return min(self.n_done / max(self.n_rows, 1), 1.0)


def read(path: Path, sheet: str) -> Sheet:
    """Read one sheet of a workbook that `sheet_names` has found sound."""
    try:
        with CalamineWorkbook.from_path(path) as book:
            found = book.get_sheet_by_name(sheet)
            start = found.start or (0, 0)
            return Sheet(found.iter_rows(), start[0] + 1, found.height)
    except WorksheetNotFound:
        raise ImportFileError.at(1, f"the workbook has no sheet “{sheet}”") from None
    except (CalamineError, OSError):
        raise ImportFileError.at(1, DAMAGED) from None


def _check_size(path: Path) -> None:
    """Unpack once, block by block, and refuse what takes too much memory as a rectangle.

    What a workbook says of its own sizes may be wrong, so they are counted.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            # Before the library, which would open another kind of workbook unmeasured.
            refuse_zip(parts.namelist())
            if len(parts.infolist()) > MAX_PARTS:
                raise ImportFileError.at(1, f"the workbook has more than {MAX_PARTS:,} parts")
            n_bytes = 0
            for part in parts.infolist():
                n_bytes += _measure(parts, part, MAX_UNPACKED_BYTES - n_bytes)
    except UNREADABLE:
        raise ImportFileError.at(1, DAMAGED) from None


def _measure(parts: zipfile.ZipFile, part: zipfile.ZipInfo, n_allowed: int) -> int:
    """Count the bytes of a part; any that is XML may be a sheet, whose cells are measured."""
    n_bytes, extent, parser = 0, _Extent(), None
    if part.filename.lower().endswith(".xml"):
        parser = expat.ParserCreate()
        parser.StartElementHandler = extent.begin
    with parts.open(part) as stream:
        while block := stream.read(BLOCK_BYTES):
            n_bytes += len(block)
            if n_bytes > n_allowed:
                raise ImportFileError.at(1, "the workbook unpacks to far more than a table would")
            if parser is not None:
                parser.Parse(block, False)
    if parser is not None:
        parser.Parse(b"", True)
    return n_bytes


class _Extent:
    """How far the cells of a sheet reach; `ImportFileError` where that is too far.

    A row or cell that does not say its place stands behind the one before.
    """

    def __init__(self) -> None:
        self.row = self.column = self.width = self.height = 0

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        """Take in the begin of an element, whatever the prefix of its name."""
        if tag == "c" or tag.endswith(":c"):
            place = CELL_PLACE.fullmatch(attributes.get("r", ""))
            self.column = _column(place[1]) if place else self.column + 1
            self._reach(int(place[2]) if place else self.row)
        elif tag == "row" or tag.endswith(":row"):
            number = attributes.get("r", "")
            is_told = number.isdecimal() and len(number) < 10
            self.row = int(number) if is_told else self.row + 1
            self.column = 0

    def _reach(self, row: int) -> None:
        if self.column <= self.width and row <= self.height:
            return
        self.width, self.height = max(self.width, self.column), max(self.height, row)
        if self.width * self.height > MAX_CELLS:
            raise ImportFileError.at(
                1,
                f"the workbook spans more than {MAX_CELLS:,} cells; delete what stands far out, or"
                " export the table as CSV",
            )


def _column(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = 26 * column + ord(letter) - 64
    return column


def _text(cell: Cell) -> str:
    """A cell as a person would type it: whole numbers without a point, dates in ISO 8601."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)
