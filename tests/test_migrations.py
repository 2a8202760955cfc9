"""Migrations: up and down on both databases, and in step with the tables in the code."""

import shutil
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import flask_migrate
import pytest
import sqlalchemy as sa

from ml.fields.fields_file import loads
from tests.factories import FIELDS, NOW, make_lead, make_outcome
from webapp import field_lists
from webapp.app import create_app
from webapp.config import Settings
from webapp.crm_tables import CrmConnection, CrmDeal, CrmLead, CrmLink
from webapp.database import db, read, write
from webapp.services.imports import imports
from webapp.services.leads import lead_query, lead_table, leads
from webapp.services.models.leakage import LEFT_OUT
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.runs import runs
from webapp.tables import NEVER_WORKED, Base, Lead, LeakingField, Run, Score

DAY = timedelta(days=1)


@pytest.fixture
def app(empty_database_url, tmp_path):
    with app_on(empty_database_url, tmp_path) as app:
        yield app


@pytest.fixture
def upgraded(dialect, request, tmp_path):
    """An app after all migrations; its database is its own, as it may stay downgraded."""
    template = request.getfixturevalue(f"{dialect}_template")
    if dialect == "sqlite":
        url = f"sqlite:///{shutil.copy(template, tmp_path / 'upgraded.sqlite3')}"
        own_database = nullcontext(url)
    else:
        own_database = request.getfixturevalue("postgresql_databases").new(template)
    with own_database as url, app_on(url, tmp_path) as app:
        yield app


@contextmanager
def app_on(url, folder):
    app = create_app(Settings(data_dir=folder, database_url=url))
    with app.app_context():
        yield app
        db.engine.dispose()


def tables():
    """All tables but Alembic's own and those in which SQLite keeps the search index."""
    found = sa.inspect(db.engine).get_table_names()
    return {t for t in found if t != "alembic_version" and not t.startswith("leads_search")}


def test_an_empty_database_comes_up_with_all_tables_and_goes_down_again(app):
    flask_migrate.upgrade()
    assert tables() == set(Base.metadata.tables)
    flask_migrate.downgrade(revision="base")
    assert tables() == set()
    flask_migrate.upgrade()
    assert tables() == set(Base.metadata.tables)


def test_each_step_goes_down_and_up(upgraded):
    flask_migrate.downgrade(revision="-1")
    flask_migrate.upgrade()
    assert tables() == set(Base.metadata.tables)


def test_the_migrations_say_what_the_tables_in_the_code_say(upgraded):
    result = upgraded.test_cli_runner().invoke(args=["db", "check"])
    assert result.exit_code == 0, result.output


def test_rows_that_refer_to_a_table_made_again_stay(upgraded):
    with db.engine.execution_options(writes=True).begin() as connection:
        connection.execute(sa.text(RUN))
        connection.execute(sa.text(VERSION))
    for step in (lambda: flask_migrate.downgrade(revision="0005"), flask_migrate.upgrade):
        step()
        with db.engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT name, run_key FROM model_versions")).all()
        assert [tuple(row) for row in rows] == [("1.0", 1)]


def test_the_migrations_keep_sqlite_looking_after_references(app):
    flask_migrate.upgrade()
    with db.engine.execution_options(writes=True).connect() as connection:
        connection.begin()
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(sa.text(VERSION))


SEATS = '[[field]]\nname = "seats"\ntype = "count"\nlabel = "Seats"\n'
FIELD = """
INSERT INTO guarded_fields (name, state, sign, sentence, evidence, run_key, suspected_at)
VALUES ('tags', 'left out', '', '', '{}', 1, '2026-03-02 09:30:00')
"""
RUN = """
INSERT INTO runs (key, kind, state, trigger, requested_by, requested_at, n_attempts, progress,
                  stage, task, result)
VALUES (1, 'training', 'succeeded', 'request', 'ada', '2026-03-02 09:30:00', 1, 1, '', '{}', '{}')
"""
VERSION = """
INSERT INTO model_versions (name, created_at, run_key, family, scorecard, digest, fields, training,
                            metrics, decision)
VALUES ('1.0', '2026-03-02 09:30:00', 1, '', '{}', '', '[]', '{}', '{}', '{}')
"""


def test_a_migration_that_breaks_leaves_the_database_as_it_was(app):
    def break_off(connection, cursor, statement, *rest):
        if "CREATE TABLE users" in statement:
            raise RuntimeError("the power went")

    sa.event.listen(db.engine, "before_cursor_execute", break_off)
    # Flask-Migrate ends the process where a step fails.
    with pytest.raises(SystemExit):
        flask_migrate.upgrade()
    assert tables() == set()


