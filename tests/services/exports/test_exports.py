"""Exports: all that is known, formulas defused, and back again as it was."""

import csv
import io
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ml.fields import fields_file
from tests.factories import FIELDS, NOW, make_champion, make_lead, make_outcome
from tests.services.imports.reading import proposal_of
from webapp import database, importing
from webapp.app import create_app
from webapp.config import Settings
from webapp.exporting import files
from webapp.services.exports import exports, formulas
from webapp.services.imports import imports
from webapp.services.imports.matching.mapping import Mapping
from webapp.services.leads import lead_query, leads, pipeline, removal
from webapp.services.outcomes import waiting
from webapp.services.outcomes.outcomes import UNDONE, Attribution, OutcomeEvent, record_many
from webapp.services.outcomes.waiting import WaitingEvent
from webapp.tables import AuditEntry, Lead, Outcome, Snapshot

DAY = timedelta(days=1)
RITA = Attribution("rep", "rita@example.com", reason="=HYPERLINK(0)")
FORMULA = "=1+1"


@pytest.fixture
def text(app):
    """`text(export)` is the whole export."""

    def text(export, form="csv"):
        with app.app_context():
            return "".join(files.begin(export, form, "ada@example.com"))

    return text


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def view(**asked):
    return exports.leads_asked(FIELDS, asked, explore_percent=0)


@pytest.mark.parametrize("export", [exports.outcomes, lambda: exports.scores(FIELDS)])
def test_a_lead_erased_while_it_is_read_is_left_out(export, text, write, app, monkeypatch):
    erased = write(lambda s: make_outcome(s, make_lead(s, "L-1"), True)).key
    write(lambda s: make_outcome(s, make_lead(s, "L-2"), True))
    ids_by_key = leads.ids_by_key

    def erase_first(session, keys):
        write(lambda s: removal.erase(s, [erased], "ada@example.com", NOW))
        return ids_by_key(session, keys)

    write(make_champion)
    monkeypatch.setattr(leads, "ids_by_key", erase_first)
    assert "L-2" in [row["lead_id"] for row in rows(text(export()))]


def make_history(session):
    """Leads of every kind, with a history that an import must not mix up."""
    make_lead(session, "L-1", now=NOW - 9 * DAY, name=FORMULA, phone="+44 20", email_opens=3)
    make_lead(session, "L-1", now=NOW - 8 * DAY, industry="'=2", age=44, email_opens=None)
    make_outcome(session, "L-1", True, now=NOW - 7 * DAY)
    make_outcome(session, "L-1", None, now=NOW - 6 * DAY)
    make_outcome(session, "L-1", False, attribution=RITA, now=NOW - 5 * DAY)
    make_lead(session, "L-2", now=NOW - 4 * DAY, company='Ünïcode, "quoted"', actual_outcome=True)
    make_lead(session, "-3", now=NOW - 3 * DAY, owner="@rita", website_visits=0)
    make_outcome(session, "-3", "never_worked", now=NOW - 2 * DAY, happened_at=NOW - 3 * DAY)
    lead = make_lead(session, "L-4", now=NOW - 2 * DAY)
    make_outcome(session, lead, True, now=NOW - DAY)
    withdrawal = OutcomeEvent(lead, None, RITA, withdraws="counting")
    record_many(session, [withdrawal], now=NOW - DAY)
    make_outcome(session, lead, False, attribution=RITA, now=NOW)
    make_lead(session, "L-5", now=NOW - 4 * DAY, email_opens=1)
    make_outcome(session, "L-5", True, now=NOW - 3 * DAY, happened_at=NOW - 9 * DAY)
    make_lead(session, "L-5", now=NOW - 2 * DAY, email_opens=2)
    for opens in (7, 8):
        make_lead(session, "L-6", now=NOW - 2 * DAY, email_opens=opens)


def state(session):
    """What is known: leads, the history of their inputs, and of their outcomes."""
    people = ("lead_id", "name", "company", "email", "phone", "owner", "outcome", "outcome_at")
    known = (*people, "is_never_worked", *FIELDS.names)
    lead_ids = dict(session.execute(sa.select(Lead.key, Lead.lead_id)).all())
    return (
        sorted(
            (tuple(getattr(lead, n) for n in known) for lead in session.scalars(sa.select(Lead))),
            key=str,
        ),
        sorted(
            (lead_ids[s.lead_key], s.taken_at, _known(s.inputs), s.came_with_outcome)
            for s in session.scalars(sa.select(Snapshot))
        ),
        sorted(
            (lead_ids[o.lead_key], o.result, o.source, o.happened_at, o.reason or "", o.rule or "")
            for o in session.scalars(sa.select(Outcome))
        ),
    )


