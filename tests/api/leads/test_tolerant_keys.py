"""Keys of programs that cannot choose what they send, and callers that want it strict."""

import io

import pytest

from tests import factories
from tests.api.conftest import pointers
from webapp.services.accounts import api_keys

PLUGIN = "lead_id=a42&name=Ada&industry=Banking&form_id=9de22fa&Page_URL=https%3A%2F%2Fexample.com"


@pytest.fixture
def dialect():
    """No statement here differs from those of tests/api/leads/test_scores.py."""
    return "sqlite"


@pytest.fixture
def tolerant(client, write):
    """Headers of a program whose key ignores what is not known."""
    write(factories.make_champion)

    def make(session):
        return api_keys.create(
            session,
            "plugin",
            ["score", "feedback"],
            ignore_unknown=True,
            created_by="tests",
            now=factories.NOW,
        )

    text = write(make)[1]
    return {"Authorization": f"Bearer {text}"}


def test_what_is_not_known_of_a_form_is_left_out_with_a_warning(client, tolerant):
    form = {"data": PLUGIN, "content_type": "application/x-www-form-urlencoded"}
    answer = client.post("/score", headers=tolerant, **form)
    warnings = answer.json["warnings"]
    assert (answer.status_code, [w["field"] for w in warnings]) == (200, ["form_id", "Page_URL"])
    assert warnings[0]["message"] == "is not a known field; it is left out"
    assert "industry" not in answer.json["unknown_fields"]


def test_of_what_is_not_known_a_form_may_send_several_and_files(client, tolerant):
    form = {"lead_id": "a42", "topics": ["demo", "prices"], "cv": (io.BytesIO(b"me"), "cv.pdf")}
    answer = client.post("/score", headers=tolerant, data=form)
    assert answer.status_code == 200, answer.text
    assert sorted(w["field"] for w in answer.json["warnings"]) == ["cv", "topics"]
    twice = client.post("/score", headers=tolerant, data={"lead_id": "a42", "age": ["4", "5"]})
    assert (twice.status_code, twice.json["errors"][0]["pointer"]) == (422, "/age")


def test_in_json_and_batches_too_and_the_meant_name_is_told(client, tolerant):
    lead = {"lead_id": "a42", "leadsource": "Referral", "utm_source": "google"}
    alone = client.post("/score", json=lead, headers=tolerant).json
    [row] = client.post("/score/batch", json={"leads": [lead]}, headers=tolerant).json["results"]
    for answer in (alone, row):
        assert [w["field"] for w in answer["warnings"]] == ["leadsource", "utm_source"]
        assert "did you mean lead_source?" in answer["warnings"][0]["message"]


def test_outcomes_come_with_more_than_is_known_as_well(client, tolerant):
    client.post("/score", json={"lead_id": "L-1"}, headers=tolerant)
    body = {"outcome": "won", "workflow": 7}
    assert client.post("/feedback/L-1", json=body, headers=tolerant).status_code == 200
    rows = {"outcomes": [{"lead_id": "L-1", **body}], "sent_by": "n8n"}
    [row] = client.post("/feedback/batch", json=rows, headers=tolerant).json["results"]
    assert row["outcome"] is True


def test_another_mistake_is_refused_and_strict_refuses_all(client, tolerant):
    wrong = {"lead_id": "L-1", "email_opens": ["8"], "utm_source": "google"}
    answer = client.post("/score", json=wrong, headers=tolerant)
    assert (answer.status_code, pointers(answer)) == (422, ["/email_opens"])
    lead = {"lead_id": "L-1", "utm_source": "google"}
    strict = {**tolerant, "Prefer": "handling=strict"}
    answer = client.post("/score", json=lead, headers=strict)
    assert (answer.status_code, pointers(answer)) == (422, ["/utm_source"])
    assert answer.headers["Preference-Applied"] == "handling=strict"


def test_other_keys_refuse_what_is_not_known(client, headers):
    lead = {"lead_id": "L-1", "utm_source": "google"}
    assert client.post("/score", json=lead, headers=headers).status_code == 422


def test_a_preference_that_was_kept_is_named(client, headers, champion):
    lead = {"lead_id": "L-1", "email_opens": 3}
    strict = {**headers, "Prefer": "respond-async, handling=strict"}
    assert "Preference-Applied" not in client.post("/score", json=lead, headers=headers).headers
    for path, body in (("/score", lead), ("/score/batch", {"leads": [lead]})):
        answer = client.post(path, json=body, headers=strict)
        assert (answer.status_code, answer.headers["Preference-Applied"]) == (
            200,
            "handling=strict",
        )
    document = client.get("/openapi.json").json["paths"]["/score"]["post"]
    assert "Prefer" in [p["name"] for p in document["parameters"]]


def test_such_a_key_is_made_by_the_api_and_on_the_command_line(app, client, headers):
    wanted = {"name": "n8n", "scopes": ["score"], "ignore_unknown": True}
    made = client.post("/api/keys", json=wanted, headers=headers)
    assert (made.status_code, made.json["ignores_unknown"]) == (201, True)
    runner = app.test_cli_runner()
    text = runner.invoke(args=["create-key", "plugin", "--ignore-unknown"]).output.strip()
    assert text.startswith(api_keys.PREFIX)
    keys = client.get("/api/keys", headers=headers).json["keys"]
    tolerant = {key["name"] for key in keys if key["ignores_unknown"]}
    assert tolerant == {"n8n", "plugin"}
