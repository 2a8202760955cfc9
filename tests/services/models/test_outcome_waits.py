"""Whose outcomes are a fair sample of all: leads followed long enough from their beginning."""

from datetime import timedelta

import pytest

from tests.factories import NOW, make_lead, make_leads, make_outcomes
from webapp.services.models import outcome_waits
from webapp.services.models.outcome_waits import DAY, Labelled, is_followed


def test_open_leads_count_as_long_as_they_have_waited(session):
    made = make_leads(session, [{"lead_id": f"lead-{n}"} for n in range(60)])
    make_outcomes(session, made[:20], [True] * 20, now=NOW + 8 * DAY)
    make_outcomes(session, made[20:40], [False] * 20, now=NOW + 2 * DAY)
    found = outcome_waits.delays(session, NOW + 40 * DAY)
    assert (found.mature_days(), found.followed_days) == (8, 40)
    assert (found.converted[-1], found.lost[-1]) == pytest.approx((1 / 3, 1 / 3))


def test_labelled_leads_stand_for_those_of_their_age_that_are_still_open(session):
    assert outcome_waits.weights(session, [], NOW) is None
    make_lead(session, "had ended", actual_outcome=False, now=NOW - 9 * DAY)
    made = make_leads(session, [{"lead_id": f"lead-{n}"} for n in range(60)])
    make_outcomes(session, made[:20], [True] * 20, now=NOW + 8 * DAY)
    make_outcomes(session, made[20:40], [False] * 20, now=NOW + 2 * DAY)
    now = NOW + 40 * DAY
    asked = [
        Labelled(NOW, None, converted=True, came_with_outcome=False),
        Labelled(NOW, None, converted=True, came_with_outcome=True),
        Labelled(NOW - 9 * DAY, None, converted=False, came_with_outcome=False),
        Labelled(now - 3 * DAY, None, converted=False, came_with_outcome=False),
    ]
    assert outcome_waits.weights(session, asked, now) == [1, 0, 0, 0]


def test_leads_of_a_first_load_with_ended_ones_take_no_part_and_later_ones_do(session):
    make_lead(session, "ended", actual_outcome=False)
    make_lead(session, "open for unknown time", now=NOW + timedelta(hours=1))
    make_lead(session, "new", now=NOW + 3 * DAY)
    make_lead(session, "never worked", actual_outcome="never_worked", now=NOW + 3 * DAY)
    new = outcome_waits.first_load_ended(session)
    assert new == NOW + DAY
    assert [is_followed(NOW + days * DAY, None, new) for days in (0, 0.9, 1, 3)] == [
        *(False, False),
        *(True, True),
    ]


def test_without_ended_leads_the_first_day_is_a_day_like_others(session):
    make_lead(session, "open")
    assert outcome_waits.first_load_ended(session) is None
    assert is_followed(NOW, None, None)


def test_where_the_crm_knows_how_old_a_lead_was_that_decides():
    old, new = (NOW - timedelta(hours=hours) for hours in (49, 2))
    assert not is_followed(NOW, old.isoformat(), None)
    assert is_followed(NOW, new.isoformat(), NOW + DAY)
    assert is_followed(NOW, "2026-03-02T09:30:00.000+0000", NOW + DAY)
    assert is_followed(NOW, "2026-03-02", NOW + DAY)
