"""Faults of a CRM and of the network: their kinds, the named cases, and one as it happened."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from webapp.services.crm.kinds.exchange import LOST, ORG_SHARE

MIN_SECRET_LENGTH = 4
# What only the scheduled runs do about a fault.
COMES_AGAIN = re.compile(r"(, and| Leadloop waits and) continues [^.]*\.| Leadloop retries\.")


class Kind(StrEnum):
    """What to do about a fault."""

    AUTH_EXPIRED = "auth_expired"  # log in once more and repeat
    AUTH_BROKEN = "auth_broken"  # stop until a person saves the connection again
    QUOTA = "quota"  # stop for an hour or more; the run is partial
    BUSY = "busy"  # wait a little and repeat
    LATER = "later"  # end this run; the next one tries again
    SLOW = "slow"  # ask for less and repeat
    CONFIG = "config"  # stop and tell the administrator what to change
    ROW_TRANSIENT = "row_transient"  # write this row again
    ROW_GONE = "row_gone"  # this lead no longer takes scores
    ROW_REJECTED = "row_rejected"  # a rule of the org rejects this row
    BUG = "bug"  # nothing known fits: fail, with all that is known


@dataclass(frozen=True)
class Case:
    """One fault by name: what happened and what to do, for the administrator."""

    name: str
    kind: Kind
    message: str


class Fault(Exception):
    """A case as it happened, with the CRM's own text, cleaned, and a label to show before it."""

    def __init__(self, case: Case, detail: str = "", *, label: str = "Details") -> None:
        super().__init__(case.name)
        self.case = case
        self.detail = detail
        self.label = label

    @property
    def kind(self) -> Kind:
        return self.case.kind

    def __str__(self) -> str:
        detail = f" {self.label}: {self.detail}" if self.detail else ""
        return f"{self.case.message}{detail}"

    def told(self, *, comes_again: bool) -> str:
        """The sentences about it, for a run that is repeated by itself or that a person repeats."""
        if comes_again:
            return str(self)
        return COMES_AGAIN.sub(
            lambda m: f"{'.' if m[1] == ', and' else ''} Try again later.", str(self)
        )

    def without(self, secrets: Iterable[str]) -> "Fault":
        """The same fault, should an answer have repeated what was sent."""
        for secret in secrets:
            # A shorter one is no secret, and stands in many a word.
            if len(secret) >= MIN_SECRET_LENGTH:
                self.detail = self.detail.replace(secret, "(removed)")
        return self


class HostNotAllowed(Exception):
    """A call to a host that is neither the CRM's nor named in the settings."""


class ForeignRedirect(Exception):
    """An answer that points to a host which is not the CRM's; it is not followed."""


class UntrustedCertificate(Exception):
    """Whoever answered could not show that it is the host that was called."""


class AnswerTooSlow(Exception):
    """An answer that has begun and did not end in time."""


class WrongShape(Exception):
    """An answer of status 200 that does not have the documented form."""


RECORDS_LOST = Case(
    LOST,
    Kind.CONFIG,
    "More records than allowed can no longer be read although they were not deleted, so nothing was"
    " changed. Give the integration user access to them again and test the connection, or confirm"
    " on the sync page that Leadloop may go on without them.",
)
OWN_BUDGET = Case(
    "own budget used",
    Kind.QUOTA,
    "Leadloop has made all the API calls that it may make in a day, and continues later where it"
    " stopped. To read faster, raise the daily calls in the settings.",
)
QUOTA_RESERVE = Case(
    "quota reserve reached",
    Kind.QUOTA,
    f"The org has used {ORG_SHARE * 100:.0f} % of its API calls of the last 24 hours. Leadloop"
    " leaves the rest, and continues where it stopped once calls are free again.",
)
