"""A worker is there while it says so."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from sync import jobs
from tests.factories import NOW
from tests.sync.conftest import clock, do, make_worker, worker  # noqa: F401 - fixtures
from webapp.services.runs import workers
from webapp.tables.workers import WorkerProcess


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def dialect(request):
    return request.param


def seen(session):
    return session.execute(sa.select(WorkerProcess.name, WorkerProcess.seen_at)).all()


def test_a_worker_says_that_it_is_there_and_an_old_one_is_forgotten(
    worker,  # noqa: F811
    clock,  # noqa: F811
    do,  # noqa: F811
    write,
    read,
):
    write(lambda s: workers.report(s, "gone", NOW - timedelta(days=8)))
    do(jobs.report, worker)
    clock.forward(seconds=30)
    do(jobs.report, worker)
    do(jobs.tidy, worker)
    assert read(seen) == [("worker-1", NOW + timedelta(seconds=30))]
    assert read(workers.last_seen) == NOW + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("seen_at", "is_gone"),
    [
        (None, True),
        (NOW, False),
        (NOW - timedelta(minutes=3), False),
        (NOW - timedelta(minutes=3, seconds=1), True),
    ],
)
def test_it_is_gone_after_three_minutes_of_silence(seen_at, is_gone):
    assert workers.is_gone(seen_at, NOW) is is_gone
