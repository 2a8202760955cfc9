"""Fixtures for tests in Chromium: `page` is on the app's own server, and no request leaves it."""

import os
import shutil
from pathlib import Path

import pytest

VENDORED = Path(__file__).parents[2] / "webapp/static/vendor/htmx-4.0.1.min.js"
CANDIDATES = ("chromium", "chromium-browser", "google-chrome")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


@pytest.fixture(scope="session")
def dialect():
    """A page looks the same on either database."""
    return "sqlite"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    arguments = [*quiet, "--disable-component-update", "--disable-sync"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return {**browser_type_launch_args, "executable_path": chromium(), "args": arguments}


def chromium():
    """Find the browser of this machine."""
    named = os.environ.get("CHROMIUM_PATH")
    found = [named] if named else [shutil.which(c) for c in CANDIDATES] + [shutil.which(MAC_CHROME)]
    path = next(filter(None, found), None)
    if path is None:
        pytest.fail("No Chromium here: apt-get install chromium, or set CHROMIUM_PATH")
    return path


@pytest.fixture
def browser_context_args(browser_context_args, server_url):
    return {**browser_context_args, "base_url": server_url}


@pytest.fixture
def new_context(new_context):
    """Contexts without the internet: the CDN's file is the vendored one (its hash is checked)."""

    def make(**options):
        context = new_context(**options)
        context.route("https://**", lambda route: route.abort())
        context.route("https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/**", answer_as_the_cdn)
        return context

    return make


def answer_as_the_cdn(route):
    route.fulfill(
        body=VENDORED.read_bytes(),
        content_type="application/javascript",
        headers={"access-control-allow-origin": "*"},
    )
