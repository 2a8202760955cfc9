"""Where the header of a table is, and which rows under it are of leads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from webapp.services.imports.files.errors import ImportFileError

BYTE_ORDER_MARK = "\ufeff"
# DOS programs end text files by it.
END_OF_FILE = "\x1a"
MAX_BLANK_ROWS = 100_000
MAX_COLUMNS = 1_000
# A report has its title, its time and its filters above the header.
MAX_ROWS_TO_HEADER = 20
# A line break in a cell without quotes cuts a row into two, two into three.
MAX_PIECES = 3
MAX_LINES_SHOWN = 5
MAX_SHAPES = 100
DIGITS, LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")

Cells = list[str]
Row = tuple[int, Cells]


class BrokenRow(list[str]):
    """A line whose quotes do not go together, cut at its delimiters, and what is wrong with it."""

    def __init__(self, cells: Cells, reason: str) -> None:
        super().__init__(cells)
        self.reason = reason


class FilledRow(NamedTuple):
    """A row with any text, and whether a blank one is before it."""

    line: int
    cells: Cells
    is_after_blank: bool

    @property
    def n_filled(self) -> int:
        return sum(bool(cell.strip()) for cell in self.cells)


@dataclass
class Layout:
    """The rows of a file as a table: its header, then its rows once.

    `notes` are sentences on what was read otherwise than it stands in the file; they are complete
    when all rows were read.
    """

    header: Cells
    above: list[int]
    filled: Iterator[FilledRow]
    below: list[int] = field(default_factory=list)
    n_below: int = 0
    cut: list[int] = field(default_factory=list)
    n_cut: int = 0
    # How the first cells of whole rows look.
    shapes: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterator[Row]) -> "Layout":
        """Find the header: the first row, or the first as wide as the table under a title."""
        filled = _filled(rows)
        first = list(islice(filled, MAX_ROWS_TO_HEADER))
        place = _header_place(first)
        header = _names(first[place].cells) if first else []
        while header and not header[-1]:
            header.pop()
        if len(header) > MAX_COLUMNS:
            raise ImportFileError.at(1, f"has more than {MAX_COLUMNS:,} columns")
        above = [row.line for row in first[:place]]
        return cls(header, above, chain(first[place + 1 :], filled))

    def fits(self, row: Cells) -> bool:
        """Whether a row is as wide as the header, empty cells behind it aside."""
        width = len(self.header)
        return len(row) >= width and not "".join(row[width:]).strip()

    @property
    def notes(self) -> list[str]:
        """What is to be said of the table as a whole."""
        found = []
        if self.above:
            found.append(f"Left out above the header: {_lines(self.above, len(self.above))}.")
        if self.n_below:
            lines = _lines(self.below, self.n_below)
            found.append(f"Left out as notes, since they follow a blank row: {lines}.")
        if self.n_cut:
            lines = _lines(self.cut, self.n_cut)
            found.append(f"Cells missing at the end of a row were read as empty: {lines}.")
        return found

    def rows(self) -> Iterator[Row]:
        """The rows without the header again, without notes, and with cells cut off at the end."""
        run: list[Row] = []
        n_short = 0
        for line, cells in self._under():
            is_short = len(cells) < len(self.header)
            if n_short and (not is_short or n_short > MAX_PIECES):
                yield from self._mended(run, n_short)
                run.clear()
            n_short = n_short + 1 if is_short else 0
            if is_short:
                run.append((line, cells))
            else:
                self._see(cells)
                yield line, cells
        yield from self._mended(run, n_short)

    def _under(self) -> Iterator[Row]:
        """The rows under the header, without the header again and without notes."""
        header, width, is_note = self.header, len(self.header), False
        for line, cells, is_after_blank in self.filled:
            # Excel leaves empty columns behind; a row that is too long otherwise stays so.
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            is_note = len(cells) < width and (is_note or is_after_blank)
            if is_note:
                self.n_below += 1
                self.below += [line] if len(self.below) < MAX_LINES_SHOWN else []
            elif _names(cells[:1]) != header[:1] or _names(cells) != header:
                yield line, cells

    def _mended(self, short: list[Row], n_short: int) -> Iterator[Row]:
        """Fill rows whose last cells were empty and left out, but for pieces of a broken row.

        `n_short` is how many rows on end are short, with those given out before.
        """
        width, is_broken = len(self.header), self._are_pieces(short, n_short)
        for line, cells in short:
            # A single cell is more likely a note, or the rest of a row, than an ID alone.
            if not is_broken and len(cells) > 1:
                self.n_cut += 1
                self.cut += [line] if len(self.cut) < MAX_LINES_SHOWN else []
                cells.extend([""] * (width - len(cells)))
            yield line, cells

    def _are_pieces(self, short: list[Row], n_short: int) -> bool:
        """Whether short rows make up one whole, and do not each begin as whole rows do."""
        n_cells = sum(len(cells) for _, cells in short)
        if not 1 < n_short <= MAX_PIECES or n_cells != len(self.header) + n_short - 1:
            return False
        known = self.shapes | {cell_shape(short[0][1][0])}
        return any(cell_shape(cells[0]) not in known for _, cells in short[1:])

    def _see(self, cells: Cells) -> None:
        if len(self.shapes) < MAX_SHAPES:
            self.shapes.add(cell_shape(cells[0]))


def cell_shape(cell: str) -> str:
    """Give the form of a cell: L-17 is A-9; a text of letters alone is like no other."""
    shape = LETTERS.sub("A", DIGITS.sub("9", cell.strip()))
    return shape if shape.strip("A ") else f"word {cell}"


def _header_place(rows: list[FilledRow]) -> int:
    """Which of the first rows is the header.

    A first row of far fewer cells than the table is a title, and so is a narrower one with a
    blank row under it. One row may be too wide by a fault, so that the table is as wide as two.
    """
    widths = [row.n_filled for row in rows]
    if len(widths) < 2:
        return 0
    wide = max(widths) if len(widths) == 2 else sorted(widths)[-2]
    place = next(n for n, width in enumerate(widths) if width >= wide)
    is_parted = any(row.is_after_blank for row in rows[1 : place + 1])
    return place if 2 * widths[0] <= wide or is_parted else 0


def _filled(rows: Iterator[Row]) -> Iterator[FilledRow]:
    """Rows with any text; `ImportFileError` where there are endlessly many blank ones."""
    n_blank = 0
    for line, cells in rows:
        if "".join(cells).strip().strip(END_OF_FILE):
            yield FilledRow(line, cells, n_blank > 0)
            n_blank = 0
        elif (n_blank := n_blank + 1) > MAX_BLANK_ROWS:
            raise ImportFileError.at(line, f"more than {MAX_BLANK_ROWS:,} blank rows on end")


def _names(cells: Cells) -> Cells:
    return [name.strip().lstrip(BYTE_ORDER_MARK) for name in cells]


def _lines(lines: list[int], n: int) -> str:
    """The first lines, and that there are more."""
    listed = ", ".join(map(str, lines[:MAX_LINES_SHOWN]))
    return f"{'line' if n == 1 else 'lines'} {listed}" + (" ..." if n > MAX_LINES_SHOWN else "")
