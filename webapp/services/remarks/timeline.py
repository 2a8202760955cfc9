"""A lead's timeline: scores, outcomes, what people said and what the sync did, newest first."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.crm_tables import CrmConflict, CrmScoreWrite, CrmUnmatched
from webapp.database import EPOCH, Key, UtcDateTime
from webapp.services.leads import lead_history
from webapp.services.leads.lead_history import Scoring
from webapp.tables import Lead, Outcome
from webapp.tables.owners import Assignment
from webapp.tables.remarks import Note, ScoreOverride, ScoreReport

PAGE_SIZE = 20
MAX_PLACE_LENGTH = 100
# More scores of one moment are not told apart.
MAX_AT_ONCE = 1_000
MICROSECOND = timedelta(microseconds=1)
# Of what happened at one moment, the later in this list is shown above the earlier.
KINDS = (
    *("scoring", "outcome", "conflict", "resolved", "linked", "written", "assigned"),
    *("reviewed", "reported", "override_ended", "override", "note"),
)


class Place(NamedTuple):
    """A place in a timeline: the moment, the kind as its place in `KINDS`, and the number."""

    at: datetime
    rank: int
    key: int

    def __str__(self) -> str:
        parts = [(self.at - EPOCH) // MICROSECOND, self.rank, self.key]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Place":
        """Read what `str` wrote; else ValueError."""
        if len(text) > MAX_PLACE_LENGTH:
            raise ValueError("too long for a place")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        at, rank, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if any(type(part) is not int for part in (at, rank, key)):
            raise ValueError("not a place")
        if not -MAX_AT_ONCE <= key < 2**63 or not 0 <= rank < len(KINDS):
            raise ValueError("a place of no event")
        try:
            return cls(EPOCH + at * MICROSECOND, rank, key)
        except OverflowError as error:
            raise ValueError("not a moment") from error


@dataclass(frozen=True)
class Event:
    """One entry: what it is is said by `kind`, one of `KINDS`.

    `scoring` and `outcome` are those of their kinds. Of all others `actor` says who, `word` what by
    a code, `text` in words, `score` is a probability, and `other_at` another moment: when a note
    was edited, until when an override counts.
    """

    kind: str
    key: int
    at: datetime
    actor: str | None = None
    word: str | None = None
    text: str | None = None
    score: float | None = None
    other_at: datetime | None = None
    scoring: Scoring | None = None
    outcome: Outcome | None = None

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.at, KINDS.index(self.kind), self.key)


@dataclass(frozen=True)
class Page:
    """Some events; `next` is the place behind which the earlier ones follow."""

    events: list[Event]
    next: Place | None


def page(
    session: Session,
    fields: Fields,
    lead: Lead,
    *,
    outcomes: Sequence[Outcome],
    now: datetime,
    scorings: Sequence[Scoring] | None = None,
    after: Place | None = None,
) -> Page:
    """The events of a lead until now behind a place, at most `PAGE_SIZE`.

    `outcomes` are all of the lead; `scorings` its newest up to that place, where the caller has
    them already.
    """
    if scorings is None:
        until, n_shown = (after.at, max(-after.key, 0)) if after else (None, 0)
        limit = PAGE_SIZE + n_shown + 2
        scorings = lead_history.scorings(session, fields, lead, until=until, limit=limit)
    found = [
        *_scored(scorings),
        *(Event("outcome", o.key, o.happened_at, outcome=o) for o in outcomes),
        *_told(session, lead, now, after),
    ]
    behind = [event for event in found if after is None or event.place < after]
    ordered = sorted(behind, key=attrgetter("place"), reverse=True)
    shown = ordered[:PAGE_SIZE]
    return Page(shown, shown[-1].place if len(ordered) > PAGE_SIZE else None)


def _scored(scorings: Sequence[Scoring]) -> list[Event]:
    """Number those of one moment down from 0 at the newest: not all of them are rows."""
    return [
        Event("scoring", -number, at, scoring=scoring)
        for at, together in groupby(scorings, key=attrgetter("at"))
        for number, scoring in enumerate(together)
    ]


def _told(session: Session, lead: Lead, now: datetime, after: Place | None) -> list[Event]:
    """The rows of all other kinds, in one query."""
    found = sa.union_all(*(_part(kind, lead) for kind in ROWS)).subquery()
    query = sa.select(found).where(found.c.at <= now)
    if after is not None:
        query = query.where(sa.tuple_(found.c.at, found.c.rank, found.c.key) < sa.tuple_(*after))
    order = (found.c.at.desc(), found.c.rank.desc(), found.c.key.desc())
    rows = session.execute(query.order_by(*order).limit(PAGE_SIZE + 1))
    return [Event(KINDS[row.rank], row.key, *row[2:]) for row in rows]


def _part(kind: str, lead: Lead) -> sa.Select[Any]:
    """The columns of an event, in the order of its attributes; one without a number has 0."""
    rows = ROWS[kind]
    named = {"key": sa.literal(0), **rows.columns}
    columns = (named.get(name, sa.cast(sa.null(), type_)).label(name) for name, type_ in COLUMNS)
    rank = sa.literal(KINDS.index(kind)).label("rank")
    return sa.select(rank, *columns).where(rows.lead_key == lead.key, *rows.only)


class _Rows(NamedTuple):
    """Where events of one kind are kept: what of a row is the lead's key, and what is shown."""

    lead_key: Any
    columns: dict[str, Any]
    only: tuple[Any, ...] = ()


