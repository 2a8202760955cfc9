"""Whole imports: checked first, taken in step by step, gone on with after a kill."""

import io
import multiprocessing
import os
import random
import signal
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ml.fields import reading
from tests.factories import NOW, make_champion, make_import, make_lead
from webapp import field_lists, importing
from webapp.app import create_app
from webapp.database import utc_now, write
from webapp.importing import ROWS_A_STEP, ImportRefused
from webapp.intake_tables import Import, ImportChange
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.imports import imports, quality
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.leads import leads, removal
from webapp.services.models import lifecycle
from webapp.services.runs import runs
from webapp.services.runs.runs import Explained
from webapp.stored import ImportResult, RowError
from webapp.tables import Lead, Outcome, Run, Score, Snapshot

HEADER = "lead_id,email_opens,location,actual_outcome"
ADA = "ada@example.com"


def lines_of(n_leads, seed=1):
    """Rows of a file; one lead in ten comes twice."""
    draw = random.Random(seed)
    return [
        f"L-{draw.randrange(n_leads) if i % 10 == 9 else i},{draw.randrange(30)},"
        f"{draw.choice(['Berlin', 'Lyon', ''])},{draw.choice(['true', 'false', ''])}"
        for i in range(n_leads)
    ]


@pytest.fixture
def keep(settings):
    def keep(*lines, name="leads.csv"):
        stream = io.BytesIO("\n".join([HEADER, *lines]).encode())
        return imports.keep_file(stream, name, settings.data_dir, max_bytes=10**7)

    return keep


@pytest.fixture
def import_now(app, champion, keep):
    """Import lines in this process, asking nobody."""

    def import_now(*lines, skip_bad_rows=False, on_step=lambda step: None):
        with app.app_context():
            return importing.import_now(
                keep(*lines),
                decided=Mapping(),
                uses_remembered=True,
                skip_bad_rows=skip_bad_rows,
                requested_by=ADA,
                on_step=on_step,
            )

    return import_now


@pytest.fixture
def newest(read):
    """The newest import."""
    return lambda: read(lambda s: imports.latest(s)[0])


@pytest.fixture
def kept_files(settings):
    return lambda: list((settings.data_dir / imports.FOLDER).iterdir())


def test_what_is_taken_with_a_warning_is_counted_once_an_import_takes_it_in(import_now, read):
    rows = ["L-1,-4,n/a,", "L-2,-5,Caf\u00c3\u00a9,", "L-3,3,Berlin,unknown"]
    with pytest.raises(ImportRefused):
        import_now(*rows, ",3,Berlin,")
    assert read(quality.everything) == []
    import_now(*rows)
    counted = {(one.field, one.kind, one.value): one.n for one in read(quality.everything)}
    assert counted == {
        ("email_opens", "out of range", ""): 2,
        ("location", reading.NULL, "n/a"): 1,
        ("location", "wrong encoding", ""): 1,
        ("actual_outcome", reading.NULL, ""): 1,
    }
    assert {one.last_source for one in read(quality.everything)} == {"file:leads.csv"}


def n_leads(session):
    return session.scalar(sa.select(sa.func.count()).select_from(Lead))


def test_an_import_says_what_it_brought_and_leaves_no_file(import_now, read, kept_files):
    found = import_now("L-1,3,Berlin,true", "L-2,4,,", "L-1,5,Berlin,true")
    run = read(lambda s: runs.latest(s, "import")[0])
    assert (found.state, found.error, run.state, run.progress) == ("done", None, "succeeded", 1)
    note = "1 row repeats the ID of a row above: where they differ, the last one counts."
    assert imports.summary(found.found) == {
        "read": 3,
        "new": 2,
        "changed": 0,
        "unchanged": 0,
        "outcomes": 1,
        "waiting": 0,
        "rejected": [],
        "ignored_columns": [],
        "warnings": [{"column": None, "message": note, "count": None, "lines": []}],
    }
    assert read(n_leads) == 2
    assert kept_files() == []


def test_a_file_imported_again_changes_nothing_though_a_lead_stands_in_it_twice(import_now, read):
    lines = ["L-1,3,Berlin,true", "L-2,4,,", "L-1,5,Lyon,true"]
    import_now(*lines)
    found = import_now(*lines).found
    assert (found.n_new_leads, found.n_changed, found.n_snapshots, found.n_outcomes) == (0,) * 4
    assert read(lambda s: leads.find(s, "L-1").location) == "Lyon"


def test_a_lead_erased_since_comes_back_with_its_file(import_now, read, write):
    import_now("L-1,3,Berlin,true", "L-2,4,,")
    write(lambda s: removal.erase(s, [leads.find(s, "L-1").key], ADA, NOW))
    assert import_now("L-1,3,Berlin,true", "L-2,4,,").found.n_new_leads == 1


