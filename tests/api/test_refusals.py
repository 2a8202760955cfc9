"""What the API refuses, and how it says so: statuses, headers, problem documents."""

import gzip
import json
from contextlib import closing

import pytest
import sqlalchemy as sa

from tests.api.conftest import pointers
from webapp import database
from webapp.app import create_app
from webapp.services.leads import leads
from webapp.tables import Lead

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="session")
def dialect():
    """What is refused does not reach the database."""
    return "sqlite"


@pytest.mark.parametrize(
    ("query", "body", "wrong"),
    [
        ("", None, ["?outcome"]),
        ("", {}, ["?outcome"]),
        ("", {"outcome": None}, ["/outcome"]),
        ("", {"outcome": "maybe", "reason": 5}, ["/outcome", "/reason"]),
        ("?outcome=maybe", None, ["?outcome"]),
        ("?outcome=", None, ["?outcome"]),
        ("?outcome=true&outcome=false", None, ["?outcome"]),
        ("?outcom=true", None, ["?outcom"]),
        ("?outcome=true", {"outcome": False}, ["/outcome"]),
        ("", {"outcome": True, "ocurred_at": "2026-01-01"}, ["/ocurred_at"]),
        ("", {"outcome": True, "occurred_at": "2026-01-05T10:00:00"}, ["/occurred_at"]),
        ("", {"outcome": True, "occurred_at": "yesterday"}, ["/occurred_at"]),
        ("", {"outcome": True, "occurred_at": "2999-01-01"}, ["/occurred_at"]),
        ("", {"outcome": True, "occurred_at": "2999-01-01T00:00:00Z"}, ["/occurred_at"]),
        ("", {"outcome": True, "reason": "x" * 501}, ["/reason"]),
        ("", {"outcome": True, "reason": "a\u0000b"}, ["/reason"]),
        ("", [True], [""]),
    ],
)
def test_what_cannot_be_meant_is_422_and_changes_nothing(
    client, headers, score, read, query, body, wrong
):
    score("L-1")
    options = {} if body is None else {"json": body}
    answer = client.put(f"/feedback/L-1{query}", headers=headers, **options)
    assert (answer.status_code, pointers(answer)) == (422, wrong)
    assert read(lambda s: leads.find(s, "L-1").outcome) is None


