"""When a training starts, what it may use, and how versions take over."""

import dataclasses
from concurrent import futures
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import NOW, make_lead, make_leads, make_outcome, make_outcomes, make_version
from webapp.services.models import lifecycle, registry, rescoring, training_data
from webapp.services.models.lifecycle import Trigger
from webapp.services.runs import runs
from webapp.tables import AuditEntry, Lead, ModelVersion, Score

AT_20 = Trigger(n_new_outcomes=20)
WAIT = timedelta(minutes=5)


def label(session, n_converted, n_lost, prefix="L"):
    n, before = n_converted + n_lost, NOW - timedelta(days=1)
    made = make_leads(session, ({"lead_id": f"{prefix}-{i}"} for i in range(n)), now=before)
    make_outcomes(session, made, [i < n_converted for i in range(n)])


def claim(session, trigger=AT_20, now=NOW):
    return lifecycle.claim_retraining(session, trigger, "worker-1", now)


def challenger(session):
    card = registry.scorecard(session, registry.champion(session))
    return dataclasses.replace(card, intercept=card.intercept + 1)


def register(session, run, promote):
    details = {"fields": [], "training": {}, "metrics": {}, "decision": {"reason": "because"}}
    card = challenger(session)
    return lifecycle.register(session, run, card, details, promote=promote, now=NOW)


def test_nothing_is_due_below_the_threshold(write):
    write(lambda s: label(s, 10, 9))
    assert write(claim) is None


