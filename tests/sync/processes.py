"""What tests need to know of processes."""

import os
import time

import psutil

from webapp import config


def environment(settings):
    """Variables that make a process read these settings, whatever the shell says."""
    others = {n: v for n, v in os.environ.items() if not n.startswith(config.PREFIX)}
    return others | config.environment(settings)


def is_running(process_id):
    """Whether a process is there and not only waiting to be reaped."""
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children(process_id):
    """The processes that a process has started."""
    return [child.pid for child in psutil.Process(process_id).children()]


def wait_until(holds, *, seconds=60, every_seconds=0.05):
    """Wait for something to come true; a test that would wait longer has failed."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not true after {seconds} seconds"
        time.sleep(every_seconds)
