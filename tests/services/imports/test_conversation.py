"""An import as a conversation: read, matched, previewed, confirmed, undone."""

import csv
import gzip
import io
import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.factories import FIELDS, NOW, make_lead, make_outcome
from tests.services.imports.reading import CASES
from tests.services.imports.workbooks import write_workbook
from webapp import database, field_lists, importing
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.imports import conversation, imports
from webapp.services.imports.errors import UndoRefused, WrongState
from webapp.services.imports.matching.mapping import ColumnMapping, Mapping
from webapp.services.imports.matching.proposal import new_field
from webapp.services.leads import leads
from webapp.services.models import lifecycle
from webapp.services.outcomes import waiting
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.runs import runs
from webapp.tables import Lead, Outcome, Snapshot

RITA = "rita@example.com"
BY = Author(RITA, NOW, None)
LEADS = "Lead ID,Full Name,Lead Source,Result\nL-1,Ada,Referral,won\nL-2,Bob,Fair,Ghosted\n"


@pytest.fixture
def upload(write, settings, champion):
    """Drop a file and give the number of its import."""

    def upload(content, name="weekly.csv", **options):
        data = content.encode() if isinstance(content, str) else content
        kept = imports.keep_file(io.BytesIO(data), name, settings.data_dir, max_bytes=10**7)
        return write(lambda s: imports.start(s, kept, requested_by=RITA, now=NOW, **options)).key

    return upload


@pytest.fixture
def found(read):
    return lambda key: read(lambda s: imports.by_key(s, key))


@pytest.fixture
def matching(read):
    return lambda key: read(lambda s: conversation.matching(s, FIELDS, key))


@pytest.fixture
def answer(write, matching):
    """Confirm what is proposed, with other answers where these are given."""

    def answer(key, values=None, **options):
        shown = matching(key)
        decided = shown.proposed.model_copy(update=options)
        columns = [
            c.model_copy(update={"values": {**c.values, **(values or {}).get(c.name, {})}})
            for c in decided.columns
        ]
        decided = decided.model_copy(update={"columns": tuple(columns)})
        return write(lambda s: conversation.answer(s, FIELDS, key, decided))

    return answer


@pytest.fixture
def import_file(upload, do_import, answer, write):
    """Take a file in from the drop to the end, as a person who agrees with all proposals."""

    def import_file(content, **options):
        key = upload(content)
        do_import()
        assert answer(key, **options) == []
        do_import()
        write(lambda s: imports.confirm(s, key, BY))
        do_import()
        return key

    return import_file


def lead_of(lead_id):
    return lambda session: leads.find(session, lead_id)


def test_a_file_goes_from_state_to_state_and_a_person_answers_between(
    upload, do_import, matching, answer, found, write, read
):
    key = upload(LEADS)
    do_import()
    shown = matching(key)
    assert [c.target for c in shown.columns] == ["lead_id", "name", "lead_source", "actual_outcome"]
    assert shown.columns[1].column.samples == ["Ada", "Bob"]
    assert (shown.n_rows, shown.format) == (2, "CSV, UTF-8, separated by commas")
    assert [(q.kind, q.value) for q in shown.questions if q.must_answer] == [("outcome", "Ghosted")]
    assert answer(key, {"Result": {"ghosted": False}}) == []
    do_import()
    assert found(key).state == "preview"
    assert (found(key).outlook.n_new, found(key).outlook.n_outcomes) == (2, 2)
    assert read(lambda s: s.scalar(sa.select(sa.func.count(Lead.key)))) == 0
    write(lambda s: imports.confirm(s, key, BY))
    do_import()
    assert (found(key).state, found(key).found.n_new_leads) == ("done", 2)
    assert read(lead_of("L-2")).outcome is False


def test_an_answer_that_is_missing_is_asked_for_again_and_the_rest_is_kept(
    upload, do_import, matching, answer, write
):
    key = upload(LEADS)
    do_import()
    shown = matching(key).proposed
    columns = [c.model_copy(update={"values": {}}) for c in shown.columns]
    decided = shown.model_copy(update={"columns": tuple(columns), "time_zone": "Europe/Berlin"})
    [question] = write(lambda s: conversation.answer(s, FIELDS, key, decided))
    assert "“Ghosted” mean converted, lost" in question.message
    assert matching(key).mapping.time_zone == "Europe/Berlin"


