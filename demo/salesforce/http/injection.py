"""Faults on order: for the next requests, the n-th one, for some time, or for one record."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from demo.salesforce.http.faults import Fault
from demo.salesforce.http.messages import Request
from demo.salesforce.http.row_errors import RowError


@dataclass
class Injection:
    """One order; `n_hits` counts the requests that it has failed."""

    fault: Fault
    times: int | None = 1
    n_spared: int = 0
    until: datetime | None = None
    path: str = ""
    record_id: str | None = None
    row: int = 0
    headers: Mapping[str, str] | None = None
    seconds: float = 60
    n_hits: int = 0

    def takes(self, request: Request) -> bool:
        """Whether this request fails; it is counted."""
        if not self._is_open(request):
            return False
        if self.n_spared:
            self.n_spared -= 1
            return False
        self.n_hits += 1
        return True

    def _is_open(self, request: Request) -> bool:
        if self.times is not None and self.n_hits >= self.times:
            return False
        if self.until is not None and request.at >= self.until:
            return False
        if self.record_id is not None and self.record_id not in written_ids(request):
            return False
        return self.fault.can_hit(request) and self.path in request.path

    def row_of(self, request: Request) -> str | None:
        """The id of the row that fails."""
        if self.record_id is not None:
            return self.record_id
        written = written_ids(request)
        return written[self.row] if self.row < len(written) else None


class Injections:
    """All orders, in the order in which they were given."""

    def __init__(self) -> None:
        self._orders: list[Injection] = []

    def add(self, order: Injection) -> Injection:
        self._orders.append(order)
        return order

    def cancel(self, order: Injection) -> None:
        self._orders.remove(order)

    def cancel_for(self, record_id: str) -> None:
        self._orders = [each for each in self._orders if each.record_id != record_id]

    def clear(self) -> None:
        self._orders.clear()

    def whole(self, request: Request) -> Injection | None:
        """The first order that fails this request as a whole."""
        orders = (each for each in self._orders if each.fault.row is None)
        return next((each for each in orders if each.takes(request)), None)

    def rows(self, request: Request) -> dict[str, RowError]:
        """The rows of this request that fail, by id."""
        failing: dict[str, RowError] = {}
        for order in self._orders:
            if order.fault.row is not None and order.takes(request):
                record_id = order.row_of(request)
                if record_id is not None:
                    failing[record_id] = order.fault.row
        return failing


def with_message(fault: Fault, message: str | None, code: str | None = None) -> Fault:
    """The same fault in other words, such as a rule's own text, or by another code."""
    if fault.row is None:
        return fault
    row = replace(fault.row, message=message or fault.row.message, code=code or fault.row.code)
    return replace(fault, row=row)


def written_ids(request: Request) -> list[str]:
    """Ids of the records that a request changes, in order."""
    if not request.is_write:
        return []
    if "/composite/" not in request.path:
        return [request.path.rsplit("/", 1)[-1]]
    return [str(record.get("id") or record.get("Id") or "") for record in request.records]
