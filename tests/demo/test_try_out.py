"""Leadloop on the made-up org: connected and mapped as the pages would do it."""

import pytest

from demo.salesforce import try_out
from demo.salesforce.company import declare_fields
from demo.salesforce.http.describe import describe_field
from ml.fields import fields_file
from webapp.services.crm import connections, field_sources


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    return request.param


@pytest.fixture
def connected(fake, app, settings, monkeypatch):
    environment = try_out.environment(fake, settings.data_dir) | {
        "LEADLOOP_DATABASE_URL": settings.database_url.get_secret_value(),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try_out.connect()


def test_the_connection_is_that_of_the_org(connected, fake, settings, read):
    connection = read(connections.get)
    assert connection.domain == fake.url.removeprefix("http://")
    assert connections.rules(connection).disqualified == ("Closed - Not Converted",)


def test_every_field_is_mapped_to_one_that_can_fill_it(connected, fake, read):
    declare_fields(fake)
    known = fields_file.load("fields.toml")
    saved = read(lambda session: field_sources.sources(session, known))
    described = [describe_field(each) for each in fake.org.objects["lead"].visible]
    assert {source.field for source in saved} == set(known.names)
    assert field_sources.problems(saved, known, described) == {}
