"""What clocks, late commits, ties and stops do to reading: no row is missed, none read for ever."""

from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from sync.crm import phases, reading, sync_run
from sync.salesforce import soql
from tests.conftest import ON_BOTH
from webapp.crm_tables import CrmLead
from webapp.services.crm import connections, mirror, sync_runs
from webapp.services.leads import leads
from webapp.services.runs import runs
from webapp.tables import Lead, Outcome, Snapshot


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(soql, "PAGE_ROWS", 20)


def n_leads(salesforce):
    return salesforce.read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead)))


def test_more_rows_of_one_second_than_fit_a_page_are_all_read(fake, salesforce, small_pages):
    fake.leads(70)
    salesforce.later()
    assert n_leads(salesforce) == 70


def test_a_row_committed_400_seconds_late_is_read(fake, salesforce):
    with fake.late_commit(seconds=400):
        late = fake.lead()
    salesforce.later(seconds=60)
    assert n_leads(salesforce) == 0
    salesforce.later()
    assert salesforce.lead(late).crm_id == late


def test_a_server_clock_ahead_of_ours_misses_nothing_and_dates_nothing_in_the_future(
    fake, salesforce
):
    ahead = timedelta(minutes=5)
    worker = salesforce.worker
    object.__setattr__(worker, "clock", lambda: fake.clock.now - ahead)
    lead = fake.lead()
    fake.close(fake.convert(lead), won=True)
    salesforce.later(minutes=1)
    assert salesforce.outcome(lead) is True
    row = salesforce.read(lambda s: leads.outcome_history(s, leads.find(s, lead))[0])
    assert row.happened_at <= worker.clock()


@pytest.mark.parametrize(
    ("zone", "converted_at", "end_of_day"),
    [
        ("America/Los_Angeles", "2027-03-14T10:30:00Z", "2027-03-15T07:00:00Z"),
        ("Pacific/Auckland", "2027-04-03T14:30:00Z", "2027-04-04T12:00:00Z"),
    ],
)
def test_a_conversion_on_the_night_the_clocks_change_has_a_day(
    fake, salesforce, zone, converted_at, end_of_day
):
    salesforce.rules(milestone="lead_converted")
    fake.set_time_zone(zone)
    fake.clock.move_to(datetime.fromisoformat(converted_at))
    lead = fake.lead()
    fake.convert(lead, False)
    fake.clock.advance(days=3)
    fake.touch(lead)
    salesforce.later()
    assert salesforce.outcome(lead) is True
    row = salesforce.read(lambda s: leads.outcome_history(s, leads.find(s, lead))[0])
    assert row.happened_at == datetime.fromisoformat(end_of_day)


@ON_BOTH
def test_a_run_that_stops_between_two_pages_is_gone_on_with(fake, salesforce, small_pages):
    fake.leads(70)
    fake.clock.advance(minutes=15)
    fake.fail_at(8, "object not visible")
    assert salesforce.run().state == "failed"
    assert n_leads(salesforce) == 40
    salesforce.write(lambda s: connections.close_breaker(connections.get(s)))
    fake.requests.clear()
    salesforce.later()
    assert n_leads(salesforce) == 70
    assert sum("FROM Lead" in q and "Id >" in q for q in fake.queries) >= 2


def test_a_run_that_dies_within_a_page_is_gone_on_with_behind_the_last_row_stored(
    fake, salesforce, monkeypatch
):
    fake.leads(70)
    fake.clock.advance(minutes=15)
    monkeypatch.setattr(reading, "STEP_ROWS", 20)
    with monkeypatch.context() as patched:
        patched.setattr(sync_run.SyncRun, "step", dies_at(sync_run.SyncRun.step, n_rows=40))
        with pytest.raises(KeyboardInterrupt):
            salesforce.run()
    assert n_leads(salesforce) == 40
    go_on(salesforce)
    assert n_leads(salesforce) == 70
    assert "Id >" in next(q for q in fake.queries if "FROM Lead" in q)


def dies_at(step, n_rows):
    """A step of a run, which dies before the next one once it has stored so many leads."""

    def dying(run, work, **about):
        if run.context.result.counts["leads_read"] >= n_rows:
            raise KeyboardInterrupt
        return step(run, work, **about)

    return dying


@ON_BOTH
def test_a_run_that_dies_between_rows_and_cursor_has_stored_neither(fake, salesforce, monkeypatch):
    fake.leads(70)
    fake.clock.advance(minutes=15)
    monkeypatch.setattr(reading, "STEP_ROWS", 20)
    cursor = lambda: salesforce.read(lambda s: mirror.window(s, "lead"))  # noqa: E731
    with monkeypatch.context() as patched:
        patched.setattr(mirror, "keep_window", dies_at_save(mirror.keep_window, n_saves=2))
        with pytest.raises(KeyboardInterrupt):
            salesforce.run()
    assert n_leads(salesforce) == 20
    newest = salesforce.read(lambda s: s.scalar(sa.select(sa.func.max(CrmLead.id))))
    assert cursor()["after_id"] == newest
    go_on(salesforce)
    assert n_leads(salesforce) == 70
    assert salesforce.read(lambda s: s.scalar(sa.select(sa.func.count(Snapshot.key)))) == 70


