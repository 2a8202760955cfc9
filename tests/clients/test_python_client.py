"""The client and the examples against the running product, over real HTTP."""

import json
import os
import re
import subprocess
import sys

import pytest
import sqlalchemy as sa

from tests.architecture.source import ROOT
from tests.factories import NOW, make_key, make_lead
from webapp.services.accounts import api_keys
from webapp.services.leads import leads
from webapp.tables import Snapshot

sys.path.insert(0, str(ROOT / "clients/python"))
from leadloop import Leadloop, LeadloopError

FOLDER = str(ROOT / "clients/python")


@pytest.fixture(scope="session")
def dialect():
    """The client sees no database."""
    return "sqlite"


@pytest.fixture
def faults(app, monkeypatch):
    """What happens to the next requests: an answer that is lost, or a status instead of one."""
    monkeypatch.setattr(app, "wsgi_app", Faulty(app.wsgi_app))
    return app.wsgi_app.faults


class Faulty:
    """A network in front of the application that loses answers, and a server that is busy."""

    def __init__(self, application):
        self.application, self.faults, self.n_requests = application, [], 0

    def __call__(self, environ, start_response):
        self.n_requests += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault == "lost":
            list(self.application(environ, lambda *_: None))
            raise ConnectionResetError
        if fault is not None:
            start_response(fault, [("Retry-After", "0"), ("Content-Type", "text/html")])
            return [b"<html>"]
        return self.application(environ, start_response)


@pytest.fixture
def key(write):
    return write(lambda s: make_key(s, "score", "feedback"))


@pytest.fixture
def leadloop(faults, server_url, key):
    with Leadloop(server_url, key, max_tries=3, timeout_seconds=30) as client:
        yield client


def test_a_lead_is_scored_reported_and_withdrawn(leadloop, read):
    answer = leadloop.score({"lead_id": "a/1", "email_opens": 8})
    assert 0 < answer["conversion_score"] < 1
    assert leadloop.report("a/1", "won", reason="Signed")["outcome"] is True
    assert read(lambda s: leads.find(s, "a/1")).outcome is True
    assert leadloop.withdraw("a/1")["outcome"] is None
    assert leadloop.report("later", True, wait=True)["waiting"] is True
    assert leadloop.info()["total_leads_scored"] == 1


def test_many_rows_go_in_batches_of_500(leadloop, app, read):
    rows = ({"lead_id": f"L-{n}", "email_opens": n % 9} for n in range(1001))
    results = list(leadloop.score_many(rows))
    assert [result["lead_id"] for result in results] == [f"L-{n}" for n in range(1001)]
    assert app.wsgi_app.n_requests == 3
    reported = list(leadloop.report_many([{"lead_id": "L-1", "outcome": True}, {"lead_id": ""}]))
    assert reported[0]["outcome"] is True
    assert reported[1]["error"]["status"] == 422


def test_a_lost_answer_and_a_busy_server_are_tried_again_and_nothing_is_done_twice(
    leadloop, faults, read
):
    faults += ["lost", "503 Service Unavailable"]
    results = list(leadloop.score_many([{"lead_id": "L-1", "email_opens": 3}]))
    assert results[0]["previous_score"] is None
    count = sa.select(sa.func.count()).select_from(Snapshot)
    assert read(lambda s: s.scalar(count)) == 1


def test_a_withdrawal_is_not_sent_twice(leadloop, faults, app):
    leadloop.score({"lead_id": "L-1"})
    faults += ["503 Service Unavailable"]
    with pytest.raises(LeadloopError, match="did not answer in JSON"):
        leadloop.withdraw("L-1")
    assert app.wsgi_app.n_requests == 2


def test_a_refusal_names_what_is_wrong_and_is_not_tried_again(leadloop, app):
    with pytest.raises(LeadloopError) as refused:
        leadloop.score({"lead_id": "L-1", "emailopens": 3})
    assert refused.value.status == 422
    assert refused.value.errors[0]["pointer"] == "/emailopens"
    assert app.wsgi_app.n_requests == 1


def test_the_weekly_report_says_what_was_refused(server_url, key, write, read, tmp_path):
    write(lambda s: make_lead(s, "L-1"))
    deals = tmp_path / "deals.csv"
    rows = ["lead_id,outcome,closed_on", "L-1,won,2026-03-01", "new,lost,", "L-3,maybe,", "L-4,,"]
    deals.write_text("\n".join(rows))
    variables = {"LEADLOOP_URL": server_url, "LEADLOOP_KEY": key, "PYTHONPATH": FOLDER}
    done = subprocess.run(
        [sys.executable, ROOT / "examples/weekly_outcomes.py", deals],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "2 outcomes reported, 1 of them wait for their lead, 1 refused\n  L-3: " in done.stdout
    assert read(lambda s: leads.find(s, "L-1")).outcome is True


def test_the_requests_of_the_webhook_guide_are_taken(server_url, write):
    def make(session):
        scopes = ["score", "feedback"]
        return api_keys.create(
            session, "webhooks", scopes, ignore_unknown=True, created_by="tests", now=NOW
        )[1]

    leadloop = Leadloop(server_url, write(make))
    guide = (ROOT / "examples/webhook.md").read_text()
    lead = json.loads(re.search(r"```json\n(.*?)```", guide, re.DOTALL)[1])
    values = {"lead_id": "77", "lead_source": "Webinar", "email_opens": "4"}
    answer = leadloop.score({"zap_id": "7", **{name: values.get(name, "") for name in lead}})
    assert [warning["field"] for warning in answer["warnings"]] == ["zap_id"]
    outcome = json.loads(re.search(r"\| body \| `(\{\"outcome\".*?\})` \|", guide)[1])
    told = {"outcome": "Closed Won", "occurred_at": "2026-03-01T10:00:00Z", "reason": ""}
    told = {name: told[name] for name in outcome}
    assert leadloop._call("POST", "/feedback/77?wait=true", told)["outcome"] is True
