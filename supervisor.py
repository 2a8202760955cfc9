"""Run the processes of the Procfile together: what `make run` runs.

`supervisor.py [COMMAND ...]` first runs that command to its end, and goes on if it succeeds.

When one of them ends, or somebody stops this one (also by closing the terminal), all are stopped:
asked first, killed after some seconds. If this one is killed, a shell stops them in its place.
Their output goes straight to where ours goes.
"""

import signal

# A Ctrl-C before there are processes to stop ends this one without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import os
import shlex
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 5
# Its input is a pipe from this process, which ends with it, however that comes.
STAND_IN = f"trap '' TERM; read _; kill -s TERM 0; sleep {GRACE_SECONDS}; kill -s KILL 0"


def main(first: list[str]) -> int:
    """Run `first`, then the Procfile; 0 if all went well or somebody asked to stop."""
    signals = signal_pipe()
    if first:
        ended = run({"setup": first}, signals)
        if ended != {"setup": 0}:
            return 1 if ended else 0
    ended = run(procfile(), signals)
    for name, code in ended.items():
        sys.stderr.write(f"{name} ended with code {code}, so all stopped\n")
    return 1 if ended else 0


def signal_pipe() -> int:
    """A pipe with the number of each signal: it is read when we are ready for it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    # Else a terminal set to `tostop` would stop the children when they write to it.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    for number in (*STOPS, signal.SIGCHLD):
        signal.signal(number, lambda number, frame: None)
    return reader


def procfile() -> dict[str, list[str]]:
    """Read the `name: command` lines."""
    lines = [line.partition(": ") for line in Path("Procfile").read_text().splitlines()]
    return {name: shlex.split(command) for name, _, command in lines}


def run(commands: dict[str, list[str]], signals: int) -> dict[str, int]:
    """Run these together until one ends or a signal comes; the exit codes of those that ended.

    They share a process group with their stand-in, which a Ctrl-C here does not reach.
    """
    stand_in = subprocess.Popen(["/bin/sh", "-c", STAND_IN], stdin=subprocess.PIPE, process_group=0)
    children = {
        name: subprocess.Popen(command, process_group=stand_in.pid)
        for name, command in commands.items()
    }
    while not (ended := [name for name in children if children[name].poll() is not None]):
        if os.read(signals, 1)[0] in STOPS:
            break
    stop(list(children.values()), stand_in)
    return {name: children[name].returncode for name in ended}


def stop(children: list[subprocess.Popen[bytes]], stand_in: subprocess.Popen[bytes]) -> None:
    """End all that still run, and what they leave behind."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0, deadline - time.monotonic()))
    os.killpg(stand_in.pid, signal.SIGKILL)
    for process in (*children, stand_in):
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
