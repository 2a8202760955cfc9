"""The ground other tests stand on: each has a database of its own, as the product would make it."""

import sqlalchemy as sa
from prometheus_client import generate_latest
from sqlalchemy.orm import Session

from tests.factories import make_key, make_lead, make_outcome, make_user
from webapp.tables import Lead, ModelVersion, Outcome


def test_a_lead_made_here_is_seen_by_another_session(write, read):
    write(lambda session: make_lead(session, "a/b c", industry="Finance"))
    assert read(lambda session: session.scalars(sa.select(Lead.lead_id)).all()) == ["a/b c"]


def test_the_next_test_starts_without_rows(write, read):
    write(lambda session: make_lead(session, "a/b c", industry="Finance"))
    assert read(lambda session: session.scalar(sa.select(sa.func.count(Lead.key)))) == 1


def test_an_outcome_is_recorded_by_the_service(write, read):
    write(lambda session: make_outcome(session, make_lead(session, "one"), converted=True))
    assert read(lambda session: session.scalars(sa.select(Outcome.result)).all()) == ["converted"]


def test_version_1_0_is_in_use(champion, session):
    assert session.scalars(sa.select(ModelVersion.name)).all() == ["1.0"]


def test_a_database_that_is_used_again_is_as_its_template(
    app, postgresql_databases, postgresql_template
):
    def everything(url):
        engine = sa.create_engine(url)
        tables = sa.MetaData()
        tables.reflect(engine)
        with engine.connect() as connection:
            rows = {t.name: connection.execute(t.select()).all() for t in tables.sorted_tables}
            counters = connection.execute(sa.text("SELECT last_value FROM pg_sequences")).all()
        engine.dispose()
        return rows, counters

    with postgresql_databases.new(postgresql_template) as url:
        as_made = everything(url)
    with postgresql_databases.empty(postgresql_template) as url:
        holder = sa.create_engine(url)
        with app.app_context(), Session(holder) as session, session.begin():
            make_outcome(session, make_lead(session, "one"), converted=True)
            make_user(session)
            make_key(session)
            session.execute(sa.text("DELETE FROM alembic_version"))
        is_left_open = holder.connect()
        is_left_open.execute(sa.text("UPDATE leads SET name = 'held'"))
    with postgresql_databases.empty(postgresql_template) as again:
        assert again == url
        assert everything(again) == as_made
    is_left_open.invalidate()
    holder.dispose()


def test_an_app_that_is_used_again_has_nothing_of_the_test_before(apps, settings):
    with apps.new(settings) as app:
        app.testing = False
        app.extensions["leadloop"] = None
        app.extensions["leadloop_figures"].rows.labels("lead", "new").inc()
        gathered = app.extensions["leadloop_surprises"]
    others = settings.model_copy(update={"retrain_threshold": 77})
    with apps.new(others) as again:
        assert again is app
        assert again.testing
        assert again.extensions["leadloop"].settings is others
        assert again.extensions["leadloop_surprises"] is not gathered
        assert b"leadloop_rows_total{" not in generate_latest(
            again.extensions["leadloop_figures"].registry
        )


def test_apps_of_one_test_are_not_the_same(apps, settings):
    with apps.new(settings) as app, apps.new(settings) as other:
        assert app is not other
