"""What the rows of an import file bring, on top of what is known."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import FIELDS, NOW, make_import, make_lead, make_outcome, make_version
from webapp.intake_tables import Import, ImportChange
from webapp.services.imports import intake, undo
from webapp.services.imports.intake import Origin, Taken
from webapp.services.imports.rows import ImportRow
from webapp.services.leads import ageing, leads, records, removal
from webapp.services.models import registry, rescoring, training_data
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.runs import runs
from webapp.tables import Lead, Outcome, Score, Snapshot

DAY = timedelta(days=1)
ANA, OTHER = Origin("ana@example.com", 1), Origin("ana@example.com", 2)


def row(lead_id="L-1", *, number=1, scored_at=None, outcome_at=None, **values):
    record = records.clean(FIELDS, {"lead_id": lead_id, **values})
    return ImportRow(number, number + 1, {}, record, scored_at, outcome_at, None, [])


@pytest.fixture
def take_in(write, champion):
    for origin in (ANA, OTHER):
        assert write(make_import).key == origin.import_key

    def take_in(*rows, now=NOW, origin=ANA):
        return write(lambda s: intake.take_in(s, rows, origin, now=now))

    return take_in


@pytest.fixture
def lead(read):
    return lambda lead_id="L-1": read(lambda s: leads.find(s, lead_id))


@pytest.fixture
def snapshots(read):
    """When a lead's inputs were taken, and how often e-mails had been opened, oldest first."""
    query = sa.select(Snapshot.taken_at, Snapshot.inputs).order_by(Snapshot.taken_at, Snapshot.key)
    return lambda: [(at, i.get("email_opens")) for at, i in read(lambda s: s.execute(query).all())]


def n_rows(session, table):
    return session.scalar(sa.select(sa.func.count()).select_from(table))


def test_a_lead_that_another_makes_at_the_same_moment_is_not_the_imports(write, champion, read):
    key = write(make_import).key

    def at_once(session):
        rows = [row(email_opens=7)]
        versions = registry.in_use(session)
        batch = intake.Batch(session, versions, rows, Origin("ana", key), now=NOW + DAY)
        make_lead(session, "L-1", age=30)
        return batch.take_in()

    assert write(at_once) == Taken(n_snapshots=1)
    found = read(lambda s: s.scalars(sa.select(ImportChange)).one())
    assert (found.is_new, found.before, len(found.snapshots)) == (False, {}, 1)


def test_a_new_lead_is_scored_as_the_api_would_score_it(take_in, lead, read, write):
    assert take_in(row(email_opens=7, name="Ada")) == Taken(n_new_leads=1, n_snapshots=1)
    write(lambda s: make_lead(s, "by API", email_opens=7, name="Ada"))
    [first, second] = [
        read(lambda s, i=i: leads.current_probability(s, leads.find(s, i)))
        for i in ("L-1", "by API")
    ]
    assert first == second
    assert (lead().name, lead().email_opens, lead().scored_at) == ("Ada", 7, NOW)


def test_the_same_rows_again_change_nothing(take_in, read):
    rows = [
        row("L-1", email_opens=7, actual_outcome=True),
        row("L-2", number=2, scored_at=NOW - DAY, actual_outcome=False, outcome_at=NOW),
    ]
    assert take_in(*rows) == Taken(n_new_leads=2, n_snapshots=2, n_outcomes=2)
    assert take_in(*rows, now=NOW + DAY) == Taken()
    assert read(lambda s: [n_rows(s, t) for t in (Lead, Snapshot, Outcome)]) == [2, 2, 2]


def test_a_file_repeated_after_a_correction_does_not_undo_it(take_in, lead, write):
    rows = [row(actual_outcome=True)]
    take_in(*rows)
    rita = Attribution("rep", "rita@example.com")
    write(lambda s: make_outcome(s, "L-1", False, attribution=rita, now=NOW + DAY))
    take_in(*rows, now=NOW + 2 * DAY)
    assert lead().outcome is False
    take_in(*rows, now=NOW + 2 * DAY, origin=OTHER)
    assert lead().outcome is True


