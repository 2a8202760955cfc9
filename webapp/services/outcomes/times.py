"""When outcomes happened, as programs, people and files write it."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from ml.sentences import gettext

CLOCK_SKEW = timedelta(minutes=15)
# A day begins this much earlier in the easternmost zones than in UTC.
EASTERNMOST = timedelta(hours=14)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TIME_LENGTH = 40
TIME_RULE = gettext(
    "a time in ISO 8601 with its offset (2026-03-02T09:30:00+01:00), or a "
    "date (2026-03-02: the end of that day in UTC), from 1970 to now; up "
    "to 15 minutes ahead is now"
)


class OutcomeInFuture(ValueError):
    """The reported time of an outcome lies in the future."""

    def __init__(self) -> None:
        super().__init__(gettext("must not lie in the future"))


def parse_time(value: object, now: datetime) -> datetime | None:
    """Read when an outcome happened, None where it is not given or is now; else ValueError.

    A date means its end, so that all known on that day comes before the outcome; a day that has not
    ended means now.
    """
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TIME_LENGTH:
        raise ValueError(gettext("must be %(TIME_RULE)s", TIME_RULE=TIME_RULE))
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return _exact(value, now)
    if datetime.combine(day, time.min, UTC) > now + EASTERNMOST:
        raise OutcomeInFuture
    end = _since_1970(datetime.combine(day, time.max, UTC))
    return end if end < now else None


def _exact(text: str, now: datetime) -> datetime | None:
    at = None
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo is not None else None
    if at is None:
        raise ValueError(gettext("must be %(TIME_RULE)s", TIME_RULE=TIME_RULE))
    if at > now + CLOCK_SKEW:
        raise OutcomeInFuture
    # The clock of another machine may run ahead a little: what it has just noted is of now.
    return _since_1970(at) if at <= now else None


def _since_1970(at: datetime) -> datetime:
    if at < EARLIEST:
        raise ValueError(gettext("must be %(TIME_RULE)s", TIME_RULE=TIME_RULE))
    return at
