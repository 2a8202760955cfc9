"""A Salesforce that is not Salesforce, the product connected to it, and a worker to run it."""

import threading
from typing import Any, cast

import pytest

from sync import crm_jobs
from sync.jobs import Worker
from tests import factories
from tests.fake_salesforce.fake import FakeSalesforce
from webapp.config import Settings
from webapp.services import crm_connection, crm_runs, runs
from webapp.services.crm_secrets import Credentials


@pytest.fixture
def fake():
    with FakeSalesforce() as fake:
        yield fake


@pytest.fixture
def settings(database_url, tmp_path, fake):
    return Settings(data_dir=tmp_path, database_url=database_url, salesforce_extra_host=fake.url)


@pytest.fixture(autouse=True)
def no_token_is_left():
    """Every test's worker is a process of its own."""
    crm_jobs._wallets.clear()


class Salesforce:
    """The product's side: settings by an administrator, runs by a worker."""

    def __init__(self, fake, app, settings):
        self.fake, self.app, self.settings = fake, app, settings
        clock = lambda: fake.clock.now  # noqa: E731
        self.worker = Worker("tests", cast("Any", None), threading.Event(), clock)

    def write(self, work):
        with self.app.app_context():
            return crm_jobs.write(work)

    def read(self, work):
        with self.app.app_context():
            return crm_jobs.read(work)

    @property
    def now(self):
        return self.fake.clock.now

    def connect(self, **changes):
        entered = Credentials(
            **{
                "method": "client_credentials",
                "domain": self.fake.url,
                "consumer_key": self.fake.app.consumer_key,
                "consumer_secret": self.fake.app.consumer_secret,
            }
            | changes
        )
        self.write(
            lambda s: crm_connection.save(s, entered, self.settings, actor="ada", now=self.now)
        )

    def rules(self, **changes):
        def change(session):
            before = crm_connection.rules(crm_connection.get(session)).to_json()
            chosen = crm_connection.CrmRules.from_json(before | changes)
            crm_connection.save_rules(session, chosen, "ada", self.now)

        self.write(change)

    def run(self, mode="live"):
        """One run as a person asks for it; what it says of itself."""
        run = self.write(lambda s: crm_runs.request(s, mode, "ada", self.now))
        with self.app.app_context():
            crm_jobs.sync_crm(self.worker)
        return self.read(lambda s: runs.by_key(s, run.key))

    def tick(self):
        """What the worker's clock does: a run where one is due."""
        with self.app.app_context():
            crm_jobs.sync_crm(self.worker)


@pytest.fixture
def salesforce(fake, app, settings, write):
    write(factories.make_champion)
    salesforce = Salesforce(fake, app, settings)
    salesforce.connect()
    return salesforce
