"""What the worker deletes when its time is over: answers, waiting outcomes, invitations."""

import pytest
import sqlalchemy as sa

from sync import jobs
from tests.factories import NOW, PROGRAM, make_lead
from webapp.intake_tables import IdempotentAnswer, WaitingOutcome
from webapp.services.accounts import api_keys, invitations
from webapp.services.outcomes import waiting
from webapp.services.outcomes.waiting import WaitingEvent
from webapp.services.runs import idempotency
from webapp.tables import Lead
from webapp.tables.people import Invitation


@pytest.fixture(scope="session")
def dialect():
    """What jobs ask the services for, tests/services asks both databases for."""
    return "sqlite"


def test_answers_older_than_a_day_are_forgotten_within_an_hour(write, read, do, worker, clock):
    program = write(lambda s: api_keys.create(s, "form", ["score"], created_by="t", now=NOW))[0]
    for number in range(45):
        same = idempotency.Request(program.key, "/score/batch", str(number), "digest")
        write(lambda s, same=same: idempotency.claim(s, same, NOW))
    clock.forward(hours=24)
    do(jobs.tidy, worker)
    assert read(n_answers) == 45
    clock.forward(seconds=1)
    do(jobs.tidy, worker)
    assert read(n_answers) == 0


def n_answers(session):
    return session.scalar(sa.select(sa.func.count()).select_from(IdempotentAnswer))


def test_outcomes_whose_lead_did_not_come_are_dropped_and_missed_ones_recorded(
    write, read, do, worker, clock
):
    def keep(session):
        make_lead(session, "L-1")
        events = [WaitingEvent(i, True, PROGRAM) for i in ("L-1", "never")]
        waiting.keep(session, events, now=clock(), keep_days=30)

    write(keep)
    do(jobs.record_stragglers, worker)
    assert read(lambda s: s.scalar(sa.select(Lead.outcome))) is True
    do(jobs.tidy, worker)
    assert read(lambda s: waiting.count(s, clock())).n == 1
    clock.forward(days=30)
    do(jobs.tidy, worker)
    assert read(lambda s: s.scalar(sa.select(sa.func.count(WaitingOutcome.key)))) == 0


def test_the_address_of_somebody_who_never_came_is_forgotten_a_month_after_the_link(
    write, read, do, worker, clock
):
    write(lambda s: invitations.invite(s, "a@b.c", "rep", actor="ada", now=NOW))
    is_kept = sa.select(sa.func.count(Invitation.key))
    clock.forward(days=37)
    do(jobs.tidy, worker)
    assert read(lambda s: s.scalar(is_kept)) == 1
    clock.forward(seconds=1)
    do(jobs.tidy, worker)
    assert read(lambda s: s.scalar(is_kept)) == 0
