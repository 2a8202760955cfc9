"""A database file that is lost while the product runs: noticed at once, and never begun anew."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from ml.scorecard.scorecard import Scorecard
from tests import factories
from webapp.services.models import registry
from webapp.tables import ModelVersion
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


def test_a_model_changed_together_with_its_digest_scores_nothing_until_another_is_promoted(
    app, client, headers, write, read, monkeypatch
):
    def damage(session):
        factories.make_version(session)
        version = registry.champion(session)
        version.scorecard = version.scorecard | {"intercept": 9.0}
        version.digest = Scorecard.from_json(version.scorecard).digest
        return version.name

    name = write(damage)
    monkeypatch.setattr(registry, "_verified", {})
    answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert answer.status_code == 503
    assert f"{name} does not match its signature" in answer.json["detail"]
    assert client.get("/readyz").status_code == 503
    doctor = app.test_cli_runner().invoke(args=["doctor"])
    assert doctor.exit_code == 1
    assert f"{name} does not match its signature" in doctor.output
    setup = app.test_cli_runner().invoke(args=["setup"])
    assert "Signed" not in setup.output
    other = app.test_cli_runner().invoke(args=["promote", "1.1"])
    assert other.exit_code == 0, other.output


@pytest.mark.parametrize("key", ["another key of 16 characters", None])
def test_versions_signed_with_another_key_or_none_are_served_once_setup_signs_them(
    app, client, headers, write, monkeypatch, key
):
    if key is None:
        write(lambda s: s.execute(sa.update(ModelVersion).values(signature=None)))
    else:
        monkeypatch.setattr(registry, "_key_of", [lambda: key])
    monkeypatch.setattr(registry, "_verified", {})
    assert client.post("/score", json={"lead_id": "L-1"}, headers=headers).status_code == 503
    step = ["setup"] if key is None else ["setup", "--accept-models"]
    output = app.test_cli_runner().invoke(args=step).output
    assert "Signed: model version 1.0" in output
    answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert answer.status_code in {200, 201}


@pytest.mark.parametrize("change", [{"intercept": 9.0}, {"terms": "none"}])
def test_a_damaged_model_scores_nothing_and_is_not_ready(
    client, headers, champion, write, monkeypatch, change
):
    def damage(session):
        version = registry.champion(session)
        version.scorecard = version.scorecard | change

    write(damage)
    monkeypatch.setattr(registry, "_verified", {})  # as in a process that starts now
    answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert answer.status_code == 503
    assert "does not match its signature" in answer.json["detail"]
    ready = client.get("/readyz")
    assert (ready.status_code, [c["ok"] for c in ready.json["checks"]]) == (
        503,
        [True, True, False],
    )
