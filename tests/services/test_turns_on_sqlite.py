"""SQLite has one writer: who writes for long lets other processes have their turn."""

import threading
import time

import pytest
import sqlalchemy as sa

from webapp import database
from webapp.database import Turn


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
    monkeypatch.setattr(Turn, "LONGEST_SECONDS", 0.3)
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
    while not over.is_set() and n_steps < 10:
        write(step)
        n_steps += 1
    thread.join()
    assert n_steps <= 3


def test_short_writes_one_after_another_do_not_pause(app, write, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    for _ in range(20):
        write(lambda s: s.execute(sa.text("SELECT 1")))
    assert sum(pauses) == 0
