"""Where people are signed in: begun, found at each request, listed, ended one by one."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change
from webapp.services.accounts import devices
from webapp.services.accounts.devices import Caller, digest
from webapp.services.accounts.errors import SessionNotFound
from webapp.tables import User
from webapp.tables.sign_ins import SignInSession

LASTS_FOR = timedelta(days=30)
UNUSED_FOR = timedelta(hours=12)
# For so long after the password was entered, keys, users and connections may be changed.
CONFIRMED_FOR = timedelta(minutes=10)
# How exact "last used" is: often enough for people, rare enough to cost nothing.
SEEN_STEP = timedelta(minutes=5)


@dataclass(frozen=True)
class Begun:
    """A session just begun, with the secrets that only its browser keeps."""

    key: int
    secret: str
    device: str


def begin(session: Session, user: User, caller: Caller, now: datetime) -> Begun:
    """Sign a person in on this browser, which is a known device of theirs from now on."""
    is_ours = devices.is_ours(session, caller.device)
    device = caller.device if is_ours else secrets.token_urlsafe(32)
    devices.remember(session, user.key, device, now)
    secret = secrets.token_urlsafe(32)
    begun = SignInSession(
        digest=digest(secret),
        user_key=user.key,
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        ends_at=now + LASTS_FOR,
        agent=caller.agent[:100],
        address=caller.address[:100],
    )
    session.add(begun)
    session.flush()
    return Begun(begun.key, secret, device)


def find(
    session: Session, key: int, secret: str, now: datetime
) -> tuple[SignInSession, User] | None:
    """The live session with this secret and whose it is, or None."""
    query = (
        sa.select(SignInSession, User)
        .join(User, User.key == SignInSession.user_key)
        .where(
            SignInSession.key == key,
            SignInSession.digest == digest(secret),
            *_is_live(now),
            User.is_active,
        )
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def note_use(session: Session, key: int, now: datetime) -> None:
    """Put the time of the last use on record."""
    change(session, sa.update(SignInSession).where(SignInSession.key == key).values(seen_at=now))


def confirm(session: Session, key: int, now: datetime) -> None:
    """Note that the person has just proved who they are."""
    which = sa.update(SignInSession).where(SignInSession.key == key)
    change(session, which.values(confirmed_at=now))


def of_user(session: Session, user_key: int, now: datetime) -> list[SignInSession]:
    """Where the person is signed in, the one used last first."""
    query = sa.select(SignInSession).where(SignInSession.user_key == user_key, *_is_live(now))
    return list(
        session.scalars(query.order_by(SignInSession.seen_at.desc(), SignInSession.key.desc()))
    )


def end(session: Session, user_key: int, key: int) -> None:
    """End one session of the person; else `SessionNotFound`."""
    which = (SignInSession.user_key == user_key, SignInSession.key == key)
    if not change(session, sa.delete(SignInSession).where(*which)):
        raise SessionNotFound


def end_all(session: Session, user_key: int, *, but: int | None = None) -> int:
    """Sign the person out everywhere, or everywhere else; return how many sessions that ended."""
    which = [SignInSession.user_key == user_key]
    if but is not None:
        which.append(SignInSession.key != but)
    return change(session, sa.delete(SignInSession).where(*which))


def forget_old(session: Session, now: datetime) -> int:
    """Delete sessions that are over; return how many."""
    return change(session, sa.delete(SignInSession).where(~sa.and_(*_is_live(now))))


def _is_live(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return SignInSession.ends_at > now, SignInSession.seen_at > now - UNUSED_FOR