def _known(inputs):
    """An empty cell stands for both: asked for and empty, and not collected."""
    return sorted((name, value) for name, value in inputs.items() if value is not None)


def import_text(text, folder, *, clears=True):
    stream = io.BytesIO(text.encode())
    kept = imports.keep_file(stream, "leads.csv", folder, max_bytes=10**7)
    importing.import_now(
        kept,
        # Each row of the score history says all that was known then.
        decided=Mapping(empty_clears=clears),
        uses_remembered=False,
        skip_bad_rows=False,
        requested_by="ada",
        on_step=lambda step: None,
    )


@pytest.fixture
def everything(text):
    """The three files, in the order in which they go into an empty database."""
    return lambda: [text(e) for e in (exports.scores(FIELDS), exports.outcomes(), view())]


def test_what_was_exported_fills_an_empty_database_with_the_same(
    everything, write, read, tmp_path, sqlite_template
):
    write(make_history)
    brought, before = everything(), read(state)
    target = tmp_path / "target"
    target.mkdir()
    path = target / "leadloop.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    app = create_app(Settings(data_dir=target, database_url=f"sqlite:///{path}"))
    with app.app_context():
        database.write(make_champion)
        for file in brought:
            import_text(file, target)
        after = database.read(state)
        database.db.engine.dispose()
    assert after == before


def test_what_was_exported_changes_nothing_where_it_came_from(
    app, everything, write, read, tmp_path
):
    write(make_history)
    before = read(state)
    with app.app_context():
        for file in everything():
            import_text(file, tmp_path)
    assert read(state) == before


@pytest.mark.parametrize("clears", [False, True])
def test_a_lead_whose_outcome_was_withdrawn_comes_back_without_a_score_of_its_own(
    clears, app, text, write, read, tmp_path
):
    """Nobody knows when its inputs were so, nor whether anybody asked for the others."""
    write(lambda s: make_lead(s, "L-1", now=NOW - 2 * DAY, email_opens=1, actual_outcome=True))
    write(lambda s: make_outcome(s, "L-1", None, now=NOW - DAY))
    [row] = rows(text(view(status="open")))
    assert (row["scored_at"], row["age"]) == ("", "")
    before = read(lambda s: (state(s), leads.find(s, "L-1").asked_fields))
    with app.app_context():
        import_text(text(view(status="open")), tmp_path, clears=clears)
    assert read(lambda s: (state(s), leads.find(s, "L-1").asked_fields)) == before


def test_outcomes_that_wait_are_exported_and_wait_once_when_they_come_back(
    app, text, write, read, champion, tmp_path
):
    program = Attribution("api", "key:crm", "price")
    said = [WaitingEvent("L-9", False, program), WaitingEvent("L-8", True, RITA, NOW - DAY)]
    now = database.utc_now()
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    write(lambda s: waiting.keep(s, said, now=now, keep_days=30))
    file = text(exports.outcomes())
    assert [(r["lead_id"], r["outcome_source"]) for r in rows(file)] == [
        ("L-1", "api"),
        ("L-9", "api"),
        ("L-8", "rep"),
    ]
    with app.app_context():
        import_text(file, tmp_path)
    assert read(lambda s: waiting.count(s, now)).n == 2


def test_what_an_undone_import_told_is_not_exported(text, write):
    def told_undone_and_told_again(session):
        file = Attribution("csv", "ada", idempotency_key="import-1:1")
        make_outcome(session, make_lead(session, "L-1"), False, attribution=file)
        undone = Attribution("csv", "ada", rule=UNDONE, idempotency_key="import-1:")
        lead = leads.find(session, "L-1", lock=True)
        record_many(session, [OutcomeEvent(lead, None, undone, withdraws="keyed")], now=NOW)
        again = Attribution("csv", "ada", idempotency_key="import-2:1")
        make_outcome(session, "L-1", False, attribution=again, now=NOW + DAY)

    write(told_undone_and_told_again)
    [told] = rows(text(exports.outcomes()))
    assert (told["actual_outcome"], told["outcome_at"]) == ("false", (NOW + DAY).isoformat())


