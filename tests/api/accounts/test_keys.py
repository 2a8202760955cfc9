"""`/api/keys`, and when a key was last used."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from webapp.database import utc_now
from webapp.services.accounts import accounts, api_keys


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


def test_a_replaced_key_works_on_for_the_days_of_overlap(client, headers, read):
    body = {"name": "web form", "scopes": ["score"], "expires_in_days": 90}
    old = client.post("/api/keys", json=body, headers=headers).json
    answer = client.post(f"/api/keys/{old['id']}/rotate", json={"overlap_days": 3}, headers=headers)
    new = answer.json
    assert (answer.status_code, new["name"], new["scopes"]) == (201, "web form", ["score"])
    for key in (old, new):
        own = {"Authorization": f"Bearer {key['key']}"}
        assert client.get("/info", headers=own).status_code == 200
    now = utc_now()
    almost, over = now + timedelta(days=3, minutes=-1), now + timedelta(days=3, minutes=1)
    assert [
        read(lambda s, t=t: api_keys.find(s, old["key"], t)) is None for t in (almost, over)
    ] == [
        False,
        True,
    ]
    assert read(lambda s: api_keys.find(s, new["key"], now + timedelta(days=89))) is not None
    assert read(lambda s: api_keys.find(s, new["key"], now + timedelta(days=91))) is None


def test_a_key_that_does_not_work_is_not_replaced(client, headers):
    made = client.post("/api/keys", json={"name": "x", "scopes": ["score"]}, headers=headers).json
    client.delete(f"/api/keys/{made['id']}", headers=headers)
    assert client.post(f"/api/keys/{made['id']}/rotate", headers=headers).status_code == 409
    assert client.post("/api/keys/999/rotate", headers=headers).status_code == 404


def test_a_key_is_dead_with_its_maker_until_somebody_takes_it_over(client, write, ada, sign_in):
    omar = write(lambda s: factories.make_user(s, "omar@example.com", role="admin"))
    page = sign_in(omar).post("/settings/keys", data={"name": "Web", "scope": "score"}).text
    own = {"Authorization": "Bearer " + re.search(r">(ll_[^<]+)</code>", page)[1]}

    def status():
        return client.get("/info", headers=own).status_code

    assert status() == 200
    admin = sign_in(ada)
    admin.post(f"/settings/users/{omar.key}/deactivate")
    assert status() == 401
    told = "It stopped when omar@example.com was deactivated or given another role."
    assert told in admin.get("/settings/keys").text
    admin.post("/settings/keys/1/take-over")
    assert status() == 200
    admin.post(f"/settings/users/{omar.key}/activate")
    admin.post(f"/settings/users/{omar.key}/deactivate")
    assert status() == 200


@pytest.fixture
def made(write, ada):
    """A key of an administrator, beside whom there is another."""
    write(lambda s: factories.make_user(s, "omar@example.com", role="admin"))
    now = factories.NOW
    return write(
        lambda s: api_keys.create(s, "x", ["admin"], created_by="ada", owner=ada.key, now=now)
    )[1]


@pytest.fixture
def become(write, ada):
    """`become(role)`: give the maker of the key another role; None turns the account off."""

    def become(role):
        def work(session):
            by: dict[str, Any] = {"actor": "omar", "now": factories.NOW}
            accounts.set_active(session, ada.key, role is not None, **by)
            if role is not None:
                accounts.change_role(session, ada.key, role, **by)

        write(work)

    return become


@pytest.mark.parametrize("meanwhile", [None, "manager", "rep"])
def test_a_key_stops_and_works_again_with_the_rights_of_its_maker(meanwhile, made, become, read):
    for role, works in ((meanwhile, False), ("admin", True)):
        become(role)
        assert (read(lambda s: api_keys.find(s, made)) is not None) == works


def test_a_key_stays_dead_where_its_maker_comes_back_without_the_right_to_keys(made, become, read):
    for role in ("rep", None, "rep"):
        become(role)
        assert read(lambda s: api_keys.find(s, made)) is None


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
