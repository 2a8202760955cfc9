"""A change of the fields reaches every process at its next request or job, without a restart."""

import pytest
import sqlalchemy as sa

from tests.factories import NOW, make_lead, make_outcome
from webapp import field_lists
from webapp.app import create_app
from webapp.database import db
from webapp.product import product
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.models import training_data
from webapp.services.runs import runs
from webapp.tables import Lead

ADA = Author("ada@example.com", NOW, fields_file=None)
SEATS = {"name": "seats", "type": "count", "label": "Seats"}


@pytest.fixture
def other(settings):
    """The application as another process has it: all that they share is the database."""
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


def score(app, headers):
    return app.test_client().post("/score", json={"lead_id": "L-1", "seats": 7}, headers=headers)


def described(app):
    schemas = app.test_client().get("/openapi.json").json["components"]["schemas"]
    return schemas["LeadRecord"]["properties"]


def test_a_second_process_takes_a_new_field_at_its_next_request(write, champion, headers, other):
    assert score(other, headers).status_code == 422
    assert "seats" not in described(other)
    write(lambda s: declaring.declare_field(s, SEATS, ADA))
    assert score(other, headers).status_code == 200
    assert described(other)["seats"]["type"] == ["integer", "null"]


def test_a_job_that_runs_sees_a_change_at_its_next_step(write, champion, other):
    with other.app_context():
        assert "seats" not in product().fields
        write(lambda s: declaring.declare_field(s, SEATS, ADA))
        assert "seats" in product().fields.names


def test_within_a_request_the_fields_stay_the_same(write, champion, other):
    with other.test_request_context():
        before = product().fields
        write(lambda s: declaring.declare_field(s, SEATS, ADA))
        assert product().fields is before


def test_a_retired_field_is_still_taken_and_marked_in_the_document(write, champion, headers, other):
    write(lambda s: declaring.declare_field(s, SEATS, ADA))
    write(lambda s: declaring.retire_field(s, "seats", ADA, seen_version=2))
    assert score(other, headers).status_code == 200
    assert described(other)["seats"]["deprecated"] is True


def test_a_file_that_is_named_rules_whatever_the_database_says(
    write, champion, headers, settings, tmp_path
):
    file = tmp_path / "company.toml"
    file.write_text('[[field]]\nname = "desks"\ntype = "count"\nlabel = "Desks"\n')
    app = create_app(settings.model_copy(update={"fields_file": file}))
    write(lambda s: declaring.declare_field(s, SEATS, ADA))
    assert set(described(app)) >= {"desks", "age"}
    assert "seats" not in described(app)
    with app.app_context():
        db.engine.dispose()


def test_training_passes_over_values_of_the_old_unit(write, read, champion):
    write(lambda s: declaring.declare_field(s, SEATS | {"unit": "desks"}, ADA))

    def label(lead_id, fields, **values):
        write(lambda s: make_lead(s, lead_id, fields=fields, **values))
        write(lambda s: make_outcome(s, lead_id, True))

    def fields(session):
        return field_lists.current(session).fields

    label("old", read(fields), seats=7, age=30)
    entry = SEATS | {"unit": "rooms"}
    write(
        lambda s: declaring.change_field(s, "seats", entry, ADA, seen_version=2, is_new_unit=True)
    )
    label("new", read(fields), seats=2, age=40)
    run = write(lambda s: runs.request(s, "training", trigger="t", requested_by="t", now=NOW))
    write(lambda s: s.execute(sa.update(Lead).values(counted_by_run=run.key)))
    found = read(lambda s: training_data.collect(s, run.key, since_run=0).leads)
    assert {one.inputs["age"]: one.inputs for one in found} == {
        30: {"age": 30},
        40: {"age": 40, "seats": 2},
    }
