"""The worlds: what may happen in an org, and one declaration for each thing that does.

Days count from the first load, when all leads created until then are read at once; leads created
before it have negative ones.
"""

from dataclasses import dataclass, fields

import numpy as np

from ml.training.encode import Floats

DRIFT_DAYS = (10.0, 40.0)  # from the first to the last day of a drift


@dataclass(frozen=True, kw_only=True)
class World:
    """An org. Where a field has its default, nothing special happens; the defaults are calm."""

    name: str
    about: str
    days: int = 50
    history_days: int = 12
    leads_per_day: int = 8
    # Means of the days from the creation of a lead to its outcome.
    won_days: float = 10.0
    lost_days: float = 10.0
    signal: float = 1.0  # 0: nothing that is known of a lead tells its outcome
    contacts: int = 1  # leads of a company, which share its fields and its outcome
    twice: float = 0.0  # share of leads that come again under another id
    worked: float = 1.0  # share of leads outside the best-scored 30 % that get an outcome
    grows: float = 0.0  # website visits a day while a lead is open
    is_withheld: bool = False  # engagement of leads that were closed at the first load
    has_tiny_field: bool = False  # an amount, of old leads known for a few that converted
    wrong_until: float | None = None  # outcomes of the first load are reversed till then
    drifts: bool = False  # sources and roles change their meaning little by little
    # The day from which on ...
    flips_on: float | None = None  # ... outcomes are told the other way round
    falls_on: float | None = None  # ... fewer leads convert
    varies_on: float | None = None  # ... seats are asked for; till then all have 1
    milliseconds_on: float | None = None  # ... seconds are sent as milliseconds

    @property
    def open_days(self) -> float:
        """About how long a lead is open."""
        return (self.won_days + 2 * self.lost_days) / 3

    @property
    def changes_on(self) -> float | None:
        """The first day on which something is another than before; None where nothing ever is."""
        days = [getattr(self, f.name) for f in fields(self) if f.name.endswith("_on")]
        if self.drifts:
            days.append(DRIFT_DAYS[0])
        return min((day for day in days if day is not None), default=None)

    def is_changed(self, first: float, last: float) -> bool:
        """Whether something changes between two days."""
        if self.drifts:
            return last > DRIFT_DAYS[0] and first < DRIFT_DAYS[1]
        return self.changes_on is not None and first < self.changes_on <= last

    @property
    def is_steady(self) -> bool:
        """Whether nothing ever changes."""
        return self.changes_on is None and self.wrong_until is None

    def is_knowable(self, day: float) -> bool:
        """Whether outcomes told till then are the true ones."""
        return self.wrong_until is None or day >= self.wrong_until

    def drifted(self, days: Floats) -> Floats:
        """How far the drift has come on each day, from 0 to 1."""
        first, last = DRIFT_DAYS
        return (
            np.clip((days - first) / (last - first), 0, 1) if self.drifts else np.zeros(len(days))
        )


WORLDS = (
    World(name="calm", about="nothing special"),
    World(
        name="slow-wins",
        about="losses are told after 5 days, wins after 20",
        won_days=20,
        lost_days=5,
    ),
    World(
        name="withheld",
        about="slow wins; engagement is not sent for leads closed before the first load",
        history_days=40,
        won_days=25,
        lost_days=8,
        is_withheld=True,
    ),
    World(
        name="growing",
        about="slow wins; visits grow while a lead is open",
        won_days=20,
        lost_days=8,
        grows=0.5,
    ),
    World(
        name="selective",
        about="few leads are worked but the best-scored",
        leads_per_day=20,
        worked=0.1,
    ),
    World(name="duplicates", about="30 % of leads come again under another id", twice=0.3),
    World(name="accounts", about="three contacts a company, one outcome", contacts=3),
    World(name="noise", about="nothing tells the outcome", signal=0),
    World(
        name="noise-duplicates",
        about="the same, and 30 % of leads come again",
        signal=0,
        twice=0.3,
    ),
    World(
        name="noise-accounts", about="the same, and three contacts a company", signal=0, contacts=3
    ),
    World(
        name="tiny-field", about="an amount is known for a few converted leads", has_tiny_field=True
    ),
    World(
        name="wrong-import",
        about="300 outcomes reversed until day 15",
        history_days=45,
        wrong_until=15,
    ),
    World(
        name="drift",
        about="sources and roles turn their meaning round in 30 days",
        days=70,
        drifts=True,
    ),
    World(name="flip", about="outcomes are told the other way round from day 25", flips_on=25),
    World(name="fewer-wins", about="a third of leads converts, from day 25 a sixth", falls_on=25),
    World(name="constant", about="seats are 1 until day 25, then asked for", varies_on=25),
    World(name="unit", about="seconds on site are milliseconds from day 25", milliseconds_on=25),
)
