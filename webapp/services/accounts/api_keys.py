"""Keys of programs: made once, kept as a digest, with scopes, revoked for good."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import clean_text
from ml.sentences import Figure, gettext
from webapp.database import change, utc_now
from webapp.services.accounts import audit
from webapp.tables import ApiKey

PREFIX = "ll_"
NAME_LENGTH = 100
SCOPES = ("score", "feedback", "read", "admin")
# Of a key that stands in the form of another site, where everybody can read it.
FORM = "form"
ORIGIN = re.compile(r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?", re.ASCII)
ORIGIN_RULE = gettext("how the address of a site begins, without a path: https://www.example.com")
MAX_ORIGINS = 20
MAX_DAYS = 3650
EXPIRY_RULE = gettext(
    "A key is good for 1 to %(MAX_DAYS)s days, or until it is revoked",
    MAX_DAYS=Figure(f"{MAX_DAYS:,}"),
)
# A key that is replaced goes on for so long, so that programs can change over one by one.
OVERLAP = timedelta(days=7)
# How exact "last used" is: often enough for people, rare enough to cost nothing.
USED_AT_STEP = timedelta(minutes=5)
_IS_LIVE = (ApiKey.revoked_at.is_(None), ApiKey.orphaned_at.is_(None))


class InvalidKey(ValueError):
    """A key cannot be made as asked; the message is the rule, `field` what breaks it."""

    def __init__(self, message: str, field: str = "scope") -> None:
        super().__init__(message)
        self.field = field


class KeyNotFound(LookupError):
    """No API key has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("API key %(key)s not found", key=str(key)))


class KeyNotLive(ValueError):
    """The key is revoked, expired or without an account, so it cannot be replaced."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("API key %(key)s no longer works; make a new one", key=key))


def create(
    session: Session,
    name: str,
    scopes: Sequence[str],
    *,
    origins: Sequence[str] = (),
    ignore_unknown: bool = False,
    expires_in_days: int | None = None,
    created_by: str,
    owner: int | None = None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key; its text is returned once and cannot be read again. Else `InvalidKey`.

    `ignore_unknown` is for programs that cannot choose what they send, such as form plugins. The
    key lives with the account `owner`; without one until it is revoked.
    """
    check_scopes(scopes)
    if expires_in_days is not None and not 1 <= expires_in_days <= MAX_DAYS:
        raise InvalidKey(EXPIRY_RULE, "expires_in_days")
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        name=clean_name(name),
        digest=_digest(text),
        last_four=text[-4:],
        scopes=sorted(set(scopes)),
        origins=clean_origins(scopes, origins),
        ignores_unknown=ignore_unknown,
        created_by=created_by,
        owner_key=owner,
        created_at=now,
        expires_at=now + timedelta(days=expires_in_days) if expires_in_days else None,
    )
    session.add(key)
    session.flush()
    detail: dict[str, Any] = {
        "scopes": key.scopes,
        **({"origins": key.origins} if key.origins else {}),
    }
    detail |= {"ignores_unknown": True} if ignore_unknown else {}
    audit.record(
        session,
        created_by,
        "made key",
        f"key {key.key!s}",
        now=now,
        detail=detail,
    )
    return key, text


def check_scopes(scopes: Sequence[str]) -> None:
    """Raise `InvalidKey` where a key cannot have these scopes."""
    if not scopes or set(scopes) - {*SCOPES, FORM}:
        raise InvalidKey(gettext("Scopes are some of %(value)s", value=", ".join((*SCOPES, FORM))))
    if FORM in scopes and set(scopes) != {FORM}:
        raise InvalidKey(
            gettext("A form key has no other scope: everybody can read it in the page")
        )


def clean_origins(scopes: Sequence[str], origins: Sequence[str]) -> list[str]:
    """The sites that may use a form key, each once; else `InvalidKey`."""
    found = list(dict.fromkeys(origin.strip().rstrip("/").lower() for origin in origins))
    if FORM not in scopes and found:
        raise InvalidKey(gettext("Only a form key has origins"), "origins")
    is_right = len(found) <= MAX_ORIGINS and all(ORIGIN.fullmatch(origin) for origin in found)
    if (FORM in scopes and not found) or not is_right:
        raise InvalidKey(
            gettext(
                "A form key needs 1 to %(MAX_ORIGINS)s origins, each %(ORIGIN_RULE)s",
                MAX_ORIGINS=MAX_ORIGINS,
                ORIGIN_RULE=ORIGIN_RULE,
            ),
            "origins",
        )
    return found


