"""Leadloop's client reads what real orgs answered, and sends what real clients sent."""

from functools import partial

import pytest

from demo.salesforce.fake import FakeSalesforce
from ml.fields import fields_file
from sync.crm.faults import Fault, Kind
from sync.crm.http.session import Hosts
from sync.salesforce import soql
from sync.salesforce.access import LEAD_FIELDS, OPPORTUNITY_FIELDS
from sync.salesforce.client import Client
from tests.demo import recordings
from webapp.services.crm.credentials import Credentials


@pytest.fixture
def fake():
    with FakeSalesforce() as fake:
        yield fake


@pytest.fixture
def client(fake):
    credentials = Credentials(
        method="client_credentials",
        domain=fake.url.removeprefix("http://"),
        secrets={
            "consumer_key": fake.app.consumer_key,
            "consumer_secret": fake.app.consumer_secret,
        },
    )
    return Client(credentials, Hosts.named(fake.url), api_version="66.0")


@pytest.mark.parametrize("method", ["client_credentials", "jwt", "session", "password"])
def test_each_way_to_log_in_works(fake, method):
    fake.oauth.soap_login_is_on = True
    credentials = Credentials(
        method=method,
        domain=fake.url.removeprefix("http://"),
        username=fake.app.username,
        secrets={
            "consumer_key": fake.app.consumer_key,
            "consumer_secret": fake.app.consumer_secret,
            "private_key": fake.app.private_key,
            "password": fake.oauth.soap_password,
            "security_token": fake.oauth.soap_token,
            "session_id": fake.oauth.open_session(),
        },
    )
    client = Client(credentials, Hosts.named(fake.url), api_version="66.0")
    assert len(client.describe("Lead")) > 5
    assert len(fake.logins) == (method != "session")


def standard_fields(sobject):
    return {field["name"]: field for field in recordings.describe(sobject)["fields"]}


def test_every_standard_field_that_we_read_was_there(fake):
    for sobject, names in (("Lead", LEAD_FIELDS), ("Opportunity", OPPORTUNITY_FIELDS)):
        recorded = standard_fields(sobject)
        parents = {field["relationshipName"] for field in recorded.values()}
        for name in names:
            parent, dot, _ = name.partition(".")
            assert (parent in parents) if dot else (name in recorded), name


def test_every_field_that_our_fields_file_names_was_there():
    recorded = standard_fields("Lead")
    named = [
        field.salesforce for field in fields_file.load("fields.toml").declared if field.salesforce
    ]
    assert named
    assert [name for name in named if name not in recorded] == []


def test_a_recorded_describe_is_read(fake, client):
    recorded = recordings.describe("Lead")
    fake.answer_next(recorded, path="sobjects/Lead/describe")
    assert client.describe("Lead") == recorded["fields"]


def test_a_write_is_sent_and_its_answer_read_as_recorded(fake, client):
    recorded = recordings.exchange("update", "PATCH")
    fake.answer_next(recorded.answer, path="composite/sobjects")
    rows = recorded.sent["records"]
    verdicts = client.write([{"id": row["Id"], "NumberOfEmployees": 5} for row in rows])
    assert verdicts == [None] * len(recorded.answer)
    sent = fake.patches[0]
    assert (sent.method, sent.path) == (recorded.method, f"/services/data/v66.0/{recorded.path}")
    assert sent.json["allOrNone"] == recorded.sent["allOrNone"]
    assert [row["id"] for row in sent.records] == [row["Id"] for row in rows]
    assert {row["attributes"]["type"] for row in sent.records} == {"Lead"}


def test_a_recorded_count_is_read(fake, client):
    fake.answer_next(recordings.exchange("count", "POST").parts[0]["body"], path="query")
    span = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    question = soql.count("Lead", "CreatedDate", *span)
    assert client.query(question, include_deleted=False).n_total == 17


@pytest.mark.parametrize("name", ["no object", "not found"])
def test_a_recorded_refusal_is_a_fault_of_the_configuration(fake, client, name):
    part = recordings.exchange(name, "POST").parts[-1]
    fake.answer_next(part["body"], part["httpStatusCode"])
    with pytest.raises(Fault) as caught:
        client.describe("Lead")
    assert caught.value.kind is Kind.CONFIG


def test_the_client_works_with_the_salesforce_of_the_tests(fake, client):
    leads = fake.leads(3, LeadSource="Webinar")
    deal = fake.convert(leads[0])
    fake.close(deal, won=True)
    fake.clock.advance(minutes=1)
    end = fake.clock.now.isoformat()
    ask = partial(soql.page, "Lead", LEAD_FIELDS, end=end, n_rows=2000)
    page = client.query(ask(after="2026-01-01T00:00:00Z"))
    assert (page.is_whole, page.n_total) == (True, 3)
    assert sorted(row["Id"] for row in page.rows) == leads
    assert page.rows[0]["Owner"]["Name"] == "Rita Rep"
    after = (page.rows[0]["SystemModstamp"], page.rows[0]["Id"])
    assert client.query(ask(after=after)).rows == page.rows[1:]
    deals = client.query(soql.by_ids("Opportunity", OPPORTUNITY_FIELDS, [deal])).rows
    assert [row["IsWon"] for row in deals] == [True]
    verdicts = client.write([{"id": lead, "Conversion_Score__c": 50} for lead in leads])
    assert [verdict.kind if verdict else None for verdict in verdicts] == [
        Kind.ROW_GONE,
        None,
        None,
    ]
    assert client.meter.n_limit == 15_000
