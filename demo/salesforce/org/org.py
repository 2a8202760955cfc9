"""The state of the org: committed rows, open transactions, who sees what, and what is deleted.

A transaction stamps its rows when it starts and shows them when it commits, as Salesforce does:
a long one appears behind rows that are already to be seen.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from demo.salesforce.org import ids
from demo.salesforce.org.clock import Clock, stamp
from demo.salesforce.org.objects import all_objects
from demo.salesforce.org.schema import SObject
from demo.salesforce.org.table import Row, Table

RECYCLE_BIN_DAYS = 15


class RowLocked(Exception):
    """Another transaction has changed this row and has not committed yet."""


class NoSuchRecord(KeyError):
    """No committed record has this id."""


@dataclass(eq=False)
class Transaction:
    """Fields changed and not to be seen yet; `commits_at` is None while it goes on."""

    stamp: str
    changes: dict[str, Row] = field(default_factory=dict)
    commits_at: datetime | None = None


class Actor(threading.local):
    """Whose changes these are, and in which transaction: each thread is a client of its own."""

    user: str | None = None
    transaction: Transaction | None = None


class Org:
    """Rows are read by `row`, changed by `create` and `change`, within `transaction` or alone."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.objects = all_objects()
        self.tables = {name: Table() for name in self.objects}
        self.hidden: set[str] = set()
        # Of each currency what one of the org's own is worth in it; empty: there is but one.
        self.rates: dict[str, float] = {}
        self.own_currency = ""
        self.lock = threading.RLock()
        self.actor = Actor()
        self.default_user = ""
        # A change takes a second of the org's time, so that the next one has a later stamp.
        self.transaction_seconds = 0 if clock.ticks else 1
        self._names = {each.prefix: name for name, each in self.objects.items()}
        self._numbers = {name: itertools.count(1) for name in self.objects}
        self._open: list[Transaction] = []
        self._deletions: dict[str, dict[str, str]] = {name: {} for name in self.objects}

    @property
    def acting_user(self) -> str:
        return self.actor.user or self.default_user

    def sobject(self, name: str) -> SObject | None:
        return self.objects.get(name.lower())

    def name_of(self, record_id: str) -> str | None:
        """The lower-case name of the object that an id belongs to."""
        return self._names.get(record_id[:3])

    def table_of(self, record_id: str) -> Table:
        name = self.name_of(record_id)
        if name is None:
            raise NoSuchRecord(record_id)
        return self.tables[name]

    # Reading

    def row(self, record_id: str) -> Row:
        """The row as this transaction sees it."""
        self.settle()
        committed = self.table_of(record_id).rows.get(record_id)
        current = self.actor.transaction
        if current is not None and record_id in current.changes:
            return without_nulls((committed or {}) | current.changes[record_id])
        if committed is None:
            raise NoSuchRecord(record_id)
        return committed

    def is_locked(self, record_id: str) -> bool:
        """Whether another transaction has changed the row and has not committed yet."""
        self.settle()
        others = [each for each in self._open if each is not self.actor.transaction]
        return any(record_id in each.changes for each in others)

    def deletions(self, name: str, start: str, end: str) -> list[tuple[str, str]]:
        """(time, id) of what was deleted in [start, end), purged rows too."""
        self.settle()
        log = self._deletions[name.lower()]
        return sorted((at, record_id) for record_id, at in log.items() if start <= at < end)

    # Changing

    @contextmanager
    def transaction(self, commits_after_seconds: float = 0) -> Iterator[Transaction]:
        """All changes within have one stamp and are seen at once, perhaps later."""
        if self.actor.transaction is not None:
            yield self.actor.transaction
            return
        started_at = self.clock.now
        opened = self.actor.transaction = Transaction(stamp(started_at))
        self._open.append(opened)
        try:
            yield opened
        except BaseException:
            self._open.remove(opened)
            raise
        finally:
            self.actor.transaction = None
        opened.commits_at = started_at + timedelta(seconds=commits_after_seconds)
        self.clock.advance(self.transaction_seconds)
        self.settle()

    def create(self, name: str, **fields: Any) -> str:
        """A new row of this object; the answer is its id."""
        key = name.lower()
        record_id = ids.make(self.objects[key].prefix, next(self._numbers[key]))
        with self.transaction() as current:
            born = {"CreatedDate": current.stamp, "CreatedById": self.acting_user}
            self._stage(current, record_id, {"Id": record_id} | born | fields)
        return record_id

    def change(self, record_id: str, **fields: Any) -> None:
        """Set fields of a row and stamp it, or RowLocked; waits for a call that is answered now."""
        with self.lock:
            if self.is_locked(record_id):
                raise RowLocked(record_id)
            self.row(record_id)
            with self.transaction() as current:
                self._stage(current, record_id, fields)

    def _stage(self, current: Transaction, record_id: str, fields: Row) -> None:
        at = {
            "LastModifiedDate": current.stamp,
            "LastModifiedById": self.acting_user,
            "SystemModstamp": current.stamp,
        }
        current.changes[record_id] = current.changes.get(record_id, {}) | at | fields

    def change_unstamped(self, record_id: str, **fields: Any) -> None:
        """Set fields as an administrator's change of set-up does: at once, and no stamp moves."""
        with self.lock:
            self.table_of(record_id).put(without_nulls(self.row(record_id) | fields))

    def purge(self, record_id: str) -> None:
        """Remove a row for good; `getDeleted` still lists it."""
        with self.lock:
            if self.is_locked(record_id):
                raise RowLocked(record_id)
            self.row(record_id)
            self.table_of(record_id).remove(record_id)
            log = self._deletions[self._names[record_id[:3]]]
            log.setdefault(record_id, stamp(self.clock.now))

    # Time

    def settle(self) -> None:
        """Do what the clock has made due: commit, and empty the recycle bin."""
        with self.lock:
            now = self.clock.now
            ended = [(each.commits_at, each) for each in self._open if each.commits_at]
            for _, each in sorted((e for e in ended if e[0] <= now), key=lambda e: e[0]):
                self._open.remove(each)
                self._commit(each)
            self._empty_recycle_bin(stamp(now - timedelta(days=RECYCLE_BIN_DAYS)))

    def _commit(self, committed: Transaction) -> None:
        for record_id, fields in committed.changes.items():
            name = self._names[record_id[:3]]
            log = self._deletions[name]
            row = without_nulls(self.tables[name].rows.get(record_id, {}) | fields)
            if row.get("IsDeleted"):
                log.setdefault(record_id, committed.stamp)
            else:
                log.pop(record_id, None)
            self.tables[name].put(row)

    def _empty_recycle_bin(self, before: str) -> None:
        for name, log in self._deletions.items():
            while log:
                record_id, at = next(iter(log.items()))
                if at >= before:
                    break
                del log[record_id]
                if record_id in self.tables[name].rows:
                    self.tables[name].remove(record_id)


def without_nulls(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None and value is not False}
