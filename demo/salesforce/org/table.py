"""The committed rows of one object, and the indexes that make reading them fast.

A row holds the fields that have a value; a missing one is null, or false. Rows are never changed
in place, so a reader may keep one.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]

INDEXED = (
    "AccountId",
    "ContactId",
    "ConvertedContactId",
    "ConvertedOpportunityId",
    "MasterRecordId",
    "OpportunityId",
)
AFTER_ALL = "\uffff"


class Table:
    """Rows by id, in the order of (SystemModstamp, Id), and by their look-ups."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._stamps: list[tuple[str, str]] = []
        self._ids_by: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in INDEXED}

    def put(self, row: Row) -> None:
        old = self.rows.get(row["Id"])
        if old is not None:
            self._forget(old)
        self.rows[row["Id"]] = row
        key = (row["SystemModstamp"], row["Id"])
        if self._stamps and key < self._stamps[-1]:
            insort(self._stamps, key)
        else:
            self._stamps.append(key)
        for name, ids in self._ids_by.items():
            value = row.get(name)
            if value is not None:
                ids[value] = (*ids.get(value, ()), row["Id"])

    def remove(self, record_id: str) -> None:
        self._forget(self.rows.pop(record_id))

    def _forget(self, row: Row) -> None:
        place = bisect_left(self._stamps, (row["SystemModstamp"], row["Id"]))
        del self._stamps[place]
        for name, ids in self._ids_by.items():
            value = row.get(name)
            if value is not None:
                ids[value] = tuple(i for i in ids[value] if i != row["Id"])

    def between(self, first: str, last: str) -> Iterator[Row]:
        """Rows stamped from `first` to `last`, both included, by (SystemModstamp, Id)."""
        start = bisect_left(self._stamps, (first, ""))
        end = bisect_right(self._stamps, (last, AFTER_ALL))
        return (self.rows[self._stamps[i][1]] for i in range(start, end))

    def with_value(self, field: str, value: str) -> tuple[str, ...] | None:
        """Ids of the rows whose field has this value, or None where the field has no index."""
        if field == "Id":
            return (value,) if value in self.rows else ()
        ids = self._ids_by.get(field)
        return None if ids is None else ids.get(value, ())