def test_one_wrong_row_stops_the_import_before_anything_is_changed(import_now, read, newest):
    with pytest.raises(ImportRefused, match="1 of 3 rows have errors, so nothing was imported"):
        import_now("L-1,3,Berlin,true", "L-2,many,,", "L-3,4,,")
    [error] = newest().found.errors
    assert (error.line, error.field) == (3, "email_opens")
    assert "whole number" in error.message
    assert (newest().state, read(n_leads)) == ("failed", 0)


def test_wrong_rows_can_be_left_out(import_now, read):
    found = import_now("L-1,3,Berlin,true", "L-2,many,,", "L-3,4,,", skip_bad_rows=True).found
    assert (found.n_rows, found.n_wrong, found.n_done) == (3, 1, 3)
    assert read(n_leads) == 2


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "The file has no rows."),
        (["L-1,x,,", "L-2,x,,"], "Every row is wrong, so nothing was imported."),
        (["L" * 200_001], "We could not read the file: line 2"),
    ],
)
def test_a_file_without_a_right_row_is_refused(lines, sentence, import_now, newest):
    with pytest.raises(ImportRefused, match=sentence):
        import_now(*lines, skip_bad_rows=True)
    assert sentence in newest().error


def test_only_the_first_mistakes_are_kept_and_all_are_counted(import_now, newest):
    with pytest.raises(ImportRefused) as refused:
        import_now("L-0,1,,", *(f"L-{i},x,," for i in range(1, 301)))
    assert (newest().found.n_wrong, len(newest().found.errors)) == (300, 200)
    assert refused.value.result == newest().found


def test_an_import_of_the_command_line_is_refused_while_another_is_at_work(import_now, write):
    write(make_import)
    write(lambda s: imports.claim(s, "a worker", NOW))
    with pytest.raises(runs.AlreadyRunning):
        import_now("L-2,1,,")


def test_steps_tell_how_far_the_import_is(import_now):
    steps: list[importing.Step] = []
    import_now(*lines_of(3 * ROWS_A_STEP), on_step=steps.append)
    stages = ["Reading the file", "Checking the rows"]
    assert [step.stage for step in steps] == stages + ["Importing"] * 3
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_an_import_that_is_stopped_in_this_process_is_closed_and_can_be_undone(
    import_now, do_import, newest, write, read
):
    def stop(step):
        if step.stage == "Importing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_now(*lines_of(2 * ROWS_A_STEP), on_step=stop)
    assert (newest().state, newest().found.n_done) == ("failed", ROWS_A_STEP)
    assert "can be repeated" in newest().error
    write(lambda s: imports.request_undo(s, newest().key, ADA, utc_now()))
    do_import()
    assert newest().state == "undone"
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead))) == 0


def test_an_import_stops_where_a_field_gets_another_unit_while_it_is_running(import_now, read):
    entry = {"name": "age", "type": "count", "label": "Age", "unit": "months"}
    by = Author(ADA, NOW, fields_file=None)

    def change(step):
        if step.stage == "Importing":
            write(lambda s: field_lists.seed(s, NOW))
            write(
                lambda s: declaring.change_field(
                    s, "age", entry, by, seen_version=1, is_new_unit=True
                )
            )

    with pytest.raises(Explained, match="stopped after 200 rows"):
        import_now(*lines_of(300), on_step=change)
    assert read(lambda s: s.scalar(sa.select(Import.state))) == "failed"


def test_an_import_that_asked_nobody_can_be_undone(import_now, do_import, newest, write, read):
    import_now(*lines_of(20))
    write(lambda s: imports.request_undo(s, newest().key, ADA, utc_now()))
    do_import()
    assert newest().state == "undone"
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead))) == 0


def test_why_an_import_failed_is_forgotten_after_a_week(write, read):
    def prepare(session):
        failed = make_import(session)
        failed.state, failed.finished_at, failed.error = "failed", NOW, "“Ada” is not known"
        errors = [RowError(line=1, field="x", message="“Ada”")]
        failed.result = ImportResult(errors=errors).model_dump()

    write(prepare)
    for days, n in ((7, 0), (8, 1), (9, 0)):
        at = NOW + timedelta(days=days)
        assert write(lambda s, at=at: imports.forget_old_errors(s, at)) == n
    (found,) = read(lambda s: s.scalars(sa.select(Import)).all())
    assert "Ada" not in str(found.error) + str(found.result)


def test_files_of_no_import_are_removed_after_a_while(keep, settings, write, read, kept_files):
    kept, orphan = keep("L-1,1,,"), keep("L-2,1,,")
    write(lambda s: imports.start(s, kept, requested_by=ADA, now=NOW))
    assert read(lambda s: imports.remove_orphans(s, settings.data_dir, utc_now())) == 0
    later = utc_now() + timedelta(hours=2)
    assert read(lambda s: imports.remove_orphans(s, settings.data_dir, later)) == 1
    assert [path.name for path in kept_files()] == [kept.path]
    assert kept.path != orphan.path


