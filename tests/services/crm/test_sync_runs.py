"""When a sync is due, and what one kind of run may say for another."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from webapp.services.crm import connections, mirror, sync_runs
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.sync_runs import SyncResult
from webapp.services.webhooks import endpoints
from webapp.services.webhooks.endpoints import Wanted
from webapp.tables.webhooks import WebhookEvent

MINUTE = timedelta(minutes=1)
OTHERS = ("dry", "check", "sample", "reconcile")


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both databases by the cases of tests/salesforce."""
    return "sqlite"


class Worker:
    """One session, in which runs are claimed and closed by a clock that is moved by hand."""

    def __init__(self, session, settings, now):
        self.session, self.settings, self.now = session, settings, now
        self.connect()
        connections.pause(session, False, "ada", now)

    @property
    def connection(self):
        return connections.get(self.session)

    @property
    def is_unstarted(self):
        return sync_runs.is_unstarted(self.session, self.connection, self.now)

    def connect(self, domain="acme.my.salesforce.com"):
        values = {"domain": domain, "consumer_key": "k", "consumer_secret": "s"}
        entered = Credentials.of("client_credentials", values)
        connections.save(self.session, entered, self.settings, actor="ada", now=self.now)

    def reconnect(self):
        connections.disconnect(self.session, "ada", self.now)
        self.connect()

    def later(self, **passed):
        self.now += timedelta(**passed)

    def claim(self, mode=None):
        """The run that was asked for, else one that is due."""
        if mode:
            sync_runs.request(self.session, mode, "mona", self.now)
        return sync_runs.claim(self.session, self.settings, "worker", self.now)

    def run(self, mode="live"):
        run = self.claim(mode)
        sync_runs.succeed(self.session, run, SyncResult(mode), self.now)

    def fail(self):
        """A run that Salesforce was too busy for."""
        run, why = self.claim("live"), ("maintenance", "Salesforce is down.")
        result, fail = SyncResult(), sync_runs.fail
        fail(self.session, run, result, why=why, waits_for_person=False, now=self.now)

    def stop_for_quota(self):
        run, why = self.claim("live"), ("day quota used", "All calls are used.")
        sync_runs.stop_for_quota(self.session, run, SyncResult(), why=why, now=self.now)

    def due_in(self):
        return sync_runs.due_at(self.session, self.connection, self.settings, self.now) - self.now


@pytest.fixture
def worker(session, settings, now):
    return Worker(session, settings, now)


@pytest.mark.parametrize("mode", OTHERS)
def test_another_kind_of_run_puts_no_sync_off(worker, mode):
    worker.run()
    worker.later(minutes=10)
    worker.run(mode)
    assert worker.due_in() == 5 * MINUTE


@pytest.mark.parametrize("mode", OTHERS)
def test_another_kind_of_run_hears_no_hint(worker, mode):
    worker.run()
    worker.later(minutes=1)
    connections.hint(worker.session, worker.now)
    worker.run(mode)
    assert worker.due_in() <= timedelta()
    worker.run()
    assert worker.due_in() == 15 * MINUTE


def test_a_sync_asked_for_during_a_dry_run_names_who_asked_and_only_the_next_one_does(worker):
    worker.run()
    dry = worker.claim("dry")
    worker.later(minutes=1)
    sync_runs.join(worker.session, "rob", worker.now)
    sync_runs.succeed(worker.session, dry, SyncResult("dry"), worker.now)
    run = worker.claim()
    assert (run.trigger, run.requested_by) == ("request", "rob")
    sync_runs.succeed(worker.session, run, SyncResult(), worker.now)
    worker.later(minutes=1)
    connections.hint(worker.session, worker.now)
    assert worker.claim().trigger == "hint"


def test_a_hint_during_a_run_that_is_taken_up_again_is_heard_by_the_next(worker):
    run = worker.claim("live")
    worker.later(minutes=1)
    connections.hint(worker.session, worker.now)
    sync_runs.runs.hand_back(worker.session, run)
    worker.later(minutes=1)
    again = worker.claim()
    assert again.key == run.key
    assert worker.connection.hinted_at is not None


