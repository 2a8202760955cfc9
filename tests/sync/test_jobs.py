"""One tick of each job: what it claims, what it leaves, what it says when it fails."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from sync import jobs
from sync.trainer.process import TrainingFailed
from sync.worker import Stopped
from tests.factories import NOW, make_lead, make_outcome, make_version
from tests.sync.inline_training import InlineTraining
from tests.sync.instant_training import InstantTraining
from tests.sync.labelled import label
from webapp import field_lists
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.leads import leads
from webapp.services.models import lifecycle, registry, rescoring
from webapp.services.runs import runs
from webapp.tables import Lead, Run, Score

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def dialect():
    """What jobs ask the services for, tests/services asks both databases for."""
    return "sqlite"


@pytest.fixture
def champion_name(read):
    return lambda: read(lambda s: registry.champion(s).name)


class Training(InstantTraining):
    """Does what the test wants at the moment of training."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def train(self, run_key, *, limit_seconds, beat):
        return self.act(beat)


@pytest.fixture
def worker_that(make_worker):
    """A worker whose training does this."""
    return lambda act: make_worker(Training(act))


def test_outcomes_lead_to_a_version_that_takes_over(write, do, worker, newest, champion_name):
    write(label)
    do(jobs.retrain_if_due, worker)
    assert newest("training").result == {
        "version": "1.1",
        "promoted": True,
        "reason": "Promoted: it won.",
    }
    do(jobs.rescore, worker)
    assert newest("rescoring").result == {"version": "1.1", "n_leads": 20}
    assert champion_name() == "1.1"


def test_all_scores_are_the_new_champions_and_the_old_ones_are_gone(write, read, do, worker):
    write(label)
    do(jobs.retrain_if_due, worker)
    do(jobs.rescore, worker)
    version = read(registry.champion)
    card = read(lambda s: registry.scorecard(s, version))
    query = sa.select(Score.version_key, Lead.email_opens, Score.probability).join(Lead)
    rows = read(lambda s: s.execute(query).all())
    assert len(rows) == 20
    assert all(key == version.key for key, _, _ in rows)
    assert all(card.score({"email_opens": n}).probability == p for _, n, p in rows)


def test_a_refused_attempt_waits_for_the_next_outcomes(
    write, do, make_worker, newest, champion_name
):
    worker = make_worker(InstantTraining(wins=False))
    write(label)
    do(jobs.retrain_if_due, worker)
    first = newest("training")
    assert first.result["reason"] == "Not promoted."
    write(lambda s: label(s, 10, 9, prefix="M"))
    do(jobs.retrain_if_due, worker)
    assert newest("training").key == first.key
    write(lambda s: label(s, 1, 0, prefix="N"))
    do(jobs.retrain_if_due, worker)
    assert newest("training").key > first.key
    assert (newest("rescoring"), champion_name()) == (None, "1.0")


@pytest.mark.parametrize(("n_converted", "n_lost"), [(60, 0), (0, 60), (51, 9)])
def test_outcomes_of_one_kind_never_train(n_converted, n_lost, write, do, worker, newest):
    write(lambda s: label(s, n_converted, n_lost))
    do(jobs.retrain_if_due, worker)
    assert newest("training") is None


def test_the_same_outcome_sent_again_is_no_new_outcome(write, do, worker, newest):
    write(lambda s: label(s, 10, 9))
    for _ in range(3):
        write(lambda s: make_outcome(s, "L-0", True))
    do(jobs.retrain_if_due, worker)
    assert newest("training") is None


def test_progress_is_shown_and_the_claim_renewed(write, do, worker_that, newest, clock):
    write(label)

    def act(beat):
        clock.forward(seconds=50)
        beat(0.4, "Comparing")
        shown = newest("training")
        assert (shown.progress, shown.stage) == (0.4, "Comparing")
        assert shown.lease_until == clock() + runs.LEASE
        raise TrainingFailed("Enough seen.")

    do(jobs.retrain_if_due, worker_that(act))
    assert newest("training").error == "Enough seen."


def test_a_failed_training_gives_its_outcomes_back_and_is_tried_again(
    write, read, do, worker, worker_that, newest, clock, champion_name
):
    def act(beat):
        raise TrainingFailed("The training process was killed.")

    write(label)
    do(jobs.retrain_if_due, worker_that(act))
    assert newest("training").error == "The training process was killed."
    assert read(lifecycle.n_uncounted) == 20
    do(jobs.retrain_if_due, worker)
    assert newest("training").state == "failed"
    clock.forward(minutes=2)
    do(jobs.retrain_if_due, worker)
    do(jobs.rescore, worker)
    assert champion_name() == "1.1"


