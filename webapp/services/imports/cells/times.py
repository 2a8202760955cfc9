"""Times as files write them: what a cell says, and what only its column or a person can tell."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from webapp.stored import DayOrder

MAX_TIME_LENGTH = 80
# Without accents; in English, German, French, Spanish, Italian, Portuguese and Dutch.
MONTH_NAMES = (
    "january januar janvier enero gennaio janeiro januari janner",
    "february februar fevrier febrero febbraio fevereiro februari",
    "march marz maerz mars marzo marco maart mrz mrt",
    "april avril abril aprile",
    "may mai mayo maggio maio mei",
    "june juni juin junio giugno junho",
    "july juli juillet julio luglio julho",
    "august aout agosto augustus",
    "september septembre septiembre settembre setembro",
    "october oktober octobre octubre ottobre outubro",
    "november novembre noviembre novembro",
    "december dezember decembre diciembre dicembre dezembro",
)
# Any beginning of a name that no other month has, from three letters on.
BEGINNINGS: dict[str, set[int]] = defaultdict(set)
for _number, _names in enumerate(MONTH_NAMES, 1):
    for _name in _names.split():
        for _length in range(3, len(_name) + 1):
            BEGINNINGS[_name[:_length]].add(_number)
MONTHS = {name: min(numbers) for name, numbers in BEGINNINGS.items() if len(numbers) == 1}
# Names of zones that mean one offset everywhere, in hours.
ZONES = {
    "z": 0,
    "utc": 0,
    "gmt": 0,
    "wet": 0,
    "west": 1,
    "cet": 1,
    "cest": 2,
    "mez": 1,
    "mesz": 2,
    "eet": 2,
    "eest": 3,
    "est": -5,
    "edt": -4,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}
RULE = (
    "must be a date or time such as 2026-03-02, 2026-03-02 09:30 or 2026-03-02T09:30:00+01:00,"
    " from 1970 to now"
)
CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?P<colon>[:.])(?P<minute>\d{2})"
    r"(?:(?P=colon)(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*"
    rf"(?P<offset>(?:utc|gmt)?[+-]\d{{1,2}}(?::?\d{{2}})?|{'|'.join(ZONES)})?"
    r"(?:\s*\([^()]*\)|\[[\w/+-]+\])?",
    re.ASCII | re.IGNORECASE,
)
BEHIND = r"(?:(?:,?\s+|,|t)(?P<clock>\d.*))?"
YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})[-./年](?P<month>\d{{1,2}})[-./月](?P<day>\d{{1,2}})日?{BEHIND}",
    re.ASCII | re.IGNORECASE,
)
YEAR_LAST = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<mark>[-./])\s?(?P<second>\d{{1,2}})(?P=mark)\s?"
    rf"(?P<year>\d{{4}}|\d{{2}}){BEHIND}",
    re.ASCII | re.IGNORECASE,
)
NAMED = tuple(
    re.compile(rf"(?:[a-z]{{2,12}}[.,]*\s+)?{first}{BEHIND}", re.ASCII | re.IGNORECASE)
    for first in (
        r"(?P<day>\d{1,2})(?:er|\.)?(?:\s+de)?[\s-]*(?P<name>[a-z]{3,10})[.,]*(?:\s+de)?[\s-]*"
        r"(?P<year>\d{4}|\d{2})",
        r"(?P<name>[a-z]{3,10})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})",
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
    return _named(cleaned) or _of_seconds(cleaned) or _basic(cleaned)


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


def _of_seconds(text: str) -> Moment | None:
    """Seconds since 1970 with a fraction."""
    whole, _, fraction = text.partition(".")
    is_number = len(whole) == 10 and whole.isdecimal() and fraction.isdecimal()
    return _of_digits(whole + f"{fraction:0<3}"[:3]) if is_number and text.isascii() else None


def _basic(text: str) -> Moment | None:
    """The short form of ISO 8601: 20260302T093000Z."""
    if text[8:9] != "T" or not text[:8].isdecimal():
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Moment(at.date(), "known", clock=at.timetz())


def _named(text: str) -> Moment | None:
    """A date with the name of its month."""
    letters = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    for pattern in NAMED:
        found = pattern.fullmatch(plain)
        month = MONTHS.get(found["name"].lower()) if found else None
        if found and month:
            year = found["year"] if len(found["year"]) == 4 else f"20{found['year']}"
            return _moment(found["clock"], day=_date(year, str(month), found["day"]))
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
    name = (text or "").lower()
    if not name:
        return None
    if name in ZONES:
        return timezone(timedelta(hours=ZONES[name]))
    signed = name.removeprefix("utc").removeprefix("gmt")
    digits = signed[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(shift if signed[0] == "+" else -shift)
