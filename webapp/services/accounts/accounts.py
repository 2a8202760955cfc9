"""People who sign in: made, checked, locked out with back-off, signed out everywhere."""

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import argon2
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import clean_text
from webapp.database import change
from webapp.services.accounts import audit
from webapp.tables import ROLES, User
from webapp.tables.people import Invitation

MIN_PASSWORD_LENGTH = 12
# Hashing reads all of a password, so its length is bounded.
MAX_PASSWORD_LENGTH = 500
FREE_ATTEMPTS = 5
MAX_LOCK = timedelta(minutes=15)

# A hash takes 64 MB for a moment: this many at once, and a crowd is turned away, not piled up.
MAX_HASHES_AT_ONCE = 4
MAX_WAIT_SECONDS = 5.0

_hasher = argon2.PasswordHasher()
_turns = threading.BoundedSemaphore(MAX_HASHES_AT_ONCE)


class WrongSignIn(ValueError):
    """E-mail address and password do not belong together, or the account is off."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class LockedOut(ValueError):
    """Too many wrong passwords; `until` says when to try again."""

    def __init__(self, until: datetime) -> None:
        super().__init__("Too many wrong passwords for this account.")
        self.until = until


class AccountError(ValueError):
    """An account cannot be made or changed as asked."""


class AccountNotFound(LookupError):
    """No account has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(f"Account {key} not found")
        self.key = key


class TooManySignIns(RuntimeError):
    """More passwords are being checked at this moment than the machine can bear."""

    def __init__(self) -> None:
        super().__init__("Too many people are signing in at this moment")


@dataclass(frozen=True)
class Attempt:
    """A sign-in begun: it counts as failed until the password proves right."""

    user_key: int | None
    password_hash: str


