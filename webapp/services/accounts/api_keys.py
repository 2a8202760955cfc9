"""Keys of programs: made once, kept as a digest, with scopes, revoked for good."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import clean_text
from webapp.services.accounts import audit
from webapp.tables import ApiKey

PREFIX = "ll_"
NAME_LENGTH = 100
SCOPES = ("score", "feedback", "admin")
# How exact "last used" is: often enough for people, rare enough to cost nothing.
USED_AT_STEP = timedelta(minutes=5)


class InvalidKey(ValueError):
    """A key cannot be made as asked; the message is the rule."""


class KeyNotFound(LookupError):
    """No API key has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(f"API key {key} not found")


def create(
    session: Session, name: str, scopes: list[str], *, created_by: str, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key; the text is returned once and cannot be read again. Else `InvalidKey`."""
    if not scopes or set(scopes) - set(SCOPES):
        raise InvalidKey(f"Scopes are some of {', '.join(SCOPES)}")
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        name=clean_name(name),
        digest=_digest(text),
        last_four=text[-4:],
        scopes=sorted(set(scopes)),
        created_by=created_by,
        created_at=now,
    )
    session.add(key)
    session.flush()
    detail = {"scopes": key.scopes}
    audit.record(session, created_by, "made key", f"key {key.key}", now=now, detail=detail)
    return key, text


def clean_name(value: object) -> str:
    """The name of a key, trimmed; else `InvalidKey`."""
    try:
        name = clean_text(value, maximum=NAME_LENGTH)
    except ValueError as error:
        raise InvalidKey(f"The name {error}") from None
    if name is None:
        raise InvalidKey("The name must not be empty: say which program uses the key")
    return name


def find(session: Session, text: str) -> ApiKey | None:
    """The live key with this text, found by its digest, or None."""
    query = sa.select(ApiKey).where(ApiKey.digest == _digest(text), ApiKey.revoked_at.is_(None))
    return session.scalar(query)


def allows(key: ApiKey, scope: str) -> bool:
    """Whether the key has a right; admin includes the others."""
    return scope in key.scopes or "admin" in key.scopes


def revoke(session: Session, key: int, actor: str, now: datetime) -> ApiKey:
    """End a key; revoking it again changes nothing."""
    found = session.get(ApiKey, key)
    if found is None:
        raise KeyNotFound(key)
    if found.revoked_at is None:
        found.revoked_at = now
        audit.record(session, actor, "revoked key", f"key {key}", now=now)
    return found


def use_is_noted(key: ApiKey, now: datetime) -> bool:
    """Whether the last use on record is recent enough."""
    return key.used_at is not None and now - key.used_at < USED_AT_STEP


def note_use(session: Session, key: int, now: datetime) -> None:
    """Put the time of the last use on record."""
    session.execute(sa.update(ApiKey).where(ApiKey.key == key).values(used_at=now))


def everything(session: Session) -> list[ApiKey]:
    """All keys, live and revoked, newest first."""
    return list(session.scalars(sa.select(ApiKey).order_by(ApiKey.key.desc())))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
