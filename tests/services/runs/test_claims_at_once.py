"""Many workers looking for work at the same moment: one gets it."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import sqlalchemy as sa

from tests.factories import FIELDS, NOW, PROGRAM, make_lead, make_outcome, make_version
from webapp.services.leads import leads, records, scoring
from webapp.services.models import lifecycle, rescoring
from webapp.services.models.lifecycle import Trigger
from webapp.services.outcomes import outcomes
from webapp.services.runs import runs
from webapp.tables import Lead, Run

N_WORKERS = 8
N_TRIALS = 12


def at_once(act):
    """Let eight threads act at the same moment and give what each got."""
    together = threading.Barrier(N_WORKERS)

    def one(number):
        together.wait()
        return act(f"worker-{number}")

    with ThreadPoolExecutor(N_WORKERS) as threads:
        return list(threads.map(one, range(N_WORKERS)))


def label(session):
    for i in range(20):
        make_outcome(session, make_lead(session, f"L-{i}"), i % 2 == 0)


def test_one_worker_trains_however_many_see_the_threshold_passed(write, read):
    write(label)
    for trial in range(N_TRIALS):
        write(lambda s: s.execute(sa.update(Lead).values(counted_by_run=None)))
        claims = at_once(
            lambda name: write(lambda s: lifecycle.claim_retraining(s, Trigger(20), name, NOW))
        )
        [run] = [claim for claim in claims if claim is not None]
        counted = read(lambda s: s.scalars(sa.select(Lead.counted_by_run).distinct()).all())
        assert counted == [run.key]
        write(lambda s, run=run: runs.finish(s, run, NOW, {}))
        assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Run))) == trial + 1


def test_one_request_at_once_is_taken_and_the_others_are_told(write, read):
    write(label)

    def ask(name):
        try:
            return write(lambda s: lifecycle.request_retraining(s, name, NOW))
        except runs.AlreadyRunning:
            return None

    assert sum(run is not None for run in at_once(ask)) == 1


def test_a_claim_and_a_batch_on_the_same_leads_wait_for_each_other_in_one_order(write):
    """The second lead is the older row: in that order each would hold what the other wants."""
    write(lambda s: [make_outcome(s, make_lead(s, name), True) for name in ("L-2", "L-1")])
    write(label)

    def score_both(session):
        leads.find(session, "L-1", lock=True)
        claimed = others.submit(
            write, lambda s: lifecycle.claim_retraining(s, Trigger(20), "worker-1", NOW)
        )
        # Long enough for the claim to reach its locks; on SQLite it waits for this transaction.
        wait([claimed], timeout=1)
        leads.find(session, "L-2", lock=True)
        return claimed

    with ThreadPoolExecutor(1) as others:
        assert write(score_both).result(timeout=30).state == "running"


def test_of_outcomes_said_at_once_each_counts_until_the_next(write, read):
    write(lambda s: make_lead(s, "L-1"))

    def say(name):
        converted = name[-1] in "0246"
        return write(lambda s: make_outcome(s, "L-1", converted)).outcome is converted

    assert at_once(say) == [True] * N_WORKERS
    lead = read(lambda s: leads.find(s, "L-1"))
    newest = read(lambda s: leads.outcome_history(s, lead))[0]
    assert newest.result == ("converted" if lead.outcome else "lost")


def test_who_speaks_of_a_lead_who_scores_it_and_who_fills_a_version_wait_in_one_order(write):
    """The score waits for the lead, the fill for the score: the word must wait for neither."""
    write(lambda s: make_lead(s, "L-1"))
    version = write(make_version)
    record = records.clean(FIELDS, {"lead_id": "L-1"})

    def speak(session):
        lead = leads.find(session, "L-1", lock=True)
        score = others.submit(
            write, lambda s: scoring.score_lead(s, FIELDS, record, PROGRAM, now=NOW)
        )
        wait([score], timeout=0.5)
        fill = others.submit(write, lambda s: rescoring.begin(s, version, NOW))
        wait([fill], timeout=0.5)
        return outcomes.record(session, lead, True, PROGRAM, now=NOW), score, fill

    with ThreadPoolExecutor(2) as others:
        is_change, score, fill = write(speak)
        assert is_change
        assert score.result(timeout=30).outcome is True
        assert fill.result(timeout=30) is None
