"""People who sign in: made, checked, locked out with back-off, signed out everywhere."""

import secrets
from datetime import datetime, timedelta

import argon2
import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import User
from webapp.services import audit

MIN_PASSWORD_LENGTH = 12
FREE_ATTEMPTS = 5
MAX_LOCK = timedelta(minutes=15)

_hasher = argon2.PasswordHasher()
# Checked where the address is unknown, so that the answer takes as long as for a known one.
_nobody = _hasher.hash(secrets.token_urlsafe())


class WrongSignIn(ValueError):
    """E-mail address and password do not belong together, or the account is off."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class WrongPassword(ValueError):
    """The present password, asked for before a change, is not the one given."""

    def __init__(self) -> None:
        super().__init__("This is not your present password.")


class LockedOut(ValueError):
    """Too many wrong passwords; `until` says when to try again."""

    def __init__(self, until: datetime) -> None:
        super().__init__("Too many wrong passwords for this account.")
        self.until = until


class AccountError(ValueError):
    """An account cannot be made or changed as asked."""


def create(session: Session, email: str, password: str, role: str, *, now: datetime) -> User:
    """Make an account; raise `AccountError` where the address is taken or the password short."""
    email = email.strip().lower()
    if "@" not in email or len(email) > 200:
        raise AccountError(f"{email} is not an e-mail address")
    if find(session, email) is not None:
        raise AccountError(f"{email} has an account already")
    user = User(
        email=email,
        password_hash=_hash(password),
        role=role,
        is_active=True,
        session_epoch=0,
        n_failed_sign_ins=0,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def sign_in(
    session: Session, email: str, password: str, now: datetime
) -> User | WrongSignIn | LockedOut:
    """Check a password; a failure is returned, not raised, so that its count is committed.

    After five wrong passwords the account is locked for 1, 2, 4 ... seconds, at most
    15 minutes, so that guessing is slow and the owner is never shut out for long.
    """
    user = find(session, email, lock=True)
    if user is None or not user.is_active:
        _matches(_nobody, password)
        return WrongSignIn()
    if user.locked_until is not None and user.locked_until > now:
        return LockedOut(user.locked_until)
    if not _matches(user.password_hash, password):
        _count_failure(user, now)
        return WrongSignIn()
    user.n_failed_sign_ins, user.locked_until, user.signed_in_at = 0, None, now
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
    audit.record(session, user.email, "signed in", "session", now=now)
    return user


def set_password(session: Session, user: User, password: str) -> None:
    """Give a new password and end all sessions of the user."""
    user.password_hash = _hash(password)
    user.session_epoch += 1


def change_password(session: Session, key: int, old: str, new: str, *, now: datetime) -> User:
    """Change one's own password, against the present one."""
    user = session.get_one(User, key, with_for_update=True)
    if not _matches(user.password_hash, old):
        raise WrongPassword
    set_password(session, user, new)
    audit.record(session, user.email, "changed password", user.email, now=now)
    return user


def end_sessions(session: Session, key: int) -> None:
    """Sign the user out everywhere."""
    user = session.get_one(User, key)
    user.session_epoch += 1


def find(session: Session, email: str, *, lock: bool = False) -> User | None:
    """The account with this address, or None."""
    query = sa.select(User).where(User.email == email.strip().lower())
    return session.scalar(query.with_for_update() if lock else query)


def by_key(session: Session, key: int) -> User | None:
    """The account with this internal key, or None."""
    return session.get(User, key)


def everyone(session: Session) -> list[User]:
    """All accounts by address."""
    return list(session.scalars(sa.select(User).order_by(User.email)))


def random_password() -> str:
    """A password that nobody guesses and anybody can type."""
    return secrets.token_urlsafe(15)


def _hash(password: str) -> str:
    if len(password) < MIN_PASSWORD_LENGTH:
        raise AccountError(f"a password has at least {MIN_PASSWORD_LENGTH} characters")
    return _hasher.hash(password)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except argon2.exceptions.VerificationError:
        return False


def _count_failure(user: User, now: datetime) -> None:
    user.n_failed_sign_ins += 1
    over = user.n_failed_sign_ins - FREE_ATTEMPTS
    if over >= 0:
        user.locked_until = now + min(timedelta(seconds=2 ** min(over, 10)), MAX_LOCK)
