"""`/api/leads`: the table page by page, one lead, its history."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.factories import make_lead, make_version
from webapp.database import utc_now
from webapp.services.leads import leads, pipeline
from webapp.services.models import lifecycle, rescoring
from webapp.services.remarks import overrides

ODD_IDS = ["a/b c", "/a", "a//b", "history", "a/history"]


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both in tests/services/leads."""
    return "sqlite"


@pytest.fixture
def many(client, headers):
    """120 leads, some of them decided."""
    outcomes = {0: True, 1: False}
    rows = [
        {"lead_id": f"L-{n:03}", "email_opens": n, "actual_outcome": outcomes.get(n % 10)}
        for n in range(120)
    ]
    client.post("/score/batch", json={"leads": rows}, headers=headers)


def pages(client, headers, query):
    after, found = "", []
    while True:
        page = client.get(f"/api/leads?{query}{after}", headers=headers).json
        found.append(page["leads"])
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def test_pages_hold_every_lead_once_and_the_best_first(client, headers, many):
    found = pages(client, headers, "status=all")
    every = [lead for page in found for lead in page]
    scores = [lead["conversion_score"] for lead in every]
    assert [len(page) for page in found] == [50, 50, 20]
    assert len({lead["lead_id"] for lead in every}) == 120
    assert scores == sorted(scores, reverse=True)


def test_open_leads_are_listed_unless_others_are_asked_for(client, headers, many):
    assert {lead["actual_outcome"] for page in pages(client, headers, "") for lead in page} == {
        None
    }
    lost = client.get("/api/leads?status=lost", headers=headers).json
    assert (len(lost["leads"]), lost["n_leads"], lost["has_more_than_counted"]) == (12, 12, False)


def test_filters_do_as_they_say(client, headers, many):
    right = {
        "q=L-007": lambda leads: [lead["lead_id"] for lead in leads] == ["L-007"],
        "grade=A": lambda leads: {lead["grade"] for lead in leads} == {"A"},
        "sort=name&status=all": lambda leads: leads == sorted(leads, key=lambda d: d["lead_id"]),
    }
    for query, is_right in right.items():
        page = client.get(f"/api/leads?{query}", headers=headers).json
        assert page["leads"], query
        assert is_right(page["leads"]), query


def test_a_lead_is_shown_with_its_reasons(client, headers, score):
    scored = score("L-1", name="Ada", lead_source="Referral", email_opens=8)
    shown = client.get("/api/leads/L-1", headers=headers).json
    same = ("conversion_score", "grade", "risk_category", "reasons", "unknown_fields")
    assert {name: shown[name] for name in same} == {name: scored[name] for name in same}
    assert (shown["name"], shown["inputs"]["email_opens"]) == ("Ada", 8)
    assert shown["scored_at"] == scored["timestamp"]


def test_an_override_stands_beside_the_models_score(client, headers, score, write):
    scored = score("L-1", lead_source="Referral")
    now = utc_now()
    until = now + timedelta(days=7)

    def put(session):
        lead = leads.find(session, "L-1", lock=True)
        overrides.put(session, lead, 0.93, until=until, reason="met", author="rita", now=now)

    write(put)
    score("L-2")
    shown = client.get("/api/leads/L-1", headers=headers).json
    by_id = {e["lead_id"]: e for e in client.get("/api/leads", headers=headers).json["leads"]}
    for lead in (shown, by_id["L-1"]):
        assert lead["conversion_score"] == scored["conversion_score"]
        override = lead["override"]
        assert (override["conversion_score"], override["grade"]) == (0.93, "A")
        assert (override["author"], override["reason"]) == ("rita", "met")
        assert override["until"] == until.isoformat()
    assert by_id["L-2"]["override"] is None
    again = score("L-1", lead_source="Referral")
    assert again["conversion_score"] == again["previous_score"] == scored["conversion_score"]


def test_odd_ids_are_found_and_have_their_history(client, headers, write):
    write(lambda s: [make_lead(s, lead_id) for lead_id in ODD_IDS])
    for lead_id in ODD_IDS:
        for path in (quote(lead_id, safe=""), quote(lead_id, safe="/")):
            history = client.get(f"/api/leads/{path}/history", headers=headers).json
            assert (history["lead_id"], len(history["scores"])) == (lead_id, 1)


def test_a_history_tells_every_score_and_every_outcome(client, headers, score):
    score("L-1", email_opens=1)
    score("L-1", email_opens=9)
    client.put("/feedback/L-1?outcome=true", headers=headers)
    client.delete("/feedback/L-1", headers=headers)
    history = client.get("/api/leads/L-1/history", headers=headers).json
    assert [s["inputs"]["email_opens"] for s in history["scores"]] == [9, 1]
    assert [s["model_version"] for s in history["scores"]] == ["1.0", "1.0"]
    assert [o["outcome"] for o in history["outcomes"]] == ["withdrawn", "converted"]
    assert history["outcomes"][0]["actor"] == "key:a program"


def test_a_history_tells_the_score_of_a_version_that_took_over(client, headers, write, score):
    before = score("L-1", email_opens=1)["conversion_score"]

    def take_over(session):
        version = make_version(session)
        rescoring.begin(session, version, utc_now())
        rescoring.fill(session, version, 0)
        lifecycle.switch(session, version, "gate", utc_now())

    write(take_over)
    newest, first = client.get("/api/leads/L-1/history", headers=headers).json["scores"]
    assert (newest["model_version"], newest["source"]) == ("1.1", "model")
    assert newest["inputs"] == first["inputs"] == {"email_opens": 1}
    assert newest["conversion_score"] > first["conversion_score"] == before


@pytest.mark.parametrize("suffix", ["", "/history"])
def test_an_unknown_lead_is_404(client, headers, suffix):
    answer = client.get(f"/api/leads/nobody{suffix}", headers=headers)
    assert (answer.status_code, answer.json["detail"]) == (404, "Lead nobody not found")


def test_leads_to_explore_are_told_and_can_be_listed_alone(app, client, headers, many):
    product = app.extensions["leadloop"]
    settings = product.settings.model_copy(update={"explore_percent": 25})
    app.extensions["leadloop"] = replace(product, settings=settings)
    found = [lead for page in pages(client, headers, "status=all") for lead in page]
    marked = {lead["lead_id"] for lead in found if lead["explore"]}
    assert marked == {
        lead["lead_id"] for lead in found if leads.explore_draw(lead["lead_id"]) < 2500
    }
    alone = [lead for page in pages(client, headers, "status=all&explore=yes") for lead in page]
    assert {lead["lead_id"] for lead in alone} == marked
    for lead in (alone[0], next(lead for lead in found if not lead["explore"])):
        shown = client.get(f"/api/leads/{lead['lead_id']}", headers=headers).json
        assert shown["explore"] == lead["explore"]


def test_leads_in_the_pipeline_have_a_status_of_their_own(client, headers, write):
    def put(session):
        found = [make_lead(session, f"L-{n}") for n in range(2)]
        pipeline.put(session, {found[0].key: True})

    write(put)
    listed = [
        [lead["lead_id"] for page in pages(client, headers, query) for lead in page]
        for query in ("status=in_pipeline", "", "status=all&sort=name")
    ]
    assert listed == [["L-0"], ["L-1"], ["L-0", "L-1"]]
    shown = client.get("/api/leads/L-0", headers=headers).json
    assert (shown["status"], shown["actual_outcome"]) == ("in_pipeline", None)
    assert client.get("/info", headers=headers).json["total_leads_scored"] == 2
