"""What people link, unlink and ignore in a random life of an org, and what comes of it."""

from contextlib import suppress
from functools import partial

from webapp.services.crm import unmatched
from webapp.services.leads import leads


class ByHand:
    """Opportunities that came from a lead and name none, and what people do with them."""

    def __init__(self, history):
        self.history = history
        self.random, self.salesforce = history.random, history.salesforce
        self.strays: set[str] = set()
        # The lead that people have linked each to, and those that they ignore.
        self.linked: dict[str, str] = {}
        self.ignored: set[str] = set()

    def events(self):
        """What people can do now."""
        rows = self.salesforce.read(unmatched.listed)
        listed = [row.deal_id for row in rows if row.deal_id in self.strays]
        events = [self._new_stray]
        if listed:
            deal = self.random.choice(listed)
            events += [partial(self._link, deal)] * 3 + [partial(self._ignore, deal)]
        if self.linked:
            events += [partial(self._unlink, self.random.choice(sorted(self.linked)))] * 2
        if self.ignored:
            events.append(partial(self._stop_ignoring, self.random.choice(sorted(self.ignored))))
        return events

    def _new_stray(self):
        deal = self.history.fake.opportunity(LeadSource="Web")
        self.history.fake.close(deal, won=self.random.random() < 0.5)
        self.history.deals.append(deal)
        self.strays.add(deal)

    def _link(self, deal):
        """Link a deal to a lead that is shown, and of which no rep has said anything."""
        found = self.history.found_now().leads
        shown = [i for i, lead in found.items() if lead.removed_at is None]
        shown = [i for i in shown if not self.history.is_reported(i)]
        if shown:
            lead = self.random.choice(sorted(shown))
            self._do(unmatched.link, deal, lead)
            self.linked[deal] = lead

    def _unlink(self, deal):
        with suppress(unmatched.NamedByCrm, leads.LeadNotFound):
            assert self._do(unmatched.unlink, deal, self.linked[deal])
            del self.linked[deal]

    def _ignore(self, deal):
        self._do(unmatched.ignore, deal)
        self.ignored.add(deal)

    def _stop_ignoring(self, deal):
        self.ignored.remove(deal)
        # The sync takes from the list what has found its lead.
        with suppress(unmatched.UnmatchedNotFound):
            self._do(unmatched.list_again, deal)

    def _do(self, action, *args):
        now = self.salesforce.now
        return self.salesforce.write(lambda s: action(s, *args, "ada", now=now))

    # The truth

    def has_linked(self, lead):
        """Whether people have linked a deal to this lead or one that is merged with it."""
        survivor = self.history.survivor(lead)["Id"]
        return any(self.history.survivor(i)["Id"] == survivor for i in self.linked.values())

    def result(self, lead, own):
        """What its deals linked by hand make of a lead: won, open, lost or void; None: nothing.

        `own` are its own deals that are not deleted, told by Salesforce.
        """
        row = self.history.survivor(lead)
        ours = [d for d, i in self.linked.items() if self.history.survivor(i)["Id"] == row["Id"]]
        deals = [self.history.fake.get(deal) for deal in ours]
        there = [deal for deal in deals if not deal["IsDeleted"]]
        if row["IsDeleted"] or not deals:
            return None
        if not there:
            return "void"
        if any(deal["IsWon"] for deal in there):
            return "won"
        if any(not deal["IsClosed"] for deal in there):
            return None if any(deal["IsWon"] for deal in own) else "open"
        return None if any(not deal["IsClosed"] for deal in own) else "lost"

    def to_be_listed(self):
        """Closed strays that nobody has linked or ignores and that no lead ever had."""
        mine = self.strays - self.linked.keys() - self.ignored - self.history.matched
        found = {deal: self.history.fake.get(deal) for deal in mine}
        return {i for i, deal in found.items() if deal["IsClosed"] and not deal["IsDeleted"]}

    def listed(self):
        """Strays that are listed and that no lead ever had."""
        rows = self.salesforce.read(partial(unmatched.listed, limit=1000))
        return {row.deal_id for row in rows} - self.history.matched
