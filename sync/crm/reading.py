"""Reading one object to the end of its window: some rows and the cursor are one transaction.

A stamp is set up to ten minutes before its transaction commits, so windows overlap. One
that was stopped is resumed inside, or short runs would never end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Generic

from sqlalchemy.orm import Session

from sync.crm.faults import Fault, Kind
from sync.crm.mapping import parse_time, stamp
from sync.crm.protocol import LEADS, Obj, Page, R
from sync.crm.sync_run import STEP_ROWS, SyncRun, Take
from webapp.database import read
from webapp.services.crm import mirror

OVERLAP = timedelta(minutes=15)
MAX_SLICE = timedelta(days=30)
MIN_SLICE = timedelta(minutes=1)
# So many answers in time make up for a slow one.
CALM_ANSWERS = 4
# Deletions of a minute or less cannot be asked for.
MIN_DELETIONS_SPAN = timedelta(minutes=2)


@dataclass(frozen=True)
class Window:
    """Where the reading of one object stands; times are texts as rows have theirs.

    `done_until` ends the last finished window. While one is open, `start` and `end` are its bounds,
    `after_stamp` and `after_id` the last row stored (no id: from that time on). All up to `reached`
    was read at least once.
    """

    done_until: str | None = None
    start: str | None = None
    end: str | None = None
    after_stamp: str | None = None
    after_id: str = ""
    reached: str | None = None

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
        """The next window, up to the CRM's present time; an open one stays as it is."""
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
        return Window(done_until=self.end, reached=self._furthest(self.end))

    def back_to(self, since: datetime) -> "Window":
        """Begin again at this time, unless the reading has not come so far."""
        position = self.after_stamp or self.done_until
        if position is None or since >= parse_time(position):
            return self
        return Window(done_until=stamp(since), reached=self._furthest(position))

    def _furthest(self, read_until: str | None) -> str | None:
        return max(filter(None, (self.reached, read_until)), default=None)

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
    n_in_time: int = 0

    def end(self, window: Window) -> str:
        assert window.after_stamp is not None
        assert window.end is not None
        return stamp(min(parse_time(window.after_stamp) + self.length, parse_time(window.end)))

    def was_slow(self) -> bool:
        """Ask for half the time from now on; False where that is no time any more."""
        self.n_in_time = 0
        is_shortest = self.length <= MIN_SLICE
        self.length = max(self.length / 2, MIN_SLICE)
        return not is_shortest

    def was_in_time(self, *, is_empty: bool) -> None:
        """Ask for more from now on: at once where there is nothing, else after some answers."""
        self.n_in_time += 1
        if is_empty:
            self.length = min(self.length * 2, timedelta(days=36_500))
        elif self.length < MAX_SLICE and self.n_in_time >= CALM_ANSWERS:
            self.length, self.n_in_time = min(self.length * 2, MAX_SLICE), 0


@dataclass
class Reading(Generic[R]):
    """One object on its way through its window, from wherever the last run stopped.

    Rows are stored by `take`; those behind the history are then noted by `note`.
    """

    sync_run: SyncRun
    obj: Obj[R]
    take: Take[R]
    note: Callable[[Session, Sequence[R], datetime], None] | None = None
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

    def peek(self) -> list[R]:
        """The next rows to come, without moving a cursor."""
        self._open(is_kept=False)
        while self.window.is_open:
            end = self.slices.end(self.window)
            page = self._ask(end)
            if page is not None and (page.rows or end == self.window.end):
                return page.rows
            if page is not None:
                self.slices.was_in_time(is_empty=True)
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

    def _ask(self, end: str) -> Page[R] | None:
        try:
            return self.sync_run.client.page(self.obj, self.window.position, end)
        except Fault as fault:
            if fault.kind is not Kind.SLOW or not self.slices.was_slow():
                raise
            return None

    def _keep(self, page: Page[R], end: str) -> None:
        self.slices.was_in_time(is_empty=not page.rows)
        noun = "leads" if self.obj == LEADS else self.sync_run.context.kind.deals
        for first in range(0, len(page.rows) or 1, STEP_ROWS):
            rows = page.rows[first : first + STEP_ROWS]
            if not page.is_last or first + STEP_ROWS < len(page.rows):
                moved = self.window.behind(rows[-1].stamp, rows[-1].id)
            elif end == self.window.end:
                moved = self.window.finished()
            else:
                moved = self.window.behind(end)
            self.sync_run.step(
                partial(self._store, rows, moved),
                stage=f"Reading {noun}",
                progress=0.05 + 0.4 * moved.progress() + (0 if self.obj == LEADS else 0.4),
            )
            self.window = moved

    def _store(self, rows: list[R], moved: Window, session: Session) -> None:
        self.take(session, self.sync_run.context, rows, self.sync_run.now)
        if self.note is not None and self.window.done_until is not None:
            self.note(session, rows, self.sync_run.now)
        mirror.keep_window(session, self.obj, vars(moved))


def deleted_ids(sync_run: SyncRun, obj: str, start: datetime, end: datetime) -> list[str]:
    """Ids deleted within a time; asked for in halves where they are too many for one answer."""
    try:
        return sync_run.client.deleted(obj, start, end)
    except Fault as fault:
        half = (end - start) / 2
        if fault.kind is not Kind.SLOW or half < MIN_DELETIONS_SPAN:
            raise
    return [
        *deleted_ids(sync_run, obj, start, start + half),
        *deleted_ids(sync_run, obj, start + half, end),
    ]
