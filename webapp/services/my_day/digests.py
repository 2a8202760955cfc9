"""The daily digest: who wants one and when, and what it says, which is My day by mail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.fields.types import Value
from ml.fields.wording import signed_text
from webapp.database import change
from webapp.services.accounts.preferences import zone_named
from webapp.services.leads.lead_table import Live
from webapp.services.my_day import own_leads
from webapp.services.my_day.own_leads import Cause, Item, Listed
from webapp.tables import Lead, User
from webapp.tables.people import Digest

HOURS = {str(hour): hour for hour in range(24)}
RETRY_AFTER = timedelta(minutes=10)


class InvalidDigest(ValueError):
    """A digest cannot be sent as asked; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Due:
    """A digest to send now: to whom, for which day of theirs, and of which day the last one was."""

    user_key: int
    email: str
    role: str
    day: str
    last_day: str | None


def find(session: Session, user_key: int) -> Digest | None:
    """When a person wants a digest; None where they want none."""
    return session.get(Digest, user_key)


def want(
    session: Session, user_key: int, hour: str, time_zone: str, *, now: datetime
) -> Digest | None:
    """Send a digest at this hour of each day from the next one on, or none.

    `InvalidDigest` without such an hour, `InvalidPreference` without such a time zone. Whoever asks
    after that hour gets the first tomorrow.
    """
    found = session.get(Digest, user_key, with_for_update=True)
    if not hour:
        if found is not None:
            session.delete(found)
        return None
    if hour not in HOURS:
        raise InvalidDigest("hour", "Choose an hour from 0 to 23.")
    local = now.astimezone(zone_named(time_zone))
    found = found or Digest(user_key=user_key)
    found.hour, found.time_zone, found.next_try_at = HOURS[hour], time_zone, None
    if local.hour >= found.hour:
        found.sent_on = local.date().isoformat()
    session.add(found)
    return found


def due(session: Session, now: datetime) -> list[Due]:
    """The digests whose hour has come, of people who may sign in."""
    query = sa.select(Digest, User.email, User.role).join(User, User.key == Digest.user_key)
    is_on = (User.is_active, sa.or_(Digest.next_try_at.is_(None), Digest.next_try_at <= now))
    found = []
    for digest, email, role in session.execute(query.where(*is_on).order_by(Digest.user_key)):
        local = now.astimezone(ZoneInfo(digest.time_zone))
        day = local.date().isoformat()
        if local.hour >= digest.hour and (digest.sent_on or "") < day:
            found.append(Due(digest.user_key, email, role, day, digest.sent_on))
    return found


def claim(session: Session, wanted: Due) -> bool:
    """Take a digest before it is sent, so that of two workers one sends it, and only once."""
    is_same = Digest.sent_on.is_not_distinct_from(wanted.last_day)
    taken = sa.update(Digest).where(Digest.user_key == wanted.user_key, is_same)
    return change(session, taken.values(sent_on=wanted.day, next_try_at=None)) == 1


def give_back(session: Session, wanted: Due, now: datetime) -> None:
    """Try again later: the mail was not taken."""
    held = (Digest.user_key == wanted.user_key, Digest.sent_on == wanted.day)
    later = {"sent_on": wanted.last_day, "next_try_at": now + RETRY_AFTER}
    change(session, sa.update(Digest).where(*held).values(**later))


def message(
    session: Session, fields: Fields, live: Live, *, me: str, site: str, now: datetime
) -> tuple[str, str] | None:
    """Subject and text of a person's digest; None where there is nothing to tell."""
    lists = own_leads.lists(session, fields, live, me=me, now=now)
    told = [(part, lists[part.name]) for part in PARTS if lists[part.name].n_leads]
    if not told:
        return None
    subject = ", ".join(part.counted(_number(listed)) for part, listed in told)
    paragraphs = [paragraph(part, listed, site) for part, listed in told]
    end = f"My day: {site}/\nChange or turn off this email: {site}/settings\n"
    return f"Your leads: {subject}", "\n\n".join([*paragraphs, end])


@dataclass(frozen=True)
class _Part:
    name: str
    title: str
    subject: str
    note: Callable[[Item], str] = lambda item: ""

    def counted(self, number: str) -> str:
        return f"{number} {self.subject}"


def _causes(item: Item) -> str:
    told = "; ".join(_cause(cause) for cause in item.causes)
    return f"{signed_text(item.moved)} points" + (f": {told}" if told else "")


def _cause(cause: Cause) -> str:
    return f"{cause.label} {_known(cause.before)} → {_known(cause.now)}"


def _known(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


PARTS = (
    _Part("to_call", "To call: A and B leads", "to call"),
    _Part("rose", "Rising within a week", "rising", _causes),
    _Part("new", "New since yesterday", "new"),
    _Part("closed", "Closed by you since yesterday", "closed", lambda item: _status(item.lead)),
)
STATUSES: Mapping[str, str] = {"never_worked": "not worked", "in_pipeline": "in pipeline"}


def _status(lead: Lead) -> str:
    return STATUSES.get(lead.status, lead.status)


def _number(listed: Listed) -> str:
    return f"{listed.n_leads:,}{'+' if listed.is_more else ''}"


def paragraph(part: _Part, listed: Listed, site: str) -> str:
    """A list as text: its title and number, then two or three lines for each lead shown."""
    waited = " without contact for a week" if "not_contacted_for" in listed.asked else ""
    lines = [f"{part.title}{waited} ({_number(listed)})"]
    for item in listed.items:
        names = [name for name in (item.lead.name, item.lead.company) if name]
        who = ", ".join(names) or item.lead.lead_id
        note = part.note(item)
        lines.append(f"  {_score(item)}  {who}")
        lines += [f"         {note}"] if note else []
        lines.append(f"         {site}/leads/{item.lead.key}")
    if listed.n_leads > len(listed.items):
        lines.append(f"  and {listed.n_leads - len(listed.items):,} more on My day")
    return "\n".join(lines)


def _score(item: Item) -> str:
    """Score and grade; a person's before the model's, each marked, where somebody has set one."""
    model = f"{round(100 * item.probability):>3} {item.grade}"
    if item.override is None:
        return model
    said, grade = item.override
    by_person = f"{round(100 * said.probability):>3} {grade}"
    return f"{by_person} (set by {said.author}; model: {model.strip()})"
