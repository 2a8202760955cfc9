"""Copies of a SQLite store with all that belongs to it, in one file that was read back.

A copy is a tar archive of the database, the keys beside it, and the file of fields where one rules.
"""

import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from webapp.config import Settings
from webapp.database import safe_sqlite

DATABASE = "leadloop.sqlite3"
KEYS = ("secret_key", "crm_key")
FIELDS = "fields.toml"
PAGES_AT_ONCE = 1000


class CannotCopy(RuntimeError):
    """A copy cannot be made or put back; the message says why and what to do."""


def make(settings: Settings, file: Path, progress: Callable[[int, int], object]) -> int:
    """Write a copy for its owner only and check it; return how many tables it holds.

    The store may be in use: SQLite's backup is of one moment. `progress` gets the pages done and
    those in all.
    """
    source = _database(settings)
    draft = file.with_name(f".{file.name}.draft")
    with TemporaryDirectory(dir=file.parent) as name:
        folder = Path(name)
        _copy(source, folder / DATABASE, progress)
        try:
            _pack(draft, [(folder / DATABASE, DATABASE), *_beside(settings)])
            n_tables = check(draft)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    return n_tables


def check(file: Path) -> int:
    """Open a copy and read all of its database; return its number of tables, else `CannotCopy`."""
    with TemporaryDirectory(dir=file.parent) as name:
        _unpack(file, Path(name))
        return _tables(Path(name) / DATABASE)


def put_back(settings: Settings, file: Path) -> Path | None:
    """Put a copy in place; return where the store of before is kept. Nothing may run meanwhile."""
    target = _database(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryDirectory(dir=settings.data_dir) as name:
        folder = Path(name)
        _unpack(file, folder)
        _tables(folder / DATABASE)
        before = _set_aside(target)
        (folder / DATABASE).replace(target)
        for key in KEYS:
            if (folder / key).exists():
                (folder / key).replace(settings.data_dir / key)
    return before


def scrub(settings: Settings) -> None:
    """Leave nothing of deleted rows in a SQLite store: in its search index and free pages."""
    if settings.database_file is None:
        return
    connection = safe_sqlite().connect(settings.database_file, timeout=60, isolation_level=None)
    try:
        connection.execute("INSERT INTO leads_search(leads_search) VALUES ('optimize')")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _pack(file: Path, members: Iterable[tuple[Path, str]]) -> None:
    file.touch(mode=0o600)
    with tarfile.open(file, "w") as archive:
        for path, name in members:
            archive.add(path, name)


def _set_aside(target: Path) -> Path | None:
    if not target.exists():
        return None
    # Its last writes move from the log beside it into the file first.
    module = safe_sqlite()
    connection = module.connect(target)
    with suppress(module.DatabaseError):  # a damaged one is kept with that log as it is
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    number = 1
    while (before := target.with_name(f"{target.name}.before-{number}")).exists():
        number += 1
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            target.with_name(target.name + ending).replace(before.with_name(before.name + ending))
    return before


def _database(settings: Settings) -> Path:
    path = settings.database_file
    if path is None:
        raise CannotCopy(
            "This is for SQLite. Copy a PostgreSQL database by `pg_dump --format=custom`, and keep"
            " secret_key and crm_key of the data folder with it (docs/operations.md)."
        )
    return path


def _beside(settings: Settings) -> list[tuple[Path, str]]:
    found = [(settings.data_dir / key, key) for key in KEYS]
    if settings.fields_file is not None:
        found.append((settings.fields_file, FIELDS))
    return [(path, name) for path, name in found if path.exists()]


def _copy(source: Path, target: Path, progress: Callable[[int, int], object]) -> None:
    module = safe_sqlite()
    target.touch(mode=0o600)
    here, there = module.connect(source), module.connect(target)
    try:
        here.backup(
            there,
            pages=PAGES_AT_ONCE,
            progress=lambda status, left, total: progress(total - left, total),
        )
    finally:
        there.close()
        here.close()


def _unpack(file: Path, folder: Path) -> None:
    """Unpack the members that a copy has, and no others, for their owner only."""
    try:
        with tarfile.open(file) as archive:
            for name in {DATABASE, *KEYS, FIELDS} & set(archive.getnames()):
                archive.extract(name, folder, filter="data")
                (folder / name).chmod(0o600)
    except (tarfile.TarError, EOFError) as error:
        raise CannotCopy(f"{file} is no whole copy ({type(error).__name__})") from None
    if not (folder / DATABASE).exists():
        raise CannotCopy(f"{file} is no copy of a Leadloop store")


def _tables(database: Path) -> int:
    module = safe_sqlite()
    connection = module.connect(database)
    try:
        (result,) = connection.execute("PRAGMA integrity_check").fetchone()
        count = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
        (n_tables,) = connection.execute(count).fetchone()
    except module.DatabaseError as error:
        raise CannotCopy(f"The database in it is damaged ({type(error).__name__})") from None
    finally:
        connection.close()
    if result != "ok" or not n_tables:
        raise CannotCopy("The database in it is damaged")
    return int(n_tables)
