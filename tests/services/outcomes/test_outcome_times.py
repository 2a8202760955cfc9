"""When an outcome happened: what is understood, and what is refused with its rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.outcomes.times import TIME_RULE, OutcomeInFuture, parse_time

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
END = timedelta(days=1) - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T10:00:00+01:00", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:30Z", NOW),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC) + END),
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC) + END),
    ],
)
def test_a_time_with_its_offset_and_a_past_date_are_understood(text, at):
    assert parse_time(text, NOW) == at


def test_nothing_and_today_mean_now():
    assert parse_time(None, NOW) is None
    assert parse_time("2026-03-02", NOW) is None


@pytest.mark.parametrize("text", ["2026-03-02T09:30:01Z", "2026-03-02T09:45:00Z"])
def test_a_clock_up_to_15_minutes_ahead_means_now(text):
    assert parse_time(text, NOW) is None


def test_a_day_that_has_begun_somewhere_is_not_the_future():
    evening = NOW.replace(hour=11)
    assert parse_time("2026-03-03", evening) is None
    with pytest.raises(OutcomeInFuture):
        parse_time("2026-03-03", NOW)


@pytest.mark.parametrize("text", ["2026-03-04", "9999-12-31", "2026-03-02T09:45:01Z"])
def test_the_future_is_refused(text):
    with pytest.raises(OutcomeInFuture):
        parse_time(text, NOW)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-03-02T09:30:00",
        "2026-02-30",
        "1969-12-31",
        "0001-01-01T00:00+23:59",
        "\uff12026-03-01",
        "2026-03-01\x00",
        "2026-03-01T00:00:00Z" + " " * 30,
        20260301,
        1.5,
        True,
        ["2026-03-01"],
    ],
)
def test_what_is_no_time_is_refused_with_the_rule(value):
    with pytest.raises(ValueError, match="must be a time in ISO 8601") as error:
        parse_time(value, NOW)
    assert TIME_RULE in str(error.value)


@given(st.text() | st.datetimes(timezones=st.timezones()).map(str) | st.dates().map(str))
def test_any_text_is_a_time_from_1970_to_now_or_refused(text):
    try:
        at = parse_time(text, NOW)
    except ValueError:
        return
    assert at is None or datetime(1970, 1, 1, tzinfo=UTC) <= at <= NOW + timedelta(minutes=5)
