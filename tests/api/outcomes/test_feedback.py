"""`/feedback`: outcomes recorded, withdrawn, refused."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import make_outcome
from webapp.database import utc_now
from webapp.services.leads import leads, removal
from webapp.services.outcomes import outcomes, waiting
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent

ODD_IDS = [
    ("a/b c", "a%2Fb%20c"),
    ("a/b c", "a/b%20c"),
    ("/a", "/a"),
    ("/a", "%2Fa"),
    ("//a//b/", "//a//b/"),
    ("a%2Fb", "a%252Fb"),
    ("batch", "batch"),
    ("Zoë?#ü", "Zo%C3%AB%3F%23%C3%BC"),
    ("..", "%2e%2e"),
]


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both in tests/services/outcomes."""
    return "sqlite"


def test_an_outcome_is_recorded_and_counted(client, headers, score):
    score("L-1")
    answer = client.put("/feedback/L-1?outcome=true", headers=headers)
    assert answer.json == {
        "message": "Recorded: converted",
        "lead_id": "L-1",
        "outcome": True,
        "total_feedback": 1,
    }


def test_a_lead_id_may_hold_anything_a_path_can(program, read):
    for lead_id, path in ODD_IDS:
        assert program("POST", "/score", json={"lead_id": lead_id}).status_code == 200
        answer = program.exactly("PUT", f"/feedback/{path}?outcome=true")
        assert (answer.status_code, answer.json()["lead_id"]) == (200, lead_id)
        assert read(lambda s, i=lead_id: leads.find(s, i).outcome) is True
        program("DELETE", f"/feedback/{path}")


def test_a_body_says_when_and_why(client, headers, score, read):
    score("L-1")
    body = {"outcome": False, "occurred_at": "2026-01-05T10:00:00+02:00", "reason": " No budget "}
    answer = client.put("/feedback/L-1", json=body, headers=headers)
    [row] = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert (answer.status_code, answer.json["outcome"]) == (200, False)
    assert (row.happened_at, row.reason) == (datetime(2026, 1, 5, 8, tzinfo=UTC), "No budget")
    assert (row.source, row.actor) == ("api", "key:a program")


def test_a_date_is_the_end_of_its_day(client, headers, score, read):
    score("L-1")
    body = {"outcome": True, "occurred_at": "2026-01-05"}
    client.put("/feedback/L-1", json=body, headers=headers)
    [row] = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert row.happened_at == datetime(2026, 1, 6, tzinfo=UTC) - timedelta(microseconds=1)


def test_the_address_may_say_what_and_the_body_when(client, headers, score, read):
    score("L-1")
    body = {"occurred_at": "2026-01-05"}
    answer = client.put("/feedback/L-1?outcome=TRUE", json=body, headers=headers)
    [row] = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert (answer.json["outcome"], row.happened_at.date().isoformat()) == (True, "2026-01-05")


def test_saying_the_same_again_adds_nothing(client, headers, score, read):
    score("L-1")
    client.put("/feedback/L-1", json={"outcome": True}, headers=headers)
    body = {"outcome": True, "occurred_at": datetime.now(UTC).date().isoformat()}
    answer = client.put("/feedback/L-1", json=body, headers=headers)
    assert answer.json["message"] == "Nothing has changed: converted already"
    assert len(read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))) == 1


def test_the_same_outcome_with_its_time_and_reason_is_recorded_and_said_so(client, headers, score):
    score("L-1", actual_outcome=False)
    body = {"outcome": "lost", "occurred_at": "2026-01-05", "reason": "No budget"}
    messages = [
        client.put("/feedback/L-1", json=body, headers=headers).json["message"] for _ in range(2)
    ]
    assert messages == [
        "Recorded: lost as before, with its new time or reason",
        "Nothing has changed: lost already",
    ]


