"""Random histories of runs, with workers that die, against a plain model of a queue with leases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.factories import NOW
from webapp.services.models import lifecycle
from webapp.services.runs import runs
from webapp.tables import RUN_KINDS, Run

KINDS = st.sampled_from(RUN_KINDS)
WORKERS = st.sampled_from(["worker-1", "worker-2"])


class Runs(RuleBasedStateMachine):
    """`open` holds each unfinished run by kind: its holder, its lease, its attempts.

    `claims` holds what each worker believes to hold, also after it has lost it.
    """

    def __init__(self, write, read):
        super().__init__()
        self.write, self.read = write, read
        self.now, self.open, self.claims = NOW, {}, {}

    @initialize()
    def runs_of_earlier_histories_are_over(self):
        self.write(lambda s: s.execute(sa.update(Run).values(finished_at=NOW, state="failed")))

    @rule(seconds=st.sampled_from([1, 30, 59, 61]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(kind=KINDS)
    def somebody_asks(self, kind):
        if kind in self.open:
            with pytest.raises(runs.AlreadyRunning):
                self.write(lambda s: self.request(s, kind))
            return
        run = self.write(lambda s: self.request(s, kind))
        self.open[kind] = {"key": run.key, "holder": None, "until": None, "attempts": 0}

    def request(self, session, kind):
        return runs.request(session, kind, trigger="t", requested_by="t", now=self.now)

    @rule(kind=KINDS, worker=WORKERS)
    def a_worker_looks_for_work(self, kind, worker):
        name = f"{worker} at {self.now}"
        run = self.write(lambda s: runs.claim(s, kind, name, self.now))
        expected = self.open.get(kind)
        if expected is None or expected["holder"] is not None:
            assert run is None
            return
        assert (run.key, run.n_attempts) == (expected["key"], expected["attempts"] + 1)
        expected |= {"holder": name, "attempts": run.n_attempts}
        expected["until"] = self.now + runs.LEASE
        self.claims[worker, kind] = run

    @rule(kind=KINDS, worker=WORKERS, gets_on=st.booleans())
    def a_worker_renews(self, kind, worker, gets_on):
        result = {"n": 1} if gets_on else None
        if self.tries(kind, worker, lambda s, run: runs.renew(s, run, self.now, result=result)):
            self.open[kind]["until"] = self.now + runs.LEASE
            self.open[kind] |= {"attempts": 1} if gets_on else {}

    @rule(kind=KINDS, worker=WORKERS)
    def a_worker_ends_its_run(self, kind, worker):
        if self.tries(kind, worker, lambda s, run: runs.finish(s, run, self.now, {})):
            del self.open[kind]

    @rule(kind=KINDS, worker=WORKERS)
    def a_worker_fails(self, kind, worker):
        if self.tries(kind, worker, lambda s, run: lifecycle.fail(s, run, "No.", self.now)):
            del self.open[kind]

    @rule(kind=KINDS, worker=WORKERS)
    def a_worker_hands_back(self, kind, worker):
        if self.tries(kind, worker, runs.hand_back):
            self.open[kind] |= {"holder": None, "attempts": self.open[kind]["attempts"] - 1}

    def tries(self, kind, worker, act):
        """Let a worker act on what it believes to hold; say whether it still held it."""
        run = self.claims.get((worker, kind))
        if run is None:
            return False
        expected = self.open.get(kind, {})
        if (expected.get("key"), expected.get("holder")) == (run.key, run.claimed_by):
            self.write(lambda s: act(s, run))
            return True
        with pytest.raises(runs.LostClaim):
            self.write(lambda s: act(s, run))
        return False

    @rule()
    def lost_runs_are_freed(self):
        self.write(lambda s: lifecycle.free_lost_runs(s, self.now))
        for kind, run in list(self.open.items()):
            if run["holder"] is None or run["until"] >= self.now:
                continue
            if kind in runs.RESUMABLE and run["attempts"] < runs.MAX_ATTEMPTS:
                run["holder"] = None
            else:
                del self.open[kind]

    @invariant()
    def what_is_open_is_what_should_be(self):
        found = self.read(lambda s: [r for r in runs.latest(s) if r.finished_at is None])
        holders = {r.kind: r.claimed_by if r.state == "running" else None for r in found}
        assert holders == {kind: run["holder"] for kind, run in self.open.items()}
        assert {r.kind: r.key for r in found} == {k: r["key"] for k, r in self.open.items()}


def test_a_run_has_one_holder_and_every_run_ends_or_waits(champion, write, read):
    run_state_machine_as_test(
        lambda: Runs(write, read),  # type: ignore[arg-type]
        settings=settings(max_examples=20, stateful_step_count=30),
    )