@pytest.mark.parametrize("path", ["%00", "a%00b", "a%0Ab", "x" * 101, "%20", "x%C2%85x"])
def test_an_id_that_no_lead_can_have_is_422(client, headers, path):
    answer = client.put(f"/feedback/{path}?outcome=true", headers=headers)
    assert (answer.status_code, pointers(answer)) == (422, ["{lead_id}"])


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b'{"lead_id": "L-1"', 400),
        ("application/json", b"", 400),
        ("application/json", b'\xef\xbb\xbf{"lead_id": "L-1"}', 200),
        ("application/json", b'{"lead_id": "L-1", "name": "\\ud83d", "industry": "5\\": x"}', 200),
        ("application/json", b'{"lead_id": "L-1", "age": 5, "age": 6}', 400),
        ("application/json", b'{"lead_id": "L-1", "lead_id" : "L-2"}', 400),
        ("application/json", '{"lead_id": "L-1"}'.encode("utf-16"), 400),
        ("application/json; charset=utf-8", b'{"lead_id": "L-1"}', 200),
        ("application/json; charset=utf-16", '{"lead_id": "L-1"}'.encode("utf-16"), 415),
        ("application/json; charset=nonsense", b'{"lead_id": "L-1"}', 415),
        ("text/plain", b'{"lead_id": "L-1"}', 415),
        ("multipart/form-data; boundary=x", b"--x--", 422),
        ("multipart/form-data", b"--x--", 422),
        ("application/xml", b"<lead/>", 415),
        (None, b'{"lead_id": "L-1"}', 415),
        ("application/x-www-form-urlencoded", b"lead_id=%FF", 400),
        ("application/x-www-form-urlencoded", b"lead_id=\xff", 400),
        ("application/x-www-form-urlencoded", b"", 422),
    ],
)
def test_the_body_must_be_of_a_kind_that_can_be_read(client, headers, kind, body, status):
    answer = client.post("/score", data=body, content_type=kind, headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert (answer.mimetype, answer.json["status"]) == ("application/problem+json", status)


def test_a_compressed_body_is_415_and_not_unpacked(client, headers):
    body = gzip.compress(json.dumps({"lead_id": "L-1"}).encode())
    packed = {**headers, "Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = client.post("/score", data=body, headers=packed)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "n_bytes"),
    [
        ("POST", "/score", 64 * 1024),
        ("PUT", "/feedback/L-1", 64 * 1024),
        ("POST", "/api/keys", 64 * 1024),
        ("POST", "/score/batch", 10 * MEGABYTE),
        ("POST", "/feedback/batch", 10 * MEGABYTE),
    ],
)
def test_a_body_beyond_its_limit_is_413(client, headers, method, path, n_bytes):
    padded = b" " * (n_bytes - 1) + b"{"
    options = {"content_type": "application/json", "headers": headers, "method": method}
    assert client.open(path, data=padded, **options).status_code == 400
    answer = client.open(path, data=padded + b" ", **options)
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "/api/", "/api/nothing", "/score/", "/info/x", "/score%20"]
)
def test_an_unknown_path_is_404_in_the_form_of_its_readers(client, headers, path):
    answer = client.get(path, headers=headers)
    kind = "text/html" if path == "/nothing" else "application/problem+json"
    assert (answer.status_code, answer.mimetype) == (404, kind)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/score", {"POST", "OPTIONS"}),
        ("PATCH", "/feedback/x", {"PUT", "POST", "DELETE"}),
        ("POST", "/info", {"GET", "HEAD"}),
        ("OPTIONS", "/score/batch", {"POST"}),
        ("BREW", "/score", {"POST", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_right(client, headers, method, path, allowed):
    answer = client.open(path, method=method, headers=headers)
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/api/runs?kind=nothing", ["?kind"]),
        ("/api/runs?kin=training", ["?kin"]),
        (
            "/api/leads?status=lots&grade=E&sort=age&after=x",
            ["?sort", "?status", "?grade", "?after"],
        ),
        ("/api/leads?q=%00", ["?q"]),
        ("/api/leads?" + "&".join(f"x{i}={i}" for i in range(500)), None),
        ("/api/leads?q=" + "x" * 50_000, ["?q"]),
        ("/api/leads?%FF=%FF", None),
    ],
)
def test_a_wrong_parameter_is_422(client, headers, path, wrong):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 422
    assert wrong is None or pointers(answer) == wrong


@pytest.mark.parametrize("body", [{"name": " ", "scopes": ["score"]}, {"name": "x", "scopes": []}])
def test_a_key_needs_a_name_and_a_scope(client, headers, body):
    assert client.post("/api/keys", json=body, headers=headers).status_code == 422


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü", "a\tb"])
def test_an_idempotency_key_that_cannot_be_kept_is_400(client, headers, key):
    sent = {**headers, "Idempotency-Key": key.encode().decode("latin-1")}
    answer = client.post("/score/batch", json={"leads": []}, headers=sent)
    assert (answer.status_code, pointers(answer)) == (400, ["Idempotency-Key"])


def test_more_rows_than_a_batch_holds_are_422(client, headers, read):
    rows = [{"lead_id": str(n)} for n in range(5001)]
    answer = client.post("/score/batch", json={"leads": rows}, headers=headers)
    assert (answer.status_code, pointers(answer)) == (422, ["/leads"])
    assert read(lambda s: s.scalar(sa.select(Lead.key))) is None


def test_a_record_of_unknown_keys_is_answered_with_the_first_of_them(client, headers):
    body = {"lead_id": "L-1", **{f"k{n}": 1 for n in range(5000)}}
    answer = client.post("/score", json=body, headers=headers)
    assert len(answer.json["errors"]) == 21
    assert answer.json["errors"][-1]["message"] == "holds 4,980 more unknown fields"


def test_a_locked_database_is_503_with_a_time_to_come_back(
    settings, champion, headers, monkeypatch
):
    monkeypatch.setattr(database, "REQUEST_SECONDS", 0.2)
    client = create_app(settings).test_client()
    path = settings.database.removeprefix("sqlite:///")
    with closing(database.safe_sqlite().connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
        other.execute("ROLLBACK")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "1"
    assert client.get("/info", headers=headers).status_code == 200


def test_an_error_nobody_expected_is_a_problem_without_its_message(app, headers, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("webapp.services.leads.scoring.score_lead", broken)
    app.testing = False
    answer = app.test_client().post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "secret" not in answer.text
