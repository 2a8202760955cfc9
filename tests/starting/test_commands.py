"""Commands of a product that was set up."""

import dataclasses
import json
import re
import shutil
import threading
from functools import partial

import pytest
import sqlalchemy as sa

from tests.apps import engine_of
from tests.factories import FIELDS, make_lead
from tests.services.imports.workbooks import write_workbook
from tests.starting.test_setup import rows, set_up
from webapp.app import create_app
from webapp.cli import imports as commands_of_imports
from webapp.config import ROOT, Settings
from webapp.database import utc_now
from webapp.services.accounts import api_keys
from webapp.services.runs import runs
from webapp.tables import ApiKey, Lead, User


@pytest.fixture(scope="session")
def dialect():
    """Commands call services, which are tested on both."""
    return "sqlite"


@pytest.fixture(scope="module")
def after_setup(tmp_path_factory):
    """The data folder that a first start leaves."""
    folder = tmp_path_factory.mktemp("first_start") / "data"
    app = create_app(Settings(data_dir=folder))
    set_up(app)
    engine_of(app).dispose()
    return folder


@pytest.fixture
def app(after_setup, tmp_path, free_port):
    folder = shutil.copytree(after_setup, tmp_path / "data")
    return create_app(Settings(data_dir=folder, port=free_port))


def test_demo_leads_can_be_removed_whole(app, read):
    result = app.test_cli_runner().invoke(args=["remove-demo"])
    assert re.fullmatch(r"3\d\d demo leads deleted.\n", result.output)
    left = rows(read)
    assert {name for name in ("leads", "snapshots", "scores", "outcomes") if left[name]} == set()


def test_a_lead_that_somebody_sent_under_a_demo_id_stays(app, read, write):
    write(lambda s: make_lead(s, "DEMO-001", email_opens=3))
    write(lambda s: make_lead(s, "DEMO-REQUEST-17", actual_outcome=True))
    app.test_cli_runner().invoke(args=["remove-demo"])
    left = read(lambda s: s.scalars(sa.select(Lead.lead_id).order_by(Lead.lead_id)).all())
    assert left == ["DEMO-001", "DEMO-REQUEST-17"]


