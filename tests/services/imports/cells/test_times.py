"""Times of files: what a cell says by itself, and what only its column or a person can tell."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.imports.cells.times import moment, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
DATES = st.dates(min_value=date(2001, 9, 10), max_value=date(2099, 12, 31))
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.builds(datetime.combine, DATES, st.times(), OFFSETS)


def read(text, *, day_first=None):
    found = moment(text)
    return found and found.text(day_first=day_first, zone=BERLIN)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("2026-02-06", "2026-02-06"),
        ("20260206", "2026-02-06"),
        ("2026/02/06", "2026-02-06"),
        ("31.12.2025", "2025-12-31"),
        ("3/3/26", "2026-03-03"),
        ("15-Apr-2026", "2026-04-15"),
        ("2026-02-06 06:30", "2026-02-06T06:30:00+01:00"),
        ("2026-07-06 06:30:11", "2026-07-06T06:30:11+02:00"),
        ("2026-02-06T06:30:11.5Z", "2026-02-06T06:30:11.500000+00:00"),
        ("2026-02-06 06:30:11 UTC", "2026-02-06T06:30:11+00:00"),
        ("2026-02-06T06:30:11+0530", "2026-02-06T06:30:11+05:30"),
        ("15 Apr, 2026 00:03:00", "2026-04-15T00:03:00+02:00"),
        ("April 15, 2026 3:00 PM", "2026-04-15T15:00:00+02:00"),
        ("Wed, 15 Apr 2026 12:03:00 +0000", "2026-04-15T12:03:00+00:00"),
        ("27.11.2026, 12:05 AM", "2026-11-27T00:05:00+01:00"),
        ("1767225600", "2026-01-01T00:00:00+00:00"),
        ("1767225600000", "2026-01-01T00:00:00+00:00"),
    ],
)
def test_every_usual_way_to_write_a_time_is_read(text, result):
    assert read(text) == result


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "45992", "12345678901", "2026-13-01", "31/31/2026", "99999999"),
        *("2026-02-06 25:00", "2026-02-06 13:00 PM", "2026-02-06 06:61", "15 Foo 2026"),
        "2026-02-06 " * 9,
    ],
)
def test_what_is_no_time_is_none(text):
    assert moment(text) is None


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("03/04/2026", "either"),
        ("3-4-2026 10:00", "either"),
        ("27/11/2026", "day"),
        ("11/27/2026", "month"),
        ("27.11.2026", "known"),
        ("04/04/2026", "known"),
    ],
)
def test_a_date_tells_which_part_is_the_day_or_leaves_it_open(text, order):
    assert moment(text).order == order


def test_an_order_that_nobody_told_is_never_guessed():
    with pytest.raises(ValueError, match="in either order"):
        read("03/04/2026")
    assert read("03/04/2026", day_first=True) == "2026-04-03"
    assert read("03/04/2026", day_first=False) == "2026-03-04"


def test_a_date_that_contradicts_its_column_is_refused():
    with pytest.raises(ValueError, match="no date with the day before month"):
        read("11/27/2026", day_first=True)


@given(DATES, st.booleans(), st.sampled_from(["/", "-"]), st.sampled_from(["", "0"]))
def test_a_date_written_in_a_told_order_is_read_back(day, day_first, mark, zero):
    parts = (day.day, day.month) if day_first else (day.month, day.day)
    text = mark.join(f"{part:{zero}{2 if zero else ''}}" for part in parts) + f"{mark}{day.year}"
    assert read(text, day_first=day_first) == day.isoformat()


@given(MOMENTS)
def test_a_time_in_iso_8601_is_read_to_the_microsecond(at):
    assert not moment(at.isoformat()).lacks_offset
    assert datetime.fromisoformat(read(at.isoformat())) == at


@given(MOMENTS)
def test_milliseconds_since_1970_are_read(at):
    at = at.astimezone(UTC).replace(microsecond=0)
    assert datetime.fromisoformat(read(str(int(at.timestamp() * 1000)))) == at


@given(st.text(alphabet="0123456789:./- TZapmAprUTC+,", max_size=40))
def test_any_text_is_a_time_or_none(text):
    found = moment(text)
    if found is not None:
        assert found.text(day_first=found.order != "month", zone=BERLIN)


def test_a_time_zone_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no time zone 'Mars/Base'"):
        zone_of("Mars/Base")
    with pytest.raises(ValueError, match="no time zone"):
        zone_of("../../etc/passwd")
