"""Caddy before the product, by the file in deploy/: HTTPS, who calls, and what gets through."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from tests.architecture.source import ROOT
from tests.sync.processes import environment, wait_until
from webapp.config import Settings

pytestmark = pytest.mark.slow

FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")


@pytest.fixture(scope="module")
def dialect():
    return "sqlite"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """Where Caddy speaks HTTPS for a product that was set up and serves behind it."""
    folder = tmp_path_factory.mktemp("behind_caddy")
    inner, outer, plain = free_ports(3)
    settings = Settings(
        data_dir=folder / "data",
        port=inner,
        demo=False,
        trusted_proxies=1,
        secure_cookies=True,
        import_max_megabytes=200,
    )
    env = environment(settings)
    subprocess.run([*FLASK, "setup"], cwd=ROOT, env=env, check=True, capture_output=True)
    with running([*FLASK, "serve"], env), running(caddy(folder, inner, outer, plain)):
        wait_until(lambda: is_there(outer))
        yield outer


def caddy(folder, inner, outer, plain):
    """The command that runs the shipped configuration, apart from the machine's own Caddy."""
    binary = shutil.which("caddy")
    assert binary, "Caddy is missing. On Debian or Ubuntu: apt-get install caddy"
    said = {"SITE": f"localhost:{outer}", "WEB": f"127.0.0.1:{inner}"}
    adapt = [binary, "adapt", "--config", str(ROOT / "deploy/Caddyfile")]
    adapted = subprocess.run(
        adapt, env={**os.environ, **said}, check=True, capture_output=True, text=True
    )
    config = json.loads(adapted.stdout)
    config["admin"] = {"disabled": True}
    config["storage"] = {"module": "file_system", "root": str(folder / "caddy")}
    config["apps"]["http"] |= {"http_port": plain, "https_port": outer}
    config["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    file = folder / "caddy.json"
    file.write_text(json.dumps(config))
    return [binary, "run", "--config", file]


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


@contextmanager
def running(command, env=None):
    """A process that is ended after the tests."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=ROOT, env=env) as process:
        yield
        process.kill()


def is_there(port):
    try:
        return ask(port, "GET", "/health").status == 200
    except OSError:
        return False


def ask(port, method, path, body=None):
    """The answer to one request over TLS, read whole."""
    trusting = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=trusting)
    with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        connection.request(method, path, body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_people_get_https_and_a_cookie_that_goes_nowhere_else(port):
    page = ask(port, "GET", "/sign-in")
    assert page.status == 200
    assert "Secure" in page.headers["Set-Cookie"]
    assert page.headers["Strict-Transport-Security"].startswith("max-age=")


def test_figures_stay_inside(port):
    assert ask(port, "GET", "/metrics").status == 404


def test_a_body_beyond_every_import_is_refused(port):
    assert ask(port, "POST", "/score", chunks(202)).status == 413


def chunks(n_megabytes):
    """A body in pieces of a megabyte, whose length nobody is told."""
    return (bytes(2**20) for _ in range(n_megabytes))