def test_an_outcome_from_before_the_one_that_counts_is_kept_and_does_not_count(
    client, headers, score
):
    score("L-1", actual_outcome=True)
    body = {"outcome": False, "occurred_at": "2020-01-01"}
    answer = client.put("/feedback/L-1", json=body, headers=headers)
    assert answer.json["outcome"] is True
    assert "later" in answer.json["message"]


def test_an_outcome_is_withdrawn_and_its_history_stays(client, headers, score, read):
    score("L-1", actual_outcome=True)
    answer = client.delete("/feedback/L-1", headers=headers)
    rows = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert (answer.json["outcome"], answer.json["total_feedback"]) == (None, 0)
    assert [row.result for row in rows] == ["withdrawn", "converted"]


def test_who_has_reported_nothing_withdraws_nothing(client, headers, score, write):
    score("L-1")
    rita = Attribution("rep", "rita@example.com")
    write(lambda s: make_outcome(s, "L-1", True, attribution=rita))
    answer = client.delete("/feedback/L-1", headers=headers).json
    assert answer["message"] == "Nothing has changed; another one counts for this lead: converted"


def test_after_a_withdrawal_another_sources_outcome_counts(client, headers, score, write):
    score("L-1")
    file = Attribution("csv", "ada@example.com")
    write(lambda s: make_outcome(s, "L-1", False, attribution=file))
    client.put("/feedback/L-1?outcome=true", headers=headers)
    for _ in range(2):
        answer = client.delete("/feedback/L-1", headers=headers)
        assert (answer.status_code, answer.json["outcome"]) == (200, False)
        assert answer.json["message"].endswith("another one counts for this lead: lost")
    history = client.get("/api/leads/L-1/history", headers=headers).json["outcomes"]
    told = {o["outcome"]: o["withdrawn"] for o in history}
    assert told == {"withdrawn": False, "converted": True, "lost": False}


def test_a_batch_says_it_of_the_lead_that_goes_on(client, headers, score, write, read):
    score("kept")
    score("gone")
    now = datetime.now(UTC)
    write(lambda s: removal.remove(s, leads.find(s, "gone"), now, into=leads.find(s, "kept")))
    rows = [{"lead_id": "gone", "outcome": True}]
    answer = client.post("/feedback/batch", json={"outcomes": rows}, headers=headers)
    assert answer.json["results"][0]["lead_id"] == "kept"
    assert read(lambda s: leads.find(s, "kept").outcome) is True


@pytest.mark.parametrize("method", ["put", "delete"])
def test_an_unknown_lead_is_404(client, headers, method):
    answer = client.open("/feedback/a%2Fb%20c?outcome=true", method=method, headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (404, "Lead a/b c not found")


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("", {"result": "never_worked"}),
        ("", {"outcome": "never_worked"}),
        ("", {"outcome": "never_worked", "result": "never_worked"}),
        ("?outcome=never_worked", {}),
    ],
)
def test_a_lead_that_nobody_worked_is_closed_and_counts_as_no_outcome(
    address, body, client, headers, score
):
    score("L-1")
    body = {**body, "reason": "closed by a rule"}
    answer = client.put(f"/feedback/L-1{address}", json=body, headers=headers)
    assert answer.json == {
        "message": "Recorded: never worked",
        "lead_id": "L-1",
        "outcome": None,
        "total_feedback": 0,
    }
    assert client.get("/api/leads/L-1", headers=headers).json["status"] == "never_worked"
    again = client.put(f"/feedback/L-1{address}", json=body, headers=headers)
    assert again.json["message"] == "Nothing has changed: never worked already"
    client.delete("/feedback/L-1", headers=headers)
    assert client.get("/api/leads/L-1", headers=headers).json["status"] == "open"