def test_an_attempt_that_found_too_little_waits_for_new_outcomes(
    write, read, do, make_worker, newest, clock
):
    def label_old(session, prefix):
        now, before = clock(), clock() - timedelta(days=30)
        for i in range(20):
            lead = make_lead(session, f"{prefix}-{i}", now=now)
            make_outcome(session, lead, i % 2 == 0, now=now, happened_at=before)

    worker = make_worker(InlineTraining())
    write(lambda s: label_old(s, "L"))
    do(jobs.retrain_if_due, worker)
    first = newest("training")
    assert first.error == (
        "There are 0 converted and 0 lost leads to learn from; at least 10 of each are needed."
        " 20 more leads are left out: their inputs are known only from after the outcome."
    )
    assert read(lifecycle.n_uncounted) == 0
    clock.forward(days=1)
    do(jobs.retrain_if_due, worker)
    assert newest("training").key == first.key
    write(lambda s: label_old(s, "M"))
    do(jobs.retrain_if_due, worker)
    assert newest("training").key > first.key


def test_an_unexpected_failure_is_told_by_its_kind_alone(write, do, worker_that, newest):
    def act(beat):
        raise KeyError("ada@example.com")

    write(label)
    do(jobs.retrain_if_due, worker_that(act))
    assert newest("training").error == (
        "Something unexpected went wrong (KeyError). The worker's log says more."
    )


def test_a_run_outlives_a_database_that_is_away_for_a_while(
    write, read, do, worker, newest, clock, champion_name, monkeypatch
):
    def away(*_):
        raise OperationalError("SELECT 1", {}, ConnectionError("server closed the connection"))

    write(label)
    do(jobs.retrain_if_due, worker)
    with monkeypatch.context() as broken:
        broken.setattr(rescoring, "fill", away)
        do(jobs.rescore, worker)
    assert newest("rescoring").state == "running"
    clock.forward(seconds=61)
    do(jobs.free_lost_runs, worker)
    do(jobs.rescore, worker)
    assert champion_name() == "1.1"


def test_a_late_training_does_not_register(write, read, do, worker, worker_that, newest, clock):
    def act(beat):
        clock.forward(seconds=61)
        do(jobs.free_lost_runs, worker)
        return {"champion_key": read(registry.champion).key, **_challenger(read)}

    write(label)
    do(jobs.retrain_if_due, worker_that(act))
    assert newest("training").state == "failed"
    assert [v.name for v in read(registry.versions)] == ["1.0"]
    assert read(lifecycle.n_uncounted) == 20


def test_a_training_against_a_champion_of_yesterday_does_not_register(
    write, read, do, worker_that, newest
):
    def act(beat):
        before = read(registry.champion).key
        other = write(make_version)
        write(lambda s: lifecycle.switch(s, other, "ada", NOW))
        return {"champion_key": before, **_challenger(read)}

    write(label)
    do(jobs.retrain_if_due, worker_that(act))
    assert newest("training").error == "Another version was promoted during this training."
    assert [v.name for v in read(registry.versions)] == ["1.1", "1.0"]


def _challenger(read):
    card = read(lambda s: registry.scorecard(s, registry.champion(s)))
    details = {"fields": [], "training": {}, "metrics": {}, "decision": {"reason": "because"}}
    return {"scorecard": card.to_json(), "promote": True, "details": details}


def test_a_worker_that_is_told_to_end_hands_its_training_back(
    write, do, worker, newest, champion_name
):
    write(label)
    worker.stop.set()
    do(jobs.retrain_if_due, worker)
    assert (newest("training").state, newest("training").n_attempts) == ("requested", 0)
    worker.stop.clear()
    do(jobs.retrain_if_due, worker)
    do(jobs.rescore, worker)
    assert champion_name() == "1.1"


def test_a_fill_that_is_stopped_goes_on_where_it_stood(
    write, read, do, worker, newest, champion_name, monkeypatch
):
    monkeypatch.setattr(rescoring, "CHUNK", 5)
    write(label)
    do(jobs.retrain_if_due, worker)
    worker.stop.set()
    do(jobs.rescore, worker)
    stopped = newest("rescoring")
    assert (stopped.state, stopped.result["n_done"]) == ("requested", 5)
    assert champion_name() == "1.0"
    worker.stop.clear()
    do(jobs.rescore, worker)
    assert (newest("rescoring").n_attempts, champion_name()) == (1, "1.1")


