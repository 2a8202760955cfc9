"""Engine, sessions and the one way to write: `write(fn)`; reads use `db.session`."""

import sqlite3
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import sqlalchemy as sa
import sqlalchemy.orm
from flask import Flask, current_app, g, has_request_context
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Session as Session  # noqa: PLC0414 - pages and api import it from here

from webapp.private_file import keep_database_private
from webapp.writer import DatabaseGone, Writer, WriterBusy, note_opened

try:
    import pysqlite3
except ImportError:  # no wheel for this platform: the version check below decides
    pysqlite3 = None

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

# Below this, SQLite in WAL mode with several connections can corrupt the file
# (sqlite.org/wal.html, "the WAL reset bug"); the two others are backports.
SQLITE_WITH_WAL_RESET_FIX = (3, 51, 3)
SQLITE_BACKPORTS = ((3, 50, 7), (3, 44, 6))
BUSY_TIMEOUT_MILLISECONDS = 10_000
# How long a writer waits for a database that somebody else keeps locked.
REQUEST_SECONDS, JOB_SECONDS = 5.0, 60.0
WRITER = "leadloop_writer"
SAVEPOINTS = {
    "do_savepoint": "SAVEPOINT",
    "do_rollback_to_savepoint": "ROLLBACK TO",
    "do_release_savepoint": "RELEASE",
}
# Option of an INSERT of many rows: they are columns already, no objects of the models.
PLAIN_ROWS = {"dml_strategy": "raw"}

# What a session that only reads has looked up, by name.
KNOWN = "known"

# The lock between a backfill and what scorings and outcomes write of scores meanwhile.
BACKFILL = "filling"

# The database is locked, full, restarting or out of connections: worth another try.
UNAVAILABLE = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
    WriterBusy,
    DatabaseGone,
)


class UnsafeSQLite(RuntimeError):
    """The SQLite library found has a bug that can corrupt the database."""


# PostgreSQL keys may pass 2^31; SQLite only numbers rows by itself for INTEGER.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# Of a CRM's record. SQLite holds no text to a length: there the tables say what they said first.
RecordId = sa.String(64).with_variant(sa.String(18), "sqlite")


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """Hold a text column to its list of values."""
    listed = ", ".join(f"'{v}'" for v in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused, since nobody knows what it means."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware: this one has no zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Parent of all tables."""

    # Given whole: Flask-SQLAlchemy copies this class and needs its registry, not its parts.
    registry = sa.orm.registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: UtcDateTime, dict[str, Any]: sa.JSON, list[Any]: sa.JSON},
    )


db = SQLAlchemy(
    model_class=Base, session_options={"expire_on_commit": False}, disable_autonaming=True
)
migrate = Migrate()