def test_after_a_week_an_import_cannot_be_undone_nor_answered(app, write, read, monkeypatch):
    def prepare(session):
        done, asked = make_import(session), make_import(session)
        done.state, done.finished_at, asked.state = "done", NOW, "matching"
        nothing = {"is_new": True, "before": {}, "after": {}, "snapshots": []}
        for _ in range(5):
            lead = make_lead(session)
            session.add(ImportChange(import_key=done.key, lead_key=lead.key, **nothing))
        return asked.key

    monkeypatch.setattr(imports, "FORGOTTEN_AT_ONCE", 2)
    write(make_champion)
    asked = write(prepare)
    for seconds, state, forgotten in (
        (0, "matching", [0, 0, 0, 0]),
        (1, "cancelled", [2, 2, 1, 0]),
    ):
        at = NOW + timedelta(days=7, seconds=seconds)
        write(lambda s, at=at: imports.give_up_abandoned(s, at))
        assert read(lambda s: imports.by_key(s, asked)).state == state
        found = [write(lambda s, at=at: imports.forget_old_changes(s, at)) for _ in range(4)]
        assert found == forgotten


def test_a_kept_file_is_private_and_as_long_as_allowed(settings, kept_files):
    big = io.BytesIO(b"x" * 3_000_000)
    with pytest.raises(imports.FileTooLarge, match="larger than 2 MB"):
        imports.keep_file(big, "leads.csv", settings.data_dir, max_bytes=2 * 2**20)
    assert kept_files() == []
    kept = imports.keep_file(io.BytesIO(b"x"), "../../a\\b.csv", settings.data_dir, max_bytes=1)
    assert kept.name == "b.csv"
    [path] = kept_files()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def killed_import(app, settings, champion, keep, write):
    """Start an import in a process of its own and kill that after so many steps."""

    def killed_import(lines, n_steps):
        kept = keep(*lines)
        write(lambda s: imports.start(s, kept, requested_by=ADA, now=NOW, is_automatic=True))
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(target=import_until_killed, args=(settings, n_steps))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL

    return killed_import


def import_until_killed(settings, n_steps):
    """Carry an import out and die by SIGKILL inside the transaction of a step."""
    n_left = n_steps

    def in_the_step(session, *rest, **more):
        nonlocal n_left
        taken = take_in(session, *rest, **more)
        n_left -= 1
        if n_left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return taken

    take_in = importing.intake.take_in
    importing.intake.take_in = in_the_step
    with create_app(settings).app_context():
        run = write(lambda s: imports.claim(s, "lost worker", utc_now()))
        assert run is not None
        importing.carry_out(run, clock=utc_now, on_step=lambda step: None)


@pytest.mark.parametrize("n_steps", [0, 2])
def test_a_killed_import_goes_on_and_ends_as_one_that_was_not(
    n_steps, killed_import, app, write, read, import_now
):
    lines = [*lines_of(4 * ROWS_A_STEP), "L-x,many,,"]
    import_now(*lines, skip_bad_rows=True)
    unbroken = read(_state)
    write(_empty)
    killed_import(lines, n_steps)
    assert read(lambda s: runs.unfinished(s, "import").result.get("n_done", 0)) == (
        n_steps * ROWS_A_STEP
    )
    later = utc_now() + 2 * runs.LEASE
    write(lambda s: lifecycle.free_lost_runs(s, later))
    run = write(lambda s: imports.claim(s, "next worker", later))
    with app.app_context():
        assert run is not None
        importing.carry_out(run, clock=utc_now, on_step=lambda step: None)
    assert read(_state) == unbroken


def _state(session):
    """All that an import brings, without the times at which it did."""
    of_lead = (Lead.lead_id, Lead.email_opens, Lead.outcome)
    queries = [
        sa.select(*of_lead, Score.probability, Score.status).join(Score).order_by(Lead.lead_id),
        sa.select(Lead.lead_id, Snapshot.inputs, Snapshot.came_with_outcome)
        .join(Snapshot, Snapshot.lead_key == Lead.key)
        .order_by(Lead.lead_id, Snapshot.key),
        sa.select(Lead.lead_id, Outcome.result, Outcome.actor)
        .join(Outcome, Outcome.lead_key == Lead.key)
        .order_by(Lead.lead_id, Outcome.key),
        sa.select(Import.result).where(Import.state == "done"),
    ]
    return [[tuple(row) for row in session.execute(query)] for query in queries]


def _empty(session):
    for table in (ImportChange, Outcome, Snapshot, Score, Lead, Import, Run):
        session.execute(sa.delete(table))
