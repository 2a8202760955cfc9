"""A database file that is lost while the product runs: noticed at once, and never begun anew."""

import shutil
from pathlib import Path

import pytest

from webapp.services.models import registry
from webapp.writer import GONE


@pytest.fixture(scope="session")
def dialect():
    """A server's database is no file of ours."""
    return "sqlite"


def delete(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def replace(path):
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def remove_the_folder(path):
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("lose", [delete, empty, replace, remove_the_folder])
def test_no_write_is_answered_once_the_database_file_is_lost(
    client, headers, champion, settings, lose
):
    assert client.post("/score", json={"lead_id": "L-1"}, headers=headers).status_code == 200
    lose(settings.database_file)
    answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (503, GONE)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["checks"][0]["sentence"]) == (503, GONE)


def test_setup_begins_no_empty_database_where_one_was_in_use(app, champion, settings, write):
    write(lambda session: None)
    path: Path = settings.database_file
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    refused = app.test_cli_runner().invoke(args=["setup"])
    assert refused.exit_code == 1
    assert "was in use. Restore it from a backup" in refused.output
    assert not path.exists()


@pytest.mark.parametrize("change", [{"intercept": 9.0}, {"terms": "none"}])
def test_a_damaged_model_scores_nothing_and_is_not_ready(
    client, headers, champion, write, monkeypatch, change
):
    def damage(session):
        version = registry.champion(session)
        version.scorecard = version.scorecard | change

    write(damage)
    monkeypatch.setattr(registry, "_by_digest", {})  # as in a process that starts now
    answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert (answer.status_code, "does not match its digest" in answer.json["detail"]) == (503, True)
    ready = client.get("/readyz")
    assert (ready.status_code, [c["ok"] for c in ready.json["checks"]]) == (
        503,
        [True, True, False],
    )
