"""Leadloop on the made-up org: connected and mapped as the pages would do it, in its own folder."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import pytest
import requests

from demo.salesforce import try_out
from demo.salesforce.company import declare_fields
from demo.salesforce.http.describe import describe_field
from ml.fields import fields_file
from tests.sync.processes import wait_until
from webapp.config import PREFIX, ROOT
from webapp.services.crm import connections, field_sources, saved_mapping


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    return request.param


@pytest.fixture
def connected(fake, app, settings, monkeypatch):
    environment = try_out.environment(fake, settings.data_dir) | {
        "LEADLOOP_DATABASE_URL": settings.database_url.get_secret_value(),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try_out.connect()


def test_the_connection_is_that_of_the_org(connected, fake, settings, read):
    connection = read(connections.get)
    assert connection.domain == fake.url.removeprefix("http://")
    assert connections.rules(connection).disqualified == ("Closed - Not Converted",)


def test_every_field_is_mapped_to_one_that_can_fill_it(connected, fake, read):
    declare_fields(fake)
    known = fields_file.load("fields.toml")
    saved = read(lambda session: saved_mapping.sources(session, known))
    described = [describe_field(each) for each in fake.org.objects["lead"].visible]
    assert {source.field for source in saved} == set(known.names)
    assert field_sources.problems(saved, known, described) == {}


def test_what_the_last_demo_left_is_deleted(tmp_path):
    folder = tmp_path / try_out.FOLDER
    folder.mkdir()
    for _ in range(2):
        try_out.check_ours(folder)
        try_out.empty(folder)
        assert [each.name for each in folder.iterdir()] == [try_out.MARK]
        (folder / "leadloop.sqlite3").write_text("old")


def test_a_folder_that_no_demo_has_made_is_left_alone(tmp_path, monkeypatch):
    kept = tmp_path / try_out.FOLDER / "leadloop.sqlite3"
    kept.parent.mkdir()
    kept.write_text("ours")
    monkeypatch.setenv("LEADLOOP_DATA_DIR", str(tmp_path))
    with pytest.raises(try_out.NotOurFolder, match="left alone"):
        try_out.main()
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]


@pytest.fixture
def start_demo(tmp_path):
    """`start_demo(name)` runs a demo with a folder and a port of its own; the answer is its URL."""
    started = []

    def start_demo(name):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        chosen = {"DATA_DIR": str(tmp_path / name), "PORT": str(port), "WORKER_POLL_SECONDS": "0.5"}
        others = {n: value for n, value in os.environ.items() if not n.startswith(PREFIX)}
        command = (
            "import sys; from demo.salesforce import try_out; sys.exit(try_out.main(leads=60))"
        )
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", command],
                cwd=ROOT,
                env=others | {PREFIX + n: value for n, value in chosen.items()},
                start_new_session=True,
            )
        )
        return f"http://127.0.0.1:{port}"

    yield start_demo
    for process in started:
        process.send_signal(signal.SIGTERM)
    try:
        assert [process.wait(60) for process in started] == [0] * len(started)
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def has_read_leads(url):
    """Whether people can sign in there, and a sync has ended."""
    try:
        sign_in, metrics = (requests.get(url + p, timeout=10) for p in ("/sign-in", "/metrics"))
    except requests.RequestException:
        return False
    return sign_in.ok and "leadloop_sync_lag_seconds" in metrics.text


def test_two_demos_run_side_by_side(start_demo, tmp_path):
    urls = [start_demo("one"), start_demo("two")]
    wait_until(lambda: all(has_read_leads(url) for url in urls), seconds=240, every_seconds=0.3)
    for name in ("one", "two"):
        assert (tmp_path / name / try_out.FOLDER / "leadloop.sqlite3").exists()
