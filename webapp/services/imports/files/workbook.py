"""Workbooks (XLSX) as rows of text: measured before they are opened, for they unpack in memory."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound

from webapp.services.imports.files.errors import ImportFileError

ZIP_MAGIC = b"PK\x03\x04"
MAX_PARTS = 1_000
MAX_UNPACKED_BYTES = 300_000_000
MAX_CELLS = 10_000_000
BLOCK_BYTES = 1_000_000
SHEET_PART = re.compile(r"xl/worksheets/.*\.xml$")
CELL_PLACE = re.compile(rb'<c [^>]*?r="([A-Z]{1,3})([0-9]{1,7})"')
DAMAGED = "the workbook is damaged; save it again, or export it as CSV"

Cell = int | float | str | bool | date | datetime | time | timedelta | None


def is_workbook(path: Path) -> bool:
    """Whether a file is packed as workbooks are."""
    with path.open("rb") as raw:
        return raw.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def sheet_names(path: Path) -> tuple[str, ...]:
    """Name the sheets; `ImportFileError` where the workbook is damaged or far too large."""
    _check_size(path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            names = tuple(book.sheet_names)
    except (CalamineError, OSError):
        raise ImportFileError.at(1, DAMAGED) from None
    if not names:
        raise ImportFileError.at(1, "the workbook has no sheet")
    return names


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
            if len(parts.infolist()) > MAX_PARTS:
                raise ImportFileError.at(1, f"the workbook has more than {MAX_PARTS:,} parts")
            n_bytes = n_cells = 0
            for part in parts.infolist():
                more_bytes, more_cells = _size(parts, part, MAX_UNPACKED_BYTES - n_bytes)
                n_bytes, n_cells = n_bytes + more_bytes, n_cells + more_cells
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise ImportFileError.at(1, DAMAGED) from None
    if n_cells > MAX_CELLS:
        raise ImportFileError.at(
            1,
            f"the workbook spans more than {MAX_CELLS:,} cells; delete what stands far out, or"
            " export the table as CSV",
        )


def _size(parts: zipfile.ZipFile, part: zipfile.ZipInfo, n_allowed: int) -> tuple[int, int]:
    is_sheet = SHEET_PART.match(part.filename)
    n_bytes = width = height = 0
    for block in _blocks(parts, part):
        n_bytes += len(block)
        if n_bytes > n_allowed:
            raise ImportFileError.at(1, "the workbook unpacks to far more than a table would")
        if is_sheet:
            width, height = _extent(block, width, height)
    return n_bytes, width * height


def _blocks(parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """A part in blocks, each with the end of the one before, so that no tag is cut."""
    tail = b""
    with parts.open(part) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield tail + block
            tail = block[-100:]


def _extent(block: bytes, width: int, height: int) -> tuple[int, int]:
    for letters, digits in CELL_PLACE.findall(block):
        column = 0
        for letter in letters:
            column = 26 * column + letter - 64
        width, height = max(width, column), max(height, int(digits))
    return width, height


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
