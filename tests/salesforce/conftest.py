"""A Salesforce that is not Salesforce, the product connected to it, and a worker to run it."""

import threading
from typing import Any, cast

import pytest
import sqlalchemy as sa

from demo.salesforce.fake import FakeSalesforce
from sync.crm import phases
from sync.crm.http.calls import Clocks
from sync.crm.protocol import Opening
from sync.salesforce import adapter
from sync.scheduler import ADAPTERS
from sync.worker import Worker
from tests import factories
from tests.apps import engine_of
from tests.conftest import MOSTLY_SQLITE
from webapp import database
from webapp.config import Settings
from webapp.crm_tables import CrmDeal, CrmLead, CrmLink
from webapp.services.crm import connections, field_sources, outcome_rules, saved_mapping, sync_runs
from webapp.services.crm.credentials import Credentials
from webapp.services.leads import leads
from webapp.services.runs import runs
from webapp.tables import Score


@pytest.fixture(scope="session", params=MOSTLY_SQLITE)
def dialect(request):
    return request.param


@pytest.fixture
def fake():
    with FakeSalesforce() as fake:
        # The clock stands still until it is moved, so it is asked anew each time.
        fake.oauth.signing_time = lambda: fake.clock.now.timestamp()  # noqa: PLW0108
        yield fake


@pytest.fixture
def settings(database_url, tmp_path, fake):
    return Settings(data_dir=tmp_path, database_url=database_url, salesforce_extra_host=fake.url)


@pytest.fixture(autouse=True)
def no_token_is_left():
    """Every test's worker is a process of its own."""
    adapter._token_caches.clear()


DELETED_DEAL = (
    sa.select(CrmDeal.id)
    .join(CrmLink, CrmLink.deal_id == CrmDeal.id)
    .where(CrmLink.crm_lead_id == CrmLead.id, CrmDeal.is_deleted)
)
CONVERTED_BUT_OPEN = (
    sa.select(CrmLead.id)
    .join(Score, Score.lead_key == CrmLead.lead_key)
    .where(Score.status == "open", CrmLead.is_converted, ~CrmLead.is_deleted)
    .where(~DELETED_DEAL.exists())
)


class Impatient(threading.Event):
    """Waits for nothing, and keeps for how long it should have."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return self.is_set()


class Salesforce:
    """The product's side: settings by an administrator, runs by a worker."""

    def __init__(self, fake, app, settings):
        self.fake, self.app, self.settings = fake, app, settings
        clock = lambda: fake.clock.now  # noqa: E731
        self.stop = Impatient()
        self.worker = Worker("tests", cast("Any", None), self.stop, clock, ADAPTERS)

    def write(self, work):
        with self.app.app_context():
            return database.write(work)

    def read(self, work):
        with self.app.app_context():
            return database.read(work)

    @property
    def now(self):
        return self.fake.clock.now

    def connect(self, method="client_credentials", **changes):
        values = {
            "domain": self.fake.url,
            "consumer_key": self.fake.app.consumer_key,
            "consumer_secret": self.fake.app.consumer_secret,
        }
        entered = Credentials.of(method, values | changes)
        self.write(lambda s: connections.save(s, entered, self.settings, actor="ada", now=self.now))

    def start(self):
        """An administrator starts the sync."""
        self.write(lambda s: connections.pause(s, False, "ada", self.now))

    def rules(self, **changes):
        def change(session):
            before = connections.rules(connections.get(session)).to_json()
            chosen = outcome_rules.CrmRules.from_json(before | changes)
            connections.save_rules(session, chosen, "ada", self.now)

        self.write(change)

    def map(self, **changes):
        """Fill fields from Salesforce fields: (name, transform, fallback)."""

        def save(session):
            before = {s.field: s for s in saved_mapping.sources(session, factories.FIELDS)}
            for field, (name, transform, *fallback) in changes.items():
                is_stable = name in field_sources.STABLE
                before[field] = field_sources.FieldSource(
                    field, name, transform, None, next(iter(fallback), None), is_stable
                )
            saved_mapping.save(session, list(before.values()), "ada", self.now)

        self.write(save)

    def run(self, mode="live"):
        """One run as a person asks for it; what it says of itself."""
        run = self.write(lambda s: sync_runs.request(s, mode, "ada", self.now))
        with self.app.app_context():
            phases.sync_crm(self.worker)
        return self.read(lambda s: runs.by_key(s, run.key))

    def later(self, **passed):
        """Time goes by, a quarter of an hour unless said otherwise, and a run that goes well."""
        self.fake.clock.advance(**passed or {"minutes": 15})
        run = self.run()
        assert run.state == "succeeded", run.error
        assert "stopped" not in run.result
        return run

    def next_day(self):
        """A run that looks at everything again, and the one after it."""
        self.later(days=1, minutes=1)
        return self.later()

    def lead(self, lead_id):
        return self.read(lambda s: leads.find(s, lead_id))

    def converted_but_open(self):
        """Leads listed as open although they are converted and their deal was not deleted."""
        # Without a session: histories ask after each step.
        with engine_of(self.app).connect() as connection:
            return connection.execute(CONVERTED_BUT_OPEN).scalars().all()

    def outcome(self, lead_id):
        return self.lead(lead_id).outcome

    def history(self, lead_id):
        """What was said of a lead, oldest first, each with its rule."""
        rows = self.read(lambda s: leads.outcome_history(s, leads.find(s, lead_id)))
        return [(row.result, row.rule) for row in reversed(rows)]

    def tick(self):
        """What the worker's clock does: a run where one is due."""
        with self.app.app_context():
            phases.sync_crm(self.worker)


def opened(fake, **rules):
    """The org as the worker has it, by these rules."""
    values = {
        "domain": fake.url,
        "consumer_key": fake.app.consumer_key,
        "consumer_secret": fake.app.consumer_secret,
    }
    credentials = Credentials.of("client_credentials", values)
    settings = Settings(salesforce_extra_host=fake.url)
    chosen = outcome_rules.CrmRules(**rules)
    how = (chosen.external_id_field, chosen.decisive, 0, Clocks())
    return adapter.connect(Opening(credentials, settings, ["LeadSource"], *how))


@pytest.fixture
def salesforce(fake, app, settings, write):
    write(factories.make_champion)
    salesforce = Salesforce(fake, app, settings)
    salesforce.connect()
    salesforce.start()
    return salesforce
