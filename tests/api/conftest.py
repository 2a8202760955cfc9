"""Fixtures for tests of the API: a program with a key, and the server that the product uses."""

import threading

import pytest
import requests
import waitress.server

from tests import factories
from webapp.server import WAITRESS


class Program:
    """A program with an API key, over real HTTP."""

    def __init__(self, url, token):
        self.url = url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method, path, **options):
        return self.session.request(method, self.url + path, timeout=60, **options)

    def exactly(self, method, path, **options):
        """Send the path as it is, where the library would tidy it up."""
        request = requests.Request(method, self.url, **options)
        prepared = self.session.prepare_request(request)
        prepared.url = self.url + path
        return self.session.send(prepared, timeout=60)


@pytest.fixture
def waitress_url(app, champion):
    """The app behind the server it runs on, with its limits."""
    server = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=8, **WAITRESS)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    for channel in list(server.active_channels.values()):
        channel.will_close = True  # clients that keep theirs open would hold up the end
    server.close()
    thread.join(5)


@pytest.fixture
def program(waitress_url, write):
    """A program that may do everything; call it with a method and a path."""
    return Program(waitress_url, write(factories.make_key))


@pytest.fixture
def score(client, headers):
    """`score(lead_id, **values)` scores a lead and gives the answer."""

    def score(lead_id, **values):
        answer = client.post("/score", json={"lead_id": lead_id, **values}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    return score


def pointers(answer):
    """Where in a request the wrong values stand, as a problem document says."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    return [error["pointer"] for error in answer.json["errors"]]
