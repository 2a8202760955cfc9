"""The product, connected to the CRM in memory."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sync.crm import phases
from sync.worker import Worker
from tests.crm.memory import MEMORY
from webapp import database
from webapp.services.crm import connections, sync_runs
from webapp.services.crm.field_sources import FieldSource
from webapp.services.leads import leads
from webapp.services.runs import runs

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SOURCES = [FieldSource("lead_source", "source"), FieldSource("website_visits", "visits")]


class Connected:
    """The product at work beside it."""

    def __init__(self, app, crm):
        self.app, self.crm = app, crm
        adapters = {MEMORY.key: crm.open}
        event = threading.Event()
        self.worker = Worker("tests", cast("Any", None), event, lambda: crm.now, adapters)

    def write(self, work):
        with self.app.app_context():
            return database.write(work)

    def run(self, mode="live", **passed):
        self.crm.now += timedelta(**passed or {"minutes": 15})
        run = self.write(lambda s: sync_runs.request(s, mode, "ada", self.crm.now))
        with self.app.app_context():
            phases.sync_crm(self.worker)
            return database.read(lambda s: runs.by_key(s, run.key))

    def well(self, **passed):
        run = self.run(**passed)
        assert run.state == "succeeded", run.error
        return run.result["counts"]

    def statuses(self, *lead_ids):
        found = self.write(lambda s: [leads.find(s, i) for i in lead_ids])
        return [lead.status for lead in found]

    def history(self, lead_id):
        rows = self.write(lambda s: leads.outcome_history(s, leads.find(s, lead_id)))
        return [(row.result, row.source, row.rule) for row in reversed(rows)]

    def rules(self, **changes):
        def change(session):
            before = connections.rules(connections.get(session)).to_json()
            chosen = connections.CrmRules.from_json(before | changes)
            connections.save_rules(session, chosen, "ada", self.crm.now)

        self.write(change)
