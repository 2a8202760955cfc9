"""`POST /score`: what it answers, what it keeps, what it refuses."""

import dataclasses
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests import factories
from tests.api.conftest import pointers
from webapp.tables import Lead

EVERYTHING = {
    "lead_id": "L-1",
    "age": 42,
    "location": "Leeds",
    "industry": "Software",
    "email_opens": 8,
    "website_visits": 5,
    "content_downloads": 1,
    "days_since_contact": 2,
    "lead_source": "Referral",
    "name": "Ada Example",
    "company": "Birch Foods",
    "email": "ada@example.com",
    "phone": "+44 1",
    "owner": "Rita",
    "actual_outcome": None,
}


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both in tests/services/leads."""
    return "sqlite"


def test_a_score_comes_with_everything_the_contract_names(client, headers):
    answer = client.post("/score", json=EVERYTHING, headers=headers)
    found = answer.json
    assert answer.status_code == 200
    assert list(found) == [
        "lead_id",
        "conversion_score",
        "risk_category",
        "timestamp",
        "model_version",
        "grade",
        "reasons",
        "unknown_fields",
        "warnings",
        "actual_outcome",
        "previous_score",
    ]
    assert (found["lead_id"], found["model_version"], found["unknown_fields"]) == ("L-1", "1.0", [])
    assert set(found["reasons"][0]) == {"field", "label", "value", "effect", "sentence"}
    assert datetime.fromisoformat(found["timestamp"]).utcoffset() == timedelta(0)


def test_only_the_lead_id_is_needed_and_what_is_missing_is_unknown(score):
    answer = score("L-1")
    assert 0 <= answer["conversion_score"] <= 1
    assert "email_opens" in answer["unknown_fields"]


def test_a_form_post_means_the_same_as_json(client, headers):
    form = {k: "" if v is None else str(v) for k, v in EVERYTHING.items()}
    by_json = client.post("/score", json=EVERYTHING, headers=headers).json
    by_form = client.post("/score", data=form, headers=headers).json
    assert by_form["conversion_score"] == by_json["conversion_score"]
    assert by_form["previous_score"] == by_json["conversion_score"]
    assert by_form["reasons"] == by_json["reasons"]


def test_a_form_says_the_outcome_as_text(client, headers):
    for text, outcome in (("", None), ("true", True), ("False", False), ("", False)):
        form = {"lead_id": "L-1", "actual_outcome": text}
        assert client.post("/score", data=form, headers=headers).json["actual_outcome"] is outcome


def test_json_a_form_and_a_batch_may_say_that_a_lead_was_never_worked(client, headers):
    record = {"lead_id": "L-1", "actual_outcome": "never_worked"}
    for sent in ({"json": record}, {"data": record}):
        assert client.post("/score", **sent, headers=headers).json["actual_outcome"] is None
        status = client.get("/api/leads/L-1", headers=headers).json["status"]
        assert status == "never_worked"
        client.delete("/feedback/L-1", headers=headers)
    client.post("/score/batch", json={"leads": [record]}, headers=headers)
    assert client.get("/api/leads/L-1", headers=headers).json["status"] == "never_worked"


def test_a_form_is_utf8_percent_encoded_or_raw(client, headers, read):
    for body in (b"lead_id=L-1&name=Zo%C3%AB+A", "lead_id=L-2&name=Zoë A".encode()):
        kind = "application/x-www-form-urlencoded"
        assert (
            client.post("/score", data=body, content_type=kind, headers=headers).status_code == 200
        )
    assert read(lambda s: s.scalars(sa.select(Lead.name)).all()) == ["Zoë A", "Zoë A"]


def test_rescoring_with_null_or_without_the_key_keeps_the_outcome(client, headers, score):
    score("L-1", actual_outcome=True)
    assert score("L-1", actual_outcome=None)["actual_outcome"] is True
    assert score("L-1", email_opens=3)["actual_outcome"] is True
    form = {"lead_id": "L-1", "actual_outcome": ""}
    assert client.post("/score", data=form, headers=headers).json["actual_outcome"] is True


def test_every_wrong_field_is_named_with_its_rule(client, headers, read):
    wrong = {"age": "old", "email_opens": True, "lead_source": 7, "actual_outcome": "maybe"}
    answer = client.post("/score", json={**wrong, "emailopens": 3, "name": 7}, headers=headers)
    assert answer.status_code == 422
    assert set(pointers(answer)) == {f"/{n}" for n in (*wrong, "emailopens", "name", "lead_id")}
    assert all(error["message"] and error["rule"] for error in answer.json["errors"])
    assert read(lambda s: s.scalars(sa.select(Lead)).all()) == []


def test_what_surprises_is_taken_with_a_warning_and_refused_where_that_is_wanted(client, headers):
    body = {"lead_id": "L-1", "age": 400, "lead_source": "Refferal", "email_opens": "8"}
    answer = client.post("/score", json=body, headers=headers)
    assert answer.status_code == 200
    assert [(w["field"], w["value"]) for w in answer.json["warnings"]] == [
        ("age", "400"),
        ("lead_source", "Refferal"),
    ]
    assert "did you mean Referral?" in answer.json["warnings"][1]["message"]
    assert all(w["rule"] for w in answer.json["warnings"])
    assert {"age", "lead_source"} <= set(answer.json["unknown_fields"])
    assert "email_opens" not in answer.json["unknown_fields"]
    strict = {**headers, "Prefer": "respond-async, handling=strict"}
    assert pointers(client.post("/score", json=body, headers=strict)) == ["/age", "/lead_source"]
    rows = client.post("/score/batch", json={"leads": [body]}, headers=strict).json["results"]
    assert rows[0]["error"]["status"] == 422


def test_a_number_is_taken_as_an_id_and_a_salesforce_id_has_18_characters(client, headers, score):
    assert score(12345)["lead_id"] == "12345"
    assert score("00Q5f000001AbCd")["lead_id"] == "00Q5f000001AbCdEAK"
    for path in ("00Q5f000001AbCd", "%2000Q5f000001AbCdEAK%20"):
        answer = client.put(f"/feedback/{path}?outcome=true", headers=headers)
        assert answer.json["lead_id"] == "00Q5f000001AbCdEAK"


def test_a_nan_in_a_batch_costs_only_its_row(client, headers):
    body = b'{"leads": [{"lead_id": "L-1", "email_opens": NaN}, {"lead_id": "L-2"}]}'
    kind = "application/json"
    rows = client.post("/score/batch", data=body, content_type=kind, headers=headers).json
    wrong, right = rows["results"]
    assert wrong["error"]["errors"][0]["pointer"] == "/leads/0/email_opens"
    assert right["lead_id"] == "L-2"


def test_a_name_that_stands_twice_in_a_form_is_refused(client, headers):
    kind = "application/x-www-form-urlencoded"
    body = "lead_id=L-1&email_opens=3&email_opens=9"
    answer = client.post("/score", data=body, content_type=kind, headers=headers)
    assert pointers(answer) == ["/email_opens"]


def test_a_mistyped_key_is_met_with_the_one_that_was_meant(client, headers):
    body = {"lead_id": "L-1", "emailopens": 3}
    [error] = client.post("/score", json=body, headers=headers).json["errors"]
    assert error["message"] == "is not a known field; did you mean email_opens?"


def test_a_key_that_says_two_things_is_refused(client, headers):
    body = b'{"lead_id": "L-1", "email_opens": 3, "email_opens": 9}'
    answer = client.post("/score", data=body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert "'email_opens' says two things in one object; send it once" in answer.json["detail"]


def test_composed_and_decomposed_ids_are_one_lead(score, read):
    assert score("Zoe\u0308")["lead_id"] == score(" Zo\u00eb ")["lead_id"] == "Zo\u00eb"
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead))) == 1


def test_the_risk_category_follows_the_settings(app, client, headers):
    product = app.extensions["leadloop"]
    for high, medium, category in ((0.1, 0, "high"), (1, 0.1, "medium"), (1, 1, "low")):
        bounds = {"risk_high": high, "risk_medium": medium}
        settings = product.settings.model_copy(update=bounds)
        app.extensions["leadloop"] = dataclasses.replace(product, settings=settings)
        answer = client.post("/score", json={"lead_id": "L-1"}, headers=headers)
        assert answer.json["risk_category"] == category


def test_without_a_champion_nothing_is_scored(app, write):
    from_program = app.test_client()
    token = write(lambda s: factories.make_key(s, "score"))
    headers = {"Authorization": f"Bearer {token}"}
    answer = from_program.post("/score", json={"lead_id": "L-1"}, headers=headers)
    assert (answer.status_code, answer.json["status"]) == (503, 503)
    assert "setup" in answer.json["detail"]


def test_the_example_of_the_readme_is_what_is_answered(score):
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    asked = json.loads(re.search(r"-d '(.+)'$", readme, re.M)[1])
    told = json.loads(re.search(r"```json\n(.+?)```", readme, re.S)[1])
    strongest = told.pop("reasons")[0]
    del strongest["sentence"]
    answer = score(**asked)
    assert answer == answer | told
    assert answer["reasons"][0] == answer["reasons"][0] | strongest
