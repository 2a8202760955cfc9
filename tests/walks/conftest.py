"""A running product for walks: the API over HTTP and real worker processes."""

import json
import subprocess
import sys
import urllib.request

import pytest

from tests.sync.processes import environment
from webapp.config import ROOT


@pytest.fixture
def settings(settings):
    # A recalibration may come before the training that a walk waits for. Workers that look more
    # often only take from the training what it needs of the processor.
    return settings.model_copy(update={"worker_poll_seconds": 0.3, "auto_recalibrate": False})


@pytest.fixture
def workers(settings, champion):
    """`workers(n)` starts worker processes; they are killed after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def workers(n):
        command = [sys.executable, "-m", "sync"]
        variables = environment(settings)
        started.extend(subprocess.Popen(command, cwd=ROOT, env=variables) for _ in range(n))

    yield workers
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def ask(server_url, headers):
    """`ask(method, path, body)` calls the API and gives the answer's JSON."""

    def ask(method, path, body=None):
        sent = None if body is None else json.dumps(body).encode()
        described = headers | {"Content-Type": "application/json"}
        request = urllib.request.Request(server_url + path, sent, described, method=method)
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)

    return ask