def test_columns_of_one_name_are_told_apart_by_their_places(upload, do_import, answer, read):
    key = upload("lead_id,age,age\nL-1,30,31\nL-2,,32\n")
    do_import()
    [question] = answer(key)
    assert question.message == "means age, and so does “age”: leave one of them out"
    means = (("lead_id", "lead_id"), ("age", ""), ("age", "age"))
    drafted = Mapping(columns=tuple(ColumnMapping(name=n, target=t) for n, t in means))
    shown = read(lambda s: conversation.matching(s, FIELDS, key, drafted))
    assert ([c.target for c in shown.columns], shown.questions) == (["lead_id", "", "age"], [])
    assert answer(key, columns=drafted.columns) == []


def test_two_columns_cannot_mean_the_same(upload, do_import, matching, write):
    key = upload(LEADS)
    do_import()
    shown = matching(key).proposed
    columns = list(shown.columns)
    columns[2] = columns[2].model_copy(update={"target": "name", "values": {}})
    decided = shown.model_copy(update={"columns": tuple(columns)})
    asked = write(lambda s: conversation.answer(s, FIELDS, key, decided))
    assert ("column", "Lead Source") in [(q.kind, q.column) for q in asked]


@pytest.mark.parametrize(
    "change", [{"columns": ()}, {"time_zone": "Mars/Olympus"}], ids=["columns", "zone"]
)
def test_answers_that_do_not_fit_are_refused(change, upload, do_import, matching, write):
    key = upload(LEADS)
    do_import()
    decided = matching(key).proposed.model_copy(update=change)
    with pytest.raises(ValueError, match=r"columns|time zone"):
        write(lambda s: conversation.answer(s, FIELDS, key, decided))


def test_what_was_said_of_a_header_is_remembered_for_the_next_file(
    import_file, upload, do_import, matching
):
    import_file(LEADS, values={"Result": {"ghosted": False}})
    key = upload("Result,Lead ID,Lead Source,Full Name\nGhosted,L-3,Webinar,Cy\n")
    do_import()
    shown = matching(key)
    assert shown.remembered == "weekly"
    assert [q for q in shown.questions if q.must_answer] == []


def test_values_of_leads_are_forgotten_when_an_import_is_over(import_file, found):
    done = found(import_file(LEADS, values={"Result": {"ghosted": False}}))
    assert (done.profile, done.preview) == ({}, {})
    assert "Ada" not in str(done.result)


def test_another_sheet_of_a_workbook_is_read_when_it_is_chosen(
    upload, do_import, matching, write, tmp_path
):
    sheets = {"Notes": [["read me"]], "Leads": [["lead_id", "age"], ["L-1", 30]]}
    path = write_workbook(tmp_path / "leads.xlsx", sheets)
    key = upload(path.read_bytes(), "leads.xlsx")
    do_import()
    assert (matching(key).sheets, matching(key).format) == (
        ["Notes", "Leads"],
        "Workbook, sheet “Notes”",
    )
    write(lambda s: conversation.choose_sheet(s, key, "Leads"))
    do_import()
    assert [c.target for c in matching(key).columns] == ["lead_id", "age"]


def test_a_field_is_proposed_for_a_column_that_has_none(upload, do_import, matching):
    key = upload("lead_id,Seats\nL-1,4\nL-2,12\n")
    do_import()
    entry = new_field(matching(key).columns[1].column)
    assert entry == {"name": "seats", "label": "Seats", "type": "count"}


def test_an_import_that_is_cancelled_changes_nothing(upload, do_import, write, found, answer):
    key = upload(LEADS)
    do_import()
    write(lambda s: imports.cancel(s, key, NOW))
    assert found(key).state == "cancelled"
    with pytest.raises(WrongState, match="cancelled"):
        write(lambda s: imports.confirm(s, key, BY))


