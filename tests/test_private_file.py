"""The database file is for its owner alone, new or old."""

import sqlite3

from webapp.private_file import keep_database_private


def modes(folder):
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_a_new_database_and_what_sqlite_puts_beside_it_are_private(tmp_path):
    path = tmp_path / "leadloop.sqlite3"
    keep_database_private(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE lead (name)")
    found = modes(tmp_path)
    connection.close()
    assert found == dict.fromkeys((path.name, f"{path.name}-wal", f"{path.name}-shm"), 0o600)


def test_an_old_database_is_tightened(tmp_path):
    path = tmp_path / "leadloop.sqlite3"
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    keep_database_private(path)
    assert set(modes(tmp_path).values()) == {0o600}


def test_a_folder_that_is_not_there_is_left_to_sqlite_to_complain_of(tmp_path):
    keep_database_private(tmp_path / "absent" / "leadloop.sqlite3")
    assert not (tmp_path / "absent").exists()