def test_a_file_may_be_repeated_any_number_of_times(take_in):
    rows = [row(f"L-{i}", number=i, actual_outcome=True) for i in range(1, 201)]
    often = Origin("cron", OTHER.import_key, earlier=tuple(range(100, 500)))
    assert take_in(*rows, origin=often).n_outcomes == 200


def test_other_people_data_is_taken_over_without_a_snapshot(take_in, lead, read):
    take_in(row(owner="Rita"))
    assert take_in(row(owner="Omar", name="Ada"), origin=OTHER) == Taken(n_changed=1)
    assert (lead().owner, lead().name) == ("Omar", "Ada")
    assert read(lambda s: s.scalars(sa.select(Score.owner)).all()) == ["Omar"]


def test_scored_at_is_the_time_of_the_snapshot(take_in, lead, snapshots):
    take_in(row(email_opens=3, scored_at=NOW - 9 * DAY))
    assert snapshots() == [(NOW - 9 * DAY, 3)]
    assert lead().scored_at == NOW


def test_a_row_older_than_what_is_known_goes_into_the_history_only(take_in, lead, snapshots):
    take_in(row(email_opens=9, name="Ada"))
    take_in(row(email_opens=2, name="Old name", scored_at=NOW - DAY))
    assert snapshots() == [(NOW - DAY, 2), (NOW, 9)]
    assert (lead().email_opens, lead().name) == (9, "Ada")
    take_in(row(email_opens=2, scored_at=NOW - DAY))
    assert len(snapshots()) == 2


def test_a_history_of_one_lead_in_one_file_may_be_repeated(take_in, lead, snapshots):
    rows = [
        row(email_opens=i, scored_at=NOW - (9 - i) * DAY, number=i + 1) for i in (0, 1, 4, 2, 3)
    ]
    assert take_in(*rows).n_snapshots == 5
    assert take_in(*rows).n_snapshots == 0
    assert [opens for _, opens in snapshots()] == [0, 1, 2, 3, 4]
    assert lead().email_opens == 4


def test_inputs_beside_an_outcome_are_marked_unless_they_say_when_they_were_taken(take_in, read):
    take_in(
        row("unknown", actual_outcome=True),
        row("dated", number=2, actual_outcome=True, scored_at=NOW - DAY),
        row("open", number=3),
    )
    marks = read(
        lambda s: s.execute(
            sa.select(Lead.lead_id, Snapshot.came_with_outcome).join(
                Snapshot, Snapshot.lead_key == Lead.key
            )
        ).all()
    )
    assert dict(marks) == {"unknown": True, "dated": False, "open": False}


def test_what_was_known_before_the_outcome_is_what_training_reads(take_in, read, write):
    take_in(row(email_opens=1, scored_at=NOW - 2 * DAY))
    take_in(row(email_opens=40, actual_outcome=True))
    run = write(lambda s: runs.request(s, "training", trigger="t", requested_by="t", now=NOW))
    write(lambda s: s.execute(sa.update(Lead).values(counted_by_run=run.key)))
    [labelled] = read(lambda s: training_data.collect(s, run.key, since_run=0).leads)
    assert (labelled.inputs["email_opens"], labelled.came_with_outcome) == (1, False)


def test_of_a_file_without_inputs_rows_that_say_who_it_is_make_leads(take_in, lead, read):
    rows = [
        row("L-1", actual_outcome=True, name="Ada", company="Acme"),
        row("L-2", number=2, name="Rita"),
        row("L-3", number=3, actual_outcome=False, name="Bo"),
        row("eve@example.com", number=4, actual_outcome=False, email="Eve@example.com"),
    ]
    taken = take_in(*rows, origin=replace(ANA, keep_days=30))
    assert (taken.n_new_leads, taken.n_outcomes, taken.n_waiting) == (2, 1, 2)
    assert (lead("L-1").name, lead("L-1").outcome, lead("L-2").name) == ("Ada", True, "Rita")


def test_an_outcome_keeps_its_own_time(take_in, lead):
    take_in(row(actual_outcome=False, outcome_at=NOW - DAY, scored_at=NOW - 2 * DAY))
    assert (lead().outcome, lead().outcome_at) == (False, NOW - DAY)


