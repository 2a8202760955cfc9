"""How many calls may be made: a share of the org's day, and a budget of our own."""

from dataclasses import dataclass

from sync.salesforce import cases
from sync.salesforce.errors import Fault
from sync.salesforce.session import Meter
from webapp.services.crm.connections import ORG_SHARE, daily_budget


@dataclass(frozen=True)
class Quota:
    """What is left: the calls we made today before this run, and the most we may make.

    Without a budget of our own a quarter of the org's day is the most.
    """

    n_made_today: int = 0
    budget: int | None = None

    def check(self, meter: Meter) -> None:
        """Raise a fault of kind QUOTA where the next call may not be made."""
        limit = meter.n_limit
        if limit is not None and meter.n_used is not None and meter.n_used >= ORG_SHARE * limit:
            raise Fault(cases.QUOTA_RESERVE, f"{meter.n_used:,} of {limit:,} calls used")
        most = daily_budget(limit, self.budget)
        n_made = self.n_made_today + meter.n_calls
        if most and n_made >= most:
            raise Fault(cases.OWN_BUDGET, f"{n_made:,} of {most:,} calls made today")
