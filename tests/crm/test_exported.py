"""What was exported comes back in, with the outcomes that a CRM told, and weighs no more there."""

import random
from dataclasses import replace

import pytest
import sqlalchemy as sa

from sync.crm.protocol import LEADS
from tests.factories import make_champion, make_key, make_outcome
from webapp import database
from webapp.app import create_app
from webapp.config import Settings
from webapp.services.crm import conflicts
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import Lead, Outcome, Score, Snapshot

NAMES = [f"lead-{n:02}" for n in range(12)]
RITA = Attribution("rep", "rita@example.com")


@pytest.fixture(scope="module")
def dialect():
    """Statements of imports and exports are tested on both by their own folders."""
    return "sqlite"


@pytest.fixture
def history(crm, connected):
    """Leads whose deals were won, lost and opened again, of whom Rita spoke too, in any order."""
    rng = random.Random(3)
    connected.rules(disqualified=["Unqualified"])
    for name in NAMES:
        crm.lead(name, source="Referral", visits=rng.randrange(9))
        crm.rows[LEADS][name] = replace(
            crm.rows[LEADS][name], is_converted=rng.random() < 0.5, status="New"
        )
    for _ in range(4):
        for name in NAMES:
            rng.choice([crm.win, crm.lose, reopen(crm), lambda _: None])(
                crm.deal(f"d-{name}", name)
            )
        connected.well(days=2)
        for name in rng.sample(NAMES[:6], 3):
            told = rng.choice([True, False, None])
            connected.write(
                lambda s, n=name, told=told: make_outcome(s, n, told, attribution=RITA, now=crm.now)
            )
    connected.well(days=1)
    return connected


def reopen(crm):
    return lambda deal_id: crm.deal(deal_id, is_closed=False, is_won=False)


def known(session):
    """All leads with what they score, and every snapshot and outcome."""
    states = ("lead_id", "status", "outcome", "outcome_at", "scored_at", "asked_fields")
    people = ("name", "website_visits", "lead_source")
    return (
        [tuple(getattr(x, n) for n in states + people) for x in _all(session, Lead)],
        [(s.lead_key, s.probability, s.status) for s in session.scalars(sa.select(Score))],
        [(s.key, s.inputs, s.came_with_outcome) for s in _all(session, Snapshot)],
        [(o.key, o.result, o.source, o.actor, o.happened_at) for o in _all(session, Outcome)],
    )


def told(session):
    """What became of each lead, and every outcome event of it."""
    statuses = [(lead.lead_id, lead.status, lead.outcome_at) for lead in _all(session, Lead)]
    events = sa.select(
        Lead.lead_id, Outcome.result, Outcome.source, Outcome.rule, Outcome.happened_at
    ).join(Outcome, Outcome.lead_key == Lead.key)
    return sorted(statuses), sorted(session.execute(events).all(), key=str)


def _all(session, table):
    return session.scalars(sa.select(table).order_by(table.key)).all()


@pytest.fixture
def by_command(app, tmp_path):
    def export(of, form, *view):
        path = tmp_path / f"{of}.{form}"
        invoke(app, "export-leads", path, "--of", of, "--format", form, *view)
        return path

    return export


def invoke(app, *args):
    result = app.test_cli_runner().invoke(args=[str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_was_exported_changes_nothing_where_it_came_from(history, by_command, app, read, form):
    before = read(known)
    assert {"in_pipeline", "converted", "lost"} <= {row[1] for row in before[0]}
    assert {"withdrawn", "converted", "lost"} <= {row[1] for row in before[3]}
    for status in ("all", "in_pipeline", "lost"):
        invoke(app, "import-leads", by_command("leads", form, "--view", f"status={status}"))
    for of in ("leads", "outcomes", "scores"):
        invoke(app, "import-leads", by_command(of, form))
    assert read(known) == before
    history.well(days=1)
    assert read(known)[3] == before[3]


def test_a_program_brings_its_export_back_and_nothing_changes(history, app, read, write, do_import):
    headers = {"Authorization": f"Bearer {write(make_key)}", "Content-Type": "text/csv"}
    client, before = app.test_client(), read(known)
    for path in ("leads?status=all", "leads?status=in_pipeline", "outcomes"):
        file = client.get(f"/api/exports/{path}", headers=headers).data
        answer = client.post("/api/imports", data=file, headers=headers)
        do_import(database.utc_now())
        done = client.get(answer.location, headers=headers).json
        assert (done["state"], done["error"]) == ("done", None)
        counts = [done["result"][name] for name in ("new", "changed", "outcomes", "rejected")]
        assert counts == [0, 0, 0, []]
    assert read(known) == before


@pytest.fixture
def empty(tmp_path, sqlite_template):
    """Another installation, without a CRM."""
    folder = tmp_path / "empty"
    folder.mkdir()
    path = folder / "leadloop.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    app = create_app(Settings(data_dir=folder, database_url=f"sqlite:///{path}"))
    with app.app_context():
        database.write(make_champion)
    yield app
    with app.app_context():
        database.db.engine.dispose()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.usefixtures("history")
def test_an_empty_installation_gets_the_same_leads_statuses_and_outcomes(
    empty, by_command, read, form
):
    for of in ("scores", "outcomes", "leads"):
        clears = ["--empty-clears"] if of == "scores" else []
        invoke(empty, "import-leads", by_command(of, form), *clears)
    statuses, events = read(told)
    # Whether a deal is open only a CRM says.
    expected = [(name, status.replace("in_pipeline", "open"), at) for name, status, at in statuses]
    with empty.app_context():
        assert database.read(told) == (expected, events)


def brought(app, tmp_path, *rows):
    path = tmp_path / "told.csv"
    header = "lead_id,company,actual_outcome,outcome_at,outcome_source,outcome_rule"
    path.write_text("\n".join([header, *rows]))
    return invoke(app, "import-leads", path)


def test_what_a_crm_says_of_a_lead_that_it_reads_no_file_says_for_it(met, app, tmp_path, read):
    before = read(told)
    output = brought(
        app,
        tmp_path,
        "cy,,true,2026-11-20T10:00:00+00:00,memory,1b",
        "ann,,withdrawn,2026-11-20T10:00:00+00:00,memory,",
        "bob,,false,2026-11-20T10:00:00+00:00,memory,conflict",
    )
    assert "0 new outcomes" in output
    assert read(told) == before
    met.well()
    assert read(told) == before


def test_what_a_file_says_for_a_crm_ends_once_that_reads_the_lead_and_says_otherwise(
    met, crm, app, tmp_path
):
    brought(app, tmp_path, "new,Acme,true,2026-11-20T10:00:00+00:00,memory,1b")
    assert met.statuses("new") == ["converted"]
    crm.lead("new", source="Referral", visits=1)
    met.well()
    assert met.statuses("new") == ["open"]
    crm.win(crm.deal("late", "new"))
    met.well()
    assert met.statuses("new") == ["converted"]


def test_a_file_cannot_pass_an_outcome_off_as_a_conflict_resolved(met, app, tmp_path, write):
    brought(app, tmp_path, "ann,,false,2026-11-20T10:00:00+00:00,rep,conflict")
    met.well()
    assert write(conflicts.n_open) == 1


def test_a_source_that_nobody_connects_is_refused_by_name(app, tmp_path):
    path = tmp_path / "told.csv"
    path.write_text("lead_id,actual_outcome,outcome_source\nL-1,true,pipedrive\n")
    result = app.test_cli_runner().invoke(args=["import-leads", str(path)])
    assert result.exit_code == 1
    assert "must be one of api, rep, csv, salesforce" in result.output
