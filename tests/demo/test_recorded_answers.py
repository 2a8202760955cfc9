"""The Salesforce of the tests says what real ones said."""

import pytest
import requests

from demo.salesforce.fake import FakeSalesforce
from tests.demo import recordings

ROOT = "services/data/v66.0"
# What may differ: keys that depend on the org's own features, and newer API versions' additions.
COMPARED = (
    "name",
    "label",
    "type",
    "soapType",
    "length",
    "byteLength",
    "precision",
    "scale",
    "digits",
    "updateable",
    "createable",
    "nillable",
    "filterable",
    "sortable",
    "groupable",
    "aggregatable",
    "defaultedOnCreate",
    "custom",
    "nameField",
    "compoundFieldName",
    "referenceTo",
    "relationshipName",
    "polymorphicForeignKey",
    "namePointing",
    "restrictedPicklist",
    "calculated",
    "queryByDistance",
)
OBJECTS = ("Lead", "Opportunity", "OpportunityContactRole")
# Salesforce counts this text of ASCII in characters, where it counts others in bytes of UTF-8.
ASCII_TEXT = "Fiscal"


@pytest.fixture
def fake():
    with FakeSalesforce() as fake:
        yield fake


@pytest.fixture
def call(fake):
    """A call as an integration makes it: `call(method, path)`."""
    token = fake.oauth.open_session()

    def call(method, path, body=None):
        url = f"{fake.url}/{ROOT}/{path}"
        headers = {"Authorization": f"Bearer {token}", "Sforce-Auto-Assign": "FALSE"}
        return requests.request(method, url, json=body, headers=headers, timeout=5)

    return call


@pytest.mark.parametrize("sobject", OBJECTS)
def test_standard_fields_are_described_as_recorded(call, sobject):
    recorded = {each["name"]: each for each in recordings.describe(sobject)["fields"]}
    shown = call("GET", f"sobjects/{sobject}/describe").json()["fields"]
    standard = {each["name"]: each for each in shown if not each["custom"]}
    assert list(standard) == list(recorded)
    differing = {
        (name, key): (standard[name][key], field[key])
        for name, field in recorded.items()
        for key in COMPARED
        if standard[name][key] != field[key] and (name, key) != (ASCII_TEXT, "byteLength")
    }
    assert differing == {}


@pytest.mark.parametrize("sobject", OBJECTS)
def test_picklists_offer_the_recorded_values(call, sobject):
    def values(fields):
        return {
            each["name"]: [value["value"] for value in each["picklistValues"]]
            for each in fields
            if each["type"] == "picklist" and not each["custom"]
        }

    shown = call("GET", f"sobjects/{sobject}/describe").json()["fields"]
    assert values(shown) == values(recordings.describe(sobject)["fields"])


@pytest.mark.parametrize("sobject", OBJECTS)
def test_a_describe_has_the_recorded_keys(call, sobject):
    recorded, shown = recordings.describe(sobject), call("GET", f"sobjects/{sobject}/describe")
    assert set(recorded) <= set(shown.json())
    keys = set(recorded["fields"][0])
    assert all(keys == set(field) for field in shown.json()["fields"])
    values = [value for field in recorded["fields"] for value in field["picklistValues"]]
    own = [value for field in shown.json()["fields"] for value in field["picklistValues"]]
    assert {frozenset(value) for value in own} == {frozenset(value) for value in values}


def test_an_update_of_many_is_answered_in_the_recorded_form(fake, call):
    recorded = recordings.exchange("update", "PATCH")
    leads = fake.leads(len(recorded.sent["records"]))
    records = [
        {"NumberOfEmployees": row["NumberOfEmployees"], "Id": lead, "attributes": {"type": "Lead"}}
        for row, lead in zip(recorded.sent["records"], leads, strict=True)
    ]
    answer = call(recorded.method, recorded.path, recorded.sent | {"records": records})
    own = {row["Id"]: lead for row, lead in zip(recorded.sent["records"], leads, strict=True)}
    assert answer.status_code == recorded.status
    assert answer.json() == [row | {"id": own[row["id"]]} for row in recorded.answer]
    assert fake.get(leads[0])["NumberOfEmployees"] == 10_000, "numbers were recorded as texts"


def test_a_query_is_answered_in_the_recorded_form(fake, call):
    recorded = next(e for e in recordings.read(recordings.PLACES["update"]) if "query" in e.path)
    account = fake.org.create("Account", Name="Acme")
    answer = call(recorded.method, recorded.path)
    record = recorded.answer["records"][0]
    assert answer.status_code == recorded.status
    assert set(answer.json()) == set(recorded.answer)
    assert list(answer.json()["records"][0]) == list(record)
    assert answer.json()["records"][0]["attributes"] == {
        "type": record["attributes"]["type"],
        "url": f"/{ROOT}/sobjects/Account/{account}",
    }


def test_a_count_is_answered_in_the_recorded_form(fake, call):
    part = recordings.exchange("count", "POST").parts[1]
    answer = call("GET", "query/?q=select count() from Opportunity")
    assert answer.status_code == part["httpStatusCode"]
    assert answer.json() == part["body"], "both orgs have none"


def test_an_unknown_object_is_refused_in_the_recorded_words(call):
    recorded = recordings.exchange("no object", "POST")
    path = recorded.sent["compositeRequest"][1]["url"].partition("/vxx.0/")[2]
    answer = call("GET", path)
    assert answer.status_code == recorded.parts[1]["httpStatusCode"]
    assert answer.json() == recorded.parts[1]["body"]


def test_an_unknown_path_is_refused_in_the_recorded_words(call):
    recorded = recordings.exchange("not found", "POST")
    path = recorded.sent["compositeRequest"][0]["url"].partition("/vxx.0/")[2]
    answer = call("GET", path)
    assert answer.status_code == recorded.parts[0]["httpStatusCode"]
    assert answer.json() == recorded.parts[0]["body"]
