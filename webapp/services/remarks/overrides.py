"""Scores that people set beside the model's, until a moment: shown as such, never learned from.

The model's own score stays what it is everywhere; nothing here writes to scores or snapshots.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import clean_text
from ml.sentences import gettext
from webapp.database import DAY, change, once
from webapp.tables import Lead
from webapp.tables.remarks import ScoreOverride

MAX_REASON_LENGTH = 500
# Of more at once the table takes no notice.
MAX_ACTIVE = 1_000
ANY_ACTIVE = "whether any score is overridden"
MAX_LENGTH = timedelta(days=366)
USUAL_LENGTH = timedelta(days=14)


class InvalidOverride(ValueError):
    """An override cannot be made as asked; `errors` says what is wrong, by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


class Override(NamedTuple):
    """A person's score of a lead, and the grade that it means."""

    said: ScoreOverride
    grade: str


def read(score: str, last_day: str, reason: str, now: datetime) -> tuple[float, datetime, str]:
    """Check what a person entered: probability, the moment of its end, reason.

    It ends with its last day in UTC. Else `InvalidOverride`.
    """
    errors: dict[str, str] = {}
    probability = _score(score, errors)
    until = _until(last_day, now, errors)
    try:
        text = clean_text(reason, maximum=MAX_REASON_LENGTH)
    except ValueError as error:
        text = None
        errors["reason"] = gettext("The reason %(error)s.", error=error)
    if not text and "reason" not in errors:
        errors["reason"] = gettext("Say why, so that others can judge it.")
    if probability is None or until is None or not text:
        raise InvalidOverride(errors)
    return probability, until, text


def end_of(last_day: date, now: datetime) -> datetime:
    """The moment at which an override with this last day ends, in UTC; else `InvalidOverride`."""
    try:
        until = datetime.combine(last_day, time(), UTC) + DAY
    except OverflowError:
        until = now
    if not now < until <= now + MAX_LENGTH:
        raise InvalidOverride(
            {"until": gettext("Choose a day from today on, at most a year from now.")}
        )
    return until


def put(
    session: Session,
    lead: Lead,
    probability: float,
    *,
    until: datetime,
    reason: str,
    author: str,
    now: datetime,
) -> ScoreOverride:
    """Let a score stand beside the model's, in place of an earlier override.

    The caller holds the lead's row locked.
    """
    end(session, lead, author, now)
    made = ScoreOverride(
        lead_key=lead.key,
        probability=probability,
        until=until,
        reason=reason,
        author=author,
        made_at=now,
    )
    session.add(made)
    session.flush()
    return made


def end(session: Session, lead: Lead, by: str, now: datetime) -> None:
    """End the override of a lead, where there is one; one past its date ended then, by nobody."""
    is_open = (ScoreOverride.lead_key == lead.key, ScoreOverride.ended_at.is_(None))
    found = session.scalar(sa.select(ScoreOverride).where(*is_open))
    if found is not None:
        is_over = found.until <= now
        found.ended_at, found.ended_by = (found.until, None) if is_over else (now, by)
        session.flush()


def take_along(session: Session, lead: Lead, into: Lead, now: datetime) -> None:
    """Let a merged lead's override count for its survivor, unless that has one of its own.

    The merged lead keeps its own, which nobody sees until the merge is undone.
    """
    give_back(session, lead, now)
    said = of_leads(session, [lead.key], now).get(lead.key)
    if said is None or of_leads(session, [into.key], now):
        return
    taken = put(
        session,
        into,
        said.probability,
        until=said.until,
        reason=said.reason,
        author=said.author,
        now=now,
    )
    taken.made_at = said.made_at


def give_back(session: Session, lead: Lead, now: datetime) -> None:
    """End what a merge let count for other leads of this one's override."""
    said = of_leads(session, [lead.key], now).get(lead.key)
    if said is None:
        return
    is_copy = (
        ScoreOverride.until == said.until,
        ScoreOverride.made_at == said.made_at,
        ScoreOverride.author == said.author,
        ScoreOverride.lead_key != lead.key,
        ScoreOverride.ended_at.is_(None),
    )
    change(session, sa.update(ScoreOverride).where(*is_copy).values(ended_at=now))


def of_leads(
    session: Session, lead_keys: Collection[int], now: datetime
) -> dict[int, ScoreOverride]:
    """The overrides of these leads that count now, by the lead's key."""
    if not _may_be_any(session):
        return {}
    query = sa.select(ScoreOverride).where(ScoreOverride.lead_key.in_(lead_keys), *counts(now))
    return {said.lead_key: said for said in session.scalars(query)}


def active(session: Session, now: datetime) -> dict[int, ScoreOverride]:
    """The overrides that count now, by the lead's key: at most the `MAX_ACTIVE` that end last."""
    if not _may_be_any(session):
        return {}
    query = sa.select(ScoreOverride).where(*counts(now)).order_by(ScoreOverride.until.desc())
    return {said.lead_key: said for said in session.scalars(query.limit(MAX_ACTIVE))}


def any_active(now: datetime) -> sa.ColumnElement[bool]:
    """Whether any override counts now; a `read` that notes it as `ANY_ACTIVE` asks only once."""
    return sa.exists().where(*counts(now))


def _may_be_any(session: Session) -> bool:
    return once(session, ANY_ACTIVE, lambda _: True)


def counts(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Whether an override of the query around it counts now."""
    return ScoreOverride.ended_at.is_(None), ScoreOverride.until > now


def _score(text: str, errors: dict[str, str]) -> float | None:
    try:
        score = int(text)
    except ValueError:
        score = -1
    if not 0 <= score <= 100 or len(text) > 3:
        errors["score"] = gettext("A score is a whole number from 0 to 100.")
        return None
    return score / 100


def _until(text: str, now: datetime, errors: dict[str, str]) -> datetime | None:
    try:
        return end_of(date.fromisoformat(text), now)
    except InvalidOverride as error:
        errors |= error.errors
    except ValueError:
        errors["until"] = gettext("A date is written like 2026-12-31.")
    return None
