"""What an adapter of a CRM gives: the one way in which everything else here talks to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sync.crm.faults import Fault
from sync.crm.http.quota import Meter

# What is read of a CRM.
LEADS, DEALS = "lead", "deal"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """Rows in order of (stamp, id); the last page says so."""

    rows: list[Row]
    is_last: bool


class Crm(Protocol):
    """One connected CRM; every method raises `Fault` where the CRM refuses or is away."""

    meter: Meter

    def describe(self, obj: str) -> list[Row]:
        """The fields of an object as the integration user sees them."""

    def time_zone(self) -> str | None:
        """Where the CRM's dates are days, as in America/New_York; None where it does not say."""

    def page(self, obj: str, fields: Sequence[str], after: str | tuple[str, str], end: str) -> Page:
        """The rows of a window: from a time on, or behind a row given as its stamp and id."""

    def by_ids(self, obj: str, fields: Sequence[str], ids: Sequence[str]) -> Iterator[list[Row]]:
        """The rows with these ids that exist and may be seen, deleted ones included."""

    def roles(self, contact_ids: Sequence[str]) -> Iterator[Row]:
        """The deals in which these contacts play a role."""

    def sample(self, obj: str, fields: Sequence[str]) -> list[Row]:
        """The rows changed last."""

    def count(self, obj: str, time_field: str, start: str, end: str) -> int:
        """How many rows have a time within a window; deleted ones not included."""

    def deleted(self, obj: str, start: datetime, end: datetime) -> list[str]:
        """Ids of the rows deleted within a time, purged ones included."""

    def write(self, records: Sequence[Row]) -> list[Fault | None]:
        """Change leads; give a verdict for each in order, None where saved."""
