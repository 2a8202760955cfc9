"""What a request may look like: whose form it is, its Host, its headers, its cookie."""

import socket
import threading

import pytest
from waitress.server import create_server

from tests.conftest import csrf_token
from tests.factories import PASSWORD
from webapp import server
from webapp.app import create_app


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://behind.a.proxy"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
    ],
)
def test_a_change_is_taken_from_our_own_pages_only_whatever_its_token(
    headers, is_taken, rita, sign_in
):
    rep = sign_in(rita)
    answer = rep.post("/settings/sessions/end-others", headers=headers)
    assert answer.status_code == (303 if is_taken else 400)


def test_sign_in_is_refused_to_a_form_of_another_site(client, rita):
    form = {"email": rita.email, "password": PASSWORD, "csrf_token": csrf_token(client, "/sign-in")}
    answer = client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 400
    assert client.get("/settings").status_code == 303


def test_signing_out_clears_what_the_browser_keeps_but_not_which_device_it_is(rita, sign_in):
    answer = sign_in(rita).post("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"storage"'


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "leadloop_8000="),
        ({"trusted_proxies": 1}, "__Host-leadloop_8000="),
        ({"public_url": "https://leads.example"}, "__Host-leadloop_8000="),
        ({"public_url": "https://leads.example", "secure_cookies": False}, "leadloop_8000="),
    ],
)
def test_behind_https_cookies_are_bound_to_the_host(changed, name, settings, champion, rita):
    client = create_app(settings.model_copy(update=changed)).test_client()
    base = "https://leads.example" if name.startswith("__Host-") else "http://leads.example"
    cookie = client.get("/sign-in", base_url=base).headers["Set-Cookie"]
    assert cookie.startswith(name)
    assert ("Secure" in cookie) == name.startswith("__Host-")
    assert "Domain" not in cookie
    assert "Path=/" in cookie


def test_the_guide_names_our_own_address_whatever_host_was_asked(client):
    page = client.get("/docs", base_url="http://evil.example").text
    assert "evil.example" not in page
    assert "LEADLOOP=http://127.0.0.1:8000" in page


@pytest.fixture
def ask(app, champion, monkeypatch):
    """`ask(lines)` sends a request line and headers as they are, and gives the status."""
    monkeypatch.setattr(server.TcpWSGIServer, "channel_class", server.StrictChannel)
    listening = create_server(app, host="127.0.0.1", port=0, threads=1)
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()

    def ask(*lines):
        with socket.create_connection(("127.0.0.1", listening.effective_port)) as connection:
            connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            return int(connection.makefile("rb").readline().split()[1])

    yield ask
    listening.close()
    listening.task_dispatcher.shutdown()


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Host: a.example",), 200),
        (("Host: a.example", "Host: evil.example"), 400),
        (("Host: a.example", "hOST:evil.example"), 400),
        (("Host: a.example", "X-Note: a", " b"), 400),
        (("Host: a.example", "X-Note: a", "\tb"), 400),
        (("Host: a.example", "X-Hosting: b"), 200),
    ],
)
def test_a_request_that_two_servers_could_read_differently_is_refused(lines, status, ask):
    assert ask("GET /health HTTP/1.1", *lines) == status
