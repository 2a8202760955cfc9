"""Two cursors: where the next window begins, where a stopped one goes on, when one is finished."""

from datetime import UTC, datetime, timedelta

import pytest

from sync.crm.mapping import parse_time, stamp
from sync.crm.reading import OVERLAP, Slices, Window

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)
HOUR = timedelta(hours=1)


def test_the_first_window_begins_with_the_history():
    window = Window().opened(NOW, LONG_AGO)
    assert (window.start, window.end) == (stamp(LONG_AGO), stamp(NOW))
    assert window.position == stamp(LONG_AGO)


def test_an_open_window_keeps_its_end_and_goes_on_inside():
    window = Window().opened(NOW, LONG_AGO).behind(stamp(NOW - HOUR), "00Q1")
    again = window.opened(NOW + HOUR, LONG_AGO)
    assert again == window
    assert again.position == (stamp(NOW - HOUR), "00Q1")


def test_the_window_after_a_finished_one_overlaps_it():
    done = Window().opened(NOW, LONG_AGO).finished()
    following = done.opened(NOW + HOUR, LONG_AGO)
    assert following.start == stamp(NOW - OVERLAP)
    assert following.end == stamp(NOW + HOUR)


def test_a_server_clock_that_goes_back_does_not_take_the_watermark_back():
    done = Window().opened(NOW, LONG_AGO).finished()
    assert done.opened(NOW - HOUR, LONG_AGO).finished().done_until == stamp(NOW)


def test_reading_some_of_it_again_takes_nothing_back_that_was_reached():
    done = Window().opened(NOW, LONG_AGO).finished()
    assert done.reached == stamp(NOW)
    again = done.back_to(NOW - timedelta(days=7))
    assert (again.done_until, again.reached) == (stamp(NOW - timedelta(days=7)), stamp(NOW))
    at_work = again.opened(NOW + HOUR, LONG_AGO).behind(stamp(NOW - HOUR), "00Q1")
    assert at_work.reached == stamp(NOW)
    assert at_work.back_to(LONG_AGO).reached == stamp(NOW)
    assert at_work.finished().reached == stamp(NOW + HOUR)


def test_slices_end_at_the_window_at_the_latest():
    window = Window().opened(NOW, LONG_AGO)
    slices = Slices()
    assert slices.end(window) == stamp(LONG_AGO + timedelta(days=30))
    assert slices.end(window.behind(stamp(NOW - HOUR))) == stamp(NOW)


def test_a_slow_query_asks_for_half_the_time_until_there_is_none():
    slices = Slices(timedelta(minutes=3))
    assert slices.was_slow()
    assert slices.length == timedelta(seconds=90)
    assert slices.was_slow()
    assert slices.length == timedelta(minutes=1)
    assert not slices.was_slow()


def test_after_some_answers_in_time_more_is_asked_for_again():
    slices = Slices()
    for _ in range(20):
        slices.was_slow()
    assert slices.length == timedelta(minutes=1)
    for _ in range(4):
        slices.was_in_time(is_empty=False)
    assert slices.length == timedelta(minutes=2)
    for _ in range(100):
        slices.was_in_time(is_empty=False)
    assert slices.length == Slices().length


def test_empty_time_is_skipped_in_growing_steps():
    slices = Slices()
    for _ in range(20):
        slices.was_in_time(is_empty=True)
    assert slices.end(Window().opened(NOW, LONG_AGO)) == stamp(NOW)


def test_progress_is_the_share_of_the_time_read():
    window = Window().opened(NOW, NOW - 4 * HOUR)
    assert window.progress() == 0
    assert window.behind(stamp(NOW - HOUR), "00Q1").progress() == 0.75
    assert window.finished().progress() == 1


@pytest.mark.parametrize(
    "text",
    ["2026-11-02T09:00:00.000+0000", "2026-11-02T09:00:00.000Z", "2026-11-02T10:00:00.000+01:00"],
)
def test_a_stamp_is_read_in_any_of_its_forms(text):
    assert stamp(parse_time(text)) == "2026-11-02T09:00:00.000+0000"
