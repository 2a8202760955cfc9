"""Reading one object to the end of its window: some rows and the cursor are one transaction."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from sync.crm.faults import Fault, Kind
from sync.crm.intake import note_unmatched, take_deals, take_leads
from sync.crm.protocol import LEADS, Page
from sync.crm.sync_run import STEP_ROWS, SyncRun
from sync.crm.windows import Slices, Window
from webapp.database import read
from webapp.services.crm import mirror


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

    def peek(self) -> list[Any]:
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

    def _ask(self, end: str) -> Page | None:
        try:
            return self.sync_run.client.page(self.obj, self.window.position, end)
        except Fault as fault:
            if fault.kind is not Kind.SLOW or not self.slices.was_slow():
                raise
            return None

    def _keep(self, page: Page, end: str) -> None:
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

    def _store(self, rows: list[Any], moved: Window, session: Session) -> None:
        context, now = self.sync_run.context, self.sync_run.now
        if self.obj == LEADS:
            take_leads(session, context, rows, now)
        else:
            take_deals(session, context, rows, now)
            # With its history come many deals older than the leads that are read: no news.
            if self.window.done_until is not None:
                note_unmatched(session, rows, now)
        mirror.keep_window(session, self.obj, vars(moved))
