"""A first `make run` in a fresh clone, interrupted: the next one works. `make test-interrupts`."""

import os
import signal
import subprocess
import time

import psutil
import pytest
import requests

from tests.architecture.source import ROOT

START_SECONDS = 600


@pytest.fixture
def clone(tmp_path):
    """What git would give a newcomer, with the changes at hand."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT)
    folder = tmp_path / "clone"
    folder.mkdir()
    subprocess.run(["tar", "-cf", tmp_path / "t", "-T", "-"], cwd=ROOT, input=names, check=True)
    subprocess.run(["tar", "-xf", tmp_path / "t"], cwd=folder, check=True)
    return folder


def make_run(clone, port, log):
    """Start it as a shell would, without the settings and the Python of this one."""
    kept = {
        n: v for n, v in os.environ.items() if not n.startswith(("LEADLOOP_", "MAKE", "MFLAGS"))
    }
    return subprocess.Popen(
        ["make", "run"],
        cwd=clone,
        env={**kept, "LEADLOOP_PORT": str(port), "LEADLOOP_DATA_DIR": str(clone / "its data")},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def interrupt(running, how):
    """Ctrl-C reaches the group of the terminal; kill -9 here takes every process below make."""
    if how == signal.SIGINT:
        os.killpg(running.pid, how)
    else:
        make = psutil.Process(running.pid)
        for process in [make, *make.children(recursive=True)]:
            process.kill()
    running.wait(60)


def answers(port):
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("seconds", [2, 5, 9, 15, 25])
def test_after_an_interrupted_first_start_the_next_one_works(
    seconds, how, clone, free_port, tmp_path
):
    log = tmp_path / "log"
    with log.open("wb") as stream:
        first = make_run(clone, free_port, stream)
        time.sleep(seconds)
        interrupt(first, how)
        assert b"Traceback" not in log.read_bytes()
        second = make_run(clone, free_port, stream)
        deadline = time.monotonic() + START_SECONDS
        while not (is_up := answers(free_port)) and time.monotonic() < deadline:
            assert second.poll() is None, log.read_text()
            time.sleep(0.2)
        interrupt(second, signal.SIGINT)
    assert is_up
    assert b"Traceback" not in log.read_bytes()
