"""Batches: one result a row, errors in their rows, the same as one by one."""

import pytest
import sqlalchemy as sa

from webapp.api import batches
from webapp.services.leads import leads
from webapp.tables import Lead, Outcome


def batch(client, headers, path="/score/batch", **body):
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json["results"]


def test_every_row_has_its_result_in_order_and_errors_stop_nobody(client, headers, read):
    rows = [{"lead_id": "L-1"}, 7, {"lead_id": "L-3", "age": "old", "x/y": 1}, {"lead_id": "L-4"}]
    found = batch(client, headers, leads=rows)
    assert [row["lead_id"] for row in found] == ["L-1", None, "L-3", "L-4"]
    wrong = [e["pointer"] for e in found[2]["error"]["errors"]]
    assert (found[2]["error"]["status"], wrong) == (422, ["/leads/2/x~1y", "/leads/2/age"])
    assert read(lambda s: s.scalars(sa.select(Lead.lead_id).order_by(Lead.lead_id)).all()) == [
        "L-1",
        "L-4",
    ]


def test_a_batch_scores_as_one_by_one_does(client, headers, score):
    rows = [{"lead_id": f"L-{n}", "email_opens": n, "lead_source": "Referral"} for n in range(5)]
    together = batch(client, headers, leads=rows)
    alone = [score(**row) for row in rows]
    left_out = {"timestamp", "previous_score"}
    for one, other in zip(together, alone, strict=True):
        assert {k: v for k, v in one.items() if k not in left_out} == {
            k: v for k, v in other.items() if k not in left_out
        }


def test_a_batch_longer_than_one_transaction_keeps_its_order(client, headers, read):
    rows = [{"lead_id": f"L-{n}"} if n % 7 else {"lead_id": ""} for n in range(450)]
    found = batch(client, headers, leads=rows)
    assert [row["lead_id"] for row in found] == [row["lead_id"] or None for row in rows]
    pointers = [row["error"]["errors"][0]["pointer"] for row in found if "error" in row]
    assert pointers == [f"/leads/{n}/lead_id" for n in range(0, 450, 7)]
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead))) == 385


def test_an_empty_batch_has_no_results(client, headers):
    assert batch(client, headers, leads=[]) == []
    assert batch(client, headers, "/feedback/batch", outcomes=[]) == []


def test_outcomes_are_recorded_row_by_row(client, headers, score, read):
    score("L-1")
    score("L-2")
    found = batch(
        client,
        headers,
        "/feedback/batch",
        outcomes=[
            {"lead_id": "L-1", "outcome": True, "occurred_at": "2026-01-05", "reason": "Signed"},
            {"lead_id": "later", "outcome": True},
            {"lead_id": "L-2", "outcome": None},
            {"lead_id": "L-2", "outcome": False, "occurred_at": "2999-01-01"},
            {"lead_id": " L-2 ", "outcome": False},
            ["L-1", True],
        ],
    )
    assert [row.get("outcome", row.get("error", {}).get("status")) for row in found] == [
        True,
        True,
        422,
        422,
        False,
        422,
    ]
    assert (found[1]["lead_id"], found[1]["waiting"]) == ("later", True)
    [row] = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))
    assert (row.reason, row.happened_at.date().isoformat()) == ("Signed", "2026-01-05")


def test_outcomes_of_one_lead_are_taken_in_order(client, headers, score, read):
    score("L-1")
    rows = [{"lead_id": "L-1", "outcome": outcome} for outcome in (True, False, False)]
    found = batch(client, headers, "/feedback/batch", outcomes=rows)
    assert [row["outcome"] for row in found] == [False, False, False]
    results = read(lambda s: s.scalars(sa.select(Outcome.result).order_by(Outcome.key)).all())
    assert results == ["converted", "lost"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/score/batch", {"leads": [{"lead_id": "L-1"}, {"lead_id": ""}]}),
        ("/feedback/batch", {"outcomes": [{"lead_id": "L-1", "outcome": 3}, 7]}),
    ],
)
def test_rows_are_checked_before_others_have_to_wait(path, body, client, headers, monkeypatch):
    order: list[str] = []
    monkeypatch.setattr(batches, "write", attribution(order, "write", batches.write))
    monkeypatch.setattr(batches, "wrong_row", attribution(order, "check", batches.wrong_row))
    batch(client, headers, path, **body)
    assert order == ["check"] * order.count("check") + ["write"]
    assert "check" in order


def attribution(order, word, work):
    def saying(*args):
        order.append(word)
        return work(*args)

    return saying
