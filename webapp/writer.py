"""The one thread of a process that writes to SQLite: what has gathered is committed together.

And whether the file is still there: SQLite does not look.
"""

import fcntl
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa

T = TypeVar("T")

SQLITE_BUSY, SQLITE_LOCKED = 5, 6
GONE = (
    "The database file was deleted, emptied or replaced while Leadloop is running. Nothing is"
    " saved: restore it from a backup, then restart Leadloop."
)

# Device and inode of each file, by its path, when this process first opened it.
_opened: dict[Path, tuple[int, int]] = {}


class WriterBusy(RuntimeError):
    """The database takes no writes just now; nothing of this operation was written."""

    def __init__(self) -> None:
        super().__init__("The database is busy: nothing was saved. Try again in a moment.")


class DatabaseGone(RuntimeError):
    """The open database has no file any more; nothing is written."""

    def __init__(self) -> None:
        super().__init__(GONE)


class _Operation(Generic[T]):
    """Work of one caller, run in its context; the result comes once it is committed."""

    def __init__(self, work: Callable[[sa.Connection], T]) -> None:
        self.done: Future[T] = Future()
        self._work = work
        self._context = copy_context()
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self, connection: sa.Connection) -> None:
        """Do the work within a savepoint: where it fails, what others have written stays."""
        if not self.done.set_running_or_notify_cancel():
            return
        try:
            self._result = self._context.run(self._work, connection)
        except BaseException as error:
            self._error = error
            if not is_in_transaction(connection):
                raise

    def finish(self) -> None:
        """Answer the caller; the transaction is over."""
        if self.done.cancelled():
            return
        if self._error is not None:
            self.done.set_exception(self._error)
        else:
            self.done.set_result(cast("T", self._result))

    def fail(self, error: BaseException) -> None:
        """Tell the caller that nothing was committed; one who gave up asks no more."""
        if self.done.cancelled():
            return
        if self.done.running() or self.done.set_running_or_notify_cancel():
            self.done.set_exception(self._error or error)


