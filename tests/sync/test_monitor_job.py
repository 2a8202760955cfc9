"""One tick of the monitors: when a check is due, what it keeps, and what it sets right."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ml.training.term_sums import scaled
from sync import jobs
from sync.trainer import trainer
from tests.factories import (
    FIELDS,
    NOW,
    make_champion,
    make_lead,
    make_leads,
    make_outcome,
    make_outcomes,
)
from tests.sync.inline_training import InlineTraining
from webapp.database import utc_now
from webapp.product import Product
from webapp.services.models import lifecycle, monitor_samples, monitoring, registry
from webapp.services.models.lifecycle import Trigger
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.runs import runs

BEFORE = NOW - timedelta(days=3)


@pytest.fixture(scope="session")
def dialect():
    """What monitors read, tests/services and tests/api/models read from both."""
    return "sqlite"


@pytest.fixture
def settings(settings):
    """A training is due after 100 outcomes."""
    return settings.model_copy(update={"retrain_threshold": 100})


@pytest.fixture
def worker(make_worker):
    return make_worker(InlineTraining())


@pytest.fixture
def newest(read):
    return lambda kind="monitoring": next(iter(read(lambda s: runs.latest(s, kind, 1))), None)


@pytest.fixture
def champion_name(read):
    return lambda: read(lambda s: registry.champion(s).name)


@pytest.fixture
def check(write, do, worker, clock):
    """Ask for a check, let it be done, and let a version that won take over."""

    def check():
        write(lambda s: monitoring.request(s, "ada", clock()))
        do(jobs.monitor, worker)
        do(jobs.rescore, worker)

    return check


def say(session, n_converted, n_lost, prefix="L", now=NOW):
    """Outcomes of leads scored days before, in turns while there are both."""
    places = range(n_converted + n_lost)
    rows = ({"lead_id": f"{prefix}-{i}", "email_opens": i % 9} for i in places)
    in_turns = 2 * min(n_converted, n_lost)
    converted = [i % 2 == 0 if i < in_turns else n_converted > n_lost for i in places]
    make_outcomes(session, make_leads(session, rows, now=BEFORE), converted, now=now)


def put_in_use_inverted(session):
    """A version that ranks leads the other way round than the starter model, live."""
    starter = registry.scorecard(session, registry.champion(session))
    inverted = replace(starter, terms=scaled(starter.terms, -1.0))
    details: dict[str, Any] = {"fields": [], "training": {}, "metrics": {}, "decision": {}}
    version = registry.save(session, inverted, created_at=BEFORE, **details)
    lifecycle.switch(session, version, "gate", BEFORE)


def convert_by_opens(session, n_leads):
    """Leads scored days before, of which those with many opens convert."""
    for i in range(n_leads):
        lead = make_lead(session, f"L-{i}", email_opens=i % 9, now=BEFORE)
        make_outcome(session, lead, i % 9 > 4, now=NOW)


def test_a_version_that_ranks_leads_wrongly_gives_way_at_once(
    write, check, newest, champion_name, read
):
    write(make_champion)
    write(put_in_use_inverted)
    write(lambda s: convert_by_opens(s, 45))
    check()
    assert champion_name() == "1.0"
    told = finding(newest(), "live_auc")
    assert told["verdict"] == "act"
    assert told["advice"] == (
        "Version 1.1 surely ranks leads wrongly (AUC 0.00 on 45 outcomes); version 1.0 (1.00)"
        " replaces it now."
    )
    assert read(lambda s: lifecycle.switches(s, BEFORE))[-1].after == "1.0"


def test_no_version_gives_way_to_one_that_ranks_the_same_leads_wrongly_too(
    write, check, champion_name
):
    def put_in_use_by_opens(session):
        """A version to which opens are worth four times as much as to the starter model."""
        starter = registry.scorecard(session, registry.champion(session))
        terms = [scaled([t], 4.0 if t.field == "email_opens" else 1.0)[0] for t in starter.terms]
        details: dict[str, Any] = {"fields": [], "training": {}, "metrics": {}, "decision": {}}
        card = replace(starter, terms=tuple(terms))
        version = registry.save(session, card, created_at=BEFORE, **details)
        lifecycle.switch(session, version, "gate", BEFORE)

    def convert_by_downloads(session):
        """The starter model ranks these at .42, the version at .18."""
        rows = [{"email_opens": n % 9, "content_downloads": n // 9 % 5} for n in range(90)]
        named = ({"lead_id": f"L-{n}", **row} for n, row in enumerate(rows))
        worth = [1.3 * row["content_downloads"] - row["email_opens"] for row in rows]
        made = make_leads(session, named, now=BEFORE)
        make_outcomes(session, made, [each > -1.4 for each in worth])

    write(make_champion)
    write(put_in_use_by_opens)
    write(convert_by_downloads)
    check()
    assert champion_name() != "1.0"


def finding(run, name):
    return next(each for each in run.result["findings"] if each["name"] == name)


def test_outcomes_far_from_what_was_promised_set_the_level_right(
    write, read, check, newest, champion_name
):
    write(lambda s: say(s, 30, 30))
    check()
    run = newest()
    assert (run.state, run.result["version"], run.result["promoted"]) == ("succeeded", "1.1", True)
    assert run.result["reason"].startswith("Scores were too low: 30 of 60 leads converted, about")
    assert finding(run, "calibration")["verdict"] == "act"
    assert champion_name() == "1.1"
    version, starter = read(registry.champion), read(lambda s: registry.version(s, "1.0"))
    assert version.training["recalibrated_from"] == "1.0"
    assert (version.learned_key, version.training["n_leads"]) == (starter.key, 60)
    card, before = (read(lambda s, v=v: registry.scorecard(s, v)) for v in (version, starter))
    old, new = (
        [each.score({"email_opens": i % 9}).probability for i in range(60)]
        for each in (before, card)
    )
    assert sum(old) < 0.8 * sum(new) < sum(new) < 30


def test_after_a_recalibration_only_new_outcomes_count(write, check, newest, clock):
    write(lambda s: say(s, 30, 30))
    clock.forward(minutes=1)
    check()
    clock.forward(minutes=1)
    check()
    again = newest()
    assert "version" not in again.result
    assert finding(again, "calibration")["figures"]["n"] == 0


def test_what_another_source_says_again_is_no_new_evidence(
    write, check, newest, clock, champion_name
):
    write(lambda s: say(s, 30, 30))
    clock.forward(minutes=1)
    check()
    clock.forward(minutes=1)

    def confirm(session):
        for i in (*range(0, 60, 2), *range(1, 13, 2)):
            attribution = Attribution(source="salesforce", actor="Salesforce")
            make_outcome(session, f"L-{i}", i % 2 == 0, attribution=attribution, now=clock())

    write(confirm)
    check()
    assert finding(newest(), "calibration")["figures"]["n"] == 0
    assert champion_name() == "1.1"


@pytest.mark.parametrize(
    ("told", "first"),
    [
        ([(True, 0), (True, 1)], 0),
        ([(True, 0), (None, 1), (True, 2)], 0),
        ([(True, 0), (False, 1)], 1),
        ([(True, 0), (False, 1), (True, 2)], 2),
        ([(True, 1), (False, -1)], 0),
    ],
    ids=["said twice", "undone and said again", "another", "changed twice", "an older word"],
)
def test_an_outcome_is_known_since_it_was_first_said(told, first, write, read):
    """Each is what was said at this minute, the last of a time of its own."""

    def tell(session):
        make_lead(session, "L", now=BEFORE)
        for minute, (converted, happened) in enumerate(told):
            attribution = Attribution(source="api" if minute % 2 else "rep", actor="x")
            make_outcome(
                session,
                "L",
                converted,
                attribution=attribution,
                now=NOW + timedelta(minutes=minute),
                happened_at=NOW + timedelta(minutes=happened),
            )

    write(tell)
    [lead] = read(lambda s: monitor_samples.read(s, NOW)).judged
    assert lead.recorded_at == NOW + timedelta(minutes=first)


def test_a_level_that_holds_is_left_alone(write, check, newest, champion_name):
    write(lambda s: say(s, 10, 50))
    check()
    assert finding(newest(), "calibration")["verdict"] in {"good", "look"}
    assert (newest("rescoring"), champion_name()) == (None, "1.0")


def test_nothing_is_checked_before_there_is_news(champion, do, worker, newest, clock):
    do(jobs.monitor, worker)
    clock.forward(hours=5)
    do(jobs.monitor, worker)
    first = newest()
    assert first.trigger == "clock"
    assert {each["verdict"] for each in first.result["findings"]} == {"unknown"}
    clock.forward(hours=5)
    do(jobs.monitor, worker)
    assert newest().key == first.key


@pytest.mark.parametrize(
    ("n_outcomes", "minutes", "trigger"),
    [
        (19, 11, None),
        (20, 9, None),
        (20, 11, "outcomes"),
        (1, 61, "clock"),
    ],
)
def test_new_outcomes_bring_a_check_when_they_have_settled(
    n_outcomes, minutes, trigger, write, do, worker, newest, clock
):
    write(lambda s: say(s, 0, n_outcomes))
    clock.forward(minutes=minutes)
    do(jobs.monitor, worker)
    assert (newest().trigger if newest() else None) == trigger


def test_a_training_that_is_due_comes_before_a_recalibration(write, check, newest, champion_name):
    write(lambda s: say(s, 50, 50))
    check()
    assert "version" not in newest().result
    assert monitoring.COMES_FIRST in finding(newest(), "calibration")["advice"]
    assert champion_name() == "1.0"


def test_a_recalibration_put_off_follows_as_soon_as_nothing_comes_first(
    write, check, do, worker, newest, champion_name
):
    write(lambda s: say(s, 50, 50))
    check()
    first = newest()
    do(jobs.monitor, worker)
    assert newest().key == first.key
    training = write(lambda s: lifecycle.claim_retraining(s, Trigger(100), "w", NOW))
    write(lambda s: runs.finish(s, training, NOW, {}))
    do(jobs.monitor, worker)
    do(jobs.rescore, worker)
    again = newest()
    assert (again.trigger, again.result["version"]) == ("put off", "1.1")
    assert monitoring.COMES_FIRST not in finding(again, "calibration")["advice"]
    assert champion_name() == "1.1"


def test_no_training_is_claimed_while_a_recalibration_is_made(write, worker):
    write(lambda s: say(s, 30, 30))
    write(lambda s: monitoring.request(s, "ada", NOW))
    write(lambda s: lifecycle.request_retraining(s, "ada", NOW))

    def claim():
        return write(lambda s: lifecycle.claim_retraining(s, Trigger(20), "w", NOW))

    run = write(lambda s: monitoring.claim(s, Trigger(20), "w", NOW))
    assert claim() is None
    write(lambda s: runs.finish(s, run, NOW, {}))
    assert claim() is not None


def test_switched_off_it_stays_at_a_warning(monkeypatch, app, write, check, newest, champion_name):
    off = app.extensions["leadloop"].settings.model_copy(update={"auto_recalibrate": False})
    monkeypatch.setattr("sync.jobs.product", lambda: Product(off, FIELDS))
    write(lambda s: say(s, 30, 30))
    check()
    assert "LEADLOOP_AUTO_RECALIBRATE" in finding(newest(), "calibration")["advice"]
    assert (newest("rescoring"), champion_name()) == (None, "1.0")


def test_what_keeps_a_level_from_being_set_right_is_said_and_makes_no_version(
    write, read, check, newest, champion_name
):
    write(lambda s: say(s, 27, 3))
    check()
    advice = finding(newest(), "calibration")["advice"]
    assert (
        "Not recalibrated: leads of 27 companies and people converted and of 3 were lost" in advice
    )
    assert [version.name for version in read(registry.versions)] == ["1.0"]
    write(lambda s: say(s, 0, 2, prefix="M"))
    check()
    assert champion_name() == "1.1"


def test_after_a_roll_back_the_evidence_begins_anew(write, check, newest, clock, do, worker):
    write(lambda s: say(s, 30, 30))
    check()
    clock.forward(minutes=1)
    write(lambda s: lifecycle.request_promotion(s, "1.0", "ada@example.com", clock()))
    do(jobs.rescore, worker)
    check()
    assert finding(newest(), "calibration")["figures"]["n"] == 0
    assert "version" not in newest().result


def test_a_recalibration_takes_no_outcome_from_the_next_training(write, read, check, app):
    write(lambda s: say(s, 30, 30))
    check()
    assert read(lifecycle.n_uncounted) == 60
    run = write(lambda s: lifecycle.claim_retraining(s, Trigger(20), "w", NOW))
    with app.app_context():
        answer = trainer.learn(run.key, NOW, lambda done, stage: None)
    assert answer["details"]["decision"]["n_evidence"] == 60


@pytest.mark.parametrize("place", ["checking", "recalibrating"])
def test_the_next_worker_ends_a_check_that_a_killed_one_began(
    place, write, read, kill_worker_at, do, make_worker, clock, newest, champion_name
):
    clock.now = utc_now()
    write(lambda s: say(s, 30, 30))
    write(lambda s: monitoring.request(s, "ada", clock()))
    kill_worker_at(place)
    clock.forward(minutes=2)
    worker = make_worker()
    for job in (jobs.free_lost_runs, jobs.monitor, jobs.rescore):
        do(job, worker)
    assert [(r.kind, r.state) for r in reversed(read(runs.latest))] == [
        ("monitoring", "succeeded"),
        ("rescoring", "succeeded"),
    ]
    assert champion_name() == "1.1"


def test_a_check_of_many_leads_reads_bounded_samples(monkeypatch, write, read):
    monkeypatch.setattr(monitor_samples, "MAX_SCORINGS", 10)
    monkeypatch.setattr(monitor_samples, "MAX_OUTCOMES", 5)
    write(lambda s: say(s, 10, 10))
    samples = read(lambda s: monitor_samples.read(s, NOW))
    assert (len(samples.recent), len(samples.judged)) == (10, 5)
    assert sum(samples.scored_by_score) == sum(samples.labelled_by_score) == 20


def test_what_came_with_or_after_an_outcome_is_not_judged(write, read):
    def arrive(session):
        make_lead(session, "together", actual_outcome=True)
        make_outcome(session, make_lead(session, "before", email_opens=1, now=BEFORE), True)
        make_lead(session, "before", email_opens=90, now=NOW + timedelta(days=1))

    write(arrive)
    samples = read(lambda s: monitor_samples.read(s, NOW))
    assert [lead.inputs.get("email_opens") for lead in samples.judged] == [1]
    assert [lead.inputs.get("email_opens") for lead in samples.recent] == [1]
