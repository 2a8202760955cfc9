"""The list of lost reasons, changed by administrators."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.types import category_key, clean_text
from ml.sentences import gettext
from webapp.database import change
from webapp.services.accounts import audit
from webapp.services.outcomes.lost_reasons import by_word
from webapp.tables.reasons import FormerReason, LostReason

MAX_LENGTH = 100


class ReasonNotFound(LookupError):
    """No reason of the list has this number."""

    def __init__(self) -> None:
        super().__init__(gettext("This reason does not exist any more"))


class InvalidReason(ValueError):
    """A reason that cannot stand in the list."""


def add(session: Session, name: str, *, by: str, now: datetime) -> None:
    """Add a reason, or offer a retired one again; else `InvalidReason`."""
    name = _cleaned(name)
    known = by_word(session).get(category_key(name))
    if known is not None and known.retired_at is None:
        raise InvalidReason(_taken(name, known))
    if known is not None:
        known.retired_at = None
    else:
        session.add(LostReason(name=name))
    audit.record(session, by, "added", f"lost reason {name}", now=now, detail={})


def retire(session: Session, key: int, *, by: str, now: datetime) -> None:
    """Offer a reason no more; outcomes that have it keep it."""
    found = session.get(LostReason, key)
    if found is None:
        raise ReasonNotFound
    found.retired_at = now
    audit.record(session, by, "retired", f"lost reason {found.name}", now=now, detail={})


def rename(session: Session, key: int, name: str, *, by: str, now: datetime) -> None:
    """Call a reason otherwise, in all outcomes too; else `ReasonNotFound` or `InvalidReason`.

    Outcomes keep what was sent, and show it by today's name: see `Outcome.reason`. What comes in
    with a former name is the same reason.
    """
    name, found = _cleaned(name), session.get(LostReason, key, with_for_update=True)
    if found is None:
        raise ReasonNotFound
    other = by_word(session).get(category_key(name), found)
    if other is not found:
        raise InvalidReason(_taken(name, other))
    if name == found.name:
        return
    before, found.name = found.name, name
    change(session, sa.delete(FormerReason).where(FormerReason.name == name))
    session.add(FormerReason(name=before, reason_key=key))
    detail = {"name": name}
    audit.record(session, by, "renamed", f"lost reason {before}", now=now, detail=detail)


def _taken(name: str, other: LostReason) -> str:
    if category_key(name) == category_key(other.name):
        return gettext("%(name)s is on the list already", name=other.name)
    return gettext("%(name)s is a former name of %(other)s", name=name, other=other.name)


def _cleaned(name: str) -> str:
    try:
        found = clean_text(name, maximum=MAX_LENGTH)
    except ValueError as error:
        raise InvalidReason(gettext("A reason %(error)s", error=error)) from None
    if found is None:
        raise InvalidReason(gettext("A reason needs a name"))
    return found