def test_wrong_rows_are_kept_as_a_file_with_their_reasons(
    upload, do_import, answer, found, settings
):
    key = upload("lead_id,age,name\nL-1,44,Ada\nL-2,old,=1+1\nL-3,45,Bob,x\n")
    do_import()
    assert answer(key) == []
    do_import()
    path = imports.rejected_path(settings.data_dir, found(key))
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, first, second = csv.reader(file)
    assert header == ["lead_id", "age", "name", "Why it was not imported"]
    assert first[:3] == ["L-2", "old", "'=1+1"]
    assert first[3].startswith("age: must be a whole number from 0 to 120")
    assert second == ["L-3", "45", "Bob", "x", "has 4 cells; the header has 3"]


def test_the_reason_of_an_outcome_is_recorded_with_it(import_file, read, write):
    write(lambda s: make_lead(s, "L-1"))
    import_file("lead_id,name,Status,Lost reason\nL-1,Ada,lost,Price\n")
    assert read(lambda s: s.scalars(sa.select(Outcome.reason)).all()) == ["Price"]


def test_undo_deletes_the_leads_that_the_import_made(import_file, do_import, write, read, found):
    key = import_file(LEADS, values={"Result": {"ghosted": False}})
    write(lambda s: imports.request_undo(s, key, RITA, NOW))
    do_import()
    assert found(key).state == "undone"
    for table in (Lead, Snapshot, Outcome):
        assert read(lambda s, t=table: s.scalar(sa.select(sa.func.count()).select_from(t))) == 0


def test_undo_gives_back_what_was_known_before_unless_it_was_changed_since(
    import_file, do_import, write, read
):
    write(lambda s: make_lead(s, "L-1", name="Ada", industry="Retail", age=30))
    before = read(lambda s: leads.known_inputs(leads.find(s, "L-1")))
    key = import_file("lead_id,name,industry,age,actual_outcome\nL-1,Eve,Finance,40,won\n")
    assert read(lead_of("L-1")).outcome is True
    write(lambda s: make_lead(s, "L-1", age=41))
    write(lambda s: imports.request_undo(s, key, RITA, NOW))
    do_import()
    lead = read(lead_of("L-1"))
    assert (lead.name, lead.outcome) == ("Ada", None)
    assert read(lambda s: leads.known_inputs(leads.find(s, "L-1"))) == before | {"age": 41}
    newest = read(lambda s: leads.snapshots(s, lead))[0]
    assert newest.inputs == before | {"age": 41}


def test_undo_keeps_leads_to_which_others_have_added(import_file, do_import, write, read):
    key = import_file("lead_id,name,age\nL-1,Ada,30\nL-2,Bob,31\nL-2,Rob,\n")
    rita = Attribution("rep", RITA)
    write(lambda s: make_outcome(s, "L-2", True, attribution=rita))
    write(lambda s: imports.request_undo(s, key, RITA, NOW))
    do_import()
    assert read(lambda s: s.scalars(sa.select(Lead.lead_id)).all()) == ["L-2"]
    lead = read(lead_of("L-2"))
    assert (lead.outcome, lead.name, lead.age) == (True, None, None)


def test_an_undone_file_can_be_imported_again(import_file, do_import, write, read):
    file = "lead_id,age,actual_outcome,outcome_at\nL-1,30,won,2026-01-05\n"
    write(lambda s: make_lead(s, "L-1"))
    key = import_file(file)
    write(lambda s: imports.request_undo(s, key, RITA, NOW))
    do_import()
    assert read(lead_of("L-1")).outcome is None
    import_file(file)
    assert read(lead_of("L-1")).outcome is True


def test_only_a_recent_import_that_is_done_can_be_undone(import_file, write, upload):
    key = import_file("lead_id,age\nL-1,30\n")
    with pytest.raises(UndoRefused, match="7 days"):
        write(lambda s: imports.request_undo(s, key, RITA, NOW + imports.UNDO_WINDOW))
    waiting = upload("lead_id,age\n")
    with pytest.raises(UndoRefused):
        write(lambda s: imports.request_undo(s, waiting, RITA, NOW))


def test_an_undo_that_failed_can_be_asked_for_again(import_file, do_import, write, found):
    key = import_file("lead_id,age\nL-1,30\n")
    write(lambda s: imports.request_undo(s, key, RITA, NOW))
    run = write(lambda s: imports.claim(s, "a worker", NOW))
    write(lambda s: importing.fail(s, run, "The disk was full.", NOW))
    assert (found(key).state, found(key).error) == ("done", "The disk was full.")
    write(lambda s: imports.request_undo(s, key, RITA, NOW))
    do_import()
    assert (found(key).state, found(key).error) == ("undone", None)


