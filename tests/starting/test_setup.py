"""The first start: what it makes, what it prints, and that a second changes nothing."""

import re
import stat
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from sync import scheduler
from webapp.app import create_app
from webapp.cli import commands
from webapp.config import Settings
from webapp.services.accounts import accounts, api_keys, passwords
from webapp.services.models import registry
from webapp.tables import Base, Lead, User


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    """Migrations and services are tested on both; what starts twice here, too."""
    return request.param


@pytest.fixture
def app(empty_database_url, tmp_path, free_port):
    return create_app(
        Settings(data_dir=tmp_path / "data", database_url=empty_database_url, port=free_port)
    )


@pytest.fixture
def terminal(monkeypatch):
    """Secrets are printed to a terminal only; the runner's output is none."""
    monkeypatch.setattr(commands, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=bool)))
    monkeypatch.setattr(commands.sys.stdout, "isatty", lambda: True)


def set_up(app):
    result = app.test_cli_runner().invoke(args=["setup"])
    assert result.exit_code == 0, result.output
    return result.output


def rows(read):
    tables = Base.metadata.sorted_tables
    return read(lambda s: {t.name: s.execute(sa.select(t)).all() for t in tables})


def test_the_first_start_prints_a_way_in_that_works_and_keeps_it_for_the_owner_only(
    app, read, tmp_path, terminal
):
    output = set_up(app)
    email, password = re.search(r"Sign in:\s+(\S+)\s+password: (\S+)", output).groups()
    key = re.search(r"Bearer (\S+?)'", output)[1]
    assert read(lambda s: accounts.find(s, email)).role == "admin"
    user = read(lambda s: accounts.find(s, email))
    assert passwords.matches(user.password_hash, password)
    assert user.must_change_password
    assert read(lambda s: api_keys.find(s, key)).scopes == ["feedback", "score"]
    kept = tmp_path / "data" / "first-access.txt"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_the_first_start_puts_1_0_in_use_and_fills_in_demo_leads_and_a_second_changes_nothing(
    app, read
):
    set_up(app)
    assert read(registry.champion).name == "1.0"
    leads = read(lambda s: s.scalars(sa.select(Lead)).all())
    assert len(leads) > 300
    assert {lead.outcome for lead in leads} == {True, False, None}
    before = rows(read)
    output = set_up(app)
    assert rows(read) == before
    assert "password:" not in output
    assert "Bearer" not in output


def test_where_output_is_no_terminal_no_secret_is_printed(app, tmp_path):
    output = set_up(app)
    file = tmp_path / "data" / "first-access.txt"
    said = dict(line.split(": ") for line in file.read_text().splitlines())
    assert str(file) in output
    assert said["password"] not in output
    assert said["key"] not in output


def test_the_first_access_is_written_before_it_is_valid(app, read, tmp_path, monkeypatch):
    def stopped(path, text):
        raise KeyboardInterrupt

    monkeypatch.setattr("webapp.cli.commands.replace_private", stopped)
    app.test_cli_runner().invoke(args=["setup"])
    monkeypatch.undo()
    assert read(lambda s: s.scalars(sa.select(User)).all()) == []
    assert "first-access.txt" in set_up(app)


def test_demo_leads_can_be_left_out(empty_database_url, tmp_path, read):
    settings = Settings(data_dir=tmp_path, database_url=empty_database_url, demo=False)
    other = create_app(settings)
    set_up(other)
    assert read(lambda s: s.scalar(sa.select(sa.func.count()).select_from(Lead))) == 0


def test_a_command_before_setup_says_what_to_run(app):
    result = app.test_cli_runner().invoke(args=["models"])
    assert result.exit_code == 1
    assert "`flask --app wsgi setup`" in result.output


def test_doctor_is_content_after_setup_and_not_before(app):
    before = app.test_cli_runner().invoke(args=["doctor"])
    assert before.exit_code == 1
    assert "run `flask --app wsgi setup`" in before.output
    set_up(app)
    after = app.test_cli_runner().invoke(args=["doctor"])
    assert (after.exit_code, "FAIL" in after.output) == (0, False)
    assert "version 1.0 uses no excluded field" in after.output


@pytest.mark.parametrize(
    "args",
    [
        ["accept-lost-records"],
        ["create-user", "a@example.com", "--role", "rep", "--password", "a passphrase of words"],
        ["set-password", "a@example.com", "--password", "a passphrase of words"],
        ["create-key", "x"],
        ["import-leads", __file__],
        ["export-leads"],
        ["fields", "export"],
        ["retrain"],
        ["models"],
        ["promote", "1.0"],
        ["remove-demo"],
        ["doctor"],
    ],
)
def test_a_command_makes_no_installation_where_there_is_none(args, tmp_path):
    folder = tmp_path / "elsewhere"
    other = create_app(Settings(data_dir=folder))
    result = other.test_cli_runner().invoke(args=args)
    assert result.exit_code == 1
    assert f"There is no Leadloop database at {folder}/leadloop.sqlite3." in result.output
    assert not folder.exists()


def test_the_demo_s_folder_is_named_where_it_is_meant(tmp_path):
    demo = tmp_path / "salesforce-demo"
    demo.mkdir()
    (demo / "leadloop.sqlite3").touch()
    other = create_app(Settings(data_dir=tmp_path))
    result = other.test_cli_runner().invoke(args=["accept-lost-records"])
    assert f"(there is one in {demo})" in result.output


def test_the_worker_makes_no_installation_either(tmp_path):
    folder = tmp_path / "elsewhere"
    with pytest.raises(scheduler.NotReady, match="There is no Leadloop database"):
        scheduler.run(create_app(Settings(data_dir=folder)))
    assert not folder.exists()


def test_the_version_needs_no_installation(tmp_path):
    other = create_app(Settings(data_dir=tmp_path / "elsewhere"))
    assert other.test_cli_runner().invoke(args=["version"]).exit_code == 0
    assert not (tmp_path / "elsewhere").exists()