def test_the_threshold_starts_one_training_and_counts_its_labels(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    assert (run.state, run.trigger) == ("running", "outcomes")
    assert read(lifecycle.n_uncounted) == 0
    assert write(claim) is None


def begin(session, kind, **task):
    runs.request(session, kind, trigger="request", requested_by="ada", now=NOW, task=task)
    run = runs.claim(session, kind, "a worker", NOW)
    assert run is not None
    return run


@pytest.mark.parametrize("kind", ["sync", "import"])
def test_no_training_is_due_in_the_middle_of_a_load(kind, write):
    write(lambda s: label(s, 10, 10))
    write(lambda s: runs.finish(s, begin(s, "sync", mode="dry"), NOW, {}))
    run = write(lambda s: begin(s, kind))
    assert write(claim) is None
    write(lambda s: runs.finish(s, run, NOW, {}))
    assert write(claim) is not None


def test_only_the_first_sync_is_a_load_and_a_person_may_train_in_it(write):
    write(lambda s: label(s, 10, 10))
    first = write(lambda s: begin(s, "sync"))
    write(lambda s: lifecycle.request_retraining(s, "ada", NOW))
    run = write(claim)
    assert run.requested_by == "ada"
    write(lambda s: register(s, run, promote=False))
    write(lambda s: runs.finish(s, first, NOW, {}))
    write(lambda s: begin(s, "sync", mode="live"))
    write(lambda s: label(s, 10, 10, prefix="M"))
    assert write(claim) is not None


@pytest.mark.parametrize(("n_converted", "n_lost"), [(30, 0), (0, 30), (21, 9)])
def test_too_few_of_one_class_start_nothing(n_converted, n_lost, write):
    write(lambda s: label(s, n_converted, n_lost))
    assert write(claim) is None
    with pytest.raises(lifecycle.NothingToLearn, match=f"{n_converted} converted and {n_lost}"):
        write(lambda s: lifecycle.request_retraining(s, "ada", NOW))


def test_a_refused_challenger_waits_for_the_next_outcomes(write):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    write(lambda s: register(s, run, promote=False))
    assert write(claim) is None
    write(lambda s: label(s, 9, 10, prefix="M"))
    assert write(claim) is None
    write(lambda s: label(s, 1, 0, prefix="N"))
    assert write(claim) is not None


@pytest.mark.parametrize(
    ("verdict", "n_new", "is_due"), [("act", 20, True), ("act", 19, False), ("good", 20, False)]
)
def test_where_the_claim_of_the_live_version_failed_fewer_outcomes_bring_a_training(
    verdict, n_new, is_due, write
):
    def judge(session):
        make_leads(session, [])
        label(session, 15, n_new - 15)
        runs.request(session, "monitoring", trigger="t", requested_by="t", now=NOW)
        run = runs.claim(session, "monitoring", "w", NOW)
        assert run is not None
        finding = {"name": "live_auc", "verdict": verdict}
        result = {"champion_key": registry.champion(session).key, "findings": [finding]}
        runs.finish(session, run, NOW, result)

    write(judge)
    # Ten lost ones of before, which a training has counted.
    write(lambda s: label(s, 0, 10, "old"))
    counted = sa.update(Lead).where(Lead.lead_id.startswith("old")).values(counted_by_run=1)
    write(lambda s: s.execute(counted))
    found = write(lambda s: claim(s, Trigger(n_new_outcomes=50)))
    assert (found is not None) == is_due


def test_a_failed_training_gives_its_labels_back_and_is_tried_again_later(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    write(lambda s: lifecycle.fail(s, run, "It broke.", NOW))
    assert read(lifecycle.n_uncounted) == 20
    assert write(lambda s: claim(s, now=NOW + timedelta(seconds=30))) is None
    assert write(lambda s: claim(s, now=NOW + WAIT)) is not None


def test_an_outcome_that_changes_is_a_new_label(write, read):
    write(lambda s: label(s, 10, 10))
    write(claim)
    write(lambda s: make_outcome(s, "L-0", True))
    assert read(lifecycle.n_uncounted) == 0
    write(lambda s: make_outcome(s, "L-0", False))
    assert read(lifecycle.n_uncounted) == 1


@pytest.mark.parametrize(("again", "n_new"), [(True, 0), (False, 1)])
def test_a_label_taken_back_is_new_only_if_another_follows(again, n_new, write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    write(lambda s: make_outcome(s, "L-0", None))
    write(lambda s: make_outcome(s, "L-0", again))
    assert read(lifecycle.n_uncounted) == n_new
    write(lambda s: lifecycle.fail(s, run, "It broke.", NOW))
    assert read(lifecycle.n_uncounted) == 20


def test_the_schedule_starts_a_training_on_few_new_outcomes(write):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    write(lambda s: register(s, run, promote=False))
    daily = Trigger(20, every_hours=24)
    write(lambda s: label(s, 1, 0, prefix="M"))
    assert write(lambda s: claim(s, daily, NOW + timedelta(hours=23))) is None
    assert write(lambda s: claim(s, daily, NOW + timedelta(hours=24))) is not None


def test_the_schedule_starts_the_first_training_too(write):
    daily = Trigger(1000, every_hours=24)
    write(lambda s: label(s, 10, 10))
    assert write(lambda s: claim(s, daily, NOW + timedelta(hours=23))) is None
    run = write(lambda s: claim(s, daily, NOW + timedelta(hours=24)))
    assert (run.state, run.trigger) == ("running", "clock")


def test_a_promotion_asked_for_while_a_training_starts_is_refused(write):
    write(lambda s: label(s, 10, 10))
    version = write(make_version)
    asked = []

    def promote(session):
        lifecycle.request_promotion(session, version.name, "ada", NOW)

    def claim_meanwhile(session):
        run = claim(session)
        asked.append(pool.submit(write, promote))
        futures.wait(asked, timeout=0.5)
        return run

    with futures.ThreadPoolExecutor(1) as pool:
        assert write(claim_meanwhile) is not None
    with pytest.raises(runs.AlreadyRunning):
        asked[0].result()


def test_a_request_is_refused_while_a_training_is_open(write):
    write(lambda s: label(s, 10, 10))
    write(lambda s: lifecycle.request_retraining(s, "ada", NOW))
    with pytest.raises(runs.AlreadyRunning):
        write(lambda s: lifecycle.request_retraining(s, "omar", NOW))


def test_a_requested_training_needs_no_threshold(write, read):
    write(lambda s: label(s, 10, 10))
    write(lambda s: lifecycle.request_retraining(s, "ada", NOW))
    run = write(lambda s: claim(s, Trigger(1000)))
    assert (run.trigger, run.requested_by) == ("request", "ada")
    assert read(lifecycle.n_uncounted) == 0


def test_a_won_challenger_takes_over_once_its_scores_are_filled(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    version = write(lambda s: register(s, run, promote=True))
    assert read(registry.champion).name == "1.0"
    rescore = write(lambda s: runs.claim(s, "rescoring", "worker-1", NOW))
    assert rescore.task["version"] == "1.1"
    write(lambda s: lifecycle.switch(s, version, "gate", NOW))
    assert read(registry.champion).name == "1.1"
    actions = read(lambda s: s.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.key)).all())
    assert actions == ["promoted"]


def test_nothing_is_trained_while_a_version_is_being_filled(write):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    write(lambda s: register(s, run, promote=True))
    write(lambda s: label(s, 10, 10, prefix="M"))
    assert write(claim) is None


def test_rolling_back_to_the_version_in_use_is_refused(champion, write):
    with pytest.raises(lifecycle.AlreadyChampion):
        write(lambda s: lifecycle.request_promotion(s, "1.0", "ada", NOW))


def test_a_late_training_cannot_register(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    late = NOW + runs.LEASE * 2
    assert write(lambda s: runs.give_up(s, run, late)) is True
    with pytest.raises(runs.LostClaim):
        write(lambda s: register(s, run, promote=True))
    assert [v.name for v in read(registry.versions)] == ["1.0"]


def test_a_version_keeps_its_number_when_another_follows(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    write(lambda s: register(s, run, promote=False))
    assert [v.name for v in read(registry.versions)] == ["1.1", "1.0"]


def test_versions_are_listed_without_their_scorecards(write, read):
    write(make_version)
    found = read(lambda s: [(v.name, sa.inspect(v).unloaded) for v in registry.versions(s)])
    assert found == [("1.1", {"scorecard"}), ("1.0", {"scorecard"})]


def test_few_scorecards_are_kept_however_many_are_read(monkeypatch, write, read):
    monkeypatch.setattr(registry, "MAX_KEPT", 1)
    kept: dict[str, Any] = {}
    monkeypatch.setattr(registry, "_verified", kept)
    write(make_version)
    for ref in read(registry.refs):
        assert read(lambda s, ref=ref: registry.scorecard(s, ref)).digest == ref.digest
    assert len(kept) == 1


def test_a_damaged_scorecard_is_not_used(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    version = write(lambda s: register(s, run, promote=False))
    damaged = {**version.scorecard, "intercept": 0.123}
    change = {"scorecard": damaged, "digest": "0" * 64}
    write(lambda s: s.execute(sa.update(ModelVersion).values(change)))
    with pytest.raises(registry.DamagedVersion):
        read(lambda s: registry.scorecard(s, registry.version(s, "1.1")))


def labelled(write, read):
    """The labels that a training claimed now may use."""
    run = write(lambda s: runs.request(s, "training", trigger="t", requested_by="t", now=NOW))
    write(lambda s: s.execute(sa.update(Lead).values(counted_by_run=run.key)))
    return read(lambda s: training_data.collect(s, run.key, since_run=0).leads)


def test_training_reads_the_inputs_from_before_the_outcome(write, read):
    day = timedelta(days=1)
    write(lambda s: make_lead(s, "L-1", now=NOW - 2 * day, email_opens=1))
    write(lambda s: make_lead(s, "L-1", now=NOW - day, email_opens=2))
    write(lambda s: make_outcome(s, "L-1", True, now=NOW))
    write(lambda s: make_lead(s, "L-1", now=NOW + day, email_opens=40))
    [lead] = labelled(write, read)
    assert (lead.inputs["email_opens"], lead.came_with_outcome) == (2, False)


def test_what_adds_up_while_leads_are_open_does_not_tell_how_long_they_were(write, read):
    day, n = timedelta(days=1), 40
    rows = [{"lead_id": f"L-{i}"} for i in range(n)]

    def live(session):
        for half, days, converted in ((rows[: n // 2], 20, True), (rows[n // 2 :], 8, False)):
            for age in range(days):
                visits = ({**row, "website_visits": age} for row in half)
                make_leads(session, visits, now=NOW + age * day)
            for row in half:
                make_outcome(session, row["lead_id"], converted, now=NOW + days * day)

    write(live)
    leads = labelled(write, read)
    won, lost = (
        [lead.inputs["website_visits"] for lead in leads if lead.converted == kind]
        for kind in (True, False)
    )
    assert len(won) == len(lost) == n // 2
    assert abs(sum(won) - sum(lost)) < n // 2  # less than a day; by the last ones it is 12
    assert set(won) == set(lost) == set(range(8))


def test_a_lead_first_sent_with_its_outcome_is_used_and_marked(write, read):
    write(lambda s: make_lead(s, "L-1", email_opens=3, actual_outcome=True))
    write(lambda s: make_lead(s, "L-1", now=NOW + timedelta(days=1), email_opens=40))
    [lead] = labelled(write, read)
    assert (lead.inputs["email_opens"], lead.came_with_outcome) == (3, True)


def test_inputs_that_came_with_a_later_outcome_are_not_learned_from(write, read):
    write(lambda s: make_lead(s, "L-1", now=NOW, email_opens=1))
    write(lambda s: make_lead(s, "L-1", now=NOW + WAIT, email_opens=30, actual_outcome=True))
    [lead] = labelled(write, read)
    assert (lead.inputs["email_opens"], lead.came_with_outcome) == (1, False)


def test_a_lead_first_seen_after_its_outcome_is_left_out_and_counted(write, read):
    month = timedelta(days=30)
    write(lambda s: make_lead(s, "L-1", now=NOW, email_opens=40))
    write(lambda s: make_outcome(s, "L-1", True, now=NOW, happened_at=NOW - month))
    write(lambda s: make_lead(s, "L-2", now=NOW - month, email_opens=1))
    write(lambda s: make_outcome(s, "L-2", False, now=NOW))
    assert [lead.inputs["email_opens"] for lead in labelled(write, read)] == [1]
    about = read(lambda s: training_data.collect(s, 1, since_run=0).about())
    assert (about["n_leads"], about["n_left_out"]) == (1, 1)


def test_outcomes_from_before_a_change_of_the_world_are_left_out_and_counted(write, read):
    day = timedelta(days=1)
    for place, lead_id in enumerate(("L-1", "L-2", "L-3")):
        write(lambda s, lead_id=lead_id: make_lead(s, lead_id, now=NOW))
        told = {"now": NOW + 9 * day, "happened_at": NOW + (1 + place) * day}
        write(lambda s, lead_id=lead_id, told=told: make_outcome(s, lead_id, True, **told))
    labelled(write, read)
    found = read(lambda s: training_data.collect(s, 1, since_run=0, since=NOW + 2 * day))
    assert (len(found.leads), found.n_left_out, found.n_outdated) == (2, 0, 1)
    assert found.since(1).about()["first_outcome_at"] == (NOW + 3 * day).isoformat()


@pytest.mark.parametrize(("n_of_one_day", "is_dated"), [(5, True), (6, False)])
def test_outcomes_mostly_of_one_day_tell_no_order(n_of_one_day, is_dated, write, read):
    def arrive(session):
        for i in range(10):
            before = NOW - timedelta(days=max(i - n_of_one_day + 1, 0))
            make_lead(session, f"L-{i}", now=NOW - timedelta(days=30))
            make_outcome(session, f"L-{i}", True, now=NOW, happened_at=before)

    write(arrive)
    labelled(write, read)
    found = read(lambda s: training_data.collect(s, 1, since_run=0))
    assert (found.is_dated, found.about()["is_dated"]) == (is_dated, is_dated)


def test_filling_scores_every_lead_and_keeps_what_live_scoring_wrote(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    version = write(lambda s: register(s, run, promote=True))
    write(lambda s: rescoring.begin(s, version, NOW))
    write(lambda s: make_lead(s, "L-0", now=NOW, email_opens=30))
    live = read(lambda s: scores_of(s, version)["L-0"])
    after: int | None = 0
    while after is not None:
        after = write(lambda s, after=after: rescoring.fill(s, version, after))
    filled = read(lambda s: scores_of(s, version))
    assert len(filled) == 20
    assert filled["L-0"] == live > filled["L-1"]


def test_scores_of_versions_no_longer_in_use_are_deleted(write, read):
    write(lambda s: label(s, 10, 10))
    run = write(claim)
    version = write(lambda s: register(s, run, promote=True))
    write(lambda s: rescoring.fill(s, version, 0))
    write(lambda s: lifecycle.switch(s, version, "gate", NOW))
    assert write(rescoring.forget_others) == 20
    assert write(rescoring.forget_others) == 0
    assert len(read(lambda s: scores_of(s, version))) == 20


def scores_of(session, version):
    query = sa.select(Lead.lead_id, Score.probability).join(Score, Score.lead_key == Lead.key)
    return dict(session.execute(query.where(Score.version_key == version.key)).all())
