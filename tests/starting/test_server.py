"""Starting the web server: its address is free, SQLite has one, the data folder can be written."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from tests.sync.processes import environment, is_running, wait_until
from webapp.config import ROOT, Settings
from webapp.server import obstacle

FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")
# Root may write everywhere, unless it gives up that right.
UNPRIVILEGED = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--inh-caps=-all"]
    if os.getuid() == 0
    else []
)


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    return request.param


@pytest.fixture
def settings(tmp_path, free_port):
    return Settings(data_dir=tmp_path / "data", port=free_port, demo=False)


def flask(settings, *arguments, prefix=()):
    return subprocess.run(
        [*prefix, *FLASK, *arguments],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def first_setup(tmp_path_factory):
    """Settings, and what `setup` says while another process listens on the port."""
    folder = tmp_path_factory.mktemp("set_up") / "data"
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(data_dir=folder, port=other.getsockname()[1], demo=False)
        return settings, flask(settings, "setup")


@pytest.fixture
def set_up(first_setup, settings):
    shutil.copytree(first_setup[0].data_dir, settings.data_dir)


@pytest.fixture
def serving(set_up, settings):
    """A web process on this data folder and port."""
    process = subprocess.Popen(
        [*FLASK, "serve"], cwd=ROOT, env=environment(settings), stderr=subprocess.DEVNULL
    )
    wait_until(lambda: can_connect(settings.port) or not is_running(process.pid), seconds=300)
    yield process
    process.kill()
    process.wait()


def can_connect(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_taken_port_is_told_before_anything_is_printed_or_made(settings):
    with socket.create_server(("127.0.0.1", settings.port)):
        ended = flask(settings, "setup", "--before-serve")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"Error: Cannot listen on 127.0.0.1:{settings.port} (Address already in use)."
        " Set LEADLOOP_HOST or LEADLOOP_PORT to an address that is free.\n"
    )
    assert not (settings.data_dir / "first-access.txt").exists()


def test_setup_never_shows_the_address_of_another_process(first_setup):
    settings, ended = first_setup
    assert ended.returncode == 0
    assert "Sign in:" in ended.stdout
    assert str(settings.port) not in ended.stdout


def test_a_host_that_is_not_here_is_told(settings):
    settings.data_dir.mkdir()
    for host in ("192.0.2.1", "no.such.invalid"):
        reason = obstacle(settings.model_copy(update={"host": host}))
        assert str(reason).startswith(f"Cannot listen on {host}:")


def test_one_web_process_serves_a_sqlite_database_a_second_says_so_and_killed_it_leaves_no_lock(
    serving, settings, tmp_path_factory
):
    with socket.create_server(("127.0.0.1", 0)) as free:
        elsewhere = settings.model_copy(update={"port": free.getsockname()[1]})
    for command in (["serve"], ["setup", "--before-serve"]):
        ended = flask(elsewhere, *command)
        assert ended.returncode == 1
        assert f"Process {serving.pid}, {settings.address}, already serves" in ended.stderr
        assert "Traceback" not in ended.stderr
    other = tmp_path_factory.mktemp("other")
    assert obstacle(elsewhere.model_copy(update={"data_dir": other})) is None
    assert flask(settings, "setup").returncode == 0
    serving.kill()
    serving.wait()
    assert obstacle(settings) is None


def test_postgresql_takes_any_number_of_web_processes(settings):
    shared = settings.model_copy(
        update={"database_url": Settings(database_url="postgresql://u@h/d").database_url}
    )
    assert obstacle(shared) is None
    assert not settings.data_dir.exists()


@pytest.mark.parametrize(
    ("command", "place"),
    [(["setup", "--before-serve"], "below a file"), (["serve"], "without the right to write")],
)
def test_a_data_folder_that_cannot_be_made_ends_in_one_sentence(command, place, settings, tmp_path):
    (tmp_path / "below a file").touch()
    (tmp_path / "without the right to write").mkdir(mode=0o555)
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / place / "data"})
    assert_one_sentence(flask(elsewhere, *command, prefix=UNPRIVILEGED))


@pytest.mark.parametrize("command", [["setup", "--before-serve"], ["serve"]])
def test_a_database_that_cannot_be_written_ends_in_one_sentence(command, set_up, settings):
    settings.data_dir.chmod(0o555)
    assert_one_sentence(flask(settings, *command, prefix=UNPRIVILEGED))


def assert_one_sentence(ended):
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert "cannot be used (" in ended.stderr
    assert "set LEADLOOP_DATA_DIR to another folder" in ended.stderr