def test_leads_never_worked_are_open_again_after_going_down(upgraded):
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), NEVER_WORKED))
    flask_migrate.downgrade(revision="0004")
    with db.engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT result, status, leads.outcome_at FROM leads"
                " JOIN outcomes ON outcomes.lead_key = leads.key"
                " JOIN scores ON scores.lead_key = leads.key"
            )
        ).all()
    assert [tuple(row) for row in rows] == [("withdrawn", "open", None)]
    flask_migrate.upgrade()


def test_converted_leads_of_before_are_in_the_pipeline_while_their_deal_is_open(upgraded):
    """And open again after going down; the next run goes through all of them."""
    write(fill_with_deals)
    for revision, expected in (("0017", "open"), ("head", "in_pipeline")):
        step = flask_migrate.downgrade if expected == "open" else flask_migrate.upgrade
        step(revision=revision)
        with db.engine.connect() as connection:
            rows = connection.execute(sa.text(STATUSES)).all()
        others = dict.fromkeys(("won", "withdrawn", "dropped", "new"), "open")
        assert dict(rows) == others | {"won": "converted"} | dict.fromkeys(WITH_DEALS, expected)
    assert read(lambda s: s.get(Lead, 1).is_in_pipeline)
    assert read(lambda s: s.scalar(sa.select(CrmConnection.rederive_after_id))) == ""


STATUSES = "SELECT lead_id, status FROM scores JOIN leads ON leads.key = scores.lead_key"
WITH_DEALS = ("negotiated", "unread", "alone")


def fill_with_deals(session):
    deals = {"negotiated": {}, "won": {"is_closed": True}, "withdrawn": {"is_closed": True}}
    deals["dropped"] = {"is_deleted": True}
    flags = ("is_closed", "is_won", "is_deleted", "has_source")
    for name, state in deals.items():
        values = dict.fromkeys(flags, False) | state | {"is_readable": True}
        session.add(CrmDeal(id=name, stamp="s", created_at="s", **values))
    marks = ("is_deleted", "is_unscorable", "is_to_be_read")
    for name in (*WITH_DEALS, "won", "withdrawn", "dropped", "new"):
        deal = name if name not in {"alone", "new"} else None
        values = dict.fromkeys(marks, False) | {"is_converted": name != "new"}
        texts = dict.fromkeys(("stamp", "digest", "inputs_digest", "created_at"), "s")
        key = make_lead(session, name).key
        session.add(CrmLead(id=name, lead_key=key, values={}, **texts, **values))
        if deal is not None:
            session.add(CrmLink(crm_lead_id=name, deal_id=deal, origin="lead"))
    make_outcome(session, leads.find(session, "won"), True, attribution=Attribution("rep", "rita"))
    session.add(
        CrmConnection(
            kind="salesforce",
            method="jwt",
            domain="d",
            username="u",
            is_paused=False,
            changed_at=NOW,
            changed_by="a",
        )
    )


def test_a_field_left_out_stays_so_in_one_word_and_back(app):
    flask_migrate.upgrade(revision="0008")
    with db.engine.begin() as connection:
        connection.execute(sa.text(RUN))
        connection.execute(sa.text(FIELD))
    flask_migrate.upgrade()
    assert read(lambda s: s.get(LeakingField, "tags").state) == LEFT_OUT
    flask_migrate.downgrade(revision="0008")
    with db.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT state FROM guarded_fields")) == "left out"


def test_the_first_start_after_the_upgrade_takes_over_the_fields_as_they_were(
    app, tmp_path, monkeypatch
):
    """Seed the file that a team has edited; later edits of it change nothing."""
    flask_migrate.upgrade(revision="0010")
    text = '[[field]]\nname = "age"\ntype = "number"\nlabel = "Years"\nmax = 99\n' + SEATS
    (tmp_path / "fields.toml").write_text(text)
    monkeypatch.setattr(field_lists, "ROOT", tmp_path)
    field_lists.shipped.cache_clear()
    for text_now in (text, SEATS):
        (tmp_path / "fields.toml").write_text(text_now)
        field_lists.shipped.cache_clear()
        result = app.test_cli_runner().invoke(args=["setup"])
        assert result.exit_code == 0, result.output
        declared = read(field_lists.current)
        assert (declared.version, list(declared.fields)) == (1, list(loads(text)))
    field_lists.shipped.cache_clear()


def test_leads_are_found_by_words_after_all_migrations(upgraded):
    write(lambda s: make_lead(s, "L-1", name="Ada Example"))
    query = lead_query.read({"q": "ada"})
    assert len(read(lambda s: lead_table.page(s, FIELDS, query)).rows) == 1


