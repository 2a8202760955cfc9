"""The wrong rows of a file as a file of their own, each with its reasons: to correct and retry."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

from webapp.services.exports.formulas import defused
from webapp.services.imports.files.table import Cells
from webapp.services.imports.rows import ImportRow, WrongRow

# Not the name of any target, so that the column is left out when the file comes back.
REASON_COLUMN = "Why it was not imported"


class RejectedRows:
    """Writes wrong rows down, readable by nobody else; without any there is no file."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path, self.header = path, header
        self.file: IO[str] | None = None

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *failure: object) -> None:
        if self.file is not None:
            self.file.close()

    def add_wrong(self, rows: Sequence[tuple[Cells, ImportRow | WrongRow]]) -> None:
        """Write the wrong ones among some rows down, each with its reasons behind it."""
        for cells, row in rows:
            if isinstance(row, WrongRow):
                self._add(cells, row)

    def _add(self, cells: Cells, row: WrongRow) -> None:
        if self.file is None:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self.file = os.fdopen(descriptor, "w", newline="", encoding="utf-8-sig")
            _write(self.file, [*self.header, REASON_COLUMN])
        filled = [*cells, *[""] * (len(self.header) - len(cells))]
        reasons = (f"{e.field}: {e.message}" if e.field else e.message for e in row.errors)
        _write(self.file, [*filled, "; ".join(reasons)])


def _write(file: IO[str], cells: Cells) -> None:
    csv.writer(file).writerow(map(defused, cells))
