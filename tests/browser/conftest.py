"""Fixtures for tests in Chromium: `page` is on the app's own server, and no request leaves it."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.browser import chromium
from tests.connected import described, fake, salesforce  # noqa: F401 - fixtures

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


@pytest.fixture
def sign_in(page, quick_hashes):
    """`sign_in(user)` signs that person in on `page` through the form."""

    def sign_in(user, page=page):
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(user.email)
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).not_to_have_url(re.compile("/sign-in"))
        return page

    return sign_in
