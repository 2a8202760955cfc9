"""Fields declared, changed and retired in the database."""

from datetime import timedelta
from pathlib import Path

import pytest

from ml.fields.fields_file import loads
from tests.factories import FIELDS, NOW, PROGRAM, make_champion, make_lead
from webapp import field_lists
from webapp.services.accounts import audit
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.leads import lead_history, leads, records, scoring
from webapp.services.models import registry, rescoring

HOUR = timedelta(hours=1)
ADA = Author("ada@example.com", NOW, fields_file=None)
SEATS = {"name": "seats", "type": "count", "label": "Seats", "unit": "seats"}
PLAN = {"name": "plan", "type": "category", "label": "Plan", "choices": ["Basic", "Pro"]}


@pytest.fixture
def declare(write):
    def declare(*entries):
        for entry in entries:
            write(lambda s, entry=entry: declaring.declare_field(s, entry, ADA))

    return declare


@pytest.fixture
def now_declared(read):
    return lambda: read(field_lists.current)


def entry_of(declared, name, **changed):
    (found,) = [e for e in declared.fields.entries if e["name"] == name]
    return {k: v for k, v in (found | changed).items() if v is not None}


def test_until_a_list_is_kept_the_shipped_file_counts(now_declared):
    declared = now_declared()
    assert (declared.version, list(declared.fields)) == (0, list(FIELDS))


def test_the_first_list_is_the_shipped_file_exactly(write, now_declared):
    write(lambda s: field_lists.seed(s, NOW))
    write(lambda s: field_lists.seed(s, NOW))
    declared = now_declared()
    assert (declared.version, list(declared.fields)) == (1, list(FIELDS))


def test_a_new_field_stands_last_and_is_audited(declare, now_declared, read):
    declare(SEATS)
    assert now_declared().fields.declared[-1].rule == "a whole number of 0 or more, or null"
    entry = read(audit.latest)[0]
    assert (entry.actor, entry.action, entry.subject) == (
        "ada@example.com",
        "declared field",
        "field seats",
    )


def test_a_wrong_entry_is_refused_with_all_mistakes(declare):
    with pytest.raises(declaring.InvalidField) as caught:
        declare({"name": "Seats", "type": "sum", "min": 5})
    assert set(caught.value.errors) == {"name", "type", "label"}


@pytest.mark.parametrize("name", ["age", "seats", "email"])
def test_a_name_that_is_taken_is_refused(name, declare):
    declare(SEATS)
    with pytest.raises(declaring.InvalidField) as caught:
        declare({**SEATS, "name": name})
    assert set(caught.value.errors) == {"name"}


def test_the_number_of_fields_is_bounded(declare, monkeypatch):
    monkeypatch.setattr(declaring, "MAX_FIELDS", 9)
    declare({"name": "seats", "type": "count", "label": "Seats"})
    with pytest.raises(declaring.InvalidField, match="retire one first"):
        declare(PLAN)


def test_nor_can_a_retired_field_be_restored_beyond_that(declare, now_declared, write, monkeypatch):
    declare(SEATS)
    seen = now_declared().version
    write(lambda s: declaring.retire_field(s, "seats", ADA, seen_version=seen))
    declare(PLAN)
    monkeypatch.setattr(declaring, "MAX_FIELDS", 9)
    seen = now_declared().version
    with pytest.raises(declaring.InvalidField, match="retire one first"):
        write(lambda s: declaring.restore_field(s, "seats", ADA, seen_version=seen))
    assert not now_declared().fields["seats"].declared


def test_a_field_may_be_changed_while_others_are(write, declare, now_declared):
    declare(SEATS)
    seen = now_declared()
    declare(PLAN)
    entry = entry_of(seen, "seats", label="Desks")
    write(lambda s: declaring.change_field(s, "seats", entry, ADA, seen_version=seen.version))
    assert [f.label for f in now_declared().fields.own] == ["Desks", "Plan"]


def test_a_field_that_somebody_else_changed_is_not_overwritten(write, declare, now_declared):
    declare(SEATS)
    seen = now_declared()
    for label in ("Desks", "Chairs"):
        entry = entry_of(seen, "seats", label=label)

        def change(session, entry=entry):
            declaring.change_field(session, "seats", entry, ADA, seen_version=seen.version)

        if label == "Desks":
            write(change)
            continue
        with pytest.raises(declaring.ChangedMeanwhile, match="changed Desks since"):
            write(change)
    assert now_declared().fields["seats"].label == "Desks"


def test_the_same_again_changes_nothing(write, declare, now_declared):
    declare(SEATS)
    seen = now_declared()
    entry = entry_of(seen, "seats")
    write(lambda s: declaring.change_field(s, "seats", entry, ADA, seen_version=seen.version))
    assert now_declared() == seen


def test_a_retired_field_is_taken_but_neither_shown_nor_learned_from(write, declare, now_declared):
    declare(SEATS)
    version = now_declared().version
    write(lambda s: declaring.retire_field(s, "seats", ADA, seen_version=version))
    fields = now_declared().fields
    assert "seats" in fields
    assert fields["seats"] not in fields.declared + fields.model
    lead = write(lambda s: make_lead(s, "L-1", fields=fields, seats=7))
    assert leads.known_inputs(lead)["seats"] == 7
    version = now_declared().version
    write(lambda s: declaring.restore_field(s, "seats", ADA, seen_version=version))
    assert now_declared().fields["seats"] in now_declared().fields.model


