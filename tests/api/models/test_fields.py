"""`/api/fields`: suspected fields are listed with the evidence, allowed and left out."""

import pytest
import sqlalchemy as sa

from tests.factories import NOW
from tests.services.models.test_leakage import FOUND, suspect
from webapp.services.models import leakage, registry
from webapp.tables import AuditEntry


@pytest.fixture
def suspected(client, headers):
    """What the list says of the fields, by name."""
    return lambda: {
        told["field"]: told
        for told in client.get("/api/fields/suspected", headers=headers).json["fields"]
    }


def test_nothing_is_listed_while_no_field_is_suspected(suspected):
    assert suspected() == {}


def test_a_suspected_field_is_listed_with_its_evidence(suspected, write):
    write(suspect)
    assert suspected()["tags"] == {
        **FOUND,
        "state": "suspected",
        "suspected_at": NOW.isoformat(),
        "decided_by": None,
        "decided_at": None,
        "is_in_use": False,
    }


def test_a_field_that_the_version_in_use_knows_is_told(suspected, write):
    def make(session):
        suspect(session)
        registry.champion(session).fields = ["tags"]

    write(make)
    assert suspected()["tags"]["is_in_use"] is True


def test_a_program_allows_a_field_and_leaves_it_out_again(client, headers, suspected, write, read):
    write(suspect)
    for action, state in (("allow", "allowed"), ("leave-out", "left_out")):
        answer = client.post(f"/api/fields/tags/{action}", headers=headers)
        assert (answer.status_code, answer.json["state"]) == (200, state)
        assert answer.json["decided_by"] == "key:a program"
        assert answer.json == suspected()["tags"]
        (row,) = read(leakage.every)
        assert row.state == state
    decided = sa.select(AuditEntry.actor).where(AuditEntry.subject == "field tags")
    assert read(lambda s: s.scalars(decided).all()) == ["key:a program"] * 2


@pytest.mark.parametrize("name", ["industry", "a%00b", "%F0%9F%98%80"])
def test_a_field_never_suspected_is_404(client, headers, name):
    answer = client.post(f"/api/fields/{name}/allow", headers=headers)
    assert answer.status_code == 404
    assert answer.json["detail"].startswith("No training has flagged a field")


def test_the_fields_are_listed_with_their_rules(client, headers):
    fields = client.get("/api/fields", headers=headers).json["fields"]
    assert {f["name"]: f for f in fields}["age"] == {
        "name": "age",
        "label": "Age",
        "type": "count",
        "unit": "years",
        "rule": "a whole number from 0 to 120, or null",
        "choices": [],
        "is_shown": True,
        "is_used": True,
        "is_influenced": False,
        "is_retired": False,
    }