def test_import_leads_says_what_it_took_in_and_a_second_time_takes_in_nothing(app, tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("lead_id,email_opens,actual_outcome\nL-1,3,true\nL-2,,\n")
    first = app.test_cli_runner().invoke(args=["import-leads", str(file)])
    assert "2 rows, 0 wrong, 2 new leads, 0 changed, 1 new outcomes" in first.output
    second = app.test_cli_runner().invoke(args=["import-leads", str(file)])
    assert "2 rows, 0 wrong, 0 new leads, 0 changed, 0 new outcomes" in second.output


def test_import_leads_waits_for_an_import_that_is_at_work(app, tmp_path, write, monkeypatch):
    monkeypatch.setattr(commands_of_imports, "MAX_WAIT_SECONDS", 20)
    file = tmp_path / "leads.csv"
    file.write_text("lead_id,email_opens\nL-1,3\n")
    request = partial(runs.request, trigger="import", requested_by="ada", now=utc_now())
    write(lambda s: request(s, "import"))
    other = write(lambda s: runs.claim(s, "import", "another", utc_now()))
    end = threading.Timer(1, lambda: write(lambda s: runs.finish(s, other, utc_now())))
    end.start()
    result = app.test_cli_runner().invoke(args=["import-leads", str(file)])
    end.join()
    assert result.exit_code == 0, result.output
    assert "1 new leads" in result.output


def test_a_view_with_a_name_that_is_not_known_is_refused(app):
    args = ["export-leads", "--view", "grade=A&stauts=x"]
    result = app.test_cli_runner().invoke(args=args)
    assert result.exit_code == 2
    assert "--view does not know stauts" in result.output


def test_import_leads_prints_one_json_object(app, tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("lead_id,age,Colour\nL-1,30,red\nL-2,old,blue\n")
    run = app.test_cli_runner().invoke
    done = run(args=["import-leads", str(file), "--skip-bad-rows", "--json"])
    told = json.loads(done.output)
    reason = "must be a whole number from 0 to 120; leave it empty if it is unknown"
    assert told.pop("rejected") == [{"line": 3, "column": "age", "reason": reason}]
    assert told == {
        "read": 2,
        "new": 1,
        "changed": 0,
        "unchanged": 0,
        "outcomes": 0,
        "waiting": 0,
        "ignored_columns": ["Colour"],
        "warnings": [],
    }
    refused = run(args=["import-leads", str(file), "--json"])
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["rejected"][0]["line"] == 3


def test_import_leads_names_the_mappings_that_there_are(app, tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("lead_id\nL-1\n")
    result = app.test_cli_runner().invoke(args=["import-leads", str(file), "--mapping", "weekly"])
    assert result.exit_code == 1
    assert "There is no mapping 'weekly'. Known: none so far." in result.output


def test_import_leads_is_told_what_a_person_would_answer(app, tmp_path):
    table = [["Email", "Company", "Status", "Closed on"], ["Ada@x.com", "Ada", "Won", "2026-01-05"]]
    sheets = {"Notes": [["read me"]], "Leads": table}
    book = str(write_workbook(tmp_path / "leads.xlsx", sheets))
    run = partial(app.test_cli_runner().invoke, catch_exceptions=False)
    options = ["--sheet", "Leads", "--email-as-id", "--time-zone", "Europe/Berlin"]
    done = run(args=["import-leads", book, *options, "--json"])
    told = json.loads(done.output)
    assert (told["new"], told["outcomes"]) == (1, 1)
    refused = run(args=["import-leads", book, "--time-zone", "Mars"])
    assert refused.exit_code == 2
    assert "there is no time zone 'Mars'" in refused.output


def test_import_leads_lists_wrong_rows_and_imports_nothing(app, read, tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("lead_id,email_opens\nL-1,3\nL-2,many\n")
    result = app.test_cli_runner().invoke(args=["import-leads", str(file)])
    assert result.exit_code == 1
    assert "line 3, email_opens: must be a whole number from 0 to 1,000,000; leave" in result.output
    assert "null" not in result.output
    assert "--skip-bad-rows leaves them out." in result.output
    assert read(lambda s: s.scalar(sa.select(Lead.key).where(Lead.lead_id == "L-1"))) is None


def test_create_key_prints_the_key_alone(app, read):
    output = app.test_cli_runner().invoke(args=["create-key", "crm", "--scope", "score"]).output
    key = read(lambda s: api_keys.find(s, output.removesuffix("\n")))
    assert (key.name, key.scopes) == ("crm", ["score"])


@pytest.mark.parametrize("name", ["  ", "x" * 101, "a\tb"])
def test_a_key_of_no_proper_name_is_refused_in_a_sentence(app, name):
    result = app.test_cli_runner().invoke(args=["create-key", name])
    assert result.exit_code == 1
    assert "The name" in result.output


def test_the_version_is_the_newest_of_the_changelog(app):
    printed = app.test_cli_runner().invoke(args=["version"]).output.strip()
    versions = re.findall(r"^## (\d\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert versions[0] == printed


def test_doctor_names_a_field_that_may_not_decide_and_the_way_out(app):
    found = app.extensions["leadloop"]
    fields = FIELDS.without(["email_opens"])
    app.extensions["leadloop"] = dataclasses.replace(found, file_fields=fields)
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert result.exit_code == 1
    assert "FAIL  fields: version 1.0 uses email_opens: Email opens is declared" in result.output
    assert "run `retrain`" in result.output


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["promote", "9.9"], "Model version 9.9 not found"),
        (["promote", "1.0"], "already live"),
        (["accept-lost-records"], "is not connected"),
        (["create-user", "nobody", "--role", "rep", "--password", "x" * 12], "must look like"),
        (["set-password", "no@example.com", "--password", "x" * 12], "no account"),
        (
            ["create-user", "r@example.com", "--role", "rep", "--password", "x" * 12],
            "easy to guess. Repeats like",
        ),
    ],
)
def test_a_refused_command_says_why(args, sentence, app):
    result = app.test_cli_runner().invoke(args=args)
    assert result.exit_code == 1
    assert sentence in result.output


def test_a_training_without_outcomes_is_refused(app):
    app.test_cli_runner().invoke(args=["remove-demo"])
    result = app.test_cli_runner().invoke(args=["retrain"])
    assert result.exit_code == 1
    assert "at least 10 of each are needed" in result.output


def test_accounts_and_keys_are_made_once_only(app, read):
    app.test_cli_runner().invoke(
        args=["create-user", "r@example.com", "--role", "rep", "--password", "four odd words here"]
    )
    set_up(app)
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(User))) == 2
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(ApiKey))) == 1
