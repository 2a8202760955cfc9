"""The worker process as a supervisor sees it."""

import signal

import pytest

from tests.sync.labelled import label
from tests.sync.processes import wait_until
from webapp.services.runs import runs


@pytest.fixture(scope="session")
def dialect():
    """tests/walks starts workers on PostgreSQL."""
    return "sqlite"


def end(process, with_signal=signal.SIGTERM):
    process.send_signal(with_signal)
    _, log = process.communicate(timeout=60)
    return process.returncode, log


@pytest.fixture
def latest(read):
    """The newest trainings; the monitors may be checked meanwhile."""
    return lambda: read(lambda s: [(r.kind, r.state, r.stage) for r in runs.latest(s, "training")])


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_ends_cleanly_when_told_to(with_signal, champion, start):
    process = start("sync")
    line = process.stderr.readline()
    assert "worker started" in line
    code, log = end(process, with_signal)
    assert code == 0
    assert "worker ended" in log
    assert "error" not in log


def test_a_training_is_handed_back_when_the_worker_ends(write, start, latest):
    write(lambda s: label(s, 20, 20))
    process = start("sync")
    wait_until(lambda: [run[:2] for run in latest()] == [("training", "running")])
    code, log = end(process)
    assert (code, latest()) == (0, [("training", "requested", "Waiting for the worker")]), log


def test_before_set_up_the_worker_says_what_to_do(start):
    process = start("sync")
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Run `flask --app wsgi setup`" in log