def dies_at_save(save, n_saves):
    """Keeping the cursor, which dies the given time it stands behind rows: they are written."""
    saved = []

    def dying(session, obj, window):
        saved.extend([window] if window["after_id"] else [])
        if len(saved) == n_saves:
            session.flush()
            raise KeyboardInterrupt
        save(session, obj, window)

    return dying


def go_on(salesforce):
    """The worker that comes after one that died."""
    salesforce.fake.clock.advance(hours=1)
    for lost in salesforce.read(lambda s: runs.overdue(s, salesforce.now)):
        salesforce.write(lambda s, r=lost: runs.give_up(s, r, salesforce.now))
    salesforce.fake.requests.clear()
    salesforce.tick()


def test_a_bulk_load_larger_than_the_calls_of_a_run_is_finished_by_and_by(
    fake, salesforce, small_pages
):
    salesforce.later()
    fake.leads(200)
    salesforce.settings.salesforce_daily_calls = 10
    for _ in range(12):
        fake.clock.advance(hours=24)
        salesforce.write(lambda s: connections.close_breaker(connections.get(s)))
        salesforce.run()
    assert n_leads(salesforce) == 200


def test_a_page_of_500_that_says_there_is_more_is_followed_by_another(fake, salesforce):
    fake.rest.queries.page_cap = 5
    fake.leads(23)
    salesforce.later()
    assert n_leads(salesforce) == 23
    assert not any("nextRecords" in r.target or "-" in r.path[-6:] for r in fake.calls)


@ON_BOTH
def test_a_tick_during_a_run_does_nothing(fake, salesforce):
    run = salesforce.write(lambda s: sync_runs.request(s, "live", "ada", salesforce.now))
    salesforce.write(lambda s: runs.claim(s, "sync", "another", salesforce.now))
    fake.clock.advance(minutes=15)
    salesforce.tick()
    assert fake.requests == type(fake.requests)(maxlen=fake.requests.maxlen)
    assert salesforce.read(lambda s: runs.by_key(s, run.key)).claimed_by == "another"


def test_of_two_processes_one_runs(fake, salesforce):
    now = salesforce.now
    claim = partial(sync_runs.claim, settings=salesforce.settings, now=now)
    first = salesforce.write(partial(claim, worker="one"))
    second = salesforce.write(partial(claim, worker="two"))
    assert first is not None
    assert second is None


@ON_BOTH
def test_a_run_whose_claim_was_lost_writes_nothing_more(fake, salesforce):
    fake.lead()
    fake.clock.advance(minutes=15)
    run = salesforce.write(
        lambda s: sync_runs.claim(s, salesforce.settings, salesforce.worker.name, salesforce.now)
    )
    fake.clock.advance(hours=1)
    for lost in salesforce.read(lambda s: runs.overdue(s, salesforce.now)):
        salesforce.write(partial(runs.give_up, run=lost, now=salesforce.now))
    with salesforce.app.app_context(), pytest.raises(runs.LostClaim):
        phases.carry_out(salesforce.worker, run)
    assert n_leads(salesforce) == 0


@ON_BOTH
def test_the_run_stops_when_80_percent_of_the_day_are_used_and_goes_on_later(
    fake, salesforce, small_pages
):
    fake.leads(60)
    fake.clock.advance(minutes=15)
    fake.quota.use(int(0.8 * fake.quota.limit) - 8)
    run = salesforce.run()
    assert run.state == "succeeded"
    assert "80 %" in run.result["stopped"]
    assert fake.quota.used <= 0.8 * fake.quota.limit
    n_read = n_leads(salesforce)
    assert 0 < n_read < 60
    salesforce.later(days=1)
    assert n_leads(salesforce) == 60


@ON_BOTH
def test_outcomes_are_recorded_once_however_often_a_window_overlaps(fake, salesforce):
    lead = fake.lead()
    fake.close(fake.convert(lead), won=True)
    for _ in range(4):
        salesforce.later(minutes=3)
    query = sa.select(sa.func.count()).select_from(Outcome)
    assert salesforce.read(lambda s: s.scalar(query)) == 1


def test_years_of_history_show_how_far_they_are_read(fake, salesforce, small_pages, monkeypatch):
    salesforce.rules(history_days=1100)
    for _ in range(6):
        fake.leads(50)
        fake.clock.advance(days=180)
    shown = []
    renew = runs.renew

    def showing(session, run, now, **told):
        if told.get("progress") is not None:
            shown.append((told["stage"], told["progress"]))
        renew(session, run, now, **told)

    monkeypatch.setattr(runs, "renew", showing)
    salesforce.later()
    assert n_leads(salesforce) == 300
    read = [share for stage, share in shown if stage == "Reading leads"]
    assert len(read) >= 300 / 20
    assert read == sorted(read)
    assert read[0] < 0.15
    assert 0.4 < read[-1] <= 0.45
