"""What programs say of a lead beside its values: notes, wrong scores, overrides, its owner."""

from datetime import timedelta

import pytest

from tests.factories import make_lead
from webapp.database import utc_now
from webapp.services.leads import views

TOMORROW = (utc_now() + timedelta(days=1)).date().isoformat()
SOON = {"conversion_score": 0.915, "until": TOMORROW, "reason": "Asked for an offer"}


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both in tests/services."""
    return "sqlite"


@pytest.fixture
def call(client, headers, write):
    write(lambda s: make_lead(s, "L-1", email_opens=3))

    def call(method, path, **sent):
        body = {"json": sent} if sent else {}
        return client.open(f"/api/leads/L-1/{path}", method=method, headers=headers, **body)

    return call


def pointers(answer):
    assert answer.status_code == 422
    return {error["pointer"] for error in answer.json["errors"]}


def test_a_note_is_written_listed_and_deleted(call):
    made = call("POST", "notes", text=" Calls back.\r\n").json
    assert (made["text"], made["author"]) == ("Calls back.", "key:a program")
    assert call("GET", "notes").json == {"notes": [made]}
    assert call("DELETE", f"notes/{made['id']}").json == made
    assert call("DELETE", f"notes/{made['id']}").status_code == 404
    assert pointers(call("POST", "notes", text=" \n")) == {"/text"}


def test_a_note_of_somebody_else_or_of_another_lead_stays(
    call, client, headers, write, sign_in, rita
):
    lead = write(lambda s: make_lead(s, "L-2"))
    sign_in(rita).post(f"/leads/{lead.key}/notes", data={"text": "Mine"})
    (note,) = client.get("/api/leads/L-2/notes", headers=headers).json["notes"]
    path = f"/api/leads/L-2/notes/{note['id']}"
    assert client.delete(path, headers=headers).status_code == 403
    assert call("DELETE", f"notes/{note['id']}").status_code == 404


def test_a_wrong_score_is_reported_and_taken_back(call):
    made = call("PUT", "score-report", reason="not_a_fit").json
    again = call("PUT", "score-report", reason="other", note="A student").json
    assert (made["reason"], again["reason"], again["note"]) == ("not_a_fit", "other", "A student")
    assert call("DELETE", "score-report").json == again
    assert call("DELETE", "score-report").status_code == 404
    assert pointers(call("PUT", "score-report", reason="bad", note=1)) == {"/reason", "/note"}


def test_an_override_is_put_and_ended(call):
    said = call("PUT", "override", **SOON).json["override"]
    assert (said["conversion_score"], said["reason"]) == (0.915, "Asked for an offer")
    assert said["author"] == "key:a program"
    assert call("DELETE", "override").json["override"] is None
    assert call("DELETE", "override").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"conversion_score": 1.01},
        {"conversion_score": True},
        {"conversion_score": "0.5"},
        {"until": "2020-01-01"},
        {"until": "9999-12-31"},
        {"until": 5},
        {"reason": " "},
    ],
)
def test_an_override_that_breaks_a_rule_is_refused_by_its_name(wrong, call):
    assert pointers(call("PUT", "override", **{**SOON, **wrong})) == {f"/{name}" for name in wrong}


def test_a_lead_is_given_to_an_account_and_to_nobody(call, rita):
    assert call("PUT", "owner", owner="Rita@example.com").json["owner"] == "rita@example.com"
    assert call("PUT", "owner", owner=None).json["owner"] is None
    assert pointers(call("PUT", "owner", owner="nobody@example.com")) == {"/owner"}


def test_views_that_people_share_are_listed(client, headers, write):
    def save(session):
        for name, is_shared in (("Hot", True), ("Mine", False)):
            asked = {"grade": "A", "sort": "contact"}
            views.save(session, name, asked, is_shared=is_shared, by="mona", now=utc_now())

    write(save)
    (view,) = client.get("/api/views", headers=headers).json["views"]
    assert (view["name"], view["author"]) == ("Hot", "mona")
    assert view["filters"] == {"grade": "A", "sort": "contact"}


def test_an_unknown_lead_is_named(client, headers):
    answer = client.put("/api/leads/L-9/owner", json={"owner": None}, headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (404, "Lead L-9 not found")