COLUMNS: tuple[tuple[str, Any], ...] = (
    ("key", Key),
    ("at", UtcDateTime),
    *((name, sa.Text) for name in ("actor", "word", "text")),
    ("score", sa.Double),
    ("other_at", UtcDateTime),
)
ROWS = {
    "note": _Rows(
        Note.lead_key,
        {
            "key": Note.key,
            "at": Note.written_at,
            "actor": Note.author,
            "text": Note.text,
            "other_at": Note.edited_at,
        },
    ),
    "reported": _Rows(
        ScoreReport.lead_key,
        {
            "key": ScoreReport.key,
            "at": ScoreReport.reported_at,
            "actor": ScoreReport.author,
            "word": ScoreReport.reason,
            "text": ScoreReport.note,
            "score": ScoreReport.probability,
        },
    ),
    "reviewed": _Rows(
        ScoreReport.lead_key,
        {
            "key": ScoreReport.key,
            "at": ScoreReport.resolved_at,
            "actor": ScoreReport.resolved_by,
        },
    ),
    "override": _Rows(
        ScoreOverride.lead_key,
        {
            "key": ScoreOverride.key,
            "at": ScoreOverride.made_at,
            "actor": ScoreOverride.author,
            "text": ScoreOverride.reason,
            "score": ScoreOverride.probability,
            "other_at": ScoreOverride.until,
        },
    ),
    "override_ended": _Rows(
        ScoreOverride.lead_key,
        {
            "key": ScoreOverride.key,
            "at": sa.func.coalesce(ScoreOverride.ended_at, ScoreOverride.until),
            "actor": ScoreOverride.ended_by,
        },
    ),
    "assigned": _Rows(
        Assignment.lead_key,
        {
            "key": Assignment.key,
            "at": Assignment.at,
            "actor": Assignment.actor,
            "text": Assignment.owner,
        },
    ),
    "conflict": _Rows(CrmConflict.lead_key, {"key": CrmConflict.key, "at": CrmConflict.opened_at}),
    "resolved": _Rows(
        CrmConflict.lead_key,
        {
            "key": CrmConflict.key,
            "at": CrmConflict.resolved_at,
            "actor": CrmConflict.resolved_by,
            "word": CrmConflict.kept,
        },
    ),
    "linked": _Rows(
        CrmUnmatched.lead_key,
        {
            "at": CrmUnmatched.resolved_at,
            "actor": CrmUnmatched.resolved_by,
            "text": CrmUnmatched.deal_id,
        },
        (CrmUnmatched.state == "linked",),
    ),
    "written": _Rows(
        CrmScoreWrite.lead_key,
        {"at": CrmScoreWrite.sent_at, "score": CrmScoreWrite.sent_score / 100},
    ),
}
