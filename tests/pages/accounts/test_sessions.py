"""Where a person is signed in, the password asked again, and one of somebody else's choice."""

import re
from datetime import timedelta

import pytest

from tests.conftest import csrf_token
from tests.factories import NOW, PASSWORD
from webapp.database import utc_now
from webapp.services.accounts import accounts, api_keys, passwords, sessions
from webapp.tables.sign_ins import SignInSession

OWN = "purple otter drinks tea"
KEY_FORM = {"name": "Website", "scope": ["score", "feedback"], "expires": "90"}


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


@pytest.fixture
def stale(admin, write):
    """A signed-in administrator who entered the password a while ago."""
    long_ago = utc_now() - sessions.CONFIRMED_FOR

    def age(session):
        for found in session.query(SignInSession):
            found.confirmed_at = long_ago

    write(age)
    return admin


def ends(page):
    return re.findall(r'action="(/settings/sessions/\d+/end)"', page)


def test_the_own_account_lists_where_one_is_signed_in_and_ends_one_alone(app, rita, sign_in):
    here, phone, office = (sign_in(rita) for _ in range(3))
    page = here.get("/settings", headers={"User-Agent": "Mozilla/5.0 (Windows) Firefox/140.0"}).text
    assert page.count(">this device</span>") == 1
    phone_key = sorted(ends(page), key=lambda path: int(path.split("/")[3]))[0]
    assert here.post(phone_key).location == "/settings"
    assert [person.get("/settings").status_code for person in (here, phone, office)] == [
        200,
        303,
        200,
    ]


def test_all_other_devices_are_signed_out_at_once(rita, sign_in):
    here, elsewhere = sign_in(rita), sign_in(rita)
    here.post("/settings/sessions/end-others")
    assert here.get("/settings").status_code == 200
    assert elsewhere.get("/settings").status_code == 303


def test_nobody_ends_the_session_of_somebody_else(rita, mona, sign_in):
    rep, manager = sign_in(rita), sign_in(mona)
    manager.post("/settings/sessions/1/end")
    assert rep.get("/settings").status_code == 200


def test_a_device_is_named_by_its_browser_and_system(app, rita, champion, quick_hashes):
    client = app.test_client()
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) AppleWebKit/605 Version/19.0 Safari/604.1"
    token = csrf_token(client, "/sign-in")
    form = {"email": rita.email, "password": PASSWORD, "csrf_token": token}
    client.post("/sign-in", data=form, headers={"User-Agent": agent})
    assert "Safari on iPhone" in client.get("/settings").text


def test_a_key_is_made_without_another_question_just_after_signing_in(admin):
    assert "created" in admin.post("/settings/keys", data=KEY_FORM).text


def test_a_while_later_the_password_is_asked_for_and_the_form_is_kept(stale, read):
    asked = stale.post("/settings/keys", data=KEY_FORM)
    assert "Confirm that it is you" in asked.text
    assert read(api_keys.everything) == []
    kept = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text)
    assert [pair for pair in kept if pair[0] != "csrf_token"] == [
        ("name", "Website"),
        ("scope", "score"),
        ("scope", "feedback"),
        ("expires", "90"),
    ]
    again = {**KEY_FORM, "confirm_password": "wrong"}
    refused = stale.post("/settings/keys", data=again)
    assert (refused.status_code, read(api_keys.everything)) == (422, [])
    done = stale.post("/settings/keys", data={**KEY_FORM, "confirm_password": PASSWORD})
    assert "Key “Website” created." in done.text
    assert PASSWORD not in done.text
    assert "created" in stale.post("/settings/keys", data=KEY_FORM).text


def test_users_and_connections_ask_too(stale, rita):
    for path in (
        "/settings/users",
        f"/settings/users/{rita.key}/role",
        f"/settings/users/{rita.key}/password",
        "/sync/connection",
        "/settings/webhooks",
    ):
        assert "Confirm that it is you" in stale.post(path, data={"role": "rep"}).text, path


@pytest.fixture
def newcomer(write, quick_hashes, champion):
    chosen = passwords.hashed(PASSWORD, "nils@example.com")
    return write(
        lambda s: accounts.create(s, "nils@example.com", chosen, "rep", now=NOW, must_change=True)
    )


def test_a_password_of_somebody_else_s_choice_is_changed_before_anything_else(app, newcomer, read):
    client = app.test_client()
    form = {"email": newcomer.email, "password": PASSWORD}
    client.post("/sign-in", data={**form, "csrf_token": csrf_token(client, "/sign-in")})
    asked = client.get("/leads?grade=A")
    assert asked.location == "/new-password?next=/leads?grade%3DA"
    token = csrf_token(client, asked.location)

    def choose(new, again):
        wanted = {"new": new, "again": again, "next": "/leads?grade=A", "csrf_token": token}
        return client.post("/new-password", data=wanted)

    assert "You have used this password before" in choose(PASSWORD, PASSWORD).text
    assert "The two passwords differ" in choose(OWN, "another").text
    assert client.post("/settings/digest", data={"csrf_token": token}).status_code == 303
    assert choose(OWN, OWN).location == "/leads?grade=A"
    assert client.get("/leads").status_code == 200
    assert client.get("/new-password").location == "/settings"
    assert not read(lambda s: accounts.by_key(s, newcomer.key)).must_change_password


def test_a_session_s_use_is_noted_every_five_minutes(admin, ada, write, read):
    earlier = utc_now() - timedelta(hours=1)

    def age(session):
        for found in session.query(SignInSession):
            found.seen_at = earlier

    write(age)
    admin.get("/settings")
    (found,) = read(lambda s: sessions.of_user(s, ada.key, utc_now()))
    assert utc_now() - found.seen_at < timedelta(minutes=1)
