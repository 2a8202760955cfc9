"""What the answers tell beside their bodies, and how many calls a day are left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime

import requests

from sync.crm.faults import OWN_BUDGET, QUOTA_RESERVE, Fault
from webapp.services.crm.kinds.exchange import ORG_SHARE, daily_budget

SHOWN_AFTER_SECONDS = 10.0


@dataclass
class Meter:
    """Calls made, the CRM's own count of the day where it tells it, and its clock."""

    n_calls: int = 0
    n_logins: int = 0
    n_used: int | None = None
    n_limit: int | None = None
    server_time: datetime | None = None
    retry_after_seconds: float | None = None
    # Of the call that is under way: when it began by the monotonic clock, and bytes received.
    called_at: float | None = None
    n_received: int = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Say that a call is under way, for those who watch from another thread."""
        self.called_at, self.n_received = time.monotonic(), 0
        self.retry_after_seconds = None
        try:
            yield
        finally:
            self.called_at = None

    @property
    def waiting(self) -> str | None:
        """What to tell people while an answer takes its time."""
        began = self.called_at
        if began is None or (seconds := time.monotonic() - began) < SHOWN_AFTER_SECONDS:
            return None
        return f"Waiting for an answer: {self.n_received / 1000:,.0f} kB in {seconds:.0f} s"

    def note(self, response: requests.Response, *args: object, **kwargs: object) -> None:
        self.server_time = _date(response.headers.get("Date")) or self.server_time
        # Its other form, a date, is left to the usual back-off.
        retry_after = response.headers.get("Retry-After", "")
        self.retry_after_seconds = float(retry_after) if retry_after.isdecimal() else None


@dataclass
class Quota:
    """What is left of the day's calls; at most a quarter of the org's without our own budget."""

    n_made_today: int = 0
    budget: int | None = None
    _today: date | None = None

    def check(self, meter: Meter, now: datetime) -> None:
        """Raise a fault of kind QUOTA where the next call may not be made."""
        if self._today not in {None, now.date()}:
            # Those of yesterday's are not today's.
            self.n_made_today = -meter.n_calls
        self._today = now.date()
        limit = meter.n_limit
        if limit is not None and meter.n_used is not None and meter.n_used >= ORG_SHARE * limit:
            raise Fault(QUOTA_RESERVE, f"{meter.n_used:,} of {limit:,} calls used")
        most = daily_budget(limit, self.budget)
        n_made = self.n_made_today + meter.n_calls
        if most and n_made >= most:
            raise Fault(OWN_BUDGET, f"{n_made:,} of {most:,} calls made today")


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
