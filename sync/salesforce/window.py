"""Where reading stands: two cursors, and the times that pages are asked for. Pure.

A transaction's stamp is set before it commits, up to ten minutes later, so a finished window is
followed by one that overlaps it. A window that was stopped is resumed inside: with an overlap
there as well, a reader that may only do a few pages at a time would never come to an end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

OVERLAP = timedelta(minutes=15)
MAX_SLICE = timedelta(days=30)
SHORTEST_SLICE = timedelta(minutes=1)


@dataclass(frozen=True)
class Window:
    """Where the reading of one object stands; times are texts as Salesforce writes them.

    `done_until` is the end of the last finished window. While one is open, `start` and `end` are
    its bounds, and `after_stamp` with `after_id` the last row stored (no id: from that time on).
    """

    done_until: str | None = None
    start: str | None = None
    end: str | None = None
    after_stamp: str | None = None
    after_id: str = ""

    @classmethod
    def stored(cls, values: Mapping[str, str | None]) -> "Window":
        """The window as a table has it."""
        return cls(**{**values, "after_id": values.get("after_id") or ""})  # type: ignore[arg-type]

    @property
    def is_open(self) -> bool:
        """Whether a window has been begun and not finished."""
        return self.end is not None

    @property
    def position(self) -> str | tuple[str, str]:
        """From where the next page goes on."""
        assert self.after_stamp is not None
        return (self.after_stamp, self.after_id) if self.after_id else self.after_stamp

    def opened(self, server_now: datetime, first_start: datetime) -> "Window":
        """The next window, up to Salesforce's present time; an open one stays as it is."""
        if self.is_open:
            return self
        done = moment(self.done_until) if self.done_until else None
        start = stamp(done - OVERLAP if done else first_start)
        # A server's clock may be a little behind the one that was asked before.
        end = stamp(max(server_now, done) if done else max(server_now, first_start))
        return replace(self, start=start, end=end, after_stamp=start, after_id="")

    def behind(self, row_stamp: str, row_id: str = "") -> "Window":
        """The window with all rows up to this one stored."""
        return replace(self, after_stamp=row_stamp, after_id=row_id)

    def finished(self) -> "Window":
        """The window with all its rows stored."""
        return Window(done_until=self.end)

    def progress(self) -> float:
        """The share of the window's time that is read, 0 to 1."""
        if not (self.start and self.end and self.after_stamp):
            return 1.0
        whole = (moment(self.end) - moment(self.start)).total_seconds()
        read = (moment(self.after_stamp) - moment(self.start)).total_seconds()
        return min(max(read / whole, 0.0), 1.0) if whole > 0 else 1.0


class TooSlow(RuntimeError):
    """Even the shortest time asked for takes Salesforce too long."""


@dataclass
class Slices:
    """How much time one query asks for: less after a slow one, more where there is nothing."""

    length: timedelta = MAX_SLICE

    def end(self, window: Window) -> str:
        """Up to when the next query asks."""
        assert window.after_stamp is not None
        assert window.end is not None
        return stamp(min(moment(window.after_stamp) + self.length, moment(window.end)))

    def was_slow(self) -> None:
        """Ask for half the time from now on; TooSlow where that is no time any more."""
        if self.length <= SHORTEST_SLICE:
            raise TooSlow("a query for one minute of changes is too slow")
        self.length = max(self.length / 2, SHORTEST_SLICE)

    def was_empty(self) -> None:
        """Ask for twice the time from now on."""
        self.length = min(self.length * 2, timedelta(days=36_500))


def stamp(time: datetime) -> str:
    """A time as Salesforce writes it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def moment(text: str) -> datetime:
    """The time that a stamp says."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
