"""An import file as it is read: text, lines, header, cells. What cells mean is `import_rows`."""

import csv
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from ml.fields.fields_file import Fields
from webapp.services.exports.columns import LEFT_OUT, OUTCOME_COLUMNS
from webapp.services.leads.records import PEOPLE_FIELDS
from webapp.stored import RowError

READ_COLUMNS = ("lead_id", *OUTCOME_COLUMNS, *PEOPLE_FIELDS, "scored_at", "reason")
OTHER_COLUMNS = (*READ_COLUMNS, *LEFT_OUT)
GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_LENGTH = 200_000
# A small file can unpack to one that never ends.
MAX_TIMES_PACKED = 200
UNPACKED_ALLOWANCE = 10_000_000


class ImportFileError(ValueError):
    """The file cannot be read as a whole; `errors` says where and why."""

    def __init__(self, errors: list[RowError]) -> None:
        super().__init__("; ".join(f"line {e.line}: {e.message}" for e in errors))
        self.errors = errors

    @classmethod
    def at(cls, line: int, message: str) -> "ImportFileError":
        """One mistake."""
        return cls([RowError(line=line, field="", message=message)])


@dataclass
class Table:
    """An open import file: its columns, and its rows once, each with the line it begins on."""

    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]
    source: "_Source"

    @property
    def share_read(self) -> float:
        """How much of the file has been read, in [0, 1]."""
        return min(self.source.raw.tell() / max(self.source.n_bytes, 1), 1.0)


@contextmanager
def open_table(path: Path, fields: Fields) -> Iterator[Table]:
    """Open a CSV file, gzip or plain, and check its header; `ImportFileError` says what is wrong.

    Rows are read one at a time, so the size of the file costs no memory.
    """
    with path.open("rb") as raw:
        source = _Source(raw, os.fstat(raw.fileno()).st_size)
        rows = _rows(source)
        _, header = next(rows, (1, []))
        yield Table(_columns(header, fields), rows, source)


@dataclass
class _Source:
    """Where the lines come from, and on which line the reader is."""

    raw: BinaryIO
    n_bytes: int
    line: int = 0
    n_unpacked: int = field(default=0)

    def text(self) -> TextIO:
        """The file as text; bytes that are no UTF-8 become half characters, found line by line."""
        is_gzip = self.raw.read(2) == GZIP_MAGIC
        self.raw.seek(0)
        unpacked = gzip.GzipFile(fileobj=self.raw) if is_gzip else self.raw
        return TextIOWrapper(
            unpacked,
            encoding="utf-8-sig",
            errors="surrogateescape",
            newline="",
        )

    def lines(self) -> Iterator[str]:
        """The lines as they are, each checked to be text of a sane length."""
        text = self.text()
        while line := text.readline(MAX_LINE_LENGTH):
            self.line += 1
            self.n_unpacked += len(line)
            self._check(line)
            yield line

    def _check(self, line: str) -> None:
        if len(line) == MAX_LINE_LENGTH:
            raise ImportFileError.at(self.line, f"is longer than {MAX_LINE_LENGTH:,} characters")
        if not line.isascii() and any("\udc80" <= c <= "\udcff" for c in line):
            raise ImportFileError.at(self.line, "is not UTF-8 text; save the file as CSV UTF-8")
        if self.n_unpacked > MAX_TIMES_PACKED * self.n_bytes + UNPACKED_ALLOWANCE:
            raise ImportFileError.at(self.line, "the file unpacks to far more than it holds")


def _rows(source: _Source) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with the line each begins on; faults of the format as sentences."""
    reader = csv.reader(source.lines(), strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = source.line + 1
    except csv.Error as error:
        raise ImportFileError.at(begins, _in_words(error)) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ImportFileError.at(source.line + 1, "the gzip file is damaged") from None


def _in_words(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text or "unexpected end" in text:
        return 'a cell that begins here never ends: is a quote (") not closed?'
    if "expected after" in text:
        return 'a quoted cell goes on behind its closing quote; write a quote inside as ""'
    return f"is not CSV ({text})"


def _columns(header: Iterable[str], fields: Fields) -> list[str]:
    """The names of the columns, checked: known, each once, with lead_id among them."""
    columns = [name.strip() for name in header]
    errors = [
        RowError(line=1, field=name[:100], message=message)
        for place, name in enumerate(columns)
        if (message := _column_mistake(columns, place, fields))
    ]
    if "lead_id" not in columns:
        errors.append(RowError(line=1, field="lead_id", message=_no_lead_id(columns)))
    if errors:
        raise ImportFileError(errors)
    return columns


def _column_mistake(columns: list[str], place: int, fields: Fields) -> str | None:
    name = columns[place]
    if not name:
        return f"column {place + 1} has no name"
    if name in columns[:place]:
        return f"the column {_shown(name)} stands there twice"
    if name in fields or name in OTHER_COLUMNS:
        return None
    near = fields.nearest(name, OTHER_COLUMNS)
    hint = f"; did you mean {near}?" if near else ""
    return f"the column {_shown(name)} is not a known field{hint}"


def _no_lead_id(columns: list[str]) -> str:
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        return "the columns must be separated by commas"
    return "the column lead_id is missing" if columns else "the file is empty"


def _shown(name: str) -> str:
    return name[:60].encode("ascii", "backslashreplace").decode()