def test_leads_of_before_get_their_draw(app):
    flask_migrate.upgrade(revision="0006")
    with db.engine.begin() as connection:
        columns = "lead_id, search_text, sort_name, own_fields, created_at, scored_at"
        moment = "'2026-03-02 09:30:00+00:00'"
        values = f"'L-1', '', '', '{{}}', {moment}, {moment}"
        connection.execute(sa.text(f"INSERT INTO leads ({columns}) VALUES ({values})"))
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        drawn = connection.scalar(sa.text("SELECT explore_draw FROM leads"))
    assert drawn == leads.explore_draw("L-1")


def test_leads_of_before_get_the_one_form_of_their_id(app):
    flask_migrate.upgrade(revision="0009")
    columns = "lead_id, search_text, sort_name, own_fields, created_at, scored_at, explore_draw"
    moment = "'2026-03-02 09:30:00+00:00'"
    sent = ["00Q5f000001AbCd", "L\u200b-1", "00Q5f000001AbCe", "00Q5f000001AbCeEAK", "plain"]
    with db.engine.begin() as connection:
        for lead_id in sent:
            word = lead_id.casefold()
            values = f"'{lead_id}', '{word} ada', '{word}', '{{}}', {moment}, {moment}, 7"
            connection.execute(sa.text(f"INSERT INTO leads ({columns}) VALUES ({values})"))
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT lead_id, search_text, sort_name FROM leads ORDER BY key")
        ).all()
    kept = ["00Q5f000001AbCdEAK", "L-1", "00Q5f000001AbCe", "00Q5f000001AbCeEAK", "plain"]
    words = [lead_id.casefold() for lead_id in kept]
    assert [tuple(r) for r in rows] == [
        (lead_id, f"{word} ada", word) for lead_id, word in zip(kept, words, strict=True)
    ]


def test_imports_of_before_are_kept_and_those_under_way_are_read_anew(app):
    flask_migrate.upgrade(revision="0015")
    columns = "kind, state, trigger, requested_by, requested_at, finished_at, n_attempts, progress"
    of_all = f"INSERT INTO runs ({columns}, stage, task, result) VALUES ('import', :state, 'upload'"
    values = ", 'ada', :at, :finished_at, 1, 1, '', :task, :result)"
    insert = sa.text(of_all + values).bindparams(
        *(sa.bindparam(name, type_=sa.JSON) for name in ("task", "result")),
        *(sa.bindparam(name, type_=sa.DateTime(True)) for name in ("at", "finished_at")),
    )
    task = {"path": "abc", "name": "weekly.csv", "digest": "d", "skip_wrong_rows": True}
    done = {"n_rows": 2, "n_done": 2, "n_new_leads": 2}
    with db.engine.execution_options(writes=True).begin() as connection:
        for state, finished_at, result in (("succeeded", NOW, done), ("requested", None, {})):
            told = {"state": state, "at": NOW, "finished_at": finished_at}
            connection.execute(insert, {**told, "task": task, "result": result})
    flask_migrate.upgrade()
    new, old = read(imports.latest)
    assert (old.state, old.name, old.found.n_new_leads) == ("done", "weekly.csv", 2)
    assert not imports.can_be_undone(old, NOW)
    assert (new.state, new.path, new.skip_bad_rows, new.is_automatic) == (
        *("reading", "abc", True, True),
    )
    assert write(lambda s: imports.claim(s, "a worker", NOW)).task["import"] == new.key
    flask_migrate.downgrade(revision="0015")
    with db.engine.connect() as connection:
        states = connection.scalars(sa.text("SELECT state FROM runs ORDER BY key")).all()
    assert states == ["succeeded", "failed"]


