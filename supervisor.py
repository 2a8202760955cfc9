"""Run the processes of the Procfile together: what `make run` runs.

When one of them ends, or somebody stops this one (also by closing the terminal), all are stopped:
asked first, killed after some seconds. Their output goes straight to where ours goes.
"""

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 5


def main() -> int:
    """Start all, wait for the first reason to stop, stop all; 0 where somebody asked for it."""
    signals = signal_pipe()
    children = start(Path("Procfile"))
    while not (ended := [c for c in children if children[c].poll() is not None]):
        if os.read(signals, 1)[0] in STOPS:
            break
    stop(list(children.values()))
    for name in ended:
        sys.stderr.write(f"{name} ended with code {children[name].returncode}, so all stopped\n")
    return 1 if ended else 0


def signal_pipe() -> int:
    """A pipe with the number of each signal: it is read when we are ready for it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (*STOPS, signal.SIGCHLD):
        signal.signal(number, lambda number, frame: None)
    return reader


def start(procfile: Path) -> dict[str, subprocess.Popen[bytes]]:
    """Start each `name: command` in a group of its own, which a Ctrl-C here does not reach."""
    lines = [line.partition(": ") for line in procfile.read_text().splitlines()]
    return {
        name: subprocess.Popen(shlex.split(command), start_new_session=True)
        for name, _, command in lines
    }


def stop(children: list[subprocess.Popen[bytes]]) -> None:
    """End all that still run, and what they leave behind."""
    for child in children:
        child.terminate()
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        with suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


if __name__ == "__main__":
    sys.exit(main())