@pytest.mark.parametrize("mode", OTHERS)
def test_another_kind_of_run_brings_nothing_up_to_date(worker, mode):
    worker.run(mode)
    assert sync_runs.lag(worker.session, worker.now) is None
    worker.run()
    worker.later(minutes=10)
    worker.run(mode)
    assert sync_runs.lag(worker.session, worker.now) == 10 * MINUTE


def test_a_used_quota_is_waited_for_longer_and_longer(worker):
    for n_hours in (1, 2, 4, 6, 6):
        worker.stop_for_quota()
        assert worker.due_in() == timedelta(hours=n_hours)
    worker.run()
    worker.stop_for_quota()
    assert worker.due_in() == timedelta(hours=1)


def test_a_used_quota_after_other_failures_is_waited_for_an_hour(worker):
    for _ in range(3):
        worker.fail()
    worker.stop_for_quota()
    assert worker.due_in() == timedelta(hours=1)
    assert worker.connection.n_failures == 0


OTHER_ORGS = {
    "another domain": lambda worker: worker.connect("other.my.salesforce.com"),
    "a new connection": Worker.reconnect,
}


@pytest.mark.parametrize("how", OTHER_ORGS)
def test_another_org_is_not_read_before_a_person_starts_it(worker, how):
    worker.run()
    asked = sync_runs.request(worker.session, "live", "mona", worker.now)
    OTHER_ORGS[how](worker)
    assert worker.is_unstarted
    assert sync_runs.lag(worker.session, worker.now) is None
    assert worker.claim() is None
    worker.session.refresh(asked)
    assert (asked.state, asked.error) == ("failed", sync_runs.OTHER_ORG)
    worker.later(hours=1)
    assert worker.claim() is None
    sync_runs.resume(worker.session, "ada", worker.now)
    assert not worker.is_unstarted
    assert worker.claim().requested_by == "ada"


def test_others_are_told_when_the_sync_begins_to_fail_and_not_at_each_failure(worker):
    wanted = Wanted("Pager", "webhook", "https://pager.example.com/", ["sync.failed"])
    endpoints.create(worker.session, wanted, worker.settings, actor="ada", now=worker.now)
    worker.run()
    for _ in range(2):
        worker.later(hours=1)
        worker.fail()
    [event] = worker.session.scalars(sa.select(WebhookEvent))
    assert (event.type, event.data["fault"]) == ("sync.failed", "maintenance")


def test_a_sync_that_cannot_log_in_is_not_started_for_later(worker):
    connections.pause(worker.session, True, "ada", worker.now)
    run, why = worker.claim("check"), ("wrong secret", "Salesforce refuses the secret.")
    fail = sync_runs.fail
    fail(worker.session, run, SyncResult(), why=why, waits_for_person=True, now=worker.now)
    with pytest.raises(sync_runs.ConnectionBroken):
        sync_runs.resume(worker.session, "ada", worker.now)
    worker.connect()
    worker.later(hours=1)
    assert worker.claim() is None
    assert worker.is_unstarted


@pytest.mark.parametrize("mode", sync_runs.WHOLE)
def test_before_a_person_starts_the_sync_nobody_gets_a_single_run(worker, mode):
    connections.pause(worker.session, True, "ada", worker.now)
    with pytest.raises(sync_runs.NotStarted):
        sync_runs.request(worker.session, mode, "mona", worker.now)
    assert worker.claim() is None
    assert sync_runs.request(worker.session, "dry", "mona", worker.now).key


def test_once_started_and_paused_a_single_run_is_made(worker):
    worker.run()
    connections.pause(worker.session, True, "ada", worker.now)
    assert sync_runs.request(worker.session, "live", "mona", worker.now).key


def test_history_chosen_before_the_start_starts_nothing(worker):
    connections.pause(worker.session, True, "ada", worker.now)
    sync_runs.request_history(worker.session, 90, "ada", worker.now)
    assert worker.claim() is None
    assert worker.is_unstarted


def test_a_sync_paused_after_its_first_rows_has_been_started(worker):
    mirror.keep_window(worker.session, "lead", dict.fromkeys(mirror.WINDOW_COLUMNS))
    connections.pause(worker.session, True, "ada", worker.now)
    assert not worker.is_unstarted