@pytest.mark.parametrize(
    ("address", "body", "place"),
    [
        ("", {"result": "lost"}, "/result"),
        ("", {"result": "never_worked", "outcome": False}, "/result"),
        ("?outcome=true", {"result": "never_worked"}, "/result"),
        ("", {"outcome": None}, "/outcome"),
        ("", {}, "?outcome"),
    ],
)
def test_one_outcome_is_told_or_the_place_is_named(address, body, place, client, headers, score):
    score("L-1")
    answer = client.put(f"/feedback/L-1{address}", json=body, headers=headers)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, place)


def test_rows_of_a_batch_may_say_never_worked(client, headers, score, read):
    score("L-1")
    rows = [
        {"lead_id": "L-1", "result": "never_worked"},
        {"lead_id": "L-1"},
        {"lead_id": "L-1", "outcome": True, "result": "never_worked"},
        {"lead_id": "L-1", "outcome": "never_worked"},
        {"lead_id": "L-1", "outcome": "maybe"},
    ]
    answer = client.post("/feedback/batch", json={"outcomes": rows}, headers=headers)
    first, second, third, fourth, fifth = answer.json["results"]
    assert first["message"] == "Recorded: never worked"
    assert second["error"]["errors"][0]["pointer"] == "/outcomes/1/outcome"
    assert third["error"]["errors"][0]["pointer"] == "/outcomes/2/result"
    assert fourth["message"] == "Nothing has changed: never worked already"
    [wrong] = fifth["error"]["errors"]
    assert wrong["pointer"] == "/outcomes/4/outcome"
    assert "won, lost" in wrong["message"]


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("won", True),
        ("1", True),
        ("Closed%20Won", True),
        ("YES", True),
        ("lost", False),
        ("0", False),
    ],
)
def test_outcomes_in_plain_words_are_read_in_the_address_and_in_json(
    word, outcome, client, headers, score
):
    score("L-1")
    answer = client.put(f"/feedback/L-1?outcome={word}", headers=headers)
    assert (answer.status_code, answer.json["outcome"]) == (200, outcome)
    body = {"outcome": int(word) if word.isdigit() else word.replace("%20", " ")}
    answer = client.put("/feedback/L-1", json=body, headers=headers)
    assert answer.json["message"].startswith("Nothing has changed")


def test_a_post_does_what_a_put_does(client, headers, score):
    score("L-1")
    by_address = client.post("/feedback/L-1?outcome=true", headers=headers)
    by_body = client.post("/feedback/L-1", json={"outcome": "lost"}, headers=headers)
    assert (by_address.json["outcome"], by_body.json["outcome"]) == (True, False)
    assert client.post("/feedback/nobody?outcome=true", headers=headers).status_code == 404


def test_a_clock_10_minutes_ahead_loses_no_outcome(client, headers, score, read):
    score("L-1")
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    body = {"outcome": True, "occurred_at": ahead.isoformat()}
    assert client.put("/feedback/L-1", json=body, headers=headers).status_code == 200
    [row] = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert row.happened_at == row.recorded_at
    body["occurred_at"] = (ahead + timedelta(minutes=10)).isoformat()
    assert client.put("/feedback/L-1", json=body, headers=headers).status_code == 422


def test_an_outcome_of_a_lead_that_has_changed_since_it_was_seen_is_not_recorded(
    client, headers, score, write, read
):
    score("L-1")
    bo = Attribution("rep", "bo@example.com")
    write(lambda s: make_outcome(s, "L-1", False, attribution=bo, now=utc_now()))
    body = {"outcome": True, "expected_status": "open"}
    answer = client.put("/feedback/L-1", json=body, headers=headers)
    assert answer.status_code == 409
    assert "Lead L-1 is lost by now (bo@example.com, " in answer.json["detail"]
    assert read(lambda s: leads.find(s, "L-1").outcome) is False
    body["expected_status"] = "lost"
    assert client.put("/feedback/L-1", json=body, headers=headers).status_code == 200


