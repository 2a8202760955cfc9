"""Fields that seem to be filled in after the outcome: kept, decided on, told to training."""

import pytest
import sqlalchemy as sa

from ml.fields.fields_file import loads
from tests.factories import FIELDS, NOW, make_champion, make_lead, make_version
from webapp.services.demo import demo_data
from webapp.services.models import leakage, training_data
from webapp.services.models.leakage import ALLOWED, LEFT_OUT
from webapp.services.runs import runs
from webapp.tables import AuditEntry

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
    leakage.flag(session, [FOUND | {"sentence": sentence}], run, NOW)
    runs.finish(session, run, NOW)


def decide(session, state):
    leakage.decide(session, "tags", state, actor="ada", now=NOW)


def known(session, fields=FIELDS):
    return leakage.known(session, fields, make_champion(session))


def make_learned(session, *fields, **decision):
    """A version that learned from these fields."""
    version = make_version(session)
    version.family, version.fields, version.decision = "spline logistic", list(fields), decision
    return version


def not_to_decide(session, version, fields=FIELDS):
    return leakage.excluded_but_used(version, fields, leakage.every(session))


def test_a_suspected_field_is_left_out_of_training_with_its_reason(write, read):
    write(suspect)
    assert read(known) == (frozenset(), {"tags": "Tags tells too much."})


def test_an_administrator_allows_a_field_and_may_leave_it_out_again(write, read):
    write(suspect)
    write(lambda s: decide(s, ALLOWED))
    assert read(known) == ({"tags"}, {})
    write(lambda s: decide(s, LEFT_OUT))
    assert read(known).left_out == {"tags": "Tags tells too much."}
    entries = read(lambda s: s.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.key)).all())
    assert entries == ["allowed field", "left out field"]


def test_what_was_decided_outlives_the_same_suspicion_and_its_evidence_is_the_newest(write, read):
    write(suspect)
    write(lambda s: decide(s, ALLOWED))
    write(lambda s: suspect(s, "Again."))
    (row,) = read(leakage.every)
    assert (row.state, row.decided_by, row.sentence) == (ALLOWED, "ada", "Again.")


@pytest.mark.parametrize("name", ["never_seen", "a\x00b"])
def test_only_a_suspected_field_can_be_decided_on(name, write):
    with pytest.raises(leakage.NotSuspected):
        write(lambda s: leakage.decide(s, name, ALLOWED, actor="ada", now=NOW))


def test_a_version_that_uses_a_field_left_out_is_found(write, read):
    fields = loads('[[field]]\nname = "tags"\ntype = "category"\nlabel = "Tags"')
    write(suspect)
    version = write(lambda s: make_learned(s, "tags"))
    why = {"tags": "Tags seems to be filled in after the outcome."}
    assert read(lambda s: not_to_decide(s, version, fields)) == why
    write(lambda s: decide(s, ALLOWED))
    assert read(lambda s: not_to_decide(s, version, fields)) == {}


def test_a_version_is_found_that_uses_what_the_file_keeps_from_models_by_now(write, read):
    fields = loads('[[field]]\nname = "age"\ntype = "count"\nlabel = "Age"\nuse = false')
    version = write(lambda s: make_learned(s, "age", "plan", "industry"))
    why = {
        "age": "Age is declared as not for models.",
        "plan": "plan is retired.",
        "industry": "Industry is retired.",
    }
    assert read(lambda s: not_to_decide(s, version, fields)) == why
    assert read(lambda s: leakage.known(s, fields, version)).left_out == why


def test_rules_of_thumb_may_go_by_fields_that_a_team_has_not_but_not_by_those_without_use(
    write, read
):
    fields = loads('[[field]]\nname = "email_opens"\ntype = "count"\nlabel = "Opens"\nuse = false')
    starter = write(make_champion)
    assert list(read(lambda s: not_to_decide(s, starter, fields))) == ["email_opens"]


@pytest.mark.parametrize("is_refused", [False, True])
def test_the_way_out_is_the_newest_version_without_unless_refused_in_favour_of_one(
    write, read, is_refused
):
    def make(session):
        clean = make_learned(session, "age", promote=True)
        refused = make_learned(session, "age", promote=False)
        champion = make_learned(session, "tags", promote=True)
        refused.parent_key = clean.key if is_refused else champion.key
        return clean, refused, champion

    clean, refused, champion = write(make)
    found = read(lambda s: leakage.newest_without_leaks(s, FIELDS, champion))
    assert found.name == (clean if is_refused else refused).name


def test_the_way_out_may_be_the_rules_of_thumb_or_none_at_all(write, read):
    def make(session):
        return make_learned(session, "tags"), make_champion(session)

    champion, starter = write(make)
    found = read(lambda s: leakage.newest_without_leaks(s, FIELDS, champion))
    assert found.key == starter.key
    fields = loads('[[field]]\nname = "email_opens"\ntype = "count"\nlabel = "Opens"\nuse = false')
    assert read(lambda s: leakage.newest_without_leaks(s, fields, starter)) is None


def test_demo_leads_are_no_open_leads_to_judge_fields_by(session):
    make_champion(session)
    assert demo_data.load(session, FIELDS, NOW)
    make_lead(session, "L-1", email_opens=3)
    assert [known["email_opens"] for known in training_data.newest_open(session, FIELDS)] == [3]
