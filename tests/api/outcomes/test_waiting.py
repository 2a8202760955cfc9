"""Outcomes of leads that are not known yet: kept where it is asked for, or in a batch."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.services.leads import leads


@pytest.fixture
def dialect():
    """The statements are tested on both databases in tests/services/outcomes."""
    return "sqlite"


@pytest.mark.parametrize("method", ["put", "post"])
def test_an_outcome_waits_for_its_lead_where_that_is_asked_for(
    client, headers, score, read, method
):
    send = getattr(client, method)
    body = {"occurred_at": "2026-01-05", "reason": "Signed"}
    answer = send("/feedback/ L-1%20?wait=true&outcome=won", json=body, headers=headers)
    assert (answer.status_code, answer.json["lead_id"]) == (202, "L-1")
    assert (answer.json["outcome"], answer.json["waiting"]) == (True, True)
    until = datetime.fromisoformat(answer.json["waiting_until"]) - datetime.now(UTC)
    assert timedelta(days=29) < until < timedelta(days=31)
    assert score("L-1")["actual_outcome"] is True
    [row] = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert (row.happened_at.date().isoformat(), row.reason) == ("2026-01-05", "Signed")
    assert (row.source, row.actor) == ("api", "key:a program")


@pytest.mark.parametrize("query", ["", "&wait=false", "&wait=0"])
def test_without_that_an_unknown_lead_is_404_and_nothing_waits(client, headers, score, query):
    answer = client.put(f"/feedback/L-1?outcome=true{query}", headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (404, "Lead L-1 not found")
    assert score("L-1")["actual_outcome"] is None


def test_wait_is_true_or_false(client, headers):
    answer = client.put("/feedback/L-1?outcome=true&wait=perhaps", headers=headers)
    assert [e["pointer"] for e in answer.json["errors"]] == ["?wait"]


def test_a_known_lead_is_answered_as_ever(client, headers, score):
    score("L-1")
    answer = client.put("/feedback/L-1?outcome=true&wait=true", headers=headers)
    assert (answer.status_code, answer.json["message"]) == (200, "Recorded: converted")


def test_rows_of_a_batch_wait_and_say_so(client, headers, score):
    score("known")
    rows = [{"lead_id": i, "outcome": "lost"} for i in ("early", "known", "early")]
    answer = client.post("/feedback/batch", json={"outcomes": rows}, headers=headers)
    assert [row.get("waiting", False) for row in answer.json["results"]] == [True, False, True]
    assert [row["outcome"] for row in answer.json["results"]] == [False, False, False]
    assert "leadloop_outcomes_waiting 1.0" in client.get("/metrics").text
    assert score("early")["actual_outcome"] is False
    assert "leadloop_outcomes_waiting 0.0" in client.get("/metrics").text


def test_one_that_waits_can_be_cancelled(client, headers, score):
    client.put("/feedback/L-1?outcome=true&wait=true", headers=headers)
    for _ in range(2):
        answer = client.delete("/feedback/L-1", headers=headers)
        assert (answer.status_code, answer.json["outcome"]) == (200, None)
    assert score("L-1")["actual_outcome"] is None