def test_a_withdrawal_of_before_names_what_it_cancelled_and_hides_nothing_else(upgraded):
    rita, file = Attribution("rep", "rita"), Attribution("csv", "ada")

    def fill(session):
        for lead_id in ("hidden", "reopened"):
            lead = make_lead(session, lead_id)
            make_outcome(session, lead, False, attribution=file, happened_at=NOW - 9 * DAY)
            make_outcome(session, lead, True, attribution=rita)
            make_outcome(session, lead, None, attribution=rita, now=NOW + DAY)

    write(fill)
    flask_migrate.downgrade(revision="0013")
    with db.engine.execution_options(writes=True).begin() as connection:
        # As the product did until then: a withdrawal opened the lead.
        connection.execute(sa.text("UPDATE leads SET outcome = NULL, outcome_at = NULL"))
        connection.execute(sa.text("UPDATE scores SET status = 'open'"))
        # Withdrawn by somebody who had said nothing.
        own = "SELECT key FROM leads WHERE lead_id = 'reopened'"
        said = f"lead_key IN ({own}) AND result = 'converted'"
        connection.execute(sa.text(f"DELETE FROM outcomes WHERE {said}"))
    flask_migrate.upgrade()
    found = read(lambda s: [leads.find(s, i) for i in ("hidden", "reopened")])
    assert [(lead.outcome, lead.outcome_at) for lead in found] == [
        (False, NOW - 9 * DAY),
        (None, None),
    ]
    histories = read(lambda s: [leads.outcome_history(s, lead) for lead in found])
    cancelled = [[r.cancels and r.source for r in history] for history in histories]
    assert cancelled == [["rep", None, None], ["rep", None]]
    statuses = sa.select(Score.status).join(Lead, Lead.key == Score.lead_key)
    assert read(lambda s: s.scalars(statuses.order_by(Lead.lead_id)).all()) == ["lost", "open"]


def test_links_rules_and_results_of_before_are_kept_both_ways(upgraded):
    write(fill_with_links)
    flask_migrate.downgrade(revision="0020")
    with db.engine.connect() as connection:
        row = connection.execute(
            sa.text("SELECT opportunity_id, linked_opportunity_id FROM crm_leads WHERE id = 'ann'")
        ).one()
        roles = connection.execute(sa.text("SELECT * FROM crm_roles")).all()
        stored = [
            connection.scalar(sa.text(f"SELECT {column} FROM {table}"))
            for table, column in (("crm_connections", "rules"), ("runs", "result"))
        ]
        source = connection.scalar(sa.text("SELECT source FROM outcomes"))
    assert tuple(row) == ("006a", "006c")
    assert [tuple(role) for role in roles] == [("ann", "006b")]
    assert "opportunity_won" in str(stored[0])
    assert "opportunities_read" in str(stored[1])
    assert source == "salesforce"
    flask_migrate.upgrade()
    found = read(lambda s: sorted((k.deal_id, k.origin) for k in s.scalars(sa.select(CrmLink))))
    assert found == [("006a", "lead"), ("006b", "contact"), ("006c", "person")]
    kept = read(lambda s: s.scalars(sa.select(CrmConnection)).one())
    assert kept.rules == {"milestone": "deal_won", "no_deal_days": 30, "conflicts": "crm"}
    result = {"mode": "live", "counts": {"deals_read": 3}}
    assert read(lambda s: s.scalars(sa.select(Run)).one()).result == result


def fill_with_links(session):
    flags = ("is_converted", "is_deleted", "is_unscorable", "is_to_be_read")
    texts = dict.fromkeys(("stamp", "digest", "inputs_digest", "created_at"), "s")
    lead = make_lead(session, "ann")
    session.add(CrmLead(id="ann", lead_key=lead.key, values={}, **texts, **dict.fromkeys(flags, 0)))
    links = [("006a", "lead"), ("006b", "contact"), ("006b", "deal"), ("006c", "person")]
    session.add_all(CrmLink(crm_lead_id="ann", deal_id=d, origin=o) for d, o in links)
    make_outcome(session, lead, True, attribution=Attribution("memory", "memory"))
    rules = {"milestone": "deal_won", "no_deal_days": 30, "conflicts": "crm"}
    texts = {"kind": "salesforce", "method": "jwt", "domain": "d", "username": "u"}
    session.add(
        CrmConnection(**texts, is_paused=False, changed_at=NOW, changed_by="a", rules=rules)
    )
    run = runs.request(session, "sync", trigger="request", requested_by="ada", now=NOW)
    run.result = {"mode": "live", "counts": {"deals_read": 3}}


def test_empty_fields_of_before_were_asked_for_unless_a_crm_withheld_them(upgraded):
    write(lambda s: make_lead(s, "L-1", age=40))
    write(lambda s: make_lead(s, "L-2", attribution=Attribution("salesforce", "sync"), age=41))
    flask_migrate.downgrade(revision="0023")
    with db.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE snapshots SET came_with_outcome = (source = 'salesforce')")
        )
    flask_migrate.upgrade()
    first, second = read(lambda s: [leads.find(s, lead_id) for lead_id in ("L-1", "L-2")])
    assert leads.collected_inputs(first) == dict.fromkeys(leads.BUILTIN_COLUMNS) | {"age": 40}
    assert leads.collected_inputs(second) == {"age": 41}
    [snapshot] = read(lambda s: leads.snapshots(s, first))
    assert snapshot.inputs == leads.collected_inputs(first)
