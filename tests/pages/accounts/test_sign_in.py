"""Signing in and out: the session, the lock-out, and where one lands afterwards."""

import http.client
import re
import threading
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import csrf_token
from tests.factories import NOW, PASSWORD
from webapp.pages.accounts.sign_in import own_path
from webapp.services.accounts import accounts, attempts, passwords


def post(client, **form):
    return client.post("/sign-in", data={"csrf_token": csrf_token(client, "/sign-in"), **form})


def cookie(client):
    return client.get_cookie("leadloop_8000").value


def test_whoever_signs_in_lands_where_they_wanted_to_go(client, rita):
    asked = client.get("/settings?tab=a b")
    assert asked.location == "/sign-in?next=/settings?tab%3Da%2520b"
    assert 'name="next" value="/settings?tab=a%20b"' in client.get(asked.location).text
    answer = post(client, email=rita.email, password=PASSWORD, next="/settings?tab=a%20b")
    assert (answer.status_code, answer.location) == (303, "/settings?tab=a%20b")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/leads\r\nSet-Cookie: a=b",
        "leads",
        "",
    ],
)
def test_nobody_is_sent_to_another_site_after_signing_in(path, client, rita):
    answer = post(client, email=rita.email, password=PASSWORD, next=path)
    assert (answer.status_code, answer.location) == (303, "/")


@given(st.text(alphabet=st.sampled_from("/\\:@.?#%ae\t\r\n \x00é")))
def test_a_path_that_is_let_through_is_one_of_ours(path):
    found = own_path(path)
    assert found is None or urlsplit(urljoin("https://own.example/", found)).netloc == "own.example"


def test_a_wrong_password_says_what_to_do_and_keeps_the_address(client, rita):
    answer = post(client, email=rita.email, password="wrong")
    assert answer.status_code == 422
    assert (
        "The e-mail address or the password is wrong, or there were too many tries." in answer.text
    )
    assert f'value="{rita.email}"' in answer.text
    assert "wrong" not in re.findall('value="([^"]*)"', answer.text)


@pytest.mark.parametrize("email", ["\0", "a\0b@example.com", "é" * 5000, "a@b@c", " "])
def test_no_address_is_too_odd_to_be_refused(email, client):
    assert post(client, email=email, password="x" * 10_000).status_code == 422


def test_a_session_begun_before_signing_in_is_left_behind(client, rita):
    client.get("/sign-in")
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    before = csrf_token(client, "/sign-in")
    post(client, email=rita.email, password=PASSWORD)
    with client.session_transaction() as session:
        assert "planted" not in session
    assert client.post("/sign-out", data={"csrf_token": before}).status_code == 400


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(client, rita):
    answer = post(client, email=rita.email, password=PASSWORD)
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]


def test_a_copy_of_the_cookie_is_worth_nothing_after_signing_out(app, rita, sign_in):
    rep = sign_in(rita)
    copy = cookie(rep)
    other = sign_in(rita)
    assert rep.post("/sign-out").location == "/sign-in"
    assert other.get("/settings").status_code == 200
    thief = app.test_client()
    thief.set_cookie("leadloop_8000", copy)
    assert thief.get("/settings").status_code == 303


def test_a_deactivated_user_is_out_at_once(rita, write, sign_in):
    rep = sign_in(rita)
    write(lambda s: accounts.set_active(s, rita.key, False, actor="ada", now=NOW))
    assert rep.get("/settings").status_code == 303


def test_a_new_role_counts_from_the_next_click(rita, write, sign_in):
    rep = sign_in(rita)
    assert rep.get("/settings/keys").status_code == 403
    write(lambda s: accounts.change_role(s, rita.key, "admin", actor="ada", now=NOW))
    assert rep.get("/settings/keys").status_code == 200


def test_a_fragment_asked_for_after_the_session_ended_takes_the_whole_page_to_sign_in(client):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/leads?grade=A"}
    answer = client.post("/settings/password", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/leads?grade%3DA"


@pytest.mark.parametrize("page", ["HX-Current-URL", "Referer"])
def test_a_click_after_the_session_ended_leads_back_and_is_named_as_not_saved(page, client):
    headers = {page: "http://localhost/leads?grade=A"}
    if page == "HX-Current-URL":
        headers["HX-Request"] = "true"
    answer = client.post("/leads/1/outcome", headers=headers)
    target = answer.headers.get("HX-Redirect", answer.headers.get("Location"))
    assert target == "/sign-in?next=/leads?grade%3DA"
    shown = client.get(target).text
    assert "Your session has ended, so your last click was not saved." in shown


@pytest.mark.parametrize(
    "address", ["http://[", "//[/leads", "http://a]b/leads", "\u00ff\u00fe", ""]
)
def test_an_address_that_is_none_leads_to_the_sign_in_page(address, client):
    headers = {"HX-Request": "true", "HX-Current-URL": address}
    answer = client.get("/leads", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in"


@pytest.mark.parametrize("host", ["[", "a]b", "a b", "a:b:c", "xn--a"])
def test_a_host_that_is_none_changes_nothing_about_where_to_sign_in(host, server_url):
    connection = http.client.HTTPConnection(urlsplit(server_url).netloc, timeout=60)
    connection.request("GET", "/leads?grade=A", headers={"Host": host})
    answer = connection.getresponse()
    connection.close()
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=/leads?grade%3DA")


def test_a_sign_in_form_that_was_open_for_too_long_is_given_anew(client, rita):
    answer = client.post("/sign-in", data={"email": rita.email, "password": PASSWORD})
    assert answer.status_code == 400
    assert "This page was open too long. Sign in again." in answer.text
    assert f'value="{rita.email}"' in answer.text


def test_a_crowd_at_the_door_is_turned_away_instead_of_piling_up(client, rita, monkeypatch):
    monkeypatch.setattr(passwords, "_in_flight", threading.BoundedSemaphore(1))
    with passwords._in_flight:
        # None of them is counted: no password was looked at.
        tries = range(attempts.FREE_TRIES + 1)
        answers = [post(client, email=rita.email, password=PASSWORD) for _ in tries]
    assert {answer.status_code for answer in answers} == {429}
    assert "Wait a minute" in answers[-1].text
    assert post(client, email=rita.email, password=PASSWORD).status_code == 303


def test_whoever_is_signed_in_needs_no_sign_in_page(rita, sign_in):
    assert sign_in(rita).get("/sign-in?next=/settings").location == "/settings"
    assert sign_in(rita).get("/sign-in?next=//evil.example").location == "/"