def test_what_another_source_has_said_already_adds_nothing(take_in, write, read):
    write(lambda s: make_lead(s, "L-1", actual_outcome=True))
    assert take_in(row(actual_outcome=True)).n_outcomes == 0
    assert read(lambda s: n_rows(s, Outcome)) == 1


def test_an_empty_outcome_keeps_what_is_known(take_in, write, lead):
    write(lambda s: make_lead(s, "L-1", actual_outcome=True))
    take_in(row(email_opens=3, actual_outcome=None))
    assert lead().outcome is True


def test_leads_that_come_while_a_version_is_filled_get_its_score_too(take_in, read, write):
    version = write(make_version)
    write(lambda s: rescoring.begin(s, version, NOW))
    take_in(row(email_opens=7))
    scores = read(lambda s: dict(s.execute(sa.select(Score.version_key, Score.probability)).all()))
    assert scores[version.key] > scores[version.key - 1]


def test_rows_of_a_merged_lead_are_of_the_one_that_goes_on(take_in, lead, read, write):
    take_in(row("L-1"), row("L-2", number=2))
    write(lambda s: removal.remove(s, leads.find(s, "L-2"), NOW, into=leads.find(s, "L-1")))
    take_in(row("L-2", email_opens=9, actual_outcome=True), row("L-1", number=2), origin=OTHER)
    assert (lead().lead_id, lead().email_opens, lead().outcome) == ("L-1", 9, True)
    assert read(lambda s: n_rows(s, Score)) == 1


def test_many_rows_at_once_bring_what_they_bring_one_by_one(take_in, read, write, champion):
    rows = [
        row(f"L-{i % 7}", number=i, email_opens=i % 3, actual_outcome=[True, False, None][i % 3])
        for i in range(30)
    ]
    for each in rows:
        take_in(each)
    one_by_one = read(_state)
    write(_empty)
    take_in(*rows)
    assert read(_state) == one_by_one


def _state(session):
    query = sa.select(Lead.lead_id, Lead.email_opens, Lead.outcome, Score.probability, Score.status)
    leads_now = session.execute(query.join(Score).order_by(Lead.lead_id)).all()
    inputs = session.execute(
        sa.select(Lead.lead_id, Snapshot.inputs, Snapshot.came_with_outcome)
        .join(Snapshot, Snapshot.lead_key == Lead.key)
        .order_by(Lead.lead_id, Snapshot.key)
    ).all()
    recorded = session.execute(
        sa.select(Lead.lead_id, Outcome.result)
        .join(Outcome, Outcome.lead_key == Lead.key)
        .order_by(Lead.lead_id, Outcome.key)
    ).all()
    return leads_now, inputs, recorded


def _empty(session):
    for table in (ImportChange, Outcome, Snapshot, Score, Lead):
        session.execute(sa.delete(table))


def test_without_a_champion_nothing_is_taken_in(write):
    with pytest.raises(registry.NoChampion):
        write(lambda s: intake.take_in(s, [row()], ANA, now=NOW))


def test_a_lead_scored_by_the_api_with_the_same_inputs_gets_no_second_snapshot(
    take_in, write, snapshots
):
    write(lambda s: make_lead(s, "L-1", email_opens=3))
    take_in(row(email_opens=3), now=NOW + DAY)
    assert snapshots() == [(NOW, 3)]


def undo_later(session):
    """Undo the import of Ana days later, after the days of its leads have gone on."""
    later = NOW + 40 * DAY
    ageing.score(session, [leads.find(session, "L-1").key], later)
    undo.step(session, session.get_one(Import, ANA.import_key), later)


def test_undo_deletes_new_leads_whose_days_have_only_gone_on(take_in, write, read):
    take_in(row(email_opens=5, days_since_contact=3))
    write(undo_later)
    assert [read(lambda s, t=t: n_rows(s, t)) for t in (Lead, Snapshot)] == [0, 0]


def test_undo_gives_back_the_days_of_before(take_in, write, lead, read):
    write(lambda s: make_lead(s, "L-1", email_opens=5, days_since_contact=20))
    take_in(row(days_since_contact=1))
    write(undo_later)
    assert leads.known_inputs(lead())["days_since_contact"] == 20
    taken = read(lambda s: [each.source for each in leads.snapshots(s, lead())])
    assert "days" not in taken
