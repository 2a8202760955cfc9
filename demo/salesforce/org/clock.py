"""The org's clock, which tests move, and Salesforce's way to write times."""

import time
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 2, 9, 0, 0, tzinfo=UTC)


class Clock:
    """Stands still until it is moved, or goes with the real time where `ticks` is set."""

    def __init__(self, at: datetime = START, *, ticks: bool = False) -> None:
        self._at = at
        self._ticks_since = time.monotonic() if ticks else None

    @property
    def now(self) -> datetime:
        """Whole seconds: a record's stamp has no finer ones."""
        passed = 0.0 if self._ticks_since is None else time.monotonic() - self._ticks_since
        return (self._at + timedelta(seconds=passed)).replace(microsecond=0)

    @property
    def ticks(self) -> bool:
        return self._ticks_since is not None

    def advance(
        self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0
    ) -> None:
        step = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
        if step < timedelta(0):
            raise ValueError("a clock goes forward")
        self._at += step

    def move_to(self, moment: datetime) -> None:
        """Jump forward to this moment."""
        self.advance((moment - self.now).total_seconds())


def stamp(moment: datetime) -> str:
    """As in an answer: `2026-11-02T09:00:00.000+0000`. These sort as the times do."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}+0000"


def moment(text: str) -> datetime:
    """The time that a stamp says."""
    return datetime.fromisoformat(text)
