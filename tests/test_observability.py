"""Request ids, the log and its silence about people."""

import json
import logging

import pytest

from tests import factories
from webapp.app import create_app

SECRETS = ("ada@example.com", "Ada Example", "Birch Foods", "+44 20 1234", factories.PASSWORD)


@pytest.fixture(scope="session")
def dialect():
    """What is logged does not depend on the database."""
    return "sqlite"


@pytest.fixture
def lines(capfd):
    """The lines logged since the last call, as objects."""
    return lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_each_request_is_one_line_of_json(client, headers, lines):
    lines()
    answer = client.put("/feedback/nobody?outcome=true", headers=headers)
    [line] = lines()
    assert line.pop("milliseconds") >= 0
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "leadloop",
        "request_id": answer.headers["X-Request-ID"],
        "method": "PUT",
        "route": "/feedback/<lead:lead_id>",
        "status": 404,
        "key": 1,
    }


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [("abc-DEF_0123", True), ("short", False), ("x" * 65, False), ("a b c d e f", False)],
)
def test_a_plain_request_id_is_taken_over(client, sent, is_kept):
    answer = client.get("/health", headers={"X-Request-ID": sent})
    assert (answer.headers["X-Request-ID"] == sent) is is_kept
    assert answer.headers["X-Request-ID"]


def test_nothing_personal_and_no_secret_is_logged(client, headers, sign_in, ada, lines):
    lead = {"lead_id": SECRETS[0], "name": SECRETS[1], "company": SECRETS[2], "phone": SECRETS[3]}
    client.post("/score", json=lead, headers=headers)
    client.post("/score", json={**lead, "age": -1, SECRETS[1]: 1}, headers=headers)
    client.put(f"/feedback/{SECRETS[0]}?outcome=true", headers=headers)
    client.get(f"/api/leads?q={SECRETS[0]}", headers=headers)
    client.get(f"/{SECRETS[0]}", headers={**headers, "User-Agent": SECRETS[1]})
    sign_in(ada)
    token = headers["Authorization"].removeprefix("Bearer ")
    text = json.dumps(lines())
    assert "/feedback/<lead:lead_id>" in text
    assert [secret for secret in (*SECRETS, token) if secret in text] == []


def test_an_unexpected_error_is_logged_by_kind_and_place(app, headers, lines, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError(SECRETS[0])

    monkeypatch.setattr("webapp.services.leads.scoring.score_lead", broken)
    app.testing = False
    lines()
    app.test_client().post("/score", json={"lead_id": SECRETS[1]}, headers=headers)
    failure, request = lines()
    assert (failure["event"], failure["error"]) == ("failed", "ZeroDivisionError")
    assert failure["frames"][-1].endswith(" broken")
    assert failure["request_id"] == request["request_id"]
    assert [secret for secret in SECRETS if secret in json.dumps([failure, request])] == []


def test_lines_of_libraries_are_json_too_without_the_text_of_errors(app, lines):
    lines()
    logging.getLogger("a.library").error("It broke", exc_info=ValueError(SECRETS[0]))
    [line] = lines()
    assert (line["event"], line["error"], line["level"]) == ("It broke", "ValueError", "error")
    assert SECRETS[0] not in json.dumps(line)


def test_the_level_of_the_settings_holds(settings, lines):
    app = create_app(settings.model_copy(update={"log_level": "error"}))
    app.test_client().get("/health")
    assert lines() == []
