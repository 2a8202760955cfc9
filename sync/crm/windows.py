"""How far one object has been read, and how much is asked for at once. Pure.

A stamp is set up to ten minutes before its transaction commits, so windows overlap. One
that was stopped is resumed inside, or short runs would never end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sync.crm.mapping import parse_time, stamp

OVERLAP = timedelta(minutes=15)
MAX_SLICE = timedelta(days=30)
MIN_SLICE = timedelta(minutes=1)
# So many answers in time make up for a slow one.
CALM_ANSWERS = 4


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
