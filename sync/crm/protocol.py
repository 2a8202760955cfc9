"""What an adapter of a CRM gives: the one way in which everything else here talks to it.

Times and stamps are texts of one form, 2026-11-02T09:00:00.000+0000, and dates 2026-11-02. What is
true of all leads of a CRM stands in `webapp.services.crm.kinds`: its words, its own field names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from sync.crm.faults import Case, Fault
from sync.crm.http.calls import Clocks
from sync.crm.http.quota import Meter
from webapp.config import Settings
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds.exchange import Check, PendingWrite

# Looks at one thing that a connection needs, and gives a check of that name.
Look = Callable[[str], Check]


@dataclass(frozen=True)
class LeadRow:
    """A lead as the CRM has it.

    `values` has the mapped fields as they are there, `people` what people read of it. A CRM that
    turns leads into something else says so by `is_converted` and `contact_id`, the person of whom
    `links` tells the deals; others leave both alone. `deal_ids` are the deals that it names as its
    own. `owner_email`, in lower case, is the address of an owner who is a person. Of what is
    `unseen`, by its name here, what is known stays.
    """

    id: str
    stamp: str
    created_at: str
    values: Mapping[str, object] = field(default_factory=dict)
    people: Mapping[str, object] = field(default_factory=dict)
    active_on: str | None = None
    status: str | None = None
    deal_ids: tuple[str, ...] = ()
    is_converted: bool = False
    converted_on: str | None = None
    contact_id: str | None = None
    is_deleted: bool = False
    merged_into: str | None = None
    external_id: str | None = None
    owner_id: str | None = None
    owner_email: str | None = None
    record_type_id: str | None = None
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DealRow:
    """A deal as the CRM has it; `lead_ids` are the leads that it names, None where it names none.

    `has_source` says that it came from a lead, whichever.
    """

    id: str
    stamp: str
    created_at: str
    stage_changed_at: str | None = None
    is_closed: bool = False
    is_won: bool = False
    is_deleted: bool = False
    has_source: bool = False
    name: object = None
    stage: object = None
    lead_ids: tuple[str, ...] | None = None


R = TypeVar("R", LeadRow, DealRow)


class Obj(str, Generic[R]):
    """What is read of a CRM, by its name in tables; it shows which rows that gives."""


LEADS: Obj[LeadRow] = Obj("lead")
DEALS: Obj[DealRow] = Obj("deal")


@dataclass(frozen=True)
class Page(Generic[R]):
    """Rows in order of (stamp, id); the last page says so."""

    rows: list[R]
    is_last: bool


@dataclass(frozen=True)
class Described:
    """The fields of a lead as we may see them, and what is not there of leads and deals.

    A field has name, label, type, length, updateable, custom, externalId, calculated, converted and
    values; its types are those of `field_sources`. What is calculated from other records changes
    without a stamp; so do amounts that are converted, all to one currency. Without what is
    `missing`, a sentence each, nothing is read, nor by the present rules without what is `unfit`;
    what is `hidden`, by name, leads and deals come without.
    """

    fields: Sequence[Mapping[str, object]]
    missing: list[str]
    hidden: list[str]
    unfit: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Opening:
    """What an adapter is opened with; `lead_fields` are asked of every lead, and their values.

    The rules go by the facts of a lead that are `decisive`, by their names in `LeadRow`.
    """

    credentials: Credentials
    settings: Settings
    lead_fields: Sequence[str]
    external_id_field: str | None
    decisive: frozenset[str]
    n_made_today: int
    clocks: Clocks


class Crm(Protocol):
    """One connected CRM; every method raises `Fault` where the CRM refuses or is away."""

    meter: Meter
    rows_per_write: int
    # How far back `deleted` can be asked.
    deletions_told_for: timedelta
    # What to tell people where a field cannot be read, and where a score field cannot be written.
    field_missing: Case
    field_read_only: Case

    def describe(self) -> Described:
        """The fields of a lead."""

    def checks(self, now: datetime, *, writes_scores: bool) -> Mapping[str, Look]:
        """What a connection needs, item by item in their order, each to be called by its name."""

    def time_zone(self) -> str | None:
        """Where the CRM's dates are days, as in America/New_York; None where it does not say."""

    def page(self, obj: Obj[R], after: str | tuple[str, str], end: str) -> Page[R]:
        """The rows of a window: from a time on, or behind a row given as its stamp and id."""

    def by_ids(self, obj: Obj[R], ids: Sequence[str]) -> Iterator[list[R]]:
        """The rows with these ids that exist and may be seen, deleted ones included."""

    def shown(self, obj: str, ids: Sequence[str]) -> set[str]:
        """Those of these ids that exist and may be seen, deleted ones included."""

    def links(self, contact_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Contacts with the deals in which they have a part."""

    def leads_of(self, deal_ids: Sequence[str]) -> Iterator[tuple[str, LeadRow]]:
        """Deals with each lead that became one, or whose contact has a part in one; deleted too."""

    def clues(self, deal_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Deals with what their lead may be known by, the best last: a company, an address."""

    def sample(self) -> list[LeadRow]:
        """Some leads, those changed last."""

    def count(self, start: str, end: str) -> int:
        """How many leads were made within a time; deleted ones not included."""

    def deleted(self, obj: str, start: datetime, end: datetime) -> list[str]:
        """Ids of the rows deleted within a time, purged ones included."""

    def write(self, pending: Sequence[PendingWrite], now: datetime) -> list[Fault | None]:
        """Write `PendingWrite`s; give a verdict for each in order, None where saved."""


Connect = Callable[[Opening], Crm]
