"""What `make run` starts ends with it, however it is stopped."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from supervisor import STAND_IN
from tests.architecture.source import ROOT


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_stopping_the_supervisor_stops_all(how, tmp_path):
    with supervised(tmp_path, "echo; exec sleep 600", "echo; exec sleep 600") as supervisor:
        children = started(supervisor, 2)
        supervisor.send_signal(how)
    assert supervisor.returncode == 0
    assert not any(child.is_running() for child in children)


def test_the_end_of_one_stops_the_others(tmp_path):
    with supervised(tmp_path, "echo; exec sleep 600", "echo; read line; exit 3") as supervisor:
        children = started(supervisor, 2)
        supervisor.stdin.close()
        complaint = supervisor.stderr.read()
    assert "worker ended with code 3" in complaint
    assert supervisor.returncode == 1
    assert not any(child.is_running() for child in children)


def test_a_process_that_will_not_stop_is_killed(tmp_path):
    with supervised(tmp_path, "trap : TERM; echo; while :; do sleep 1; done") as supervisor:
        children = started(supervisor, 1)
        supervisor.terminate()
    assert not any(child.is_running() for child in children)


def test_what_a_killed_process_leaves_behind_is_stopped_too(tmp_path):
    with supervised(tmp_path, "sleep 600 & echo; wait") as supervisor:
        (child,) = started(supervisor, 1)
        (grandchild,) = child.children()
        child.kill()
    wait_until_ended(grandchild)


def test_when_the_supervisor_is_killed_all_are_stopped(tmp_path):
    with supervised(tmp_path, "echo; exec sleep 600", "echo; exec sleep 600") as supervisor:
        children = started(supervisor, 2)
        supervisor.kill()
        for child in children:
            wait_until_ended(child)


def test_what_is_run_first_has_ended_before_the_others_start(tmp_path):
    first = ["sh", "-c", "sleep 0.5; echo set up"]
    with supervised(tmp_path, "echo running; exec sleep 600", first=first) as supervisor:
        assert [supervisor.stdout.readline() for _ in "12"] == ["set up\n", "running\n"]
        supervisor.terminate()
    assert supervisor.returncode == 0


def test_when_what_is_run_first_fails_the_others_do_not_start(tmp_path):
    with supervised(tmp_path, "echo running", first=["sh", "-c", "exit 3"]) as supervisor:
        assert supervisor.stdout.read() == ""
    assert supervisor.returncode == 1


def test_a_stop_reaches_what_is_run_first(tmp_path):
    first = ["sh", "-c", "echo; exec sleep 600"]
    with supervised(tmp_path, "echo running", first=first) as supervisor:
        (setup,) = started(supervisor, 1)
        supervisor.send_signal(signal.SIGINT)
        assert (supervisor.stdout.read(), supervisor.stderr.read()) == ("", "")
    assert supervisor.returncode == 0
    assert not setup.is_running()


def supervised(folder, *scripts, first=()):
    lines = [f"{n}: sh -c '{s}'\n" for n, s in zip(["web", "worker"], scripts, strict=False)]
    (folder / "Procfile").write_text("".join(lines))
    return subprocess.Popen(
        [sys.executable, str(ROOT / "supervisor.py"), *first],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def started(supervisor, n):
    """Wait until each process has said something."""
    for _ in range(n):
        supervisor.stdout.readline()
    children = psutil.Process(supervisor.pid).children()
    return [child for child in children if STAND_IN not in child.cmdline()]


def wait_until_ended(process):
    """An orphan has ended even where nobody has collected it yet."""
    for _ in range(100):
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail(f"{process} is still running")