def test_leads_scored_during_the_fill_have_the_new_score_after_the_switch(
    write, read, do, worker, monkeypatch
):
    monkeypatch.setattr(rescoring, "CHUNK", 5)
    write(label)
    do(jobs.retrain_if_due, worker)
    worker.stop.set()
    do(jobs.rescore, worker)
    write(lambda s: make_lead(s, "L-0", email_opens=29))
    write(lambda s: make_lead(s, "L-19", email_opens=29))
    write(lambda s: make_lead(s, "new", email_opens=29))
    worker.stop.clear()
    do(jobs.rescore, worker)
    card = read(lambda s: registry.scorecard(s, registry.champion(s)))
    query = sa.select(Score.probability).join(Lead).where(Lead.email_opens == 29)
    found = read(lambda s: s.scalars(query).all())
    assert found == [card.score({"email_opens": 29}).probability] * 3


def test_a_fill_that_is_lost_for_good_leaves_the_champion_and_no_trace(
    write, read, do, worker, newest, clock, champion_name
):
    write(label)
    do(jobs.retrain_if_due, worker)
    for _ in range(runs.MAX_ATTEMPTS):
        write(lambda s: runs.claim(s, "rescoring", "a worker that dies", clock()))
        clock.forward(seconds=61)
        do(jobs.free_lost_runs, worker)
    assert newest("rescoring").state == "failed"
    assert champion_name() == "1.0"
    assert set(read(registry.aliases)) == {"champion"}


def test_a_field_in_another_unit_lets_the_live_version_score_all_leads_anew_once(
    write, read, do, worker, newest, champion_name
):
    lead = write(lambda s: make_lead(s, age=40))
    by = Author("ada", NOW, fields_file=None)
    entry = {"name": "age", "type": "count", "label": "Age", "unit": "months", "max": 120}
    write(lambda s: field_lists.seed(s, NOW))
    write(lambda s: declaring.change_field(s, "age", entry, by, seen_version=1, is_new_unit=True))
    for _ in range(2):
        do(jobs.rescore, worker)
    run = newest("rescoring")
    assert (run.state, run.key, champion_name()) == ("succeeded", 1, "1.0")
    _, card = read(registry.serving)
    assert read(lambda s: leads.current_probability(s, lead)) == card.score({}).probability
    assert read(lambda s: leads.known_inputs(leads.find(s, lead.lead_id))) == {}


def test_the_claim_is_kept_while_many_old_scores_are_deleted(
    write, do, worker, newest, clock, monkeypatch
):
    old, version = write(make_version), write(make_version)
    write(lambda s: [make_lead(s) for _ in range(6)])
    write(lambda s: rescoring.fill(s, old, 0))
    monkeypatch.setattr(rescoring, "CHUNK", 2)
    forget, lost = rescoring.forget_others, list[Run]()

    def slowly(session):
        lost.extend(runs.overdue(session, clock.now))
        clock.forward(seconds=40)
        return forget(session)

    monkeypatch.setattr(rescoring, "forget_others", slowly)
    write(lambda s: lifecycle.request_promotion(s, version.name, "ada@example.com", NOW))
    do(jobs.rescore, worker)
    assert (newest("rescoring").state, lost) == ("succeeded", [])


def test_a_rollback_is_the_same_switch(write, do, worker, newest, champion_name):
    write(label)
    do(jobs.retrain_if_due, worker)
    do(jobs.rescore, worker)
    write(lambda s: lifecycle.request_promotion(s, "1.0", "ada@example.com", NOW))
    do(jobs.rescore, worker)
    assert champion_name() == "1.0"


def test_nothing_to_do_is_done_at_once(champion, do, worker, newest):
    for job in (jobs.free_lost_runs, jobs.retrain_if_due, jobs.rescore, jobs.import_leads):
        do(job, worker)
    assert [newest(kind) for kind in ("training", "rescoring", "import")] == [None] * 3


def test_a_stopped_worker_starts_nothing_more(worker):
    worker.stop.set()
    with pytest.raises(Stopped):
        worker.go_on()


def test_all_open_leads_grow_older_in_steps(write, read, do, worker, monkeypatch):
    monkeypatch.setattr("webapp.services.leads.ageing.STEP_ROWS", 2)
    write(lambda s: [make_lead(s, days_since_contact=3, now=NOW - 40 * DAY) for _ in range(5)])
    do(jobs.age_leads, worker)
    assert read(lambda s: s.scalars(sa.select(Lead.days_since_contact)).all()) == [43] * 5
