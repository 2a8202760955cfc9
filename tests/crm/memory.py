"""A CRM in memory that converts no leads; leads have many deals, and deals have many leads."""

from dataclasses import replace
from datetime import timedelta
from operator import attrgetter
from typing import Any

from sync.crm.faults import Case, Fault, Kind
from sync.crm.http.quota import Meter
from sync.crm.mapping import stamp
from sync.crm.protocol import DEALS, LEADS, DealRow, Described, LeadRow, Page
from webapp.services.crm.kinds.exchange import Check
from webapp.services.crm.kinds.kind import CrmKind, IdFilter, Login, LoginField, LoginMethod

ADDRESS = LoginField("domain", "Workspace", "Such as acme.memory.example.", max_length=255)
KEY = LoginField("service_key", "Service key", "From the workspace's settings.")
LOGIN = Login(
    methods={"service_key": LoginMethod("Service key", "The only way in.", (ADDRESS, KEY))},
    endings=(".memory.example",),
    host_rule="Must end in .memory.example.",
    host_problem=lambda host, method: None,
)
WORDS = ("memory", "Memory", LOGIN, "person", "people", "deal", "deals", "a deal")
MEMORY = CrmKind(
    *WORDS,
    see_deals="Let it see deals.",
    converts_leads=False,
    lead_address="{org}/people/{id}",
    deal_address="{org}/deals/{id}",
    filters={"owner_ids": IdFilter("Only people of these sellers", "Numbers, one per line.")},
    status_field="stage",
    lost_status="",
    written=("score", "band"),
    stable=frozenset({"source"}),
    no_inputs=frozenset({"score", "band"}),
)
PAGE_ROWS = 2
PLACE = attrgetter("stamp", "id")
TYPES = {"source": "picklist", "visits": "int", "score": "double", "band": "string"}
NOTHING = dict.fromkeys(TYPES)
GONE = Case("gone", Kind.ROW_GONE, "There is no such person.")


class MemoryCrm:
    """All that it has, and what was asked of it; `now` is its clock."""

    rows_per_write = 2
    deletions_told_for = timedelta(days=90)
    field_missing = Case("field missing", Kind.CONFIG, "A field is missing.")
    field_read_only = Case("field read-only", Kind.CONFIG, "A field cannot be written.")

    def __init__(self, now):
        self.now = now
        self.rows: dict[str, dict[str, Any]] = {LEADS: {}, DEALS: {}}
        self.purged, self.written, self.faults = [], {}, []
        self.meter = Meter()

    def open(self, opening):
        """What the worker has as the adapter."""
        self.meter = Meter(server_time=self.now)
        return self

    # What people do

    def lead(self, lead_id, **values):
        at, people = stamp(self.now), {"name": lead_id.title()}
        before = self.rows[LEADS].get(lead_id) or LeadRow(lead_id, at, at, NOTHING, people)
        self.rows[LEADS][lead_id] = replace(before, stamp=at, values={**before.values, **values})
        return lead_id

    def deal(self, deal_id, *lead_ids, **facts):
        """Make a deal, or change it; without leads it keeps those it had."""
        at = stamp(self.now)
        before = self.rows[DEALS].get(deal_id) or DealRow(deal_id, at, at, name=deal_id)
        facts |= {"stamp": at, "stage_changed_at": at, "lead_ids": lead_ids or before.lead_ids}
        self.rows[DEALS][deal_id] = replace(before, **facts)
        return deal_id

    def win(self, deal_id):
        return self.deal(deal_id, is_closed=True, is_won=True)

    def lose(self, deal_id):
        return self.deal(deal_id, is_closed=True, is_won=False)

    def purge(self, obj, row_id):
        """Delete a row for good: nothing but the list of deletions shows that it was there."""
        del self.rows[obj][row_id]
        self.purged.append((obj, row_id, self.now))

    # What the product asks

    def describe(self):
        self._answer()
        more = {"updateable": True, "custom": False}
        fields = [{"name": n, "label": n.title(), "type": t} | more for n, t in TYPES.items()]
        return Described(fields, missing=[], hidden=[])

    def checks(self, now, *, writes_scores):
        return {"Login": lambda name: Check(name, True, "works")}

    def time_zone(self):
        return "UTC"

    def page(self, obj, after, end):
        self._answer()
        order = sorted(self.rows[obj].values(), key=PLACE)
        begin = (after, "") if isinstance(after, str) else after
        found = [row for row in order if begin < PLACE(row) and row.stamp < end]
        return Page(found[:PAGE_ROWS], is_last=len(found) <= PAGE_ROWS)

    def by_ids(self, obj, ids):
        self._answer()
        yield [self.rows[obj][i] for i in ids if i in self.rows[obj]]

    def shown(self, obj, ids):
        return {row.id for rows in self.by_ids(obj, ids) for row in rows}

    def links(self, contact_ids):
        raise AssertionError("no lead becomes a contact here")

    def leads_of(self, deal_ids):
        for deal_id in deal_ids:
            for rows in self.by_ids(LEADS, self.rows[DEALS][deal_id].lead_ids or ()):
                yield from ((deal_id, row) for row in rows)

    def clues(self, deal_ids):
        return iter(())

    def sample(self):
        return list(self.rows[LEADS].values())

    def count(self, start, end):
        return sum(start <= row.created_at < end for row in self.rows[LEADS].values())

    def deleted(self, obj, start, end):
        return [i for o, i, at in self.purged if o == obj and start <= at <= end]

    def write(self, pending, now):
        self._answer()
        self.written |= {e.crm_id: e.score for e in pending if e.crm_id in self.rows[LEADS]}
        return [None if e.crm_id in self.rows[LEADS] else Fault(GONE) for e in pending]

    def _answer(self):
        """Time goes on by a second with each call, and what was ordered fails."""
        self.now += timedelta(seconds=1)
        self.meter.n_calls += 1
        self.meter.server_time = self.now
        if self.faults:
            raise Fault(self.faults.pop(0))
