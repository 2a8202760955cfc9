"""People are invited by a link: it works once, for seven days, for the password of their own."""

import html
import re
from datetime import timedelta
from functools import partial

import pytest

from tests.conftest import csrf_token
from tests.factories import NOW, PASSWORD, make_user
from webapp.services.accounts import accounts, audit, invitations, passwords
from webapp.services.accounts.invitations import LinkEnded

FORM = {"email": "New@Example.com", "role": "manager"}
OWN = "a password of my own"
DAY = timedelta(days=1)


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


@pytest.fixture
def guest(app, champion):
    return app.test_client()


def link_in(page):
    found = re.findall(r'<code class="secret"[^>]*>([^<]+)</code>', page)
    return html.unescape(found[0]).removeprefix("http://localhost") if found else None


def accept(guest, link, new=OWN, again=OWN):
    form = {"new": new, "again": again, "csrf_token": csrf_token(guest, link)}
    return guest.post(link, data=form)


def test_an_invited_person_sets_their_own_password_and_is_signed_in(admin, guest, read):
    link = link_in(admin.post("/settings/users", data=FORM).text)
    assert read(lambda s: accounts.find(s, "new@example.com")) is None
    assert "You will sign in as <strong>new@example.com</strong>" in guest.get(link).text
    assert accept(guest, link).location == "/"
    user = read(lambda s: accounts.find(s, "new@example.com"))
    assert user.role == "manager"
    assert passwords.matches(user.password_hash, OWN)
    assert "new@example.com" in guest.get("/settings").text


def test_a_link_is_good_once_and_shown_once(admin, guest, app):
    link = link_in(admin.post("/settings/users", data=FORM).text)
    assert link not in admin.get("/settings/users").text
    token = csrf_token(guest, link)
    accept(guest, link)
    again = app.test_client().get(link)
    assert again.status_code == 404
    assert "This link no longer works" in again.text
    assert guest.post(link, data={"new": OWN, "again": OWN, "csrf_token": token}).status_code in {
        400,
        404,
    }


def test_a_link_is_good_for_seven_days(write, read, champion):
    _, token = write(lambda s: invitations.invite(s, "a@b.c", "rep", actor="ada", now=NOW))
    almost, over = NOW + 7 * DAY - timedelta(seconds=1), NOW + 7 * DAY
    assert read(lambda s: invitations.find(s, token, almost)).email == "a@b.c"
    with pytest.raises(LinkEnded):
        read(lambda s: invitations.find(s, token, over))


def test_a_second_invitation_ends_the_first(admin, guest):
    first = link_in(admin.post("/settings/users", data=FORM).text)
    second = link_in(admin.post("/settings/users", data=FORM).text)
    assert guest.get(first).status_code == 404
    assert guest.get(second).status_code == 200
    assert admin.get("/settings/users").text.count("new@example.com</th>") == 1


def test_an_invitation_is_withdrawn(admin, guest):
    link = link_in(admin.post("/settings/users", data=FORM).text)
    page = admin.post("/settings/users/invitations/1/withdraw", follow_redirects=True).text
    assert "new@example.com can no longer use the link." in page
    assert guest.get(link).status_code == 404


@pytest.mark.parametrize(
    ("new", "again", "field", "sentence"),
    [
        ("short", "short", "new", "A password has 12 to 500 characters."),
        ("new@example.com", "new@example.com", "new", "This password is easy to guess."),
        (OWN, "another one", "again", "The two passwords differ."),
    ],
)
def test_a_password_that_cannot_be_taken_keeps_the_link_good(
    new, again, field, sentence, admin, guest
):
    link = link_in(admin.post("/settings/users", data=FORM).text)
    answer = accept(guest, link, new, again)
    assert answer.status_code == 422
    assert f'id="{field}-error">{sentence}' in answer.text
    assert accept(guest, link).status_code == 303


def test_a_user_who_forgot_sets_a_new_password_by_a_link(admin, rita, guest, read):
    link = link_in(admin.post(f"/settings/users/{rita.key}/password").text)
    before = read(lambda s: accounts.by_key(s, rita.key))
    assert passwords.matches(before.password_hash, PASSWORD)
    assert accept(guest, link).status_code == 303
    after = read(lambda s: accounts.by_key(s, rita.key))
    assert not after.must_change_password
    assert passwords.matches(after.password_hash, OWN)


def test_a_link_of_an_account_that_was_turned_off_is_no_way_in(admin, rita, guest):
    link = link_in(admin.post(f"/settings/users/{rita.key}/password").text)
    token = csrf_token(guest, link)
    admin.post(f"/settings/users/{rita.key}/deactivate")
    answer = guest.post(link, data={"new": OWN, "again": OWN, "csrf_token": token})
    assert answer.status_code == 404


def test_the_audit_log_names_who_invited_whom(admin, guest, read):
    accept(guest, link_in(admin.post("/settings/users", data=FORM).text))
    found = [(e.actor, e.action, e.subject) for e in read(audit.latest)]
    assert ("ada@example.com", "invited user", "new@example.com") in found
    assert ("ada@example.com", "made user", "new@example.com") in found
    assert ("new@example.com", "signed in", "session") in found


def test_no_role_is_no_dead_end_and_names_an_administrator(rita, ada, sign_in):
    page = sign_in(rita).get("/settings/users")
    assert page.status_code == 403
    assert "ada@example.com" in page.text


@pytest.mark.parametrize("ended", ["deactivated", "demoted"])
def test_links_of_an_administrator_end_with_their_rights(ended, ada, write, read):
    write(lambda s: make_user(s, "eve@example.com", role="admin"))
    eve, links = read(lambda s: accounts.find(s, "eve@example.com")), {}
    for who in (eve.email, ada.email):
        invite = partial(invitations.invite, email=f"for-{who}", role="admin", actor=who, now=NOW)
        links[who] = write(invite)[1]
    if ended == "deactivated":
        write(lambda s: accounts.set_active(s, eve.key, False, actor=ada.email, now=NOW))
    else:
        write(lambda s: accounts.change_role(s, eve.key, "rep", actor=ada.email, now=NOW))
    with pytest.raises(LinkEnded):
        read(lambda s: invitations.find(s, links[eve.email], NOW))
    assert read(lambda s: invitations.find(s, links[ada.email], NOW)).created_by == ada.email
