"""Backups while others write, and what a restore puts in place."""

import stat
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests import factories
from webapp.app import create_app
from webapp.database import read as read_in_app
from webapp.database import utc_now
from webapp.services.runs import workers
from webapp.tables import AuditEntry, Lead


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    """PostgreSQL has tools of its own, which the commands name."""
    return request.param


def run(app, *args):
    result = app.test_cli_runner().invoke(args=list(args))
    assert result.exit_code == 0, result.output
    return result.output


def count(read):
    return read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead)))


def test_a_backup_of_a_store_in_use_is_whole_private_and_goes_elsewhere(
    app, write, read, settings, tmp_path
):
    write(lambda s: factories.make_leads(s, [{"lead_id": f"L-{n}"} for n in range(50)]))
    (settings.data_dir / "crm_key").write_text("k" * 32)
    stop, made = threading.Event(), []

    def keep_writing():
        while not stop.is_set():
            made.append(write(factories.make_lead))

    threads = [threading.Thread(target=keep_writing) for _ in range(4)]
    for thread in threads:
        thread.start()
    file = tmp_path / "copy.tar"
    try:
        output = run(app, "backup", str(file))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert "read back and whole" in output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.tar"]
    elsewhere = settings.model_copy(
        update={"data_dir": tmp_path / "elsewhere", "database_url": None}
    )
    other = create_app(elsewhere)
    run(other, "restore", str(file))
    with other.app_context():
        n_restored = count(read_in_app)
    assert 50 <= n_restored <= 50 + len(made)
    for name in ("leadloop.sqlite3", "crm_key"):
        assert stat.S_IMODE((elsewhere.data_dir / name).stat().st_mode) == 0o600
    assert (elsewhere.data_dir / "crm_key").read_text() == "k" * 32


def test_a_restore_keeps_the_store_of_before(app, write, read, settings, tmp_path):
    write(lambda s: factories.make_lead(s, "L-1"))
    file = tmp_path / "copy.tar"
    run(app, "backup", str(file))
    write(lambda s: factories.make_lead(s, "L-2"))
    assert "whole" in run(app, "restore", str(file), "--dry-run")
    assert count(read) == 2
    output = run(app, "restore", str(file))
    assert count(read) == 1
    assert str(settings.database_file.with_name("leadloop.sqlite3.before-1")) in output


@pytest.mark.parametrize("cut", [100, 5000, 100_000])
def test_a_damaged_copy_changes_nothing(cut, app, write, read, tmp_path):
    write(lambda s: factories.make_lead(s, "L-1"))
    file = tmp_path / "copy.tar"
    run(app, "backup", str(file))
    file.write_bytes(file.read_bytes()[:cut])
    result = app.test_cli_runner().invoke(args=["restore", str(file)])
    assert (result.exit_code, count(read)) == (1, 1)


def test_a_restore_is_refused_while_a_worker_is_at_work(app, write, read, tmp_path):
    write(lambda s: factories.make_lead(s, "L-1"))
    file = tmp_path / "copy.tar"
    run(app, "backup", str(file))
    write(lambda s: factories.make_lead(s, "L-2"))
    write(lambda s: workers.report(s, "host:1", utc_now()))
    result = app.test_cli_runner().invoke(args=["restore", str(file)])
    assert (result.exit_code, count(read)) == (1, 2)
    assert "A worker was at work on this store at" in result.output
    run(app, "restore", str(file), "--worker-stopped")
    assert count(read) == 1


def test_a_worker_that_ended_some_minutes_ago_hinders_no_restore(app, write, tmp_path):
    file = tmp_path / "copy.tar"
    run(app, "backup", str(file))
    write(lambda s: workers.report(s, "host:1", utc_now() - timedelta(minutes=4)))
    assert "Restored" in run(app, "restore", str(file))


def test_a_store_that_is_no_database_any_more_can_be_replaced(app, settings, tmp_path):
    file = tmp_path / "copy.tar"
    run(app, "backup", str(file))
    broken = settings.model_copy(update={"data_dir": tmp_path / "broken", "database_url": None})
    broken.data_dir.mkdir()
    (broken.data_dir / "leadloop.sqlite3").write_bytes(b"no database" * 1000)
    assert "Restored" in run(create_app(broken), "restore", str(file))
    kept = broken.data_dir / "leadloop.sqlite3.before-1"
    assert kept.read_bytes().startswith(b"no database")


def test_doctor_says_how_old_the_last_backup_is(app, write, tmp_path):
    def doctor():
        return app.test_cli_runner().invoke(args=["doctor"]).output

    write(factories.make_champion)
    assert "note  backup: none is known of: run `flask --app wsgi backup`" in doctor()
    run(app, "backup", str(tmp_path / "copy.tar"))
    assert "ok    backup: the last one is 0 days old" in doctor()
    then = utc_now() - timedelta(days=8)
    before = {"at": then, "actor": "cli", "action": "made a backup", "subject": "x", "detail": {}}
    write(lambda s: s.add(AuditEntry(**before)))
    assert "ok    backup: the last one is 0 days old" in doctor()