def init_app(app: Flask, url: str, *, n_threads: int) -> None:
    """Connect the app to its database; a file database gets WAL and full durability.

    Of so many threads at most half wait for a database that is locked: the others serve readers.
    """
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    is_sqlite = url.startswith("sqlite")
    options: dict[str, Any] = (
        {"module": safe_sqlite(), "pool_size": 40}
        if is_sqlite
        else {"pool_pre_ping": True, "pool_size": 20}
    )
    # What people sent in must not reach a log through the message of an error.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {**options, "hide_parameters": True}
    db.init_app(app)
    migrate.init_app(app, db, directory=str(app.config["MIGRATIONS_DIR"]), render_as_batch=True)
    app.extensions[WRITER] = None
    if is_sqlite:
        path = Path(str(sa.engine.make_url(url).database))
        if path.exists():
            keep_database_private(path)
        with app.app_context():
            engine = db.engine
            _send_savepoints_plainly(engine.dialect)
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "connect", lambda *_: note_opened(database_path(engine)))
            sa.event.listen(db.engine, "begin", _begin_sqlite)
            app.extensions[WRITER] = Writer(db.engine, max_patient=max(n_threads // 2, 1))


def database_path(engine: sa.Engine) -> Path:
    """The file of a SQLite database."""
    return Path(str(engine.url.database))


def safe_sqlite() -> ModuleType:
    """Return the SQLite driver to use, or refuse one that can corrupt a WAL database."""
    module: ModuleType = pysqlite3.dbapi2 if pysqlite3 is not None else sqlite3
    version = tuple(map(int, module.sqlite_version.split(".")))
    backported = any(version[:2] == b[:2] and version >= b for b in SQLITE_BACKPORTS)
    if version < SQLITE_WITH_WAL_RESET_FIX and not backported:
        raise UnsafeSQLite(
            f"SQLite {module.sqlite_version} can corrupt its file when several connections write"
            " (fixed in 3.51.3). Install a newer SQLite or Python, or set"
            " LEADLOOP_DATABASE_URL to a PostgreSQL database."
        )
    return module


def _prepare_sqlite(connection: Any, record: object) -> None:
    # The driver's own BEGIN is off: it would start a transaction too late and of the wrong kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _send_savepoints_plainly(dialect: sa.Dialect) -> None:
    """Every operation has one: SQLAlchemy would compile its three statements anew each time."""
    for method, words in SAVEPOINTS.items():

        def send(connection: sa.Connection, name: str, words: str = words) -> None:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"{words} {name}")

        setattr(dialect, method, send)


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails under load however long it waits.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def prepare_sessions(prepare: Callable[[Session], None]) -> None:
    """Let this be done with every session of the present request before it is used."""
    g.prepare_session = prepare


def write(work: Callable[[Session], T]) -> T:
    """Run `work(session)` in one transaction and return its result once that is committed.

    On SQLite the one writer of this process does it, within a savepoint of a transaction that
    others share; `WriterBusy` where the database was not to be had.
    """
    writer: Writer | None = current_app.extensions[WRITER]
    if writer is None:
        with _session(db.engine) as session, session.begin():
            return work(session)
    is_request = has_request_context()
    return writer.run(partial(_in_savepoint, work), REQUEST_SECONDS if is_request else JOB_SECONDS)


def _in_savepoint(work: Callable[[Session], T], connection: sa.Connection) -> T:
    with _session(connection, join_transaction_mode="create_savepoint") as session:
        # Nobody else writes until the transaction ends.
        session.info[KNOWN] = {}
        with session.begin():
            return work(session)


def read(work: Callable[[Session], T]) -> T:
    """Run `work(session)` on a session of its own and leave no transaction open behind it."""
    with _session(db.engine) as session:
        session.info[KNOWN] = {}
        return work(session)


def once(session: Session, name: str, look_up: Callable[[Session], T]) -> T:
    """What stays the same while one `read` goes on: looked up once there, else each time."""
    known: dict[str, T] | None = session.info.get(KNOWN)
    if known is None:
        return look_up(session)
    if name not in known:
        known[name] = look_up(session)
    return known[name]


def note(session: Session, name: str, value: object) -> None:
    """Let `once` know what another statement has told already; only within one `read`."""
    session.info.get(KNOWN, {})[name] = value


def look_up_again(session: Session, name: str) -> None:
    """Forget what `once` knows: this session is changing it."""
    session.info.get(KNOWN, {}).pop(name, None)


def _session(bind: sa.Engine | sa.Connection, **options: Any) -> Session:
    session = Session(bind, expire_on_commit=False, **options)
    if prepare := g.get("prepare_session"):
        prepare(session)
    return session


def hold(session: Session, name: str, *, shared: bool = False) -> None:
    """Take a named lock until the transaction ends; on SQLite writers take turns anyway."""
    if session.get_bind().dialect.name != "postgresql":
        return
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    session.execute(sa.select(lock(zlib.crc32(name.encode()))))


def insert(session: Session, table: type[Base]) -> Any:
    """Return the database's own INSERT, which knows ON CONFLICT."""
    return insert_into(session.get_bind().dialect.name, table)


def insert_into(dialect: str, table: type[Base] | sa.Table) -> Any:
    """Return the INSERT of a database by its name, for statements that are built once."""
    return (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)


def change(session: Session, statement: sa.Update | sa.Delete) -> int:
    """Run an UPDATE or DELETE and return how many rows it changed."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(cast("sa.CursorResult[Any]", result).rowcount)


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
