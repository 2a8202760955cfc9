"""Response headers: strict for pages, stricter for data."""

import re

import pytest

from tests.architecture.source import ROOT
from webapp.app import create_app


@pytest.fixture(scope="session")
def dialect():
    """Headers do not depend on the database."""
    return "sqlite"


@pytest.fixture
def answers(client, headers, sign_in, ada):
    person = sign_in(ada)
    pages = [person.get(path) for path in ("/sign-in", "/leads", "/settings", "/nothing", "/docs")]
    data = [client.get(path, headers=headers) for path in ("/info", "/health", "/api/nothing")]
    return pages + data


def test_every_answer_forbids_what_it_does_not_need(answers):
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Server" not in answer.headers


def test_pages_may_load_one_file_from_elsewhere_and_data_nothing(client):
    page = client.get("/sign-in").headers["Content-Security-Policy"]
    data = client.get("/health").headers["Content-Security-Policy"]
    assert re.findall(r"https?://\S+?(?=[;\s])", page) == [
        "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/htmx.min.js"
    ]
    assert data == "default-src 'none'; frame-ancestors 'none'"


def test_with_local_assets_pages_load_nothing_from_elsewhere(settings):
    app = create_app(settings.model_copy(update={"assets": "local"}))
    assert "http" not in app.test_client().get("/sign-in").headers["Content-Security-Policy"]


def test_https_is_asked_for_again_where_it_was_used(client):
    assert "Strict-Transport-Security" not in client.get("/health").headers
    answer = client.get("/health", base_url="https://leadloop.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_leads_are_kept_by_no_cache(client, headers):
    for path in ("/info", "/api/leads", "/sign-in"):
        assert client.get(path, headers=headers).headers["Cache-Control"] == "no-store"


def test_every_test_that_the_threat_model_names_is_there():
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "docs/threat-model.md").read_text())
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []
