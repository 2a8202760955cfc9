"""Reading one object to the end of its window: some rows and the cursor are one transaction."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.orm import Session

from sync.crm.intake import list_unmatched, take_leads, take_opportunities
from sync.crm.sync_run import STEP_ROWS, SyncRun
from sync.salesforce.cases import Kind
from sync.salesforce.client import Page, Row
from sync.salesforce.errors import Fault
from sync.salesforce.mapping import OPPORTUNITY_FIELDS
from sync.salesforce.window import Slices, TooSlow, Window
from webapp.database import read
from webapp.services.crm import read_windows

LEADS, OPPORTUNITIES = "Lead", "Opportunity"


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
        """Go on with the open window, or begin the next, up to Salesforce's present time.

        Returns whether it was open: whether a run before has stopped inside it.
        """
        stored = Window.stored(read(lambda s: read_windows.load(s, self.obj)))
        server_now = self.sync_run.client.meter.server_time or self.sync_run.now
        first_start = server_now - timedelta(days=self.sync_run.context.rules.history_days)
        self.window = stored.opened(server_now, first_start)
        if is_kept and not stored.is_open:
            self.sync_run.step(lambda s: read_windows.save(s, self.obj, vars(self.window)))
        return stored.is_open

    def _ask(self, end: str) -> Page | None:
        fields = self.sync_run.context.mapping.select if self.obj == LEADS else OPPORTUNITY_FIELDS
        try:
            return self.sync_run.client.page(self.obj, fields, self.window.position, end)
        except Fault as fault:
            if fault.kind is not Kind.SLOW:
                raise
            self._ask_for_less(fault)
            return None

    def _ask_for_less(self, fault: Fault) -> None:
        try:
            self.slices.was_slow()
        except TooSlow:
            raise fault from None

    def _keep(self, page: Page, end: str) -> None:
        if not page.rows:
            self.slices.was_empty()
        for first in range(0, len(page.rows) or 1, STEP_ROWS):
            rows = page.rows[first : first + STEP_ROWS]
            is_last = first + STEP_ROWS >= len(page.rows)
            self._step(rows, self._moved(page, end) if is_last else self._behind(rows[-1]))

    def _step(self, rows: list[Row], moved: Window) -> None:
        self.sync_run.step(
            lambda session: self._store(session, rows, moved),
            stage=f"Reading {'leads' if self.obj == LEADS else 'opportunities'}",
            progress=self._progress(moved),
        )
        self.window = moved

    def _store(self, session: Session, rows: list[Row], moved: Window) -> None:
        context, now = self.sync_run.context, self.sync_run.now
        if self.obj == LEADS:
            take_leads(session, context, rows, now)
        else:
            take_opportunities(session, context, rows, now)
            # With its history come many deals older than the leads that are read: no news.
            if self.window.done_until is not None:
                list_unmatched(session, context, rows, now)
        read_windows.save(session, self.obj, vars(moved))

    def _moved(self, page: Page, end: str) -> Window:
        if page.is_last:
            is_end = end == self.window.end
            return self.window.finished() if is_end else self.window.behind(end)
        return self._behind(page.rows[-1])

    def _behind(self, row: Row) -> Window:
        return self.window.behind(row["SystemModstamp"], row["Id"])

    def _progress(self, window: Window) -> float:
        done = 0.05 + 0.4 * window.progress()
        return done if self.obj == LEADS else done + 0.4
