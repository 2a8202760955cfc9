"""Files that imports keep and that name somebody who is erased: found, and deleted."""

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from webapp.intake_tables import Import
from webapp.services.imports import imports
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.table import detect, open_table


def naming(session: Session, data_dir: Path, people: Collection[str], now: datetime) -> list[int]:
    """The imports with a kept file that names people in a cell; these stand in small letters."""
    return [
        found.key
        for found in imports.with_files(session, now)
        if any(_names(path, people) for path in _paths(data_dir, found))
    ]


def delete(session: Session, data_dir: Path, key: int, now: datetime) -> None:
    """Delete the files that an import keeps, and give it up where it waits for a person."""
    imports.give_up_erased(session, key, now)
    for path in _paths(data_dir, imports.by_key(session, key)):
        path.unlink(missing_ok=True)


def _paths(data_dir: Path, found: Import) -> Iterator[Path]:
    for name in (found.path, imports.rejected_name(found.path)):
        path = imports.file_path(data_dir, name)
        if path.exists():
            yield path


def _names(path: Path, people: Collection[str]) -> bool:
    try:
        with open_table(path, detect(path)) as table:
            cells = (cell.strip().casefold() for _, row in table.rows for cell in row)
            return any(cell in people for cell in cells)
    except ImportFileError:  # nobody can say
        return True
