"""Who may call what: every route of the API against every kind of key."""

import re

import pytest

from tests import factories
from webapp.services.accounts import api_keys

SCOPES = ("score", "feedback", "read", "admin")
ANYBODY = None
# What the documentation promises; a route that is not here fails.
NEEDED = {
    ("POST", "/score"): "score",
    ("OPTIONS", "/score"): ANYBODY,
    ("POST", "/score/batch"): "score",
    ("PUT", "/feedback/{lead_id}"): "feedback",
    ("POST", "/feedback/{lead_id}"): "feedback",
    ("DELETE", "/feedback/{lead_id}"): "feedback",
    ("POST", "/feedback/batch"): "feedback",
    ("GET", "/info"): "score",
    ("GET", "/api/leads"): "read",
    ("GET", "/api/leads/{lead_id}"): "read",
    ("GET", "/api/leads/{lead_id}/history"): "read",
    ("GET", "/api/leads/{lead_id}/notes"): "read",
    ("POST", "/api/leads/{lead_id}/notes"): "admin",
    ("DELETE", "/api/leads/{lead_id}/notes/{key}"): "admin",
    ("PUT", "/api/leads/{lead_id}/score-report"): "admin",
    ("DELETE", "/api/leads/{lead_id}/score-report"): "admin",
    ("PUT", "/api/leads/{lead_id}/override"): "admin",
    ("DELETE", "/api/leads/{lead_id}/override"): "admin",
    ("PUT", "/api/leads/{lead_id}/owner"): "admin",
    ("GET", "/api/views"): "read",
    ("POST", "/retrain"): "admin",
    ("GET", "/api/models"): "read",
    ("POST", "/api/models/{version}/promote"): "admin",
    ("GET", "/api/fields"): "read",
    ("GET", "/api/fields/suspected"): "read",
    ("POST", "/api/fields/{field}/allow"): "admin",
    ("POST", "/api/fields/{field}/leave-out"): "admin",
    ("GET", "/api/monitors"): "read",
    ("POST", "/api/monitors"): "admin",
    ("GET", "/api/runs"): "read",
    ("GET", "/api/runs/{key}"): "read",
    ("POST", "/api/imports"): "admin",
    ("GET", "/api/imports"): "read",
    ("GET", "/api/imports/{key}"): "read",
    ("GET", "/api/exports/leads"): "admin",
    ("GET", "/api/exports/outcomes"): "admin",
    ("GET", "/api/exports/scores"): "admin",
    ("GET", "/api/exports/notes"): "admin",
    ("GET", "/api/exports/score-reports"): "admin",
    ("GET", "/api/exports/overrides"): "admin",
    ("GET", "/api/keys"): "admin",
    ("POST", "/api/keys"): "admin",
    ("POST", "/api/keys/{key}/rotate"): "admin",
    ("DELETE", "/api/keys/{key}"): "admin",
    # It carries a signature, and is not there without a secret to check it by.
    ("POST", "/hooks/crm"): ANYBODY,
    ("GET", "/health"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): ANYBODY,
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/docs"): ANYBODY,
}


@pytest.fixture(scope="session")
def dialect():
    """Rights do not depend on the database."""
    return "sqlite"


@pytest.fixture
def keys(write):
    """The text of one key for each scope, and of one that is revoked."""
    texts = {scope: write(lambda s, scope=scope: factories.make_key(s, scope)) for scope in SCOPES}
    texts["revoked"] = write(revoked_key)
    return texts


def revoked_key(session):
    text = factories.make_key(session)
    api_keys.revoke(session, api_keys.find(session, text).key, "tests", factories.NOW)
    return text


def routes(app):
    """Every method and path of the API, as the application knows them."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return {
        (method, re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule))
        for rule in rules
        for method in rule.methods & methods
    }


def test_every_route_has_a_stated_right(app):
    assert routes(app) == set(NEEDED)


def test_every_key_may_do_what_is_stated_and_nothing_else(app, client, keys):
    found = {
        (method, path, name): client.open(
            path.format(lead_id="nobody", version="0", key="999", field="tags"),
            method=method,
            headers={"Authorization": f"Bearer {text}"} if text else {},
        ).status_code
        for method, path in routes(app)
        for name, text in {**keys, "none": None, "unknown": "ll_unknown"}.items()
    }
    wrong = {cell: status for cell, status in found.items() if not is_right(cell, status)}
    assert len(found) == len(NEEDED) * 7
    assert wrong == {}


def is_right(cell, status):
    method, path, name = cell
    needed = NEEDED[method, path]
    if needed is ANYBODY or name in {needed, "admin"}:
        return status not in {401, 403} and status < 500
    return status == (403 if name in SCOPES else 401)


def test_a_form_key_may_score_from_its_site_and_nothing_else(app, client, write):
    text = write(lambda s: factories.make_key(s, "form", origins=["https://acme.example"]))
    headers = {"Authorization": f"Bearer {text}", "Origin": "https://acme.example"}
    for (method, path), needed in NEEDED.items():
        if needed is not ANYBODY and path != "/score":
            filled = path.format(lead_id="nobody", version="0", key="999", field="tags")
            assert client.open(filled, method=method, headers=headers).status_code == 403, path
    assert client.post("/score", json={"lead_id": "L-1"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer ll_x\u00fc", "Bearer " + "x" * 5000]
)
def test_without_a_key_that_lives_the_answer_says_what_is_asked_for(client, header):
    answer = client.get("/info", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="Leadloop"')
    assert answer.mimetype == "application/problem+json"


def test_a_key_without_the_right_is_told_which_it_lacks(client, keys):
    answer = client.get("/info", headers={"Authorization": f"bearer {keys['feedback']}"})
    assert answer.status_code == 403
    assert 'scope="score"' in answer.headers["WWW-Authenticate"]
    assert answer.json["detail"] == "This key lacks the scope score."


def test_a_signed_in_person_is_nobody_to_the_api(sign_in, ada):
    browser = sign_in(ada)
    assert browser.get("/info").status_code == 401
    assert browser.post("/retrain").status_code == 401


def test_the_api_sets_no_cookie(client, headers):
    for path in ("/info", "/health", "/docs", "/api/leads", "/api/nothing"):
        assert "Set-Cookie" not in client.get(path, headers=headers).headers
