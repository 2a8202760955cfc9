"""Migrations: up and down on both databases, and in step with the tables in the code."""

import flask_migrate
import pytest
import sqlalchemy as sa

from webapp.app import create_app
from webapp.config import Settings
from webapp.database import db
from webapp.models import Base


@pytest.fixture
def app(empty_database_url, tmp_path):
    app = create_app(Settings(data_dir=tmp_path, database_url=empty_database_url))
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


def test_each_step_goes_down_and_up(app):
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="-1")
    flask_migrate.upgrade()
    assert tables() == set(Base.metadata.tables)


def test_the_migrations_say_what_the_tables_in_the_code_say(app):
    flask_migrate.upgrade()
    result = app.test_cli_runner().invoke(args=["db", "check"])
    assert result.exit_code == 0, result.output


def test_a_migration_that_breaks_leaves_the_database_as_it_was(app):
    def break_off(connection, cursor, statement, *rest):
        if "CREATE TABLE users" in statement:
            raise RuntimeError("the power went")

    sa.event.listen(db.engine, "before_cursor_execute", break_off)
    # Flask-Migrate ends the process where a step fails.
    with pytest.raises(SystemExit):
        flask_migrate.upgrade()
    assert tables() == set()