def create(
    session: Session, email: str, password: str, role: str, *, now: datetime, actor: str = "cli"
) -> User:
    """Make an account; raise `AccountError` where the address is taken or the password short."""
    email = clean_email(email)
    if find(session, email) is not None:
        raise AccountError(f"{email} has an account already")
    user = User(
        email=email,
        password_hash=_hash(password),
        role=known_role(role),
        is_active=True,
        session_epoch=0,
        n_failed_sign_ins=0,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(user)
    except sa.exc.IntegrityError:  # somebody else made it just now
        raise AccountError(f"{email} has an account already") from None
    audit.record(session, actor, "made user", email, now=now, detail={"role": role})
    return user


def begin_sign_in(session: Session, email: str, now: datetime) -> Attempt | LockedOut:
    """Count a sign-in as failed before its password is checked, so that none goes uncounted.

    This short transaction is committed whatever comes of it. `is_right` then checks the password
    outside any, slow on purpose, and `finish_sign_in` takes the count back. After five failures the
    account is locked for 1, 2, 4 ... seconds, at most 15 minutes.
    """
    user = find(session, email, lock=True)
    if user is None or not user.is_active:
        return Attempt(None, _hash_of_nobody())
    if user.locked_until is not None and user.locked_until > now:
        return LockedOut(user.locked_until)
    _count_failure(user, now)
    return Attempt(user.key, user.password_hash)


def is_right(attempt: Attempt, password: str) -> bool:
    """Whether the password belongs to the account of the attempt."""
    return _matches(attempt.password_hash, password) and attempt.user_key is not None


def finish_sign_in(session: Session, attempt: Attempt, password: str, now: datetime) -> User:
    """Let in the owner of a right password, and forget failed attempts."""
    user = session.get_one(User, attempt.user_key, with_for_update=True)
    user.n_failed_sign_ins, user.locked_until, user.signed_in_at = 0, None, now
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
    audit.record(session, user.email, "signed in", "session", now=now)
    return user


def set_password(session: Session, user: User, password: str) -> None:
    """Give a new password, lift a lock and end all sessions of the user."""
    user.password_hash = _hash(password)
    user.n_failed_sign_ins, user.locked_until = 0, None
    user.session_epoch += 1


def change_password(session: Session, attempt: Attempt, new: str, *, now: datetime) -> User:
    """Change one's own password, after an attempt with the present one that `is_right`."""
    user = session.get_one(User, attempt.user_key, with_for_update=True)
    set_password(session, user, new)
    audit.record(session, user.email, "changed password", user.email, now=now)
    return user


def change_role(session: Session, key: int, role: str, *, actor: str, now: datetime) -> User:
    """Give a user another role; the last administrator keeps theirs."""
    role = known_role(role)
    admins = _locked_admins(session)
    user = by_key(session, key, lock=True)
    if user.role == role:
        return user
    _check_one_stays(admins, user, role == "admin")
    detail = {"from": user.role, "to": role}
    user.role = role
    _end_links_of(session, user, now)
    audit.record(session, actor, "changed role", user.email, now=now, detail=detail)
    return user


def set_active(session: Session, key: int, is_active: bool, *, actor: str, now: datetime) -> User:
    """Turn an account off, which ends its sessions, or on again; the last administrator stays."""
    admins = _locked_admins(session)
    user = by_key(session, key, lock=True)
    if user.is_active == is_active:
        return user
    _check_one_stays(admins, user, is_active)
    user.is_active = is_active
    user.session_epoch += 1
    _end_links_of(session, user, now)
    action = "activated user" if is_active else "deactivated user"
    audit.record(session, actor, action, user.email, now=now)
    return user


def end_sessions(session: Session, key: int) -> None:
    """Sign the user out everywhere."""
    by_key(session, key, lock=True).session_epoch += 1


def find(session: Session, email: str, *, lock: bool = False) -> User | None:
    """The account with this address, or None."""
    try:
        query = sa.select(User).where(User.email == clean_email(email))
    except AccountError:
        return None
    return session.scalar(query.with_for_update() if lock else query)


def by_key(session: Session, key: int, *, lock: bool = False) -> User:
    """The account with this internal key, locked for a change where asked."""
    user = session.get(User, key, with_for_update=lock or None)
    if user is None:
        raise AccountNotFound(key)
    return user


def everyone(session: Session) -> list[User]:
    """All accounts by address."""
    return list(session.scalars(sa.select(User).order_by(User.email)))


def admins(session: Session) -> list[str]:
    """The addresses of those who can help: administrators, whoever signed in last first."""
    query = sa.select(User.email).where(User.role == "admin", User.is_active)
    return list(session.scalars(query.order_by(User.signed_in_at.desc().nulls_last(), User.key)))


def random_password() -> str:
    """A password that nobody guesses and anybody can type."""
    return secrets.token_urlsafe(15)


def clean_email(email: str) -> str:
    """An address in its one form; else `AccountError`."""
    try:
        cleaned = (clean_text(email, maximum=200) or "").lower()
    except ValueError as error:
        raise AccountError(f"the e-mail address {error}") from None
    name, at, host = cleaned.partition("@")
    if not (name and at and host) or any(c.isspace() for c in cleaned):
        raise AccountError("the e-mail address must look like name@example.com")
    return cleaned


def known_role(role: str) -> str:
    """The role if there is one of this name; else `AccountError`."""
    if role not in ROLES:
        raise AccountError(f"the role must be one of {', '.join(ROLES)}")
    return role


def _locked_admins(session: Session) -> set[int]:
    # Locked first and in order, so that of two who demote each other at once one must fail.
    query = sa.select(User.key).where(User.role == "admin", User.is_active).order_by(User.key)
    return set(session.scalars(query.with_for_update()))


def _end_links_of(session: Session, user: User, now: datetime) -> None:
    """End the open links that somebody made who is no administrator any more."""
    if user.role != "admin" or not user.is_active:
        made = (Invitation.created_by == user.email, Invitation.ended_at.is_(None))
        change(session, sa.update(Invitation).where(*made).values(ended_at=now))


def _check_one_stays(admins: set[int], user: User, stays: bool) -> None:
    if not stays and admins == {user.key}:
        raise AccountError(f"{user.email} is the last administrator; make another one first")


def _hash(password: str) -> str:
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise AccountError(
            f"a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
        )
    return _hasher.hash(password.encode("utf-8", "surrogatepass"))


@cache
def _hash_of_nobody() -> str:
    """Checked where the address is unknown, so that the answer takes as long as for a known one."""
    return _hasher.hash(secrets.token_urlsafe())


def _matches(password_hash: str, password: str) -> bool:
    if len(password) > MAX_PASSWORD_LENGTH:
        return False
    if not _turns.acquire(timeout=MAX_WAIT_SECONDS):
        raise TooManySignIns
    try:
        return _hasher.verify(password_hash, password.encode("utf-8", "surrogatepass"))
    except argon2.exceptions.VerificationError:
        return False
    finally:
        _turns.release()


def _count_failure(user: User, now: datetime) -> None:
    user.n_failed_sign_ins += 1
    over = user.n_failed_sign_ins - FREE_ATTEMPTS
    if over >= 0:
        user.locked_until = now + min(timedelta(seconds=2 ** min(over, 10)), MAX_LOCK)
