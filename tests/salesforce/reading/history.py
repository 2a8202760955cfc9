"""A random life of an org, with a sync that is stopped at any point of it; and the truth."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from sync.crm import reading, reconcile, sync_run
from sync.salesforce import soql
from tests.connected import RITA
from tests.factories import make_outcome
from tests.salesforce.outcomes.test_pipeline_cases import NOT_CONVERTED
from tests.salesforce.reading.by_hand import ByHand
from tests.salesforce.reading.found import Found
from webapp.services.crm import connections, mirror, sync_runs
from webapp.services.runs import runs


class Killed(BaseException):
    """The worker is gone, at this very point."""


class History:
    """What happens, drawn from a seed; a run here and there, some of them cut short."""

    def __init__(self, seed, fake, salesforce, monkeypatch):
        self.random = random.Random(seed)
        self.fake, self.salesforce = fake, salesforce
        self.leads, self.deals = [], []
        # Deals that a lead was converted to, or in which a contact of one had a part.
        self.matched: set[str] = set()
        self.by_hand = ByHand(self)
        # Contacts of leads that were converted without a deal, with those they have a part in.
        self.parts: dict[str, list[str]] = {}
        # Leads that were converted before what is read begins, with their deals.
        self.old: dict[str, str] = {}
        # What a rep has reported of leads that are never converted, and when.
        self.words: dict[str, tuple[datetime, bool]] = {}
        # Leads that are gone for good, as they were last, and those then known to be one with them.
        self.purged: dict[str, dict[str, Any]] = {}
        self.named_by_purged: set[str] = set()
        # What the integration user has lost sight of for now.
        self.hidden: set[str] = set()
        salesforce.settings.sync_max_lost_percent = 100
        self.n_kills = 0
        self._kill_at = None
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(soql, "PAGE_ROWS", 7)
        monkeypatch.setattr(reading, "STEP_ROWS", 3)
        # Each is a call, and all leads are of one month.
        monkeypatch.setattr(reconcile, "MONTHS_COMPARED", 2)
        self._watch_steps()

    def begin_long_ago(self):
        """Leads were converted long ago, with a deal or without, and their deals are still open."""
        leads = [self.fake.lead(LeadSource="Web") for _ in range(3)]
        deals = [self.fake.convert(lead, lead != leads[2]) for lead in leads]
        self.fake.clock.advance(days=60)
        self.salesforce.rules(history_days=30)
        self.salesforce.later()
        deals[2] = self.fake.opportunity(LeadSource="Web")
        self.fake.contact_role(deals[2], self.fake.get(leads[2])["ConvertedContactId"])
        self.old = dict(zip(leads, deals, strict=True))

    def live(self, n_events):
        for _ in range(n_events):
            if self.random.random() < 0.12:
                self.sync()
            self.random.choice(self._possible())()
            self.fake.clock.advance(seconds=self.random.choice([0, 0, 1, 30, 400, 1500]))
            if self.random.random() < 0.05:
                self.fake.clock.advance(days=1)

    def come_to_rest(self):
        """Nothing happens any more, and nothing fails: after a while all is known.

        What was left in the middle is gone on with in steps as small as before, then in usual ones.
        """
        self.fake.heal()
        self.fake.rest.queries.page_cap = None
        self.salesforce.settings.salesforce_daily_calls = None
        self.fake.show(*self.hidden)
        self.fake.clock.advance(hours=7)
        self._go_on()
        self._monkeypatch.setattr(soql, "PAGE_ROWS", 2000)
        self._monkeypatch.setattr(reading, "STEP_ROWS", 500)
        # Every night what is back in sight is found, and then the parts of contacts in deals.
        self.salesforce.next_day()
        self.salesforce.later(days=1, minutes=1)
        self.found = self.found_now()

    # What people do

    def _possible(self) -> list[Callable[[], object]]:
        live = [i for i in self.deals if self._is(i, IsDeleted=False)]
        events = [self._new_lead, self._bulk, *self._of_leads(live), *self._of_deals(live)]
        events += self.by_hand.events()
        if self.hidden:
            events.append(partial(self._show, self.random.choice(sorted(self.hidden))))
        if self.leads:
            some = self.deals if self.deals and self.random.random() < 0.6 else self.leads
            events.append(partial(self._hide, self.random.choice(some)))
        return events

    def _of_leads(self, live) -> list[Callable[[], object]]:
        there = [i for i in self.leads if i not in self.purged]
        open_leads = [i for i in there if self._is(i, IsDeleted=False, IsConverted=False)]
        converted = [i for i in there if self._is(i, IsDeleted=False, IsConverted=True)]
        gone = [i for i in there if self._is(i, IsDeleted=True, MasterRecordId=None)]
        merged = [i for i in there if self._is_known_as_merged(i)]
        events: list[Callable[[], object]] = []
        if open_leads:
            lead = self.random.choice(open_leads)
            events += [partial(self._edit, lead), partial(self._report, lead)]
            events += [partial(self._convert, lead, live)] * 2
            events += [partial(self.fake.delete, lead)] * (lead not in self.hidden)
        if len(open_leads) > 1:
            events.append(partial(self._merge, *self.random.sample(open_leads, 2)))
        if converted:
            taken_back = self.random.choice(converted)
            events.append(partial(self.fake.update, taken_back, **NOT_CONVERTED))
        if gone:
            events += [partial(self.fake.undelete, self.random.choice(gone))] * 2
        if gone or merged:
            events.append(partial(self._purge, self.random.choice(gone + merged)))
        return events

    def _of_deals(self, live) -> list[Callable[[], object]]:
        dead = [i for i in self.deals if self._is(i, IsDeleted=True)]
        events: list[Callable[[], object]] = []
        if dead:
            events.append(partial(self.fake.undelete, self.random.choice(dead)))
        if live and self.parts:
            events += [partial(self._take_part, live)] * 2
        if self.old:
            deal = self.random.choice(list(self.old.values()))
            events += [partial(self.fake.close, deal, won=self.random.random() < 0.5)] * 2
            events.append(partial(self.fake.reopen, deal))
        if live:
            deal = self.random.choice(live)
            won = self.random.random() < 0.5
            events += [partial(self.fake.close, deal, won=won)] * 3
            events += [partial(self.fake.reopen, deal), partial(self.fake.delete, deal)]
        return events

    def _hide(self, record_id):
        """Not of a deleted lead: one that is told and not shown is taken for purged."""
        if record_id in self.leads and self._is(record_id, IsDeleted=True):
            return
        self.hidden.add(record_id)
        self.fake.hide(record_id)

    def _show(self, record_id):
        self.hidden.remove(record_id)
        self.fake.show(record_id)

    def _row(self, record_id):
        return self.purged.get(record_id) or self.fake.get(record_id)

    def _is(self, record_id, **expected):
        row = self._row(record_id)
        return all(row[name] == value for name, value in expected.items())

    def _new_lead(self):
        if self.random.random() < 0.3:
            with self.fake.late_commit(seconds=400):
                lead = self._made()
            self.fake.clock.advance(seconds=401 if self.random.random() < 0.5 else 200)
            self.fake.clock.advance(seconds=201)
        else:
            lead = self._made()
        self.leads.append(lead)

    def _made(self):
        source = self.random.choice(["Webinar", "Referral", "Cold Call", None])
        return self.fake.lead(LeadSource=source)

    def _bulk(self):
        if self.random.random() < 0.3:
            self.leads += self.fake.leads(self.random.randint(5, 25), LeadSource="Webinar")

    def _edit(self, lead):
        self.fake.update(lead, LeadSource=self.random.choice(["Referral", "Cold Call"]))

    def _report(self, lead):
        """A rep reports the outcome of a lead that was read, and that no deal decides."""
        if lead not in self.found_now().leads or self.by_hand.has_linked(lead):
            return
        self.fake.clock.advance(seconds=1)
        at, is_won = self.salesforce.now, self.random.random() < 0.5
        self.salesforce.write(lambda s: make_outcome(s, lead, is_won, attribution=RITA, now=at))
        self.words[lead] = (at, is_won)

    def _merge(self, winner, loser):
        pair = (winner, loser)
        has_links = any(self.by_hand.has_linked(lead) for lead in pair)
        n_reported = sum(lead in self.words for lead in pair)
        if n_reported == 0 or (n_reported == 2 and not has_links):
            self.fake.merge(winner, loser)

    def _purge(self, lead):
        self.purged[lead] = dict(self.fake.get(lead))
        self.named_by_purged |= self.salesforce.read(lambda s: mirror.families(s, [lead])).keys()
        self.fake.purge(lead)

    def _is_known_as_merged(self, lead):
        """Whether the product knows into which lead it was merged: of a purged one nobody tells."""
        master = self._row(lead)["MasterRecordId"]
        if master is None or lead in self.purged:
            return False
        known = self.salesforce.read(lambda s: mirror.leads_by_id(s, [lead, master]))
        return lead in known and known[lead].merged_into == master and master in known

    def _convert(self, lead, live):
        if lead in self.words:
            return
        drawn = self.random.random()
        onto = self.random.choice(live) if live and drawn < 0.3 else drawn < 0.8
        deal = self.fake.convert(lead, onto)
        self.matched |= {deal} if deal else set()
        if not deal:
            self.parts[self.fake.get(lead)["ConvertedContactId"]] = []
        elif deal not in self.deals:
            self.deals.append(deal)

    def _take_part(self, live):
        contact, deal = self.random.choice(list(self.parts)), self.random.choice(live)
        if deal not in self.parts[contact]:
            self.fake.contact_role(deal, contact)
            self.parts[contact].append(deal)
            self.matched.add(deal)

    # The sync, and what stops it

    def sync(self):
        cut = self.random.choice(["none", "none", "kill", "kill", "fault", "budget", "cap"])
        self.fake.rest.queries.page_cap = 3 if cut == "cap" else None
        n_made = self.salesforce.read(self._n_calls)
        budget = n_made + self.random.randint(1, 8) if cut == "budget" else None
        self.salesforce.settings.salesforce_daily_calls = budget
        if cut == "fault":
            self.fake.fail_at(self.random.randint(1, 8), "object not visible")
        self._kill_at = self.random.randint(1, 10) if cut == "kill" else None
        self._go_on()
        self.fake.heal()

    def _n_calls(self, session):
        connection = connections.get(session)
        return sync_runs.n_calls_today(connection, self.salesforce.now)

    def _go_on(self):
        """Free what a killed worker held, close the breaker, and run."""
        self.fake.clock.advance(minutes=2)
        now = self.salesforce.now
        for lost in self.salesforce.read(lambda s: runs.overdue(s, now)):
            self.salesforce.write(lambda s, r=lost: runs.give_up(s, r, now))
        self.salesforce.write(self._reset)
        try:
            self.salesforce.tick()
        except Killed:
            self.n_kills += 1
        self._kill_at = None

    def _reset(self, session):
        connection = connections.get(session)
        connections.close_breaker(connection)
        connection.hinted_at = self.salesforce.now

    def _watch_steps(self):
        step = sync_run.SyncRun.step

        def watched(org, work, **how):
            self._maybe_kill()
            answer = step(org, work, **how)
            assert self.salesforce.converted_but_open() == []
            self._maybe_kill()
            return answer

        self._monkeypatch.setattr(sync_run.SyncRun, "step", watched)

    def _maybe_kill(self):
        if self._kill_at is not None:
            self._kill_at -= 1
            if self._kill_at <= 0:
                raise Killed

    # The truth, read off the org

    def erased(self):
        """Leads that are purged, or were merged into one that is when that was known already.

        Of a merge that was read too late nobody tells: such a lead stays until it is purged itself.
        """
        gone = {i for i in self.leads if self.survivor(i)["Id"] in self.purged}
        return gone & (self.named_by_purged | self.purged.keys())

    def survivor(self, lead):
        row = self._row(lead)
        return self.survivor(row["MasterRecordId"]) if row["MasterRecordId"] else row

    def truth(self, lead):
        survivor = self.survivor(lead)
        if words := self._words_of(lead):
            return None if survivor["IsDeleted"] else max(words)[1]
        by_hand = self.by_hand.result(lead, self._own_deals_of(lead))
        if by_hand in {"won", "open", "lost"}:
            return {"won": True, "open": None, "lost": False}[by_hand]
        deals = self.deals_of(lead)
        is_won = any(deal["IsWon"] for deal in deals)
        return is_won if is_won or (deals and all(deal["IsClosed"] for deal in deals)) else None

    def is_pending(self, lead):
        """It is converted, and how that ends is open: by an open deal, or by none so far."""
        row, deals = self.survivor(lead), self.deals_of(lead)
        by_hand = self.by_hand.result(lead, self._own_deals_of(lead))
        if self._words_of(lead) or by_hand == "open":
            return not self._words_of(lead)
        # Deals linked by hand that are all deleted take the place of none.
        is_undecided = row["IsConverted"] and self.truth(lead) is None
        is_waiting = not row["ConvertedOpportunityId"] and by_hand != "void"
        return is_undecided and bool(deals or is_waiting)

    def deals_of(self, lead):
        """The deal that a lead was converted to, else those in which its contact has a part.

        Of the latter those made before the conversion are not the lead's, give or take a day.
        """
        row = self.survivor(lead)
        own = row["ConvertedOpportunityId"]
        ids = [own] if own else self.parts.get(row["ConvertedContactId"], [])
        found = [self.fake.get(i) for i in ids if own or self._is_newer(i, row["ConvertedDate"])]
        return [deal for deal in found if not deal["IsDeleted"] and not row["IsDeleted"]]

    def _own_deals_of(self, lead):
        return self.deals_of(lead) if self.survivor(lead)["ConvertedOpportunityId"] else []

    def _words_of(self, lead):
        survivor = self.survivor(lead)["Id"]
        return [w for i, w in self.words.items() if self.survivor(i)["Id"] == survivor]

    def is_reported(self, lead):
        """Whether a rep has reported an outcome of a lead, or of one merged with it."""
        return bool(self._words_of(lead))

    def found_now(self):
        """What the product has of the leads."""
        return self.salesforce.read(partial(Found.of, self.leads))

    def _is_newer(self, deal_id, converted_on):
        the_day_before = date.fromisoformat(converted_on) - timedelta(days=1)
        return self.fake.get(deal_id)["CreatedDate"] >= the_day_before.isoformat()

    def truth_of_old(self):
        """The outcome of each lead that was converted long ago, by its deal."""
        deals = {lead: self.fake.get(deal) for lead, deal in self.old.items()}
        return {lead: deal["IsWon"] if deal["IsClosed"] else None for lead, deal in deals.items()}

    # What the product says

    def outcomes_of_old(self):
        """The outcome of each lead that was converted long ago, None where it is not here."""
        found = self.salesforce.read(partial(Found.of, self.old)).leads
        return {i: found[i].outcome if i in found else None for i in self.old}

    def dated_too_early(self):
        """Leads whose outcome is dated before they were made."""
        return [
            i
            for i, lead in self.found.leads.items()
            if lead.outcome_at
            and lead.outcome_at < datetime.fromisoformat(self.survivor(i)["CreatedDate"])
        ]

    def useless_writes(self):
        """Writes that changed neither band nor score by a point."""
        n_useless: Counter[str] = Counter()
        for lead in self.leads:
            sent = [
                (w["Conversion_Band__c"], w["Conversion_Score__c"]) for w in self.fake.written(lead)
            ]
            for (band, score), (new_band, new_score) in pairwise(sent):
                n_useless[lead] += band == new_band and abs(score - new_score) < 1
        return sum(n_useless.values())

    def unwritten(self):
        """Open leads whose score in the org is not ours, give or take a point."""
        wrong = []
        for lead in self.leads:
            row, by_hand = self._row(lead), self.by_hand.result(lead, self._own_deals_of(lead))
            if row["IsDeleted"] or row["IsConverted"] or by_hand in {"won", "open"}:
                continue
            ours = self.found.probabilities[self.found.leads[lead].key]
            there = row["Conversion_Score__c"]
            if there is None or abs(there - 100 * ours) >= 1:
                wrong.append((lead, there, ours))
        return wrong
