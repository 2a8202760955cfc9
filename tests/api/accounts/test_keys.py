"""`/api/keys`, and when a key was last used."""

from datetime import timedelta

import pytest

from tests import factories
from webapp.database import utc_now
from webapp.services.accounts import api_keys


@pytest.fixture(scope="session")
def dialect():
    return "sqlite"


def test_a_key_is_shown_once_and_works(client, headers):
    body = {"name": "web form", "scopes": ["score"]}
    made = client.post("/api/keys", json=body, headers=headers)
    own = {"Authorization": f"Bearer {made.json['key']}"}
    assert made.status_code == 201
    assert client.get("/info", headers=own).status_code == 200
    assert made.json["key"] not in client.get("/api/keys", headers=headers).text
    listed = client.get("/api/keys", headers=headers).json["keys"]
    assert (listed[0]["name"], listed[0]["created_by"]) == ("web form", "key:a program")


def test_a_revoked_key_stops_at_once(client, headers):
    body = {"name": "web form", "scopes": ["score"]}
    made = client.post("/api/keys", json=body, headers=headers).json
    own = {"Authorization": f"Bearer {made['key']}"}
    client.get("/info", headers=own)
    revoked = client.delete(f"/api/keys/{made['id']}", headers=headers)
    assert revoked.json["revoked_at"] is not None
    assert client.get("/info", headers=own).status_code == 401
    again = client.delete(f"/api/keys/{made['id']}", headers=headers)
    assert again.json == revoked.json


def test_a_key_may_be_made_for_some_days(client, headers):
    body = {"name": "trial", "scopes": ["score"], "expires_in_days": 30}
    made = client.post("/api/keys", json=body, headers=headers).json
    assert made["expires_at"][:10] > made["created_at"][:10]
    refused = client.post("/api/keys", json={**body, "expires_in_days": 0}, headers=headers)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/expires_in_days"


@pytest.mark.parametrize("key", ["999", "9223372036854775807", "9223372036854775808", "x", "-1"])
def test_a_key_that_does_not_exist_is_404(client, headers, key):
    assert client.delete(f"/api/keys/{key}", headers=headers).status_code == 404


def test_the_last_use_is_noted_every_five_minutes(client, headers, write, read):
    text = headers["Authorization"].removeprefix("Bearer ")

    def used_at():
        return read(lambda s: api_keys.find(s, text).used_at)

    client.get("/info", headers=headers)
    first = used_at()
    client.get("/info", headers=headers)
    assert used_at() == first
    earlier = utc_now() - timedelta(minutes=6)
    write(lambda s: api_keys.note_use(s, api_keys.find(s, text).key, earlier))
    client.get("/info", headers=headers)
    assert used_at() > earlier + timedelta(minutes=5)


def test_keys_list_no_text_and_no_digest(client, headers, read):
    text = headers["Authorization"].removeprefix("Bearer ")
    listed = client.get("/api/keys", headers=headers).text
    assert text not in listed
    assert read(lambda s: api_keys.find(s, text).digest) not in listed
    assert factories.NOW.isoformat() in listed
