"""Times as files write them: what a cell says, and what only its column or a person can tell."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from webapp.stored import DayOrder

MAX_TIME_LENGTH = 60
MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
RULE = (
    "must be a date or time such as 2026-03-02, 2026-03-02 09:30 or 2026-03-02T09:30:00+01:00,"
    " from 1970 to now"
)
CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<offset>z|utc|gmt|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
BEHIND = r"(?:(?:,?\s+|,|t)(?P<clock>\d.*))?"
YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})[-./](?P<month>\d{{1,2}})[-./](?P<day>\d{{1,2}}){BEHIND}",
    re.ASCII | re.IGNORECASE,
)
YEAR_LAST = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<mark>[-./])\s?(?P<second>\d{{1,2}})(?P=mark)\s?"
    rf"(?P<year>\d{{4}}|\d{{2}}){BEHIND}",
    re.ASCII | re.IGNORECASE,
)
NAMED = tuple(
    re.compile(rf"(?:[a-z]{{3,9}},\s*)?{first}{BEHIND}", re.ASCII | re.IGNORECASE)
    for first in (
        r"(?P<day>\d{1,2})[. -]*(?P<name>[a-z]{3,9})[.,]*[\s-]*(?P<year>\d{4})",
        r"(?P<name>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
    )
)


@dataclass(frozen=True)
class Moment:
    """A cell taken apart: its day, by either order where both are possible, and its clock."""

    day: date | None
    order: DayOrder
    other_day: date | None = None
    clock: time | None = None

    @property
    def lacks_offset(self) -> bool:
        """Whether only a time zone makes it a moment."""
        return self.clock is not None and self.clock.tzinfo is None

    def text(self, *, day_first: bool | None, zone: ZoneInfo) -> str:
        """Write it in ISO 8601, a date or a time with its offset; ValueError where it has none."""
        day = self._day(day_first=day_first)
        if self.clock is None:
            return day.isoformat()
        return datetime.combine(day, self.clock, self.clock.tzinfo or zone).isoformat()

    def _day(self, *, day_first: bool | None) -> date:
        if self.order == "known":
            day = self.day
        elif day_first is None:
            raise ValueError("may mean day and month in either order")
        else:
            day = self.day if day_first else self.other_day
        if day is None:
            order = "day before month" if day_first else "month before day"
            raise ValueError(f"is no date with the {order}")
        return day


def moment(text: str) -> Moment | None:
    """Take a date or time apart; None where the text is neither.

    ISO 8601, 2026/03/02, 2 Mar 2026, 02.03.2026 (day first), 3/2/2026 (left open unless a part is
    above 12), seconds or milliseconds since 1970; with a clock or without.
    """
    cleaned = text.strip()
    if not cleaned or len(cleaned) > MAX_TIME_LENGTH:
        return None
    if cleaned.isascii() and cleaned.isdecimal():
        return _of_digits(cleaned)
    if cleaned[4:5] == "-" and (at := _iso(cleaned)):
        return Moment(at.date(), "known", clock=at.timetz())
    if found := YEAR_FIRST.fullmatch(cleaned):
        day = _date(found["year"], found["month"], found["day"])
        return _moment(found["clock"], day=day)
    if found := YEAR_LAST.fullmatch(cleaned):
        return _either_order(found)
    return _named(cleaned)


def zone_of(name: str) -> ZoneInfo:
    """Give a time zone by its name; ValueError where there is none such."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name[:60]!r}") from None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if ":" in text else None
    except ValueError:
        return None


def _of_digits(digits: str) -> Moment | None:
    """Seconds or milliseconds since 1970, from 2001 to 2286, or 20260302: told by their length."""
    if len(digits) == 8:
        return _moment(None, day=_date(digits[:4], digits[4:6], digits[6:]))
    if len(digits) not in (10, 13) or digits.startswith("0"):
        return None
    seconds = int(digits[:10]) + int(digits[10:] or 0) / 1000
    at = datetime.fromtimestamp(seconds, UTC)
    return Moment(at.date(), "known", clock=at.timetz())


def _named(text: str) -> Moment | None:
    for pattern in NAMED:
        found = pattern.fullmatch(text)
        month = MONTHS.get(found["name"][:3].lower()) if found else None
        if found and month:
            return _moment(found["clock"], day=_date(found["year"], str(month), found["day"]))
    return None


def _either_order(found: re.Match[str]) -> Moment | None:
    first, second, year = found["first"], found["second"], found["year"]
    year = year if len(year) == 4 else f"20{year}"
    day, other_day = _date(year, second, first), _date(year, first, second)
    if found["mark"] == ".":
        return _moment(found["clock"], day=day)
    if day == other_day or (day is None and other_day is None):
        return _moment(found["clock"], day=day)
    order: DayOrder = "either"
    if day is None or other_day is None:
        order = "day" if other_day is None else "month"
    return _moment(found["clock"], day=day, other_day=other_day, order=order)


def _moment(
    clock_text: str | None,
    *,
    day: date | None,
    other_day: date | None = None,
    order: DayOrder = "known",
) -> Moment | None:
    clock = _clock(clock_text.strip()) if clock_text else None
    if (day is None and other_day is None) or (clock_text and clock is None):
        return None
    return Moment(day, order, other_day, clock)


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _clock(text: str) -> time | None:
    found = CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, half = int(found["hour"]), (found["half"] or "").lower()[:1]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    microseconds = int(f"{found['fraction'] or 0:0<6}"[:6])
    try:
        zone = _offset(found["offset"])
        return time(hour, int(found["minute"]), int(found["second"] or 0), microseconds, zone)
    except ValueError:
        return None


def _offset(text: str | None) -> timezone | None:
    if not text or text[0] not in "+-":
        return UTC if text else None
    digits = text[1:].replace(":", "")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(shift if text[0] == "+" else -shift)
