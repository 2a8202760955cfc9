"""Attempts to sign in: counted by account and by caller, so that guessing becomes slow.

A device on which the person has signed in before has a count of its own, so nobody can keep them
out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). Addresses that no account has
are counted like others, and no success resets a count: none of this tells which accounts exist.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change, insert
from webapp.services.accounts import accounts, audit, devices, passwords
from webapp.services.accounts.devices import FORGOTTEN_AFTER, Caller, digest
from webapp.services.accounts.errors import TooManyTries, WrongSignIn
from webapp.tables import User
from webapp.tables.sign_ins import FailureCount

FREE_TRIES = 5
# Of one caller over all accounts: an office behind one address mistypes more often.
FREE_TRIES_OF_CALLER = 20
FIRST_PAUSE = timedelta(seconds=15)
MAX_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True)
class Attempt:
    """A sign-in begun: it counts as failed until the password proves right."""

    user_key: int | None
    password_hash: str
    # What it is counted on, and when that had failed before.
    counted: Mapping[str, datetime] = field(default_factory=dict)
    begun_at: datetime | None = None
    # Whose it would be, for the audit log; no address that only somebody typed is kept.
    account: str = audit.NOBODY_KNOWN
    # The device that it is counted on instead, where that is a known one.
    device: str = ""


def begin(session: Session, email: str, caller: Caller, now: datetime) -> Attempt:
    """Count a sign-in as failed before its password is checked, so that none goes uncounted.

    This short transaction is committed whatever comes of it. `is_right` then checks the password
    outside any, slow on purpose, and `finish` takes the count back. `TooManyTries` where the caller
    has to wait; where the account has to, the attempt goes on and comes to nothing.
    """
    user = accounts.find(session, email)
    user = user if user is not None and user.is_active else None
    if devices.takes_a_try(session, user, caller, now):
        assert user is not None
        return Attempt(user.key, user.password_hash, device=caller.device, account=user.email)
    account, network = _subjects(email, caller)
    counts = _counts(session, [account, network], now)
    if (until := _paused_until(counts[network], FREE_TRIES_OF_CALLER)) > now:
        raise TooManyTries(until)
    is_paused = _paused_until(counts[account], FREE_TRIES) > now
    counted = {s: counts[s].failed_at for s in ((network,) if is_paused else (account, network))}
    for subject in counted:
        counts[subject].n_failed += 1
        counts[subject].failed_at = now
    who = user.email if user is not None else audit.NOBODY_KNOWN
    if user is None or is_paused:
        return Attempt(None, passwords.of_nobody(), counted, now, who)
    return Attempt(user.key, user.password_hash, counted, now, who)


def note_failure(session: Session, attempt: Attempt, now: datetime) -> None:
    """Put a wrong sign-in on record, and that the account or the caller has to wait from now on."""
    audit.record(session, attempt.account, "failed to sign in", "session", now=now)
    query = sa.select(FailureCount).where(FailureCount.subject.in_(attempt.counted))
    found = session.scalars(query).all()
    if any(count.n_failed in {FREE_TRIES, FREE_TRIES_OF_CALLER} for count in found):
        audit.record(session, attempt.account, "sign-in paused", "session", now=now)


def is_right(attempt: Attempt, password: str) -> bool:
    """Whether the password belongs to the account of the attempt."""
    return passwords.matches(attempt.password_hash, password) and attempt.user_key is not None


def finish(session: Session, attempt: Attempt, newer_hash: str | None = None) -> User:
    """Take back the count of an attempt that was right, and return whose it was.

    `newer_hash` replaces that of the password, where the rules of hashing have changed. Else
    `WrongSignIn`: the account was turned off or its password changed during the check.
    """
    assert attempt.user_key is not None
    take_back(session, attempt)
    user = accounts.by_key(session, attempt.user_key, lock=True)
    if not user.is_active or user.password_hash != attempt.password_hash:
        raise WrongSignIn
    user.password_hash = newer_hash or user.password_hash
    return user


def take_back(session: Session, attempt: Attempt) -> None:
    """Count an attempt no longer: its password was right, or was not looked at.

    A pause that had run out by then begins anew only where somebody else has failed meanwhile.
    """
    for subject, failed_before in sorted(attempt.counted.items()):
        is_last = FailureCount.failed_at == attempt.begun_at
        failed_at = sa.case((is_last, failed_before), else_=FailureCount.failed_at)
        fewer = sa.update(FailureCount).values(
            n_failed=FailureCount.n_failed - 1, failed_at=failed_at
        )
        change(session, fewer.where(FailureCount.subject == subject, FailureCount.n_failed > 0))
    if attempt.device and attempt.user_key is not None:
        devices.take_back(session, attempt.user_key, attempt.device)


def forget_old(session: Session, now: datetime) -> int:
    """Delete counts that no longer count; return how many."""
    old = FailureCount.failed_at < now - FORGOTTEN_AFTER
    return change(session, sa.delete(FailureCount).where(old))


def _subjects(email: str, caller: Caller) -> tuple[str, str]:
    account, network = accounts.one_form(email), _network(caller.address)
    return digest(f"account {account}"), digest(f"caller {network}")


def _network(address: str) -> str:
    """The address of a caller; of IPv6 the network, whose addresses one caller has all of."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))


def _counts(session: Session, subjects: Sequence[str], now: datetime) -> dict[str, FailureCount]:
    """The counts of these subjects, locked in one order, begun anew where they are old."""
    rows = [{"subject": each, "n_failed": 0, "failed_at": now} for each in sorted(subjects)]
    session.execute(insert(session, FailureCount).on_conflict_do_nothing(), rows)
    query = sa.select(FailureCount).where(FailureCount.subject.in_(subjects))
    found = session.scalars(query.order_by(FailureCount.subject).with_for_update()).all()
    for count in found:
        if count.failed_at < now - FORGOTTEN_AFTER:
            count.n_failed = 0
    return {count.subject: count for count in found}


def _paused_until(count: FailureCount, free: int) -> datetime:
    """Until when further tries are refused: 15, 30, 60 ... seconds, at most 15 minutes."""
    over = count.n_failed - free
    if over < 0:
        return count.failed_at
    pause: timedelta = FIRST_PAUSE * 2 ** min(over, 10)
    return count.failed_at + min(pause, MAX_PAUSE)
