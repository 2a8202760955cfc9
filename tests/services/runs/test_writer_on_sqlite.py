"""SQLite has one writer: what has gathered is committed together, and nobody pays for others."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from webapp import database, writer
from webapp.database import db
from webapp.tables import AuditEntry
from webapp.writer import Writer, WriterBusy, _Operation


@pytest.fixture(scope="session")
def dialect():
    """Elsewhere each operation is a transaction of its own."""
    return "sqlite"


@pytest.fixture
def path(settings):
    return settings.database_url.get_secret_value().removeprefix("sqlite:///")


@contextmanager
def locked(path):
    """Another program keeps the database locked."""
    module = database.safe_sqlite()
    other = module.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def note(session, subject):
    session.add(
        AuditEntry(at=database.utc_now(), actor="me", action="test", subject=subject, detail={})
    )


def noted(session):
    return set(session.scalars(sa.select(AuditEntry.subject).where(AuditEntry.action == "test")))


@pytest.fixture
def in_context(app):
    """Run a function in a thread as a request does, with the app's context."""

    def run(work, *arguments):
        with app.app_context():
            return work(*arguments)

    return run


@pytest.fixture
def gathered(app, write, in_context):
    """`gathered(*works)`: let all come while the writer is at work, and give what each gives."""

    def gathered(*works):
        begun, over = threading.Event(), threading.Event()

        def hold(session):
            begun.set()
            over.wait(10)

        with ThreadPoolExecutor(len(works) + 1) as pool:
            first = pool.submit(in_context, write, hold)
            begun.wait(10)
            later = [pool.submit(in_context, write, work) for work in works]
            with app.app_context():
                wait_for(lambda: app.extensions[database.WRITER]._n_waiting == len(works) + 1)
            time.sleep(2 * Writer.MAX_GATHER_SECONDS)  # they come too late for its transaction
            over.set()
            first.result(10)
            return [each.exception(10) or each.result() for each in later]

    return gathered


def wait_for(is_so):
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_has_gathered_is_committed_at_once(app, gathered, read):
    commits = []

    def committed(connection):
        commits.append(connection)

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "commit", committed)
    gathered(*(lambda s, n=n: note(s, f"n{n}") for n in range(8)))
    sa.event.remove(engine, "commit", committed)
    assert read(noted) == {f"n{n}" for n in range(8)}
    # The first and all others; a machine that is busy may need one more for what took too long.
    assert 2 <= len(commits) <= 4


def test_an_operation_that_fails_takes_none_of_its_neighbours_along(gathered, read):
    def fails(session):
        note(session, "bad")
        session.flush()
        raise LookupError("not found")

    def breaks_a_rule(session):
        note(session, "worse")
        session.flush()
        session.execute(sa.text("INSERT INTO model_aliases (name) VALUES ('champion')"))

    answers = gathered(
        lambda s: note(s, "a"), fails, lambda s: note(s, "b"), breaks_a_rule, lambda s: note(s, "c")
    )
    kinds = [type(each) for each in answers]
    assert kinds == [type(None), LookupError, type(None), sa.exc.IntegrityError, type(None)]
    assert read(noted) == {"a", "b", "c"}


def test_an_operation_sees_what_those_before_it_have_written(gathered):
    assert gathered(lambda s: note(s, "a"), noted)[1] == {"a"}


def test_where_the_commit_fails_everybody_is_told(app, gathered, read):
    def full(connection):
        if connection.get_execution_options().get("writes") and not failed:
            failed.append(True)
            return
        if failed == [True]:
            failed.append(True)
            raise sa.exc.OperationalError("COMMIT", {}, Exception("disk is full"))

    failed = []
    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "commit", full)
    answers = gathered(lambda s: note(s, "a"), lambda s: note(s, "b"))
    sa.event.remove(engine, "commit", full)
    assert [type(each) for each in answers] == [sa.exc.OperationalError] * 2
    assert read(noted) == set()


def test_a_writer_gives_up_in_time_and_leaves_nothing_behind(write, read, path, monkeypatch):
    monkeypatch.setattr(database, "JOB_SECONDS", 0.2)
    with locked(path), pytest.raises(WriterBusy):
        write(lambda s: note(s, "late"))
    monkeypatch.setattr(database, "JOB_SECONDS", 10)
    write(lambda s: note(s, "next"))
    assert read(noted) == {"next"}