def clean_name(value: object) -> str:
    """The name of a key, trimmed; else `InvalidKey`."""
    try:
        name = clean_text(value, maximum=NAME_LENGTH)
    except ValueError as error:
        raise InvalidKey(gettext("The name %(error)s", error=error), "name") from None
    if name is None:
        raise InvalidKey(
            gettext("The name must not be empty: say which program uses the key"), "name"
        )
    return name


def find(session: Session, text: str, now: datetime | None = None) -> ApiKey | None:
    """The live key with this text, found by its digest, or None: also once it has expired."""
    query = sa.select(ApiKey).where(ApiKey.digest == _digest(text), *_IS_LIVE)
    found = session.scalar(query)
    return None if found is None or has_expired(found, now or utc_now()) else found


def has_expired(key: ApiKey, now: datetime) -> bool:
    """Whether the key was made for a time that is over."""
    return key.expires_at is not None and key.expires_at <= now


def allows(key: ApiKey, scope: str) -> bool:
    """Whether the key has a right; admin includes the others."""
    return scope in key.scopes or "admin" in key.scopes


def is_listed(session: Session, origin: str) -> bool:
    """Whether a live form key is good on this site."""
    origins = session.scalars(sa.select(ApiKey.origins).where(*_IS_LIVE))
    return any(origin in some for some in origins)


def count_post(session: Session, key: int, now: datetime, most: int) -> bool:
    """Count a use of a form key in one statement, and say whether it is within `most` a minute."""
    minute = now.replace(second=0, microsecond=0)
    is_same = ApiKey.minute.is_not_distinct_from(minute)
    count = sa.case((is_same, ApiKey.n_in_minute + 1), else_=1)
    counted = sa.update(ApiKey).where(
        ApiKey.key == key, sa.or_(~is_same, ApiKey.n_in_minute < most)
    )
    return change(session, counted.values(minute=minute, n_in_minute=count)) == 1


def revoke(session: Session, key: int, actor: str, now: datetime) -> ApiKey:
    """End a key; revoking it again changes nothing."""
    found = session.get(ApiKey, key)
    if found is None:
        raise KeyNotFound(key)
    if found.revoked_at is None:
        found.revoked_at = now
        audit.record(session, actor, "revoked key", f"key {key!s}", now=now)
    return found


def rotate(
    session: Session, key: int, actor: str, now: datetime, *, overlap: timedelta = OVERLAP
) -> tuple[ApiKey, str]:
    """Make a key with the same rights in place of this one, which ends after the overlap.

    Returns the new key and its text, which cannot be read again. Else `KeyNotLive`.
    """
    old = session.get(ApiKey, key, with_for_update=True)
    if old is None:
        raise KeyNotFound(key)
    if old.revoked_at or old.orphaned_at or has_expired(old, now):
        raise KeyNotLive(key)
    lasts = old.expires_at - old.created_at if old.expires_at else None
    made, text = create(
        session,
        old.name,
        old.scopes,
        origins=old.origins,
        ignore_unknown=old.ignores_unknown,
        expires_in_days=max(1, lasts.days) if lasts else None,
        created_by=actor,
        owner=old.owner_key,
        now=now,
    )
    old.expires_at = min(old.expires_at or now + overlap, now + overlap)
    detail = {
        "by": gettext("key %(key)s", key=str(made.key)),
        "works_until": old.expires_at.isoformat(),
    }
    audit.record(
        session,
        actor,
        "replaced key",
        f"key {key!s}",
        now=now,
        detail=detail,
    )
    return made, text


def take_over(session: Session, key: int, owner: int, *, actor: str, now: datetime) -> ApiKey:
    """Let a key live with another account from now on, also one that died with its maker."""
    found = session.get(ApiKey, key, with_for_update=True)
    if found is None:
        raise KeyNotFound(key)
    found.owner_key, found.orphaned_at = owner, None
    audit.record(session, actor, "took over key", f"key {key!s}", now=now)
    return found


def orphan(session: Session, owner: int, now: datetime) -> int:
    """Stop the keys of an account that may keep none any more; return how many that are."""
    theirs = sa.update(ApiKey).where(ApiKey.owner_key == owner, *_IS_LIVE)
    return change(session, theirs.values(orphaned_at=now))


def revive(session: Session, owner: int) -> None:
    """Let the keys of an account work again."""
    theirs = sa.update(ApiKey).where(ApiKey.owner_key == owner)
    change(session, theirs.values(orphaned_at=None))


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
