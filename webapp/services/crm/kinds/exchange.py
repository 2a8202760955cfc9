"""What the product and an adapter share: checks, pending writes, names of faults, limits."""

from dataclasses import dataclass

# Faults that stop the runs: those cured by another mapping or filter instead of another login, and
# too many records that are no longer visible.
CURED_BY_SETTINGS = WRONG_SETTINGS, WRONG_QUERY = ("mapping or rules broken", "query refused")
LOST = "records no longer visible"
# Of the org's calls of a day: the share after which we stop, and the share that is ours.
ORG_SHARE = 0.80
OWN_SHARE = 0.25


@dataclass
class Check:
    """Something that the sync needs, or can do without, whether it is there, and what to do."""

    name: str
    is_good: bool
    sentence: str
    is_optional: bool = False
    remedy: str = ""

    @property
    def state(self) -> str:
        """ok, warning or failed."""
        return "ok" if self.is_good else "warning" if self.is_optional else "failed"


@dataclass(frozen=True)
class PendingWrite:
    """What is to be written to one lead of the CRM."""

    lead_key: int
    crm_id: str
    score: float
    band: str
    reasons: str
    version: str


def daily_budget(n_limit: int | None, chosen: int | None) -> int | None:
    """The most calls a day that are ours: as chosen, else a share of the org's, if known."""
    return chosen or (int(OWN_SHARE * n_limit) if n_limit else None)
