"""Reading one object to the end of its window: some rows and the cursor are one transaction.

A stamp is set up to ten minutes before its transaction commits, so windows overlap. One
that was stopped is resumed inside, or short runs would never end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from sync.crm.intake import list_unmatched, take_leads, take_opportunities
from sync.crm.sync_run import STEP_ROWS, SyncRun
from sync.salesforce.cases import Kind
from sync.salesforce.client import Page, Row
from sync.salesforce.errors import Fault
from sync.salesforce.mapping import LEADS, OPPORTUNITIES, OPPORTUNITY_FIELDS, parse_time, stamp
from webapp.database import read
from webapp.services.crm import mirror

OVERLAP = timedelta(minutes=15)
LOOK_BACK = timedelta(days=7)
MAX_SLICE = timedelta(days=30)
MIN_SLICE = timedelta(minutes=1)


@dataclass(frozen=True)
class Window:
    """Where the reading of one object stands; times are texts as Salesforce writes them.

    `done_until` ends the last finished window. While one is open, `start` and `end` are its bounds,
    `after_stamp` and `after_id` the last row stored (no id: from that time on).
    """

    done_until: str | None = None
    start: str | None = None
    end: str | None = None
    after_stamp: str | None = None
    after_id: str = ""

    @classmethod
    def stored(cls, values: Mapping[str, str | None]) -> "Window":
        return cls(**{**values, "after_id": values.get("after_id") or ""})  # type: ignore[arg-type]

    @property
    def is_open(self) -> bool:
        return self.end is not None

    @property
    def position(self) -> str | tuple[str, str]:
        assert self.after_stamp is not None
        return (self.after_stamp, self.after_id) if self.after_id else self.after_stamp

    def opened(self, server_now: datetime, first_start: datetime) -> "Window":
        """The next window, up to Salesforce's present time; an open one stays as it is."""
        if self.is_open:
            return self
        done = parse_time(self.done_until) if self.done_until else None
        start = stamp(done - OVERLAP if done else first_start)
        # A server's clock may be a little behind the one that was asked before.
        end = stamp(max(server_now, done) if done else max(server_now, first_start))
        return replace(self, start=start, end=end, after_stamp=start, after_id="")

    def behind(self, row_stamp: str, row_id: str = "") -> "Window":
        """The window with all rows up to this one stored."""
        return replace(self, after_stamp=row_stamp, after_id=row_id)

    def finished(self) -> "Window":
        return Window(done_until=self.end)

    def progress(self) -> float:
        """The share of the window's time that is read, 0 to 1."""
        if not (self.start and self.end and self.after_stamp):
            return 1.0
        whole = (parse_time(self.end) - parse_time(self.start)).total_seconds()
        read = (parse_time(self.after_stamp) - parse_time(self.start)).total_seconds()
        return min(max(read / whole, 0.0), 1.0) if whole > 0 else 1.0


@dataclass
class Slices:
    """How much time one query asks for: less after a slow one, more where there is nothing."""

    length: timedelta = MAX_SLICE

    def end(self, window: Window) -> str:
        assert window.after_stamp is not None
        assert window.end is not None
        return stamp(min(parse_time(window.after_stamp) + self.length, parse_time(window.end)))

    def was_slow(self) -> bool:
        """Ask for half the time from now on; False where that is no time any more."""
        is_shortest = self.length <= MIN_SLICE
        self.length = max(self.length / 2, MIN_SLICE)
        return not is_shortest

    def was_empty(self) -> None:
        self.length = min(self.length * 2, timedelta(days=36_500))


@dataclass
class Reading:
    """One object on its way through its window, from wherever the last run stopped."""

    sync_run: SyncRun
    obj: str
    window: Window = field(default_factory=Window)
    slices: Slices = field(default_factory=Slices)

    def to_the_end(self) -> None:
        """Read page by page until the window is finished, and after a resumed one the next."""
        if self._open():
            self._read()
            self._open()
        self._read()

    def _read(self) -> None:
        while self.window.is_open:
            end = self.slices.end(self.window)
            page = self._ask(end)
            if page is not None:
                self._keep(page, end)

    def peek(self) -> list[Row]:
        """The next rows to come, without moving a cursor."""
        self._open(is_kept=False)
        while self.window.is_open:
            end = self.slices.end(self.window)
            page = self._ask(end)
            if page is not None and (page.rows or end == self.window.end):
                return page.rows
            if page is not None:
                self.slices.was_empty()
                self.window = self.window.behind(end)
        return []

    def _open(self, *, is_kept: bool = True) -> bool:
        """Go on with the open window, or begin the next; say whether it was open."""
        stored = Window.stored(read(lambda s: mirror.window(s, self.obj)))
        server_now = self.sync_run.client.meter.server_time or self.sync_run.now
        first_start = server_now - timedelta(days=self.sync_run.context.rules.history_days)
        self.window = stored.opened(server_now, first_start)
        if is_kept and not stored.is_open:
            self.sync_run.step(lambda s: mirror.keep_window(s, self.obj, vars(self.window)))
        return stored.is_open

    def _ask(self, end: str) -> Page | None:
        fields = self.sync_run.context.mapping.select if self.obj == LEADS else OPPORTUNITY_FIELDS
        try:
            return self.sync_run.client.page(self.obj, fields, self.window.position, end)
        except Fault as fault:
            if fault.kind is not Kind.SLOW or not self.slices.was_slow():
                raise
            return None

    def _keep(self, page: Page, end: str) -> None:
        if not page.rows:
            self.slices.was_empty()
        for first in range(0, len(page.rows) or 1, STEP_ROWS):
            rows = page.rows[first : first + STEP_ROWS]
            if not page.is_last or first + STEP_ROWS < len(page.rows):
                moved = self.window.behind(rows[-1]["SystemModstamp"], rows[-1]["Id"])
            elif end == self.window.end:
                moved = self.window.finished()
            else:
                moved = self.window.behind(end)
            self.sync_run.step(
                partial(self._store, rows, moved),
                stage=f"Reading {'leads' if self.obj == LEADS else 'opportunities'}",
                progress=0.05 + 0.4 * moved.progress() + (0 if self.obj == LEADS else 0.4),
            )
            self.window = moved

    def _store(self, rows: list[Row], moved: Window, session: Session) -> None:
        context, now = self.sync_run.context, self.sync_run.now
        if self.obj == LEADS:
            take_leads(session, context, rows, now)
        else:
            take_opportunities(session, context, rows, now)
            # With its history come many deals older than the leads that are read: no news.
            if self.window.done_until is not None:
                list_unmatched(session, context, rows, now)
        mirror.keep_window(session, self.obj, vars(moved))


def look_back(session: Session) -> None:
    """Have the next run read the last seven days again, where no window is open."""
    for obj in (LEADS, OPPORTUNITIES):
        window = Window.stored(mirror.window(session, obj))
        if window.done_until is not None and not window.is_open:
            earlier = replace(window, done_until=stamp(parse_time(window.done_until) - LOOK_BACK))
            mirror.keep_window(session, obj, vars(earlier))
