"""Links by which people set their own password: to an account that is made so, or to theirs.

A link works once and for some days. Nobody else ever knows the password.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.database import change
from webapp.services.accounts import accounts, audit
from webapp.services.accounts.errors import AccountError
from webapp.tables import User
from webapp.tables.people import Invitation

GOOD_FOR = timedelta(days=7)
RESET_GOOD_FOR = timedelta(days=1)
KEPT_FOR = timedelta(days=30)


class LinkEnded(LookupError):
    """The link was used, withdrawn or replaced, has expired, or never was one."""

    def __init__(self) -> None:
        super().__init__(gettext("This link no longer works"))


def invite(
    session: Session, email: str, role: str, *, actor: str, now: datetime
) -> tuple[Invitation, str]:
    """Invite a person; the secret part of their link is returned once. Else `AccountError`.

    An earlier invitation of the same address ends.
    """
    email, role = accounts.clean_email(email), accounts.known_role(role)
    if accounts.find(session, email) is not None:
        raise AccountError(f"{email} has an account already")
    audit.record(session, actor, "invited user", email, now=now, detail={"role": role})
    return _make(session, email, role, actor=actor, now=now, good_for=GOOD_FOR)


def invite_to_reset(
    session: Session, key: int, *, actor: str, now: datetime
) -> tuple[Invitation, str]:
    """A link by which a user sets a new password; the present one is good until then."""
    user = accounts.by_key(session, key, lock=True)
    audit.record(session, actor, "made password link", user.email, now=now)
    return _make(
        session, user.email, user.role, actor=actor, now=now, good_for=RESET_GOOD_FOR, user=user
    )


def find(session: Session, token: str, now: datetime, *, lock: bool = False) -> Invitation:
    """The invitation that a link is good for; else `LinkEnded`."""
    query = sa.select(Invitation).where(Invitation.digest == _digest(token), *_is_open(now))
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise LinkEnded
    return found


def former_passwords(session: Session, found: Invitation) -> list[str]:
    """The hashes of passwords that the person behind a link has had."""
    if found.user_key is None:
        return []
    return accounts.former_passwords(accounts.by_key(session, found.user_key))


def accept(session: Session, token: str, password_hash: str, now: datetime) -> User:
    """Set the password that a person chose, once; their account is there afterwards.

    Else `LinkEnded`.
    """
    found = find(session, token, now, lock=True)
    if found.user_key is None:
        user = accounts.create(
            session, found.email, password_hash, found.role, now=now, actor=found.created_by
        )
    else:
        user = accounts.by_key(session, found.user_key, lock=True)
        if not user.is_active:
            raise LinkEnded
        accounts.set_password(session, user, password_hash)
        audit.record(session, user.email, "reset password", user.email, now=now)
    found.ended_at = now
    return user


def withdraw(session: Session, key: int, *, actor: str, now: datetime) -> str | None:
    """End an invitation before it is used; return its address, None where there is none open."""
    which = (Invitation.key == key, Invitation.ended_at.is_(None))
    found = session.scalar(sa.select(Invitation).where(*which).with_for_update())
    if found is None:
        return None
    found.ended_at = now
    audit.record(session, actor, "withdrew invitation", found.email, now=now)
    return found.email


def pending(session: Session, now: datetime) -> list[Invitation]:
    """Invitations of people who have no account yet, the newest first."""
    query = sa.select(Invitation).where(Invitation.user_key.is_(None), *_is_open(now))
    return list(session.scalars(query.order_by(Invitation.key.desc())))


def forget_old(session: Session, now: datetime) -> int:
    """Delete links, with the addresses in them, a month after their end; return how many."""
    old = Invitation.expires_at < now - KEPT_FOR
    return change(session, sa.delete(Invitation).where(old))


def _make(
    session: Session,
    email: str,
    role: str,
    *,
    actor: str,
    now: datetime,
    good_for: timedelta,
    user: User | None = None,
) -> tuple[Invitation, str]:
    earlier = (Invitation.email == email, Invitation.ended_at.is_(None))
    change(session, sa.update(Invitation).where(*earlier).values(ended_at=now))
    token = secrets.token_urlsafe(32)
    made = Invitation(
        digest=_digest(token),
        email=email,
        role=role,
        user_key=user.key if user is not None else None,
        created_by=actor,
        created_at=now,
        expires_at=now + good_for,
    )
    session.add(made)
    session.flush()
    return made, token


def _is_open(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return Invitation.ended_at.is_(None), Invitation.expires_at > now


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
