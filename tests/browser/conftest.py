"""Fixtures for tests in Chromium: `page` is on the app's own server, and no request leaves it."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import chromium
from tests.connected import described, fake, salesforce  # noqa: F401 - fixtures

# A bound for what never comes: on a busy machine an answer and its page took 5 s and more.
expect.set_options(timeout=20_000)

VENDORED = Path(__file__).parents[2] / "webapp/static/vendor/htmx-4.0.1.min.js"


@pytest.fixture(scope="session")
def dialect():
    """A page looks the same on either database."""
    return "sqlite"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args, browser_type):
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    arguments = [*quiet, "--disable-component-update", "--disable-sync"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    options = {**browser_type_launch_args, "args": arguments}
    if path := chromium.installed():
        return {**options, "executable_path": path}
    is_there = Path(browser_type.executable_path).exists()
    assert is_there, "Browser tests need Chromium: `make browser` installs it"
    return options


@pytest.fixture
def browser_context_args(browser_context_args, server_url):
    # Colours that fade into others would be judged half way, and cost the time to draw them.
    return {**browser_context_args, "base_url": server_url, "reduced_motion": "reduce"}


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


@pytest.fixture
def sign_in(page, app, server_url, sign_in):
    """`sign_in(user)` signs that person in on `page`; `test_frame` does it through the form."""
    name = app.config["SESSION_COOKIE_NAME"]

    def signed_in(user, page=page):
        value = sign_in(user).get_cookie(name).value
        page.context.add_cookies([{"name": name, "value": value, "url": server_url}])
        return page

    return signed_in


@pytest.fixture
def complaints(page):
    """What the console says: refused scripts and styles among it."""
    found = []
    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    return found
