"""Fixtures for tests of the fake itself: it runs, and a plain client talks to it."""

import pytest
import requests

from demo.salesforce.fake import FakeSalesforce


class Api:
    """What a client sees: no library of Salesforce's between."""

    def __init__(self, fake):
        self.fake = fake
        self.session = requests.Session()
        self.session.headers["Sforce-Auto-Assign"] = "FALSE"

    def log_in(self):
        form = {"grant_type": "client_credentials"}
        pair = (self.fake.app.consumer_key, self.fake.app.consumer_secret)
        answer = requests.post(f"{self.fake.url}/services/oauth2/token", form, auth=pair, timeout=5)
        assert answer.status_code == 200, answer.text
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method, path, **how):
        url = f"{self.fake.url}/services/data/v66.0/{path}"
        return self.session.request(method, url, timeout=5, **how)

    def get(self, path, **params):
        return self.call("GET", path, params=params)

    def query(self, soql, **headers):
        """A whole answer, deleted records among it."""
        return self.call("GET", "queryAll/", params={"q": soql}, headers=headers)

    def rows(self, soql):
        answer = self.query(soql)
        assert answer.status_code == 200, answer.text
        return answer.json()["records"]

    def patch(self, *records, all_or_none=False, **headers):
        typed = [{"attributes": {"type": "Lead"}, **record} for record in records]
        body = {"allOrNone": all_or_none, "records": typed}
        return self.call("PATCH", "composite/sobjects", json=body, headers=headers)


@pytest.fixture
def fake():
    with FakeSalesforce() as fake:
        yield fake


@pytest.fixture
def api(fake):
    api = Api(fake)
    api.log_in()
    fake.requests.clear()
    yield api
    api.session.close()
