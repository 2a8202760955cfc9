"""Fields that seem to be filled in after the outcome: kept, decided on, told to training."""

import pytest
import sqlalchemy as sa

from tests.factories import NOW, make_champion, make_version
from webapp.models import AuditEntry
from webapp.services import guarded_fields, runs
from webapp.services.guarded_fields import ALLOWED, LEFT_OUT

FOUND = {
    "field": "tags",
    "sign": "written later",
    "sentence": "Tags tells too much.",
    "evidence": {"p_value": 0.01},
}


def suspect(session, sentence=FOUND["sentence"]):
    make_champion(session)
    runs.request(session, "training", trigger="request", requested_by="ada", now=NOW)
    run = runs.claim(session, "training", "worker-1", NOW)
    assert run is not None
    guarded_fields.suspect(session, [FOUND | {"sentence": sentence}], run, NOW)
    runs.finish(session, run, NOW)


def decide(session, state):
    guarded_fields.decide(session, "tags", state, actor="ada", now=NOW)


def test_a_suspected_field_is_left_out_of_training_with_its_reason(write, read):
    write(suspect)
    assert read(guarded_fields.known) == (frozenset(), {"tags": "Tags tells too much."})


def test_an_administrator_allows_a_field_and_may_leave_it_out_again(write, read):
    write(suspect)
    write(lambda s: decide(s, ALLOWED))
    assert read(guarded_fields.known) == ({"tags"}, {})
    write(lambda s: decide(s, LEFT_OUT))
    assert read(guarded_fields.known).left_out == {"tags": "Tags tells too much."}
    entries = read(lambda s: s.scalars(sa.select(AuditEntry.action)).all())
    assert entries == ["allowed field", "left out field"]


def test_what_was_decided_outlives_the_same_suspicion(write, read):
    write(suspect)
    write(lambda s: decide(s, ALLOWED))
    write(lambda s: suspect(s, "Again."))
    (row,) = read(guarded_fields.every)
    assert (row.state, row.sentence) == (ALLOWED, "Tags tells too much.")


@pytest.mark.parametrize("name", ["never_seen", "a\x00b"])
def test_only_a_suspected_field_can_be_decided_on(name, write):
    with pytest.raises(guarded_fields.NotSuspected):
        write(lambda s: guarded_fields.decide(s, name, ALLOWED, actor="ada", now=NOW))


def test_a_version_that_uses_a_field_left_out_is_found(write, read):
    def make(session):
        suspect(session)
        version = make_version(session)
        version.fields = ["tags", "industry"]
        return version

    version = write(make)
    assert read(lambda s: guarded_fields.in_use(version, guarded_fields.every(s))) == ["tags"]
    write(lambda s: decide(s, ALLOWED))
    assert read(lambda s: guarded_fields.in_use(version, guarded_fields.every(s))) == []
