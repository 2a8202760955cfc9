"""People who may sign in: made, given roles and passwords, turned off and on."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import clean_text
from ml.sentences import gettext
from webapp.database import change
from webapp.services.accounts import api_keys, audit, devices, passwords, sessions
from webapp.services.accounts.devices import Caller
from webapp.services.accounts.errors import AccountError, AccountNotFound
from webapp.services.accounts.sessions import Begun
from webapp.tables import ROLES, User
from webapp.tables.people import Invitation


def create(
    session: Session,
    email: str,
    password_hash: str,
    role: str,
    *,
    now: datetime,
    actor: str = "cli",
    must_change: bool = False,
) -> User:
    """Make an account; raise `AccountError` where the address is taken.

    `must_change`: somebody else chose the password, so that the person changes it at first use.
    """
    email = clean_email(email)
    if find(session, email) is not None:
        raise AccountError(gettext("%(email)s has an account already", email=email))
    user = User(
        email=email,
        password_hash=password_hash,
        must_change_password=must_change,
        former_hashes=[],
        role=known_role(role),
        is_active=True,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(user)
    except sa.exc.IntegrityError:  # somebody else made it just now
        raise AccountError(gettext("%(email)s has an account already", email=email)) from None
    audit.record(session, actor, "made user", email, now=now, detail={"role": role})
    return user


def begin_session(
    session: Session, user: User, caller: Caller, *, now: datetime, by: str = "password"
) -> Begun:
    """Let a person in who has proved who they are."""
    user.signed_in_at = now
    audit.record(session, user.email, "signed in", "session", now=now, detail={"by": by})
    return sessions.begin(session, user, caller, now)


def former_passwords(user: User) -> list[str]:
    """The hashes of the present password and of those before it."""
    return [user.password_hash, *user.former_hashes]


def set_password(
    session: Session, user: User, password_hash: str, *, must_change: bool = False
) -> None:
    """Give a new password; all sessions of the user end, and their devices count as unknown.

    `must_change`: somebody else chose it, so that the person has to change it at first use.
    """
    user.former_hashes = former_passwords(user)[: passwords.MAX_FORMER]
    user.password_hash, user.must_change_password = password_hash, must_change
    sessions.end_all(session, user.key)
    devices.forget(session, user.key)


def change_password(session: Session, user: User, password_hash: str, *, now: datetime) -> User:
    """Change one's own password, once the person has proved who they are."""
    set_password(session, user, password_hash)
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
    detail: dict[str, Any] = {"from": user.role, "to": role}
    user.role = role
    detail |= _follow_rights(session, user, now)
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
    sessions.end_all(session, user.key)
    detail = _follow_rights(session, user, now)
    action = "activated user" if is_active else "deactivated user"
    audit.record(session, actor, action, user.email, now=now, detail=detail)
    return user


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


def clean_email(email: str) -> str:
    """An address in its one form; else `AccountError`."""
    try:
        cleaned = (clean_text(email, maximum=200) or "").lower()
    except ValueError as error:
        raise AccountError(gettext("the e-mail address %(error)s", error=error)) from None
    name, at, host = cleaned.partition("@")
    if not (name and at and host) or any(c.isspace() for c in cleaned):
        raise AccountError(gettext("the e-mail address must look like name@example.com"))
    return cleaned


def one_form(email: str) -> str:
    """The form in which an address is looked up, also one that no account can have."""
    try:
        return clean_email(email)
    except AccountError:
        return email.strip().lower()


def known_role(role: str) -> str:
    """The role if there is one of this name; else `AccountError`."""
    if role not in ROLES:
        raise AccountError(gettext("the role must be one of %(ROLES)s", ROLES=", ".join(ROLES)))
    return role


def _locked_admins(session: Session) -> set[int]:
    # Locked first and in order, so that of two who demote each other at once one must fail.
    query = sa.select(User.key).where(User.role == "admin", User.is_active).order_by(User.key)
    return set(session.scalars(query.with_for_update()))


def _follow_rights(session: Session, user: User, now: datetime) -> dict[str, int]:
    """Let keys and open links of a user work only while the user may make such; what stopped."""
    if user.role == "admin" and user.is_active:
        api_keys.revive(session, user.key)
        return {}
    made = (Invitation.created_by == user.email, Invitation.ended_at.is_(None))
    change(session, sa.update(Invitation).where(*made).values(ended_at=now))
    n_keys = api_keys.orphan(session, user.key, now)
    return {"api_keys_stopped": n_keys} if n_keys else {}


def _check_one_stays(admins: set[int], user: User, stays: bool) -> None:
    if not stays and admins == {user.key}:
        raise AccountError(
            gettext("%(email)s is the last administrator; make another one first", email=user.email)
        )
