"""The ground other tests stand on: each has a database of its own, as the product would make it."""

import sqlalchemy as sa

from tests.factories import make_lead, make_outcome
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