def test_while_the_database_is_locked_few_wait_and_readers_are_served(
    app, write, read, path, in_context, monkeypatch
):
    monkeypatch.setattr(database, "JOB_SECONDS", 20)
    monkeypatch.setattr(Writer, "STALLED_SECONDS", 0.2)
    n_patient = app.extensions[database.WRITER]._max_patient
    with ThreadPoolExecutor(30) as pool:
        with locked(path):
            writers = [
                pool.submit(in_context, write, lambda s, n=n: note(s, f"n{n}")) for n in range(20)
            ]
            wait_for(lambda: sum(each.done() for each in writers) == 20 - n_patient)
            begun_at = time.monotonic()
            assert read(noted) == set()
            with pytest.raises(WriterBusy):
                write(lambda s: note(s, "one more"))
            assert time.monotonic() - begun_at < 1
        refused = [type(each.exception(20)) for each in writers]
    assert refused.count(WriterBusy) == 20 - n_patient
    assert len(read(noted)) == n_patient


def test_a_queue_that_is_full_takes_nobody_else(write, in_context, path, app, monkeypatch):
    monkeypatch.setattr(database, "JOB_SECONDS", 20)
    monkeypatch.setattr(Writer, "MAX_WAITING", 2)
    with ThreadPoolExecutor(2) as pool:
        with locked(path):
            waiting = [pool.submit(in_context, write, noted) for _ in range(2)]
            wait_for(lambda: app.extensions[database.WRITER]._n_waiting == 2)
            with pytest.raises(WriterBusy):
                write(noted)
        assert [each.result(20) for each in waiting] == [set(), set()]


def test_who_gave_up_does_not_end_the_writer_where_the_commit_fails(app, write, read):
    """Its neighbours are told that nothing was saved, and the next is served."""

    def gives_up(session):
        raise AssertionError("runs for nobody")

    def full(connection):
        raise sa.exc.OperationalError("COMMIT", {}, Exception("disk is full"))

    with app.app_context():
        engine = db.engine
        gone = _Operation(gives_up)
        assert gone.done.cancel()

    def first(session):
        app.extensions[database.WRITER]._queue.put(gone)
        sa.event.listen(engine, "commit", full)
        note(session, "a")

    with app.app_context(), pytest.raises(sa.exc.OperationalError):
        write(first)
    sa.event.remove(engine, "commit", full)
    write(lambda s: note(s, "b"))
    assert read(noted) == {"b"}


def test_the_thread_ends_when_idle_and_begins_again(write, read, monkeypatch, app):
    monkeypatch.setattr(Writer, "IDLE_SECONDS", 0.05)
    own = app.extensions[database.WRITER]
    write(lambda s: note(s, "a"))
    wait_for(lambda: own._thread is None)
    write(lambda s: note(s, "b"))
    assert read(noted) == {"a", "b"}


def test_an_operation_that_waits_for_another_is_refused(write):
    with pytest.raises(RuntimeError, match="cannot wait"):
        write(lambda session: write(lambda inner: None))


def test_processes_take_turns(app, path, write):
    """Without turns, a process that writes without end would let no other one in."""
    with app.app_context():
        other = Writer(db.engine, 8)
    n_before, n_by_other = [0], []

    def other_writes():
        for _ in range(5):
            n_by_other.append(n_before[0])
            other.run(lambda connection: None, 10)

    thread = threading.Thread(target=other_writes)
    thread.start()
    while thread.is_alive():
        write(lambda session: time.sleep(0.02))
        n_before[0] += 1
    thread.join()
    waited = [b - a for a, b in zip(n_by_other, [*n_by_other[1:], n_before[0]], strict=True)]
    assert max(waited) <= 3


WRITES_WITHOUT_END = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from webapp.app import create_app
from webapp.config import Settings
from webapp.database import utc_now, write
from webapp.tables import AuditEntry

app = create_app(Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2]))

def work(number):
    with app.app_context():
        for n in range(100_000):
            name = f"{number}-{n}"
            row = dict(at=utc_now(), actor="me", action="test", subject=name, detail={})
            write(lambda s: s.add(AuditEntry(**row)))
            sys.stdout.write(name + "\\n")
            sys.stdout.flush()

with ThreadPoolExecutor(8) as pool:
    list(pool.map(work, range(8)))
"""


def test_what_was_answered_survives_kill_9(app, settings, tmp_path, path, read):
    for seconds in (0.3, 0.6, 0.9):
        program = [sys.executable, "-c", WRITES_WITHOUT_END, str(tmp_path), f"sqlite:///{path}"]
        with subprocess.Popen(
            program, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
        ) as process:
            answered = [process.stdout.readline()]
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            answered += process.stdout.readlines()
        # The last line may have been cut by the end.
        names = {line.strip() for line in answered if line.endswith("\n")}
        assert names <= read(noted)
        assert len(names) > 1


def test_an_error_that_ends_the_whole_transaction_fails_all_of_it(gathered, read, monkeypatch):
    monkeypatch.setattr(writer, "is_in_transaction", lambda connection: False)

    def fails(session):
        raise LookupError("the disk is gone")

    answers = gathered(lambda s: note(s, "a"), fails)
    assert [type(each) for each in answers] == [LookupError, LookupError]
    assert read(noted) == set()
