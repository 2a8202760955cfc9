"""What the trainer reads and answers."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest

from ml.fields.fields_file import loads
from sync.trainer import trainer
from tests.factories import NOW, make_lead, make_outcome
from tests.sync.labelled import label
from webapp.config import Settings
from webapp.services.models import leakage, lifecycle, registry
from webapp.services.models.lifecycle import Trigger
from webapp.services.runs import runs

pytestmark = pytest.mark.usefixtures("small_forests")


@pytest.fixture(scope="session")
def dialect():
    """What it reads, the services' tests read from both; tests/walks trains on both."""
    return "sqlite"


@pytest.fixture
def learn(app):
    def learn(run_key, progress=lambda done, stage: None):
        with app.app_context():
            return trainer.answer(run_key, progress)

    return learn


def half_converted(session):
    label(session, 20, 20)


def claim(session):
    return lifecycle.claim_retraining(session, Trigger(20), "worker-1", NOW)


def register(session, run, answer):
    card = trainer.Scorecard.from_json(answer["scorecard"])
    lifecycle.register(session, run, card, answer["details"], promote=True, now=NOW)


def test_the_answer_is_json_with_all_that_is_kept_of_a_version(write, read, learn):
    write(half_converted)
    run = write(claim)
    answer = json.loads(json.dumps(learn(run.key)))
    write(lambda s: register(s, run, answer))
    version = read(lambda s: registry.version(s, "1.1"))
    assert version.training["n_leads"] == 40
    assert version.training["first_outcome_at"] == NOW.isoformat()
    assert version.decision["n_evidence"] == 40
    assert "email_opens" in version.fields
    assert (
        read(lambda s: registry.scorecard(s, version)).family
        == "blend of spline logistic, random forest and boosted trees"
    )


def test_the_evidence_is_what_was_labelled_since_the_champion_was_trained(write, read, learn):
    write(half_converted)
    first = write(claim)
    write(lambda s: register(s, first, learn(first.key)))
    fill = write(lambda s: runs.claim(s, "rescoring", "worker-1", NOW))
    write(lambda s: lifecycle.switch(s, registry.version(s, "1.1"), "gate", NOW))
    write(lambda s: runs.finish(s, fill, NOW))
    write(lambda s: label(s, 15, 15, "M"))
    answer = learn(write(claim).key)
    assert answer["champion_key"] == read(registry.champion).key
    assert answer["details"]["training"]["n_leads"] == 70
    assert answer["details"]["decision"]["n_evidence"] == 30


def test_what_the_champion_left_out_for_a_change_of_the_world_is_not_learned_again(
    write, read, learn
):
    write(half_converted)
    run = write(claim)
    answer = learn(run.key)
    later = NOW + timedelta(days=1)
    answer["details"]["training"] |= {"n_outdated": 7, "first_outcome_at": later.isoformat()}
    write(lambda s: register(s, run, answer))
    fill = write(lambda s: runs.claim(s, "rescoring", "worker-1", NOW))
    write(lambda s: lifecycle.switch(s, registry.version(s, "1.1"), "gate", NOW))
    write(lambda s: runs.finish(s, fill, NOW))

    def tell_more(session):
        for place in range(30):
            lead = make_lead(session, f"M-{place}", email_opens=place)
            make_outcome(session, lead, place < 15, now=later)

    write(tell_more)
    about = learn(write(claim).key)["details"]["training"]
    assert (about["n_leads"], about["n_outdated"]) == (30, 40)


def test_where_nothing_can_be_learned_the_reason_is_answered(write, learn):
    write(label)
    run = write(claim)
    write(lambda s: make_outcome(s, "L-0", None))
    assert "9 converted" in learn(run.key)["reason"]


def test_progress_runs_from_nothing_to_everything(write, learn):
    write(half_converted)
    seen = []
    learn(write(claim).key, lambda done, stage: seen.append(done))
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] <= 1


def test_the_gate_follows_the_settings():
    off: dict[str, Any] = {"promote_confidence": 0, "promote_min_each_class": 0}
    off["promote_log_loss_check"] = False
    rule = trainer.gate_rule(Settings(promote_min_gain=0.05, **off))
    assert (rule.min_gain, rule.confidence, rule.min_each_class) == (0.05, None, 0)
    assert rule.log_loss_must_fall is False
    assert trainer.gate_rule(Settings()).confidence == 0.99


def test_a_suspected_field_is_left_out_and_kept_until_it_is_allowed(write, read, learn, app):
    fields = loads(
        '[[field]]\nname = "stamp"\ntype = "category"\nlabel = "Stamp"\n'
        '[[field]]\nname = "age"\ntype = "count"\nlabel = "Age"'
    )
    found = app.extensions["leadloop"]
    app.extensions["leadloop"] = dataclasses.replace(found, file_fields=fields)

    def leads(session):
        for i in range(60):
            stamp = "yes" if i % 2 else "no"
            lead = make_lead(session, f"L-{i}", fields=fields, stamp=stamp, age=i)
            make_outcome(session, lead, i % 2 == 1)

    write(leads)
    run = write(claim)
    write(lambda s: register(s, run, learn(run.key)))
    version = read(lambda s: registry.version(s, "1.1"))
    assert version.fields == ["age"]
    assert "Stamp alone removes" in version.training["left_out_fields"]["stamp"]
    (row,) = read(leakage.every)
    assert (row.name, row.state) == ("stamp", leakage.SUSPECTED)
    write(lambda s: leakage.decide(s, "stamp", "allowed", actor="ada", now=NOW))
    allowed = learn(run.key)["details"]
    assert set(allowed["fields"]) == {"stamp", "age"}
    assert allowed["training"]["left_out_fields"] == {}
