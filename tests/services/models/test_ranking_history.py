"""How versions ranked as time went on: kept from check to check, with what was decided."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import FIELDS, NOW, make_champion, make_leads, make_outcomes
from tests.learned import make_learned_version, make_recalibration
from webapp.services.models import lifecycle, monitoring, ranking_history, registry
from webapp.services.runs import runs
from webapp.tables import Lead

EARLIER = NOW - timedelta(days=9)
TRIGGER = monitoring.Trigger(50)


def lead_and_tell(session, n, name="L", now=NOW):
    """Leads scored days before, of which those with many opens convert."""
    rows = [{"lead_id": f"{name}-{i}", "email_opens": i % 9} for i in range(n)]
    leads = make_leads(session, rows, now=EARLIER)
    make_outcomes(session, leads, [i % 9 > 4 for i in range(n)], now=now)


def check(session, now=NOW):
    monitoring.request(session, "ada", now)
    run = runs.claim(session, monitoring.KIND, "w", now)
    assert run is not None
    found = monitoring.check(session, FIELDS, TRIGGER, now, may_recalibrate=False)
    runs.finish(session, run, now, found.result)
    return found.result["tracks"]


def history(session, now=NOW):
    return ranking_history.history(session, monitoring.newest(session).run.result["tracks"], now)


def test_before_the_first_outcomes_there_is_nothing_to_tell(write, read):
    write(make_champion)
    assert write(check) == {"1.0": {"met": "early", "batches": []}}
    assert read(history) == ranking_history.History({}, [], [], NOW)
    assert read(lambda s: ranking_history.history(s, {}, NOW)).tracks == {}


def test_a_check_tells_how_the_live_version_ranked(write, read):
    write(lambda s: lead_and_tell(s, 45))
    [(name, track)] = write(check).items()
    assert name == "1.0"
    [batch] = track["batches"]
    assert (batch["n"], batch["auc"]) == (45, 1.0)
    assert read(history).tracks["1.0"].batches[0].until == NOW


def test_what_a_version_did_is_kept_once_another_is_live(write, read):
    def replace(session):
        lead_and_tell(session, 45)
        before = check(session)
        lifecycle.switch(session, make_learned_version(session), "gate", NOW + timedelta(hours=1))
        return before, check(session, NOW + timedelta(hours=2))

    before, after = write(replace)
    assert after["1.0"] == before["1.0"]
    assert list(after) == ["1.0", "1.1"]
    found = read(lambda s: history(s, NOW + timedelta(hours=3)))
    assert [mark[1:] for mark in found.marks] == [("promoted", "1.1")]
    [claim] = found.claims
    assert (claim.version, claim.since) == ("1.1", NOW + timedelta(hours=1))
    assert 0.5 < claim.auc.low < claim.auc.value < claim.auc.high


def test_the_version_before_goes_on_being_measured_beside(write):
    def go_on(session):
        lead_and_tell(session, 45, now=EARLIER + timedelta(days=1))
        lifecycle.switch(session, make_learned_version(session), "gate", NOW)
        run = runs.request(session, "training", trigger="request", requested_by="ada", now=NOW)
        session.execute(sa.update(Lead).values(counted_by_run=run.key))
        registry.version(session, "1.1").run_key = run.key
        lead_and_tell(session, 60, name="later", now=NOW)
        return check(session, NOW + timedelta(hours=2))

    tracks = write(go_on)
    assert sum(batch["n"] for batch in tracks["1.0"]["batches"]) == 105
    assert sum(batch["n"] for batch in tracks["1.1"]["batches"]) == 60
    assert (tracks["1.0"]["met"], tracks["1.0"]["batches"][0]["auc"]) == ("holds", 1.0)
    assert tracks["1.1"]["batches"][0]["auc"] < 0.9


def test_a_recalibration_goes_on_with_the_version_that_was_learned(write, read):
    def replace(session):
        lead_and_tell(session, 45)
        check(session)
        make_recalibration(session)
        return check(session)

    assert list(write(replace)) == ["1.0", "1.1"]
    found = read(history)
    assert [mark[1:] for mark in found.marks] == [("promoted", "1.1"), ("recalibrated", "1.2")]
    assert [claim.version for claim in found.claims] == ["1.1"]


def test_refusals_and_roll_backs_are_marked(write, read):
    def decide(session):
        lead_and_tell(session, 45, now=EARLIER)
        check(session)
        make_learned_version(session, is_telling=False)
        lifecycle.switch(session, registry.version(session, "1.1"), "ada", NOW)
        lifecycle.switch(session, registry.version(session, "1.0"), "ada", NOW)

    write(decide)
    assert sorted(mark[1:] for mark in read(history).marks) == [
        ("promoted", "1.1"),
        ("refused", "1.1"),
        ("rolled back", "1.0"),
    ]


@pytest.mark.parametrize(("ended", "kept"), [(EARLIER, 1), (NOW + timedelta(days=1), 0)])
def test_batches_before_the_newest_outcomes_are_kept_and_no_lead_counts_twice(ended, kept, write):
    old = {"since": ended.isoformat(), "until": ended.isoformat(), "n": 20, "n_groups": 20}
    old |= {"auc": 0.7, "low": 0.6, "high": 0.8}

    def look(session):
        lead_and_tell(session, 45)
        samples = monitoring.monitor_samples.read(session, NOW)
        before = {"1.0": {"met": "holds", "batches": [old]}}
        return ranking_history.measured(before, samples)

    batches = write(look)["1.0"]["batches"]
    assert [batch["n"] for batch in batches] == [20] * kept + [45]


def test_a_long_history_shows_its_newest_batches(write, read):
    def batch(hours):
        at = (NOW + timedelta(hours=hours)).isoformat()
        return {
            "since": at,
            "until": at,
            "n": 20,
            "n_groups": 20,
            "auc": 0.7,
            "low": 0.6,
            "high": 0.8,
        }

    def track(first):
        return {"met": "holds", "batches": [batch(first + n) for n in range(12)]}

    write(make_champion)
    tracks = {f"1.{n}": track(12 * n) for n in range(9)}
    shown = read(lambda s: ranking_history.history(s, tracks, NOW)).tracks
    assert list(shown) == ["1.4", "1.5", "1.6", "1.7", "1.8"]
    assert sum(len(each.batches) for each in shown.values()) == 60
