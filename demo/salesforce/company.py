"""A made-up company's leads: who buys follows from what is known of them, and deals keep closing.

The past is played event by event at its own times; afterwards events come faster than they would.
No person, company or number here is real.
"""

import heapq
import itertools
import math
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from demo.salesforce.fake import FakeSalesforce
from demo.salesforce.org.clock import Clock

PAST_DAYS = 120
CALLS_A_DAY = 100_000
FIRST = ("Aisha", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ivo", "Julia")
LAST = ("Okafor", "Silva", "Rossi", "Novak", "Demir", "Haddad", "Chen", "Sato", "Horvat", "Weber")
SYLLABLES = (
    *("nor", "vel", "ta", "qui", "al", "sil", "mo", "pri", "del", "ra", "ki", "zan", "lu"),
    "be",
)
KINDS = ("Works", "Labs", "Group", "Systems", "Foods", "Care", "Logistics", "Partners")
REPS = ("Rita Rep", "Sam Seller", "Tove Trade", "Uma Under")
# What is drawn: how often, and how much it moves the log-odds of buying.
SOURCES = {
    "Referral": (10, 1.5),
    "Webinar": (16, 0.7),
    "Organic": (20, 0.3),
    "Trade Show": (10, 0.1),
    "Email Campaign": (16, -0.2),
    "Advertisement": (14, -0.7),
    "Cold Call": (12, -1.2),
    "Web": (2, 0.0),
}
INDUSTRIES = {
    "Technology": (22, 0.8),
    "Healthcare": (16, 0.4),
    "Finance": (16, 0.2),
    "Manufacturing": (18, 0.0),
    "Retail": (16, -0.5),
    "Education": (8, -0.9),
    "": (4, -0.3),
}
CITIES = {
    "Berlin": (20, 0.2),
    "Lisbon": (14, 0.0),
    "Milan": (16, 0.1),
    "Oslo": (12, 0.3),
    "Prague": (16, -0.2),
    "Zagreb": (12, -0.2),
    "": (10, 0.0),
}
START_LOG_ODDS = -1.5


class Fate(NamedTuple):
    """Whether a lead will buy, and how likely that was by all that may be known of it."""

    probability: float
    buys: bool


class World:
    """Plays what happens; the same seed plays the same. `fates` are those of leads by their ids."""

    def __init__(self, fake: FakeSalesforce, *, leads: int, seed: int) -> None:
        self.fake = fake
        self.random = random.Random(seed)
        self.days_between_leads = PAST_DAYS / leads
        self.reps = [fake.rep, *(fake.user(name) for name in REPS[1:])]
        self.queue = fake.queue("New leads")
        self.played_until = fake.clock.now
        self.fates: dict[str, Fate] = {}
        self._events: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._numbers = itertools.count()
        declare_fields(fake)
        self._plan(self.played_until, 0, self.arrive)

    def play(self, until: datetime, *, moves_clock: bool) -> None:
        """Let everything happen that is planned up to then."""
        while self._events[0][0] <= until:
            at, _, event = heapq.heappop(self._events)
            if moves_clock and at > self.fake.clock.now:
                self.fake.clock.move_to(at)
            event(at)
        self.played_until = until

    def _plan(self, at: datetime, days: float, event: Callable[[datetime], None]) -> None:
        moment = at + timedelta(days=days)
        heapq.heappush(self._events, (moment, next(self._numbers), event))

    def _days(self, mean: float) -> float:
        return self.random.expovariate(1 / mean)

    def _draw(self, table: dict[str, tuple[int, float]]) -> tuple[str, float]:
        weights = [weight for weight, _ in table.values()]
        name = self.random.choices(list(table), weights)[0]
        return name, table[name][1]

    # Leads

    def arrive(self, at: datetime) -> None:
        """A lead comes in, and what will become of it is planned."""
        self._plan(at, self._days(self.days_between_leads), self.arrive)
        (source, a), (industry, b), (city, c) = map(self._draw, (SOURCES, INDUSTRIES, CITIES))
        age = min(75, max(20, round(self.random.gauss(43, 11))))
        interest = self.random.gauss(0, 1)
        log_odds = START_LOG_ODDS + a + b + c + 1.4 * interest - ((age - 45) / 20) ** 2 / 2
        lead = self.fake.lead(
            **self._person(),
            LeadSource=source,
            Industry=industry or None,
            City=city or None,
            OwnerId=self.queue if self.random.random() < 0.05 else self.random.choice(self.reps),
            Age__c=float(age) if self.random.random() < 0.8 else None,
            Email_Opens__c=float(self._n_times(0.5 + 0.4 * interest)),
            Website_Visits__c=float(self._n_times(1 + 0.5 * interest)),
            Content_Downloads__c=0.0,
        )
        for _ in range(self._n_times(3 + 1.8 * interest)):
            self._plan(at, self._days(6), partial(self.engage, lead))
        self._plan_end(at, lead, log_odds)

    def _plan_end(self, at: datetime, lead: str, log_odds: float) -> None:
        probability = 1 / (1 + math.exp(-log_odds))
        buys = self.random.random() < probability
        self.fates[lead] = Fate(probability, buys)
        chance = self.random.random()
        if buys or chance < 0.15:
            self._plan(at, 3 + self._days(9), partial(self.convert, lead, buys))
        elif chance < 0.8:
            self._plan(at, 5 + self._days(20), partial(self.disqualify, lead))
        elif chance < 0.82:
            self._plan(at, self._days(10), partial(self.delete, lead))

    def _person(self) -> dict[str, str]:
        first, last = self.random.choice(FIRST), self.random.choice(LAST)
        made = "".join(self.random.choice(SYLLABLES) for _ in range(3)).title()
        company = f"{made} {self.random.choice(KINDS)}"
        place = company.lower().replace(" ", "-")
        return {
            "FirstName": first,
            "LastName": last,
            "Company": company,
            "Email": f"{first}.{last}@{place}.example".lower(),
            "Phone": f"+49 30 {self.random.randint(100000, 999999)}",
        }

    def _n_times(self, mean: float) -> int:
        """A count that is about `mean`, as of independent happenings."""
        known = max(0.1, mean)
        return max(0, round(self.random.gauss(known, math.sqrt(known))))

    def engage(self, lead: str, at: datetime) -> None:
        """The lead reads, visits, downloads, or a rep has spoken with them."""
        row = self.fake.org.tables["lead"].rows.get(lead, {"IsDeleted": True})
        if row.get("IsConverted") or row.get("IsDeleted"):
            return
        counts = {
            "Email_Opens__c": row["Email_Opens__c"] + self._n_times(1),
            "Website_Visits__c": row["Website_Visits__c"] + self._n_times(2),
            "Content_Downloads__c": row["Content_Downloads__c"] + self._n_times(0.4),
        }
        if self.random.random() < 0.5:
            counts |= {
                "LastActivityDate": self.fake.today.isoformat(),
                "Status": "Working - Contacted",
            }
        self.fake.update(lead, **counts)

    def disqualify(self, lead: str, at: datetime) -> None:
        self.fake.update(lead, Status="Closed - Not Converted")

    def delete(self, lead: str, at: datetime) -> None:
        self.fake.delete(lead)

    # Deals

    def convert(self, lead: str, buys: bool, at: datetime) -> None:
        """Most get a deal of their own; of some the integration user sees none, or one apart."""
        chance = self.random.random()
        deal = self.fake.convert(lead, chance >= 0.03)
        if not deal:
            self._plan(at, 10, partial(self.close_apart, lead, buys))
            return
        if chance > 0.98:
            self.fake.hide(deal)
        self._plan(at, 2 + self._days(8), partial(self.negotiate, deal))
        self._plan(at, 6 + self._days(12), partial(self.close, deal, buys))

    def close_apart(self, lead: str, won: bool, at: datetime) -> None:
        """A rep has entered the deal by hand: it has the lead's source, and no lead names it."""
        row = self.fake.get(lead)
        deal = self.fake.opportunity(
            Name=f"{row['Company']} deal",
            LeadSource=row["LeadSource"],
            AccountId=row["ConvertedAccountId"],
        )
        self.fake.close(deal, won=won)

    def negotiate(self, deal: str, at: datetime) -> None:
        if not self.fake.get(deal)["IsClosed"]:
            self.fake.update(deal, StageName="Negotiation/Review", Amount=self._amount())

    def _amount(self) -> float:
        return float(round(math.exp(self.random.gauss(9, 0.8)), -2))

    def close(self, deal: str, won: bool, at: datetime) -> None:
        """A few closed deals come to life again, and end the other way."""
        self.fake.close(deal, won=won)
        if self.random.random() < 0.02:
            self._plan(at, self._days(4), partial(self.reopen, deal, won))

    def reopen(self, deal: str, was_won: bool, at: datetime) -> None:
        self.fake.reopen(deal)
        self._plan(at, 1 + self._days(4), partial(self.close, deal, not was_won))


def declare_fields(fake: FakeSalesforce) -> None:
    """The company's own list of lead sources."""
    line = f"LeadSource | picklist 255 | UCNFS | Lead Source | of {', '.join(SOURCES)}, Other"
    for sobject in ("Lead", "Opportunity"):
        fake.add_field(line, sobject)


def filled(*, leads: int, seed: int, port: int, end: datetime | None = None) -> World:
    """An org with the last months of that company; its clock goes on from `end`, or from now."""
    until = end or datetime.now(UTC)
    start = until - timedelta(days=PAST_DAYS)
    fake = FakeSalesforce(Clock(start, ticks=end is None), port=port)
    fake.quota.limit = CALLS_A_DAY
    world = World(fake, leads=leads, seed=seed)
    world.play(until, moves_clock=True)
    world.fake.clock.move_to(max(until, world.fake.clock.now))
    return world


def settings(fake: FakeSalesforce) -> dict[str, str]:
    """What a Leadloop must be told to use this org."""
    values = {
        "EXTRA_HOST": fake.url,
        "METHOD": "client_credentials",
        "DOMAIN": fake.url.removeprefix("http://"),
        "CONSUMER_KEY": fake.app.consumer_key,
        "CONSUMER_SECRET": fake.app.consumer_secret,
    }
    return {f"LEADLOOP_SALESFORCE_{name}": value for name, value in values.items()}


def go_on(world: World, stopping: threading.Event, *, speed: float) -> None:
    """Let a second of real time bring what `speed` seconds would, until told to stop."""
    step_seconds = 1.0
    while not stopping.wait(step_seconds):
        until = world.played_until + timedelta(seconds=step_seconds * speed)
        world.play(until, moves_clock=False)