def test_a_built_in_field_that_nobody_declared_comes_into_use(write, now_declared):
    only_age = loads('[[field]]\nname = "age"\ntype = "count"\nlabel = "Age"')
    write(lambda s: declaring.replace_all(s, only_age, ADA, seen_version=0))
    assert now_declared().fields["location"].retired
    version = now_declared().version
    write(lambda s: declaring.restore_field(s, "location", ADA, seen_version=version))
    assert [f.name for f in now_declared().fields.model] == ["age", "location"]


def test_a_value_is_added_to_a_list_once(write, declare, now_declared):
    declare(PLAN)
    for choice in ("Team", "team", " Pro "):
        write(lambda s, choice=choice: declaring.add_choice(s, "plan", choice, ADA))
    assert now_declared().fields["plan"].choices == ("Basic", "Pro", "Team")
    with pytest.raises(declaring.InvalidField, match="takes any value"):
        write(lambda s: declaring.add_choice(s, "location", "Bonn", ADA))
    with pytest.raises(declaring.FieldNotFound):
        write(lambda s: declaring.add_choice(s, "colour", "red", ADA))


def test_where_a_file_rules_nothing_is_changed(write, now_declared):
    by = Author("ada@example.com", NOW, fields_file=Path("/etc/company.toml"))
    with pytest.raises(declaring.FieldsInFile, match=r"company\.toml"):
        write(lambda s: declaring.declare_field(s, SEATS, by))
    assert now_declared().version == 0


@pytest.mark.parametrize(("name", "first"), [("seats", "7"), ("age", 44)])
def test_values_of_another_type_or_unit_are_forgotten_by_leads(
    name, first, write, read, declare, now_declared
):
    declare({"name": "seats", "type": "category", "label": "Seats"})
    seen = now_declared()
    write(lambda s: make_lead(s, "L-1", fields=seen.fields, **{name: first}))
    entry = entry_of(seen, name, **({"type": "count"} if name == "seats" else {"unit": "months"}))

    def change(session):
        declaring.change_field(
            session, name, entry, ADA, seen_version=seen.version, is_new_unit=name == "age"
        )

    write(change)
    (lead,) = write(lambda s: leads.lock_many(s, ["L-1"])).values()
    assert name not in leads.known_inputs(lead)
    (snapshot,) = read(lambda s: leads.snapshots(s, lead))
    assert snapshot.inputs[name] == first
    meanings = now_declared().meanings
    assert meanings.changed(meanings.list_of(snapshot.key)) == {name}


def test_a_field_that_gets_its_old_unit_back_means_what_it_meant(write, declare, now_declared):
    declare(SEATS)
    for unit in ("teams", "seats"):
        seen = now_declared()
        entry = entry_of(seen, "seats", unit=unit)

        def change(session, entry=entry, seen=seen):
            declaring.change_field(
                session, "seats", entry, ADA, seen_version=seen.version, is_new_unit=True
            )

        write(change)
    meanings = now_declared().meanings
    assert [meanings.changed(version) for version in (2, 3, 4)] == [set(), {"seats"}, set()]


def test_another_word_for_the_unit_changes_no_meaning(write, declare, now_declared):
    declare(SEATS)
    seen = now_declared()
    entry = entry_of(seen, "seats", unit="desks", type="number")
    write(lambda s: declaring.change_field(s, "seats", entry, ADA, seen_version=seen.version))
    assert now_declared().meanings.newest_change == 0


def in_dozens(session):
    declared = field_lists.current(session)
    entry = entry_of(declared, "email_opens", unit="dozens")
    seen = declared.version
    by = Author("ada@example.com", NOW + HOUR, fields_file=None)
    declaring.change_field(session, "email_opens", entry, by, seen_version=seen, is_new_unit=True)


def present(session):
    """The score that is stored of the lead, and the one that its inputs and the version give."""
    lead = leads.find(session, "L-1")
    _, card = registry.serving(session)
    return (
        leads.current_probability(session, lead),
        card.score(leads.known_inputs(lead)).probability,
    )


def test_a_version_leaves_out_a_field_in_another_unit_and_every_score_says_so(write, read):
    lead = write(lambda s: make_lead(s, "L-1", email_opens=8, age=40))
    before, _ = read(present)
    write(in_dozens)
    write(lambda s: rescoring.fill(s, registry.champion(s), 0))
    stored, given = read(present)
    assert stored == given != before
    # Nor is a value in the new unit read as one of the old.
    fields = read(field_lists.current).fields
    write(lambda s: make_lead(s, "L-1", fields=fields, email_opens=1, now=NOW + 2 * HOUR))
    assert read(present) == (stored, stored)
    anew, change, first = read(lambda s: lead_history.scorings(s, fields, lead))
    assert [s.probability for s in (anew, change, first)] == [stored, stored, before]
    assert [(c.label, c.before, c.after) for c in change.changes] == [("Email opens", 8, None)]
    assert change.explained().after == stored
    # What was scored before the change is still what that version gave.
    assert first.scored.card.score(first.scored.inputs).probability == before


def test_values_read_just_before_a_change_are_not_taken_for_new_ones(write, read):
    record = records.clean(read(field_lists.current).fields, {"lead_id": "L-1", "email_opens": 8})
    write(make_champion)
    write(in_dozens)

    def late(session):
        scoring.score_leads(session, FIELDS, [record], PROGRAM, now=NOW)

    write(late)
    assert read(lambda s: leads.known_inputs(leads.find(s, "L-1"))) == {}


@pytest.mark.parametrize(
    ("label", "name"),
    [("Pages / visit", "pages_visit"), ("Age", "age_2"), ("  2nd Touch!", "nd_touch"), ("国", "")],
)
def test_a_name_is_proposed_by_the_label(label, name):
    assert declaring.proposed_name(label, FIELDS) == name