@given(st.text(alphabet="'=+-@\t\r\na1", max_size=8))
def test_a_defused_cell_is_no_formula_and_restored_exactly(text):
    cell = formulas.defused(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert formulas.restored(cell) == text


def test_no_cell_of_text_begins_like_a_formula(everything, write):
    write(make_history)
    cells = [cell for file in everything() for row in rows(file) for cell in row.values()]
    assert {"'" + FORMULA, "'+44 20", "''=2", "'@rita", "'-3"} <= set(cells)
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []


def test_a_number_below_zero_stays_a_number(text, write):
    export = exports.Export("leads", ("balance",), lambda session, after: ([{"balance": -5}], None))
    assert rows(text(export)) == [{"balance": "-5"}]


def test_json_lines_hold_the_same_as_csv(text, write):
    write(make_history)
    for export in (exports.scores(FIELDS), view(), exports.outcomes()):
        lines = [json.loads(line) for line in text(export, "jsonl").splitlines()]
        assert [tuple(line) for line in lines] == [export.columns] * len(lines)
        as_cells = [{n: cell(v) for n, v in line.items()} for line in lines]
        assert as_cells == [
            {n: formulas.restored(c) for n, c in row.items()} for row in rows(text(export))
        ]


def cell(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


@pytest.mark.parametrize("block_rows", [1, 3, 1000])
@pytest.mark.parametrize(
    "asked", [{"sort": "name"}, {"status": "all", "sort": "scored"}, {"source": "Referral"}]
)
def test_a_view_holds_what_the_table_shows_in_its_order(
    asked, block_rows, text, write, read, monkeypatch
):
    monkeypatch.setattr(exports, "BLOCK_ROWS", block_rows)
    write(make_queue)
    query = lead_query.read(asked)
    shown = read(lambda s: exports.lead_table.page(s, FIELDS, query)).rows
    assert len(shown) >= 4
    assert [row["lead_id"] for row in rows(text(view(**asked)))] == [r.lead.lead_id for r in shown]


def make_queue(session):
    for n in range(8):
        source, name = "Referral" if n % 2 else "Webinar", "Bo" if n < 4 else None
        make_lead(session, f"L-{n}", name=name, lead_source=source, email_opens=n)
    make_outcome(session, "L-0", True)


def test_all_leads_hold_those_that_the_crm_removed(text, write):
    write(make_queue)

    def remove(session):
        lead = session.scalar(sa.select(Lead).where(Lead.lead_id == "L-3"))
        removal.remove(session, lead, NOW)

    write(remove)
    found = {row["lead_id"]: row for row in rows(text(view()))}
    assert len(found) == 8
    assert found["L-3"]["removed_at"]
    assert found["L-3"]["conversion_score"] == ""
    assert "L-3" not in {row["lead_id"] for row in rows(text(view(status="all")))}


def test_leads_have_their_status(text, write):
    write(make_queue)
    write(lambda s: make_outcome(s, "L-1", False))
    write(lambda s: make_outcome(s, "L-2", "never_worked"))
    write(lambda s: pipeline.put(s, {leads.find(s, "L-3").key: True}))
    found = {row["lead_id"]: row["status"] for row in rows(text(view()))}
    statuses = [found[f"L-{n}"] for n in range(5)]
    assert statuses == ["converted", "lost", "never_worked", "in_pipeline", "open"]
    found = {row["lead_id"]: row["status"] for row in rows(text(view(status="in_pipeline")))}
    assert found == {"L-3": "in_pipeline"}


@pytest.mark.parametrize("asked", [{}, {"status": "open"}])
def test_an_import_leaves_the_status_out_without_a_doubt(asked, text, write, tmp_path):
    """Also where no lead in the file has an outcome."""
    write(make_queue)
    path = tmp_path / "leads.csv"
    path.write_text(text(view(**asked)))
    columns = {c.column.name: c for c in proposal_of(path, fields=FIELDS).columns}
    assert (columns["status"].target, columns["status"].confidence) == ("", "sure")


def test_a_field_of_the_team_that_is_called_status_goes_out_and_comes_back(text, write, tmp_path):
    own = fields_file.loads('[[field]]\nname = "status"\ntype = "category"\nlabel = "Status"\n')
    write(lambda s: make_lead(s, "L-1", status="New", fields=own))
    export = exports.leads_asked(own, {}, explore_percent=0)
    assert export.columns.count("status") == 1
    assert [row["status"] for row in rows(text(export))] == ["New"]
    path = tmp_path / "leads.csv"
    path.write_text(text(export))
    columns = {c.column.name: c for c in proposal_of(path, fields=own).columns}
    assert columns["status"].target == "status"


def test_an_export_is_on_record_without_what_was_searched_for(text, write, read):
    write(make_queue)
    text(view(q="Bo", grade="A"), "jsonl")
    entry = read(lambda s: s.scalars(sa.select(AuditEntry)).all())[-1]
    assert (entry.actor, entry.action, entry.subject) == ("ada@example.com", "exported", "leads")
    assert entry.detail == {
        "format": "jsonl",
        "status": "all",
        "sort": "score",
        "given": ["grade", "q"],
    }