def test_rows_are_checked_again_where_a_field_has_changed_since_the_preview(
    upload, do_import, answer, write, found
):
    key = upload("lead_id,age\nL-1,30\nL-2,40\n")
    do_import()
    answer(key)
    do_import()
    assert found(key).outlook.n_new == 2
    later = NOW + timedelta(seconds=1)
    ada = Author("ada@example.com", later, None)
    entry = {"type": "count", "label": "Age", "max": 35}
    write(lambda s: field_lists.seed(s, NOW))
    write(lambda s: declaring.change_field(s, "age", entry, ada, seen_version=1))
    write(lambda s: imports.confirm(s, key, BY))
    assert found(key).state == "checking"
    do_import()
    assert found(key).state == "preview"
    assert [w.column for w in found(key).found.warnings] == ["age"]


def test_of_two_workers_at_once_one_takes_up_an_import(upload, app):
    upload("lead_id,age\nL-1,30\n")
    has_claimed, claimed = threading.Event(), []

    def claim(session):
        claimed.append(imports.claim(session, "a worker", NOW))
        has_claimed.set()
        time.sleep(0.2)  # so that the other comes before this is committed

    def work():
        with app.app_context():
            database.write(claim)

    workers = [threading.Thread(target=work) for _ in range(2)]
    workers[0].start()
    has_claimed.wait()
    workers[1].start()
    for worker in workers:
        worker.join()
    assert [run is not None for run in claimed] == [True, False]


def test_undo_takes_back_outcomes_that_wait_or_have_found_their_lead(
    import_file, do_import, write, read
):
    key = import_file("lead_id,actual_outcome\nL-1,won\nL-2,lost\n")
    assert read(lambda s: waiting.count(s, NOW)).n == 2
    write(lambda s: make_lead(s, "L-1"))
    assert read(lead_of("L-1")).outcome is True
    write(lambda s: imports.request_undo(s, key, RITA, NOW))
    do_import()
    assert read(lead_of("L-1")).outcome is None
    assert read(lambda s: waiting.count(s, NOW)).n == 0


# Of these, reading the file is what is tested, which no database has a part in.
ON_ONE_DATABASE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
HOSTILE = {
    "blank lines without end": lambda: gzip.compress(b"lead_id\n" + b"\n" * 12_000_000),
    "blank lines": lambda: b"lead_id\n" + b"\n" * 200_000,
    "one long line": lambda: b"lead_id\n" + b"x" * 3_000_000,
}


@ON_ONE_DATABASE
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_and_the_worker_goes_on(make, upload, do_import, found):
    hostile, sound = upload(make()), upload("lead_id,age\nL-1,30\n", is_automatic=True)
    do_import()
    assert (found(hostile).state, found(sound).state) == ("failed", "reading")
    assert found(hostile).error.startswith("We could not read the file: line")
    do_import()
    assert found(sound).state == "done"


def test_an_import_that_kills_its_workers_is_given_up(upload, found, write):
    key, now = upload("lead_id,age\nL-1,30\n"), NOW
    for attempt in range(runs.MAX_ATTEMPTS):
        assert write(lambda s, n=attempt, now=now: imports.claim(s, f"worker {n}", now)) is not None
        now += 2 * runs.LEASE
        write(lambda s, now=now: lifecycle.free_lost_runs(s, now))
    assert write(lambda s: imports.claim(s, "next worker", now)) is None
    assert found(key).state == "failed"
    assert "worker stopped" in found(key).error


@ON_ONE_DATABASE
@pytest.mark.parametrize("name", sorted(path.name for path in (CASES / "layouts").iterdir()))
def test_exports_of_the_usual_crms_go_in_as_they_are_dropped(
    name, upload, do_import, matching, answer, write, found
):
    key = upload((CASES / "layouts" / name).read_bytes(), name)
    do_import()
    asks_for_email = any(q.kind == "id_from_email" for q in matching(key).questions)
    assert answer(key, id_from_email=asks_for_email) == []
    do_import()
    write(lambda s: imports.confirm(s, key, BY))
    do_import()
    assert found(key).state == "done"
