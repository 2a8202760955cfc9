"""SQLite has one writer: who writes for long lets other processes have their turn."""

import threading
import time

import pytest
import sqlalchemy as sa

from webapp import database
from webapp.database import WriteLock


@pytest.fixture(scope="session")
def dialect():
    """Elsewhere writers wait for rows, not for the whole database."""
    return "sqlite"


@pytest.fixture
def another_process(settings):
    """A connection of its own: as another process's it knows nothing of our turns."""
    module = database.safe_sqlite()
    path = settings.database_url.get_secret_value().removeprefix("sqlite:///")
    connection = module.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


def test_between_two_long_steps_another_process_writes(app, write, another_process, monkeypatch):
    monkeypatch.setattr(WriteLock, "MAX_SECONDS", 0.3)
    begun, over = threading.Event(), threading.Event()

    def write_elsewhere():
        begun.wait()
        another_process.execute("BEGIN IMMEDIATE")
        over.set()
        another_process.execute("ROLLBACK")

    def step(session):
        session.execute(sa.text("SELECT 1"))
        begun.set()
        time.sleep(0.2)

    thread = threading.Thread(target=write_elsewhere)
    thread.start()
    n_steps = 0
    while not over.is_set() and n_steps < 20:
        write(step)
        n_steps += 1
    was_over = over.is_set()
    thread.join()
    # Every second step is followed by a pause: a loaded machine may sleep through a few.
    assert was_over, "it wrote only when all steps were done"


class Clock:
    """Stands still until it is moved, and keeps what was slept."""

    def __init__(self):
        self.now, self.pauses = 100.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.pauses.append(seconds)

    def pass_in(self, turn, *, waited=0.0, written):
        """One turn: for so long another process was waited for, then written."""
        with turn.taken():
            self.now += waited
            turn.begin()
            self.now += written


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(database, "time", clock)
    return clock


def test_long_writes_owe_others_a_pause(clock):
    turn = WriteLock()
    for _ in range(2):
        clock.pass_in(turn, written=0.6)
    assert clock.pauses == []
    clock.pass_in(turn, written=0.6)
    assert clock.pauses == pytest.approx([WriteLock.PAUSE_SECONDS])


def test_short_writes_one_after_another_owe_none(clock):
    turn = WriteLock()
    for _ in range(100):
        clock.pass_in(turn, written=0.05)
    assert clock.pauses == []


def test_to_have_waited_for_another_process_is_not_to_have_written(clock):
    turn = WriteLock()
    for _ in range(3):
        clock.pass_in(turn, waited=0.6, written=0.01)
    assert clock.pauses == []


def test_a_process_that_was_idle_has_made_its_pause(clock):
    turn = WriteLock()
    clock.pass_in(turn, written=2.0)
    clock.now += WriteLock.PAUSE_SECONDS
    clock.pass_in(turn, written=0.01)
    assert clock.pauses == []
