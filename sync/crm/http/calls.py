"""The call loop: each call is paid from the quota, and repeated where that helps."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from sync.crm.faults import Fault, Kind
from sync.crm.http.quota import Meter, Quota

T = TypeVar("T")

MAX_TRIES = 5
MAX_WAIT_SECONDS = 60.0
MAX_RETRY_AFTER_SECONDS = 120.0


@dataclass(frozen=True)
class Clocks:
    """Times and waiting, so that tests need neither; and how often a call is made at most."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[float, float], float] = random.uniform  # noqa: S311 - spreads retries
    max_tries: int = MAX_TRIES


@dataclass(frozen=True)
class Calls:
    """How calls to one CRM are made.

    `classify` says which fault an exception is; `renew` does what a fault of kind AUTH_EXPIRED asks
    for before the call is repeated, or raises.
    """

    classify: Callable[[Exception], Fault]
    renew: Callable[[Fault], None]
    quota: Quota = field(default_factory=Quota)
    clocks: Clocks = field(default_factory=Clocks)
    meter: Meter = field(default_factory=Meter)

    def make(self, ask: Callable[[], T], *, max_tries: int = MAX_TRIES) -> T:
        """Call until there is an answer; else raise the `Fault`."""
        n_tries, max_tries = 0, min(max_tries, self.clocks.max_tries)
        while True:
            self.quota.check(self.meter, self.clocks.now())
            try:
                return ask()
            except Exception as error:  # noqa: BLE001 - classified, and raised again
                fault = self.classify(error)
            if fault.kind is Kind.AUTH_EXPIRED:
                self.renew(fault)
                continue
            n_tries += 1
            if fault.kind is not Kind.BUSY or n_tries >= max_tries:
                raise fault from None
            asked, longest = self.meter.retry_after_seconds, min(MAX_WAIT_SECONDS, 2.0**n_tries)
            jitter = self.clocks.jitter
            wait = jitter(0, longest) if asked is None else min(asked, MAX_RETRY_AFTER_SECONDS)
            self.clocks.sleep(wait)