def test_a_row_of_a_batch_that_has_changed_since_it_was_seen_stops_no_other(
    client, headers, score, read
):
    for lead_id in ("L-1", "L-2"):
        score(lead_id)
    client.put("/feedback/L-1?outcome=false", headers=headers)
    rows = [
        {"lead_id": i, "outcome": True, "expected_status": "open"} for i in ("L-1", "L-2", "L-3")
    ]
    results = client.post("/feedback/batch", json={"outcomes": rows}, headers=headers).json
    changed, recorded, unknown = results["results"]
    assert changed["error"]["status"] == 409
    assert recorded["outcome"] is True
    assert (unknown["lead_id"], unknown["error"]["status"]) == ("L-3", 404)
    assert read(lambda s: waiting.count(s, utc_now()).n) == 0
    assert read(lambda s: leads.find(s, "L-1").outcome) is False


def test_a_row_sees_what_an_earlier_row_of_its_batch_has_recorded(client, headers, score):
    score("L-1")
    score("L-2")
    rows = [
        {"lead_id": lead_id, "outcome": outcome, "expected_status": "open"}
        for lead_id, outcome in (("L-1", True), ("L-2", True), ("L-1", False), ("L-1", True))
    ]
    results = client.post("/feedback/batch", json={"outcomes": rows}, headers=headers).json
    statuses = [row.get("error", {}).get("status") for row in results["results"]]
    assert statuses == [None, None, 409, None]


def test_an_expected_status_stands_beside_no_waiting(client, headers, score, read):
    body = {"outcome": True, "expected_status": "lost"}
    answer = client.put("/feedback/L-9?wait=true", json=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/expected_status"
    assert read(lambda s: waiting.count(s, utc_now()).n) == 0


def test_who_is_named_is_whose_outcome_counts(client, headers, score, write):
    score("L-1")
    bo = Attribution("rep", "bo@example.com")
    write(lambda s: make_outcome(s, "L-1", False, attribution=bo, now=utc_now()))
    earlier = {"outcome": True, "occurred_at": (utc_now() - timedelta(days=1)).isoformat()}
    client.put("/feedback/L-1", json=earlier, headers=headers)
    body = {"outcome": "never_worked", "expected_status": "open"}
    detail = client.put("/feedback/L-1", json=body, headers=headers).json["detail"]
    assert "Lead L-1 is lost by now (bo@example.com, " in detail


def test_an_outcome_that_the_crm_told_is_said_to_be_the_crms_by_its_name(
    client, headers, score, write
):
    score("L-1")
    crm = Attribution("salesforce", "salesforce")
    write(lambda s: make_outcome(s, "L-1", False, attribution=crm, now=utc_now()))
    body = {"outcome": True, "expected_status": "open"}
    detail = client.put("/feedback/L-1", json=body, headers=headers).json["detail"]
    assert "Lead L-1 is lost by now (Salesforce, " in detail


def test_where_no_outcome_counts_who_withdrew_it_is_named(client, headers, score, write):
    score("L-1")
    client.put("/feedback/L-1?outcome=true", headers=headers)
    bo = Attribution("rep", "bo@example.com")

    def withdraw(session):
        lead = leads.find(session, "L-1", lock=True)
        event = OutcomeEvent(lead, None, bo, withdraws="counting")
        outcomes.record_many(session, [event], now=utc_now())

    write(withdraw)
    body = {"outcome": False, "expected_status": "converted"}
    detail = client.put("/feedback/L-1", json=body, headers=headers).json["detail"]
    assert "Lead L-1 is open by now (bo@example.com, " in detail


@pytest.mark.parametrize("expected", ["won", None, ["open"]])
def test_an_expected_status_is_one_of_the_known(client, headers, score, expected):
    score("L-1")
    body = {"outcome": True, "expected_status": expected}
    answer = client.put("/feedback/L-1", json=body, headers=headers)
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert error["pointer"] == "/expected_status"
    known = "must be one of open, in_pipeline, converted, lost, never_worked"
    assert error["message"] == known