class Writer:
    """Runs operations in the order in which they came, many in a transaction.

    Others gather while a transaction is written to disk, and all of them share the next one. Where
    nothing moves, because another program keeps the database locked, at most `max_patient` callers
    wait: the threads of the others are free for those who only read.
    """

    MAX_AT_ONCE = 64
    MAX_WAITING = 256
    # How long a transaction goes on to take operations in: others wait for its end.
    MAX_GATHER_SECONDS = 0.02
    STALLED_SECONDS = 0.5
    IDLE_SECONDS = 5.0

    def __init__(self, engine: sa.Engine, max_patient: int) -> None:
        self._engine = engine
        self._max_patient = max_patient
        self._queue: queue.SimpleQueue[_Operation[Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._n_waiting = 0
        # Since when the present transaction is waited for; None where there is nothing to do.
        self._busy_since: float | None = None

    def run(self, work: Callable[[sa.Connection], T], patience_seconds: float) -> T:
        """Return what `work(connection)` gives once it is committed, or raise what it raises.

        `WriterBusy` where it has not begun in this time, or where too many wait already.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("an operation cannot wait for another one that comes after it")
        operation = _Operation(work)
        self._put(operation)
        self._wait(operation.done, time.monotonic() + patience_seconds)
        if operation.done.cancel():
            raise WriterBusy
        return operation.done.result()

    def _put(self, operation: _Operation[Any]) -> None:
        with self._lock:
            most = self._max_patient if self._is_stalled() else self.MAX_WAITING
            if self._n_waiting >= most:
                raise WriterBusy
            if self._thread is None:
                thread = threading.Thread(target=self._write, name="writer", daemon=True)
                thread.start()  # first: where there are no threads left, the next caller tries anew
                self._thread = thread
            self._n_waiting += 1
            self._queue.put(operation)

    def _wait(self, done: Future[Any], deadline: float) -> None:
        """Wait for the end of an operation, until the deadline or until too many wait."""
        while True:
            left_seconds = max(deadline - time.monotonic(), 0.0)
            with suppress(TimeoutError):
                done.exception(min(self.STALLED_SECONDS, left_seconds))
            with self._lock:
                are_too_many = self._n_waiting > self._max_patient and self._is_stalled()
                if done.done() or not left_seconds or are_too_many:
                    self._n_waiting -= 1
                    return

    def _is_stalled(self) -> bool:
        since = self._busy_since
        return since is not None and time.monotonic() - since >= self.STALLED_SECONDS

    def _write(self) -> None:
        while (first := self._next()) is not None:
            self._busy_since = time.monotonic()
            self._commit_all(first)
            self._busy_since = None

    def _next(self) -> _Operation[Any] | None:
        """Wait for the next operation; None after so long without any that the thread may end."""
        try:
            return self._queue.get(timeout=self.IDLE_SECONDS)
        except queue.Empty:
            with self._lock:
                if self._queue.empty():
                    self._thread = None
                    return None
                return self._queue.get()

    def _commit_all(self, first: _Operation[Any]) -> None:
        """Commit one operation with those that have gathered; wait as long as anybody does."""
        some = [first]
        while some:
            try:
                self._commit(some)
            except sa.exc.OperationalError as error:
                if is_busy(error) and not any(each.done.running() for each in some):
                    some = [each for each in some if not each.done.cancelled()]
                    continue
                fail(some, error)
            except BaseException as error:  # noqa: BLE001 - goes to the callers
                fail(some, error)
            else:
                for each in some:
                    each.finish()
            return

    def _commit(self, some: list[_Operation[Any]]) -> None:
        with self._turn(), self._engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                self._run(connection, some)
                check_file(self._path)

    def _run(self, connection: sa.Connection, some: list[_Operation[Any]]) -> None:
        end_at = time.monotonic() + self.MAX_GATHER_SECONDS
        for operation in some:
            operation.run(connection)
        while len(some) < self.MAX_AT_ONCE and time.monotonic() < end_at:
            try:
                some.append(self._queue.get_nowait())
            except queue.Empty:
                break
            some[-1].run(connection)

    @property
    def _path(self) -> Path:
        return Path(str(self._engine.url.database))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the other processes of this product; who waits first is the next.

        SQLite's own waiting only looks every now and then. Whoever ends a turn and wants another
        finds `-next` taken by who waits, and so lets that one go first.
        """
        path = self._path
        with _file(path, "next") as following, _file(path, "turn") as turn:
            fcntl.flock(following, fcntl.LOCK_EX)
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(following, fcntl.LOCK_UN)
            yield


def fail(some: Sequence[_Operation[Any]], error: BaseException) -> None:
    """Tell all callers that nothing was committed."""
    for each in some:
        each.fail(error)


def is_busy(error: sa.exc.OperationalError) -> bool:
    """Whether another connection keeps the database locked."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return (
        "locked" in str(error.orig) if code is None else code & 0xFF in {SQLITE_BUSY, SQLITE_LOCKED}
    )


def is_in_transaction(connection: sa.Connection) -> bool:
    """Whether SQLite still has the transaction open: some errors end it as a whole."""
    driver: Any = connection.connection.driver_connection
    return bool(driver.in_transaction)


def note_opened(path: Path) -> None:
    """Remember the file that this process has opened, once."""
    if path not in _opened:
        found = path.stat()
        _opened[path] = (found.st_dev, found.st_ino)


def check_file(path: Path) -> None:
    """Raise `DatabaseGone` where the path does not lead to the file that was opened.

    SQLite goes on writing into a file that was deleted or replaced, and who asked believes it.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DatabaseGone from None
    is_same = _opened.get(path) in {None, (found.st_dev, found.st_ino)}
    if not is_same or found.st_size == 0:
        raise DatabaseGone


def was_in_use(path: Path) -> bool:
    """Whether what stands beside a database tells that it once had all its tables."""
    return path.with_name(f"{path.name}-turn").exists()


def is_missing(path: Path) -> bool:
    """Whether there is no such file, or nothing in it."""
    return not path.exists() or path.stat().st_size == 0


@contextmanager
def _file(database: Path, name: str) -> Iterator[int]:
    path = database.with_name(f"{database.name}-{name}")
    try:
        file = path.open("ab")
    except FileNotFoundError:  # the whole folder is gone
        raise DatabaseGone from None
    with file:
        yield file.fileno()
