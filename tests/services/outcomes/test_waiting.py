"""Outcomes that come before their lead: kept, withdrawn, recorded, expired."""

from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, PROGRAM, make_champion, make_lead
from webapp.services.leads import leads, records, scoring
from webapp.services.models import registry
from webapp.services.outcomes import outcomes, waiting
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.outcomes.waiting import WaitingEvent
from webapp.tables import NEVER_WORKED

DAY = timedelta(days=1)
FILE = Attribution("csv", "ada@example.com", idempotency_key="a file:1")


@pytest.fixture
def keep(write):
    def keep(lead_id, converted=True, attribution=PROGRAM, *, now=NOW, happened_at=None):
        event = WaitingEvent(lead_id, converted, attribution, happened_at)
        return write(lambda s: waiting.keep(s, [event], now=now, keep_days=30))[0]

    return keep


@pytest.fixture
def withdraw(write):
    return lambda lead_id, attribution=PROGRAM, now=NOW: write(
        lambda s: waiting.withdraw(s, lead_id, attribution, now=now)
    )


def told(read, lead_id):
    """The lead's outcome with its time, and its history as it was recorded."""

    def find(session):
        lead = leads.find(session, lead_id)
        rows = sorted(leads.outcome_history(session, lead), key=lambda row: row.key)
        history = [(row.result, row.source, row.happened_at, row.recorded_at) for row in rows]
        return outcomes.counting(lead), lead.outcome_at, history

    return read(find)


def n_waiting(read, now=NOW):
    return read(lambda s: waiting.count(s, now)).n


def test_what_waited_is_recorded_as_of_its_own_times_when_the_lead_comes(keep, write, read):
    keep("L-1", happened_at=NOW - 3 * DAY)
    keep("L-2", converted=False, attribution=FILE)
    assert n_waiting(read) == 2
    for lead_id in ("L-1", "L-2"):
        write(lambda s, i=lead_id: make_lead(s, i, now=NOW + DAY))
    at = NOW - 3 * DAY
    assert told(read, "L-1") == (True, at, [("converted", "api", at, NOW)])
    assert told(read, "L-2") == (False, NOW, [("lost", "csv", NOW, NOW)])
    assert n_waiting(read) == 0


def test_the_result_is_as_if_the_lead_had_been_known(keep, withdraw, write, read):
    write(lambda s: make_lead(s, "known", now=NOW - DAY))

    def say(converted, attribution, now, happened_at=None):
        def work(session):
            lead = leads.find(session, "known", lock=True)
            outcomes.record(session, lead, converted, attribution, now=now, happened_at=happened_at)

        write(work)

    for minutes, (converted, attribution, at) in enumerate(
        [
            (True, PROGRAM, None),
            (True, PROGRAM, None),
            (False, FILE, NOW - DAY),
            (False, FILE, NOW - 2 * DAY),
            (None, PROGRAM, None),
            (NEVER_WORKED, Attribution("csv", "ada@example.com"), NOW - 3 * DAY),
        ]
    ):
        now = NOW + timedelta(minutes=minutes)
        say(converted, attribution, now, at)
        if converted is None:
            withdraw("late", attribution, now)
        else:
            keep("late", converted, attribution, now=now, happened_at=at)
    write(lambda s: make_lead(s, "late", now=NOW + DAY))
    assert told(read, "late") == told(read, "known")
    assert len(told(read, "late")[2]) == 4


def test_the_score_table_shows_the_outcome_at_once(keep, write, read):
    keep("L-1")
    write(lambda s: make_lead(s, "L-1", now=NOW + DAY))
    status = read(lambda s: leads.facets(leads.find(s, "L-1"))["status"])
    assert status == "converted"


def test_an_outcome_in_the_record_itself_comes_after_what_waited(keep, write, read):
    keep("L-1", converted=True)
    write(lambda s: make_lead(s, "L-1", now=NOW + DAY, actual_outcome=False))
    outcome, _, history = told(read, "L-1")
    assert (outcome, [row[0] for row in history]) == (False, ["converted", "lost"])


def test_a_lead_that_comes_with_others_brings_only_its_own(keep, write, read):
    keep("L-1")
    keep("elsewhere")

    def take_in(session):
        make_champion(session)
        versions = registry.in_use(session)
        inputs = [
            scoring.ScoringInput(records.clean(FIELDS, {"lead_id": i}), NOW, False)
            for i in ("L-1", "L-2")
        ]
        scoring.score_many(session, versions, inputs, source="csv", now=NOW)

    write(take_in)
    assert [told(read, i)[0] for i in ("L-1", "L-2")] == [True, None]
    assert n_waiting(read) == 1


@pytest.mark.parametrize("happened_at", [None, NOW - DAY])
def test_the_same_reported_again_adds_nothing_but_waits_anew(keep, read, happened_at):
    assert keep("L-1", happened_at=happened_at) is True
    assert keep("L-1", happened_at=happened_at, now=NOW + 29 * DAY) is False
    assert n_waiting(read, NOW + 31 * DAY) == 1


def test_an_idempotency_key_counts_once(keep):
    assert keep("L-1", attribution=FILE) is True
    assert keep("L-1", False, attribution=FILE, happened_at=NOW - DAY) is False


def test_one_that_was_withdrawn_counts_no_more_and_its_history_stays(keep, withdraw, write, read):
    keep("L-1")
    assert withdraw("L-1", Attribution("rep", "rita")) is False
    assert withdraw("L-1", Attribution("api", "key:another")) is False
    assert withdraw("L-1", now=NOW + DAY) is True
    assert n_waiting(read) == 0
    assert withdraw("L-1", now=NOW + 2 * DAY) is True
    write(lambda s: make_lead(s, "L-1", now=NOW + 3 * DAY))
    outcome, _, history = told(read, "L-1")
    assert (outcome, [(row[0], row[3]) for row in history]) == (
        None,
        [("converted", NOW), ("withdrawn", NOW + DAY)],
    )


def test_after_30_days_it_is_dropped(keep, write, read):
    keep("L-1")
    keep("L-2", now=NOW + DAY)
    assert n_waiting(read, NOW + 30 * DAY) == 1
    assert write(lambda s: waiting.forget_expired(s, NOW + 30 * DAY)) == 1
    assert write(lambda s: waiting.forget_expired(s, NOW + 30 * DAY)) == 0
    write(lambda s: make_lead(s, "L-1", now=NOW + 30 * DAY))
    assert told(read, "L-1") == (None, None, [])


def test_one_that_missed_its_lead_is_recorded_later(keep, write, read):
    write(lambda s: make_lead(s, "L-1", now=NOW - DAY))
    keep("L-1")
    keep("elsewhere")
    assert read(lambda s: waiting.stragglers(s, 10)) == ["L-1"]
    write(lambda s: waiting.record(s, leads.resolve_many(s, ["L-1"]), NOW + DAY))
    assert told(read, "L-1") == (True, NOW, [("converted", "api", NOW, NOW)])
    assert n_waiting(read) == 1
