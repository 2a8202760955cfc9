"""Many programs at once on the same leads: nothing is lost, doubled or mixed up."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import sqlalchemy as sa

from webapp.services.leads import leads
from webapp.tables import Lead, Outcome, Score, Snapshot

N_CLIENTS = 16


@pytest.fixture
def at_once(program):
    """`at_once(calls)` makes all calls (method, path, options) at one time; their statuses."""

    def at_once(calls):
        start = threading.Barrier(len(calls))

        def ask(method, path, options):
            start.wait()
            url = program.url + path
            headers = dict(program.session.headers)
            return requests.request(method, url, headers=headers, timeout=60, **options).status_code

        with ThreadPoolExecutor(len(calls)) as clients:
            return list(clients.map(lambda call: ask(*call), calls))

    return at_once


def test_one_new_lead_scored_by_many_is_one_lead_with_every_score(at_once, read):
    bodies = [{"lead_id": "L-1", "email_opens": n} for n in range(N_CLIENTS)]
    statuses = at_once([("POST", "/score", {"json": body}) for body in bodies])
    snapshots = read(lambda s: leads.snapshots(s, leads.find(s, "L-1")))
    assert statuses == [200] * N_CLIENTS
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead))) == 1
    assert sorted(s.inputs.get("email_opens", 0) for s in snapshots) == list(range(N_CLIENTS))
    last = read(lambda s: s.scalars(sa.select(Snapshot).order_by(Snapshot.key.desc())).first())
    assert read(lambda s: s.scalars(sa.select(Score.probability)).all()) == [last.probability]


def test_many_outcomes_at_once_leave_the_newest_counting(at_once, program, read):
    program("POST", "/score", json={"lead_id": "L-1"})
    words = ["true", "false"] * (N_CLIENTS // 2)
    statuses = at_once([("PUT", f"/feedback/L-1?outcome={word}", {}) for word in words])
    newest = read(lambda s: leads.outcome_history(s, leads.find(s, "L-1")))[0]
    assert statuses == [200] * N_CLIENTS
    assert read(lambda s: leads.find(s, "L-1").outcome) is (newest.result == "converted")


def test_the_same_outcome_from_many_is_one_row(at_once, program, read):
    program("POST", "/score", json={"lead_id": "L-1"})
    statuses = at_once([("PUT", "/feedback/L-1?outcome=true", {})] * N_CLIENTS)
    assert statuses == [200] * N_CLIENTS
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Outcome))) == 1


def test_batches_over_the_same_leads_in_any_order_do_not_block_each_other(at_once, program, read):
    rows = [{"lead_id": f"L-{n}", "actual_outcome": n % 2 == 0} for n in range(100)]
    reported = [{"lead_id": row["lead_id"], "outcome": True} for row in rows]
    program("POST", "/score/batch", json={"leads": rows})
    calls = [("POST", "/score/batch", {"json": {"leads": order}}) for order in (rows, rows[::-1])]
    calls += [
        ("POST", "/feedback/batch", {"json": {"outcomes": o}}) for o in (reported, reported[::-1])
    ]
    assert at_once(calls * 3) == [200] * 12
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead))) == 100
