"""Browsers on which people have signed in before: their tries are counted apart from all others."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change, insert
from webapp.tables import User
from webapp.tables.sign_ins import KnownDevice

# Beyond them, within the hour, the device counts as unknown.
MAX_TRIES = 10
FORGOTTEN_AFTER = timedelta(hours=1)
KNOWN_FOR = timedelta(days=180)


@dataclass(frozen=True)
class Caller:
    """Who asks: the network address, the device's secret from its cookie, and its description."""

    address: str
    device: str = ""
    agent: str = ""


def digest(text: str) -> str:
    """What is kept of a secret or an address: its SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def remember(session: Session, user_key: int, device: str, now: datetime) -> None:
    """Remember a device on which the person was let in; wrong tries on it are forgiven."""
    row = {"digest": digest(device), "user_key": user_key, "used_at": now, "n_failed": 0}
    statement = insert(session, KnownDevice).on_conflict_do_update(
        index_elements=["digest", "user_key"], set_={"used_at": now, "n_failed": 0}
    )
    session.execute(statement, [row])


def is_ours(session: Session, device: str) -> bool:
    """Whether anybody has signed in on this device, so that its secret was made here."""
    query = sa.select(KnownDevice.user_key).where(KnownDevice.digest == digest(device))
    return bool(device) and session.scalar(query.limit(1)) is not None


def takes_a_try(session: Session, user: User | None, caller: Caller, now: datetime) -> bool:
    """Whether this is a device of the person with tries left; the present one is counted then."""
    query = sa.select(KnownDevice).where(
        KnownDevice.digest == digest(caller.device),
        KnownDevice.user_key == (user.key if user is not None else 0),
        KnownDevice.used_at > now - KNOWN_FOR,
    )
    device = session.scalar(query.with_for_update())
    if device is None:
        return False
    if device.failed_at is None or device.failed_at < now - FORGOTTEN_AFTER:
        device.n_failed = 0
    if device.n_failed >= MAX_TRIES:
        return False
    device.n_failed, device.failed_at = device.n_failed + 1, now
    return True


def take_back(session: Session, user_key: int, device: str) -> None:
    """Count one try fewer on a device of the person."""
    which = (KnownDevice.digest == digest(device), KnownDevice.user_key == user_key)
    fewer = sa.update(KnownDevice).where(*which, KnownDevice.n_failed > 0)
    change(session, fewer.values(n_failed=KnownDevice.n_failed - 1))


def forget(session: Session, user_key: int) -> None:
    """Count every device of the person as unknown."""
    change(session, sa.delete(KnownDevice).where(KnownDevice.user_key == user_key))


def forget_old(session: Session, now: datetime) -> int:
    """Delete devices that nobody has used for long; return how many."""
    old = KnownDevice.used_at < now - KNOWN_FOR
    return change(session, sa.delete(KnownDevice).where(old))
