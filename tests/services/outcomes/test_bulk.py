"""Outcomes of many leads at once: one action, taken back as one."""

from datetime import timedelta

import pytest

from tests.factories import NOW, PROGRAM, make_lead, make_outcome
from webapp.services.leads import leads
from webapp.services.outcomes import bulk

RITA, BO = "rita@example.com", "bo@example.com"


@pytest.fixture
def keys(write, champion):
    """Three open leads."""
    return write(lambda s: [make_lead(s, f"L-{n}").key for n in range(3)])


def lose(write, keys, reason="No budget", now=NOW, seen="open"):
    states = dict.fromkeys(keys, seen)
    return write(lambda s: bulk.record(s, states, False, reason=reason, by=RITA, now=now))


def statuses(read, keys):
    return read(lambda s: [leads.by_key(s, key).status for key in keys])


def test_many_leads_are_lost_at_once_and_come_back_at_once(keys, read, write):
    done = lose(write, keys)
    assert statuses(read, keys) == ["lost"] * 3
    events = read(lambda s: leads.outcome_history(s, leads.by_key(s, keys[0])))
    assert [(event.reason, event.actor) for event in events] == [("No budget", RITA)]
    tomorrow = NOW + timedelta(days=1)
    back = write(lambda s: bulk.undo(s, done.action, by=RITA, now=tomorrow))
    assert {lead.key for lead in back} == set(keys)
    assert statuses(read, keys) == ["open"] * 3
    assert write(lambda s: bulk.undo(s, done.action, by=RITA, now=tomorrow)) == []


def test_only_who_did_it_takes_it_back(keys, read, write):
    done = lose(write, keys)
    assert write(lambda s: bulk.undo(s, done.action, by=BO, now=NOW)) == []
    assert statuses(read, keys) == ["lost"] * 3


def test_a_lead_that_somebody_changed_meanwhile_is_named_and_left_alone(keys, read, write):
    write(lambda s: make_outcome(s, "L-1", True, attribution=PROGRAM))
    done = lose(write, keys, now=NOW + timedelta(minutes=1))
    assert [lead.lead_id for lead, _ in done.stale] == ["L-1"]
    assert done.stale[0][1].by.actor == PROGRAM.actor
    assert statuses(read, keys) == ["lost", "converted", "lost"]


def test_undo_keeps_what_was_said_since(keys, read, write):
    done = lose(write, keys)
    later = NOW + timedelta(minutes=5)
    write(lambda s: make_outcome(s, "L-2", True, attribution=PROGRAM, now=later))
    write(lambda s: bulk.undo(s, done.action, by=RITA, now=later))
    assert statuses(read, keys) == ["open", "open", "converted"]


def test_recent_actions_are_the_persons_own_the_newest_first(keys, read, write):
    first = lose(write, keys[:2], now=NOW - timedelta(days=2))
    second = lose(write, keys[2:], reason=None)
    write(lambda s: bulk.undo(s, first.action, by=RITA, now=NOW))
    shown = read(lambda s: bulk.recent(s, RITA, NOW))
    assert [(a.key, a.n_leads, a.n_standing) for a in shown] == [
        (second.action, 1, 1),
        (first.action, 2, 0),
    ]
    assert read(lambda s: bulk.recent(s, BO, NOW)) == []
    assert len(read(lambda s: bulk.recent(s, RITA, NOW + timedelta(days=29)))) == 1
