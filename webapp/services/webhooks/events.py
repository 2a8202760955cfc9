"""Events that others are told of, written in the transaction of what happened.

A fact in a table is the queue: what is rolled back is never sent, what is committed never lost.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.database import PLAIN_ROWS
from webapp.services.demo.ids import IDS
from webapp.tables import Lead, ModelVersion, Run
from webapp.tables.webhooks import WebhookDelivery, WebhookEndpoint, WebhookEvent

SCORE_CHANGED = "score.changed"
GRADE_CHANGED = "grade.changed"
OUTCOME_RECORDED = "outcome.recorded"
MODEL_PROMOTED = "model.promoted"
SYNC_FAILED = "sync.failed"
# What an endpoint may ask for, and when each is sent.
TYPES = {
    SCORE_CHANGED: gettext("a lead's score changes by this many points or more"),
    GRADE_CHANGED: gettext("a lead's grade changes"),
    OUTCOME_RECORDED: gettext("a lead's outcome is recorded, changed or withdrawn"),
    MODEL_PROMOTED: gettext("a model version is promoted or rolled back"),
    SYNC_FAILED: gettext("the CRM sync begins to fail"),
}
DEFINITE = ("converted", "lost", "never_worked")
# Sent by a button, to one endpoint.
TEST = "webhook.test"
# Files hold whole lists: whoever imports one knows, and a receiver would drown in it.
BULK_SOURCES = ("csv",)
# An outcome that happened earlier is history that is being read in, no news.
NEWS_FOR = timedelta(days=30)


# Built once, of plain columns: to build a statement takes longer than to run it.
_endpoints = cast("sa.Table", WebhookEndpoint.__table__)
_LISTENERS = sa.select(_endpoints.c.key, _endpoints.c.events, _endpoints.c.min_points).where(
    _endpoints.c.disabled_at.is_(None)
)


@dataclass(frozen=True)
class News:
    """Something to tell; of a score, by how many points of 100 it has moved."""

    type: str
    at: datetime
    data: dict[str, Any]
    lead_key: int | None = None
    points: float | None = None


class Move(NamedTuple):
    """A lead's score before and after, as probabilities."""

    lead: Lead
    before: float
    after: float


@dataclass(frozen=True)
class Listener:
    """An endpoint that is told of events, and from how many points on of scores."""

    key: int
    events: frozenset[str]
    min_points: int

    def wants(self, news: News) -> bool:
        """Whether this endpoint asked for it."""
        is_far = news.points is None or abs(news.points) >= self.min_points
        return news.type in self.events and is_far


def listeners(session: Session, types: Collection[str]) -> list[Listener]:
    """The endpoints that are told of one of these types."""
    rows = session.execute(_LISTENERS)
    found = [Listener(key, frozenset(some), least) for key, some, least in rows]
    return [each for each in found if each.events & set(types)]


def note_scores(
    session: Session, moves: Sequence[Move], version: str, grade_of: Callable[[float], str]
) -> None:
    """Tell of scores and grades that new inputs have changed, by the version of this name.

    A first score is no change, nor is what another version says: `model.promoted` tells of that.
    """
    told = listeners(session, (SCORE_CHANGED, GRADE_CHANGED))
    if told:
        real = [move for move in moves if move.lead.lead_id not in IDS]
        news = [each for move in real for each in _of_move(move, version, grade_of)]
        _write(session, told, news)


def _of_move(move: Move, version: str, grade_of: Callable[[float], str]) -> Iterable[News]:
    lead, before, after = move
    data = {
        "lead_id": lead.lead_id,
        "status": lead.status,
        "conversion_score": round(after, 4),
        "previous_score": round(before, 4),
        "grade": grade_of(after),
        "previous_grade": grade_of(before),
        "model_version": version,
    }
    if points := round(100 * (after - before), 1):
        yield News(SCORE_CHANGED, lead.scored_at, data, lead.key, points)
    if data["grade"] != data["previous_grade"]:
        yield News(GRADE_CHANGED, lead.scored_at, data, lead.key)


def note_outcomes(
    session: Session, changed: Iterable[Lead], sources: Mapping[int, str], now: datetime
) -> None:
    """Tell of leads for which another outcome counts now; `sources` say by lead who reported it."""
    news = [
        News(
            OUTCOME_RECORDED,
            now,
            {
                "lead_id": lead.lead_id,
                "status": lead.status,
                "outcome": lead.status if lead.status in DEFINITE else None,
                "happened_at": lead.outcome_at and lead.outcome_at.isoformat(),
                "source": sources[lead.key],
            },
            lead.key,
        )
        for lead in {lead.key: lead for lead in changed}.values()
        if sources[lead.key] not in BULK_SOURCES
        and lead.lead_id not in IDS
        and (lead.outcome_at is None or lead.outcome_at > now - NEWS_FOR)
    ]
    if news:
        _write(session, listeners(session, (OUTCOME_RECORDED,)), news)


def note_switch(
    session: Session,
    before: ModelVersion,
    after: ModelVersion,
    *,
    detail: Mapping[str, Any],
    by: str,
    now: datetime,
) -> None:
    """Tell that a version is live instead of another; `detail` says how scores have changed.

    `by` is a kind, never an address: person, gate or monitors.
    """
    data = {
        "model_version": after.name,
        "previous_version": before.name,
        "action": "promoted" if after.key > before.key else "rolled_back",
        "by": by,
        **{name: detail[name] for name in ("open_leads", "mean_points", "by_10_or_more")},
    }
    told = listeners(session, (MODEL_PROMOTED,))
    _write(session, told, [News(MODEL_PROMOTED, now, data)])


def note_failed_sync(session: Session, run: Run, case: str, now: datetime) -> None:
    """Tell that a sync has failed where the one before it did not; `case` is the fault's name."""
    news = News(SYNC_FAILED, now, {"run": run.key, "fault": case})
    _write(session, listeners(session, (SYNC_FAILED,)), [news])


def note_test(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    """Put a message to one endpoint into its queue, that says nothing but that it arrives."""
    listener = Listener(endpoint.key, frozenset([TEST]), 0)
    _write(session, [listener], [News(TEST, now, {"endpoint": endpoint.name})])


def _write(session: Session, told: Sequence[Listener], news: Sequence[News]) -> None:
    """Add an event for each piece of news that anybody asked for, and its deliveries."""
    wanted = [(each, who) for each in news if (who := [t for t in told if t.wants(each)])]
    if not wanted:
        return
    events = [
        {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": each.type,
            "occurred_at": each.at,
            "lead_key": each.lead_key,
            "data": each.data,
        }
        for each, _ in wanted
    ]
    deliveries = [
        {
            "event_id": event["id"],
            "endpoint_key": listener.key,
            "state": "pending",
            "queued_at": event["occurred_at"],
            "n_tries": 0,
            "next_try_at": event["occurred_at"],
        }
        for event, (_, who) in zip(events, wanted, strict=True)
        for listener in who
    ]
    session.execute(sa.insert(WebhookEvent), events, execution_options=PLAIN_ROWS)
    session.execute(sa.insert(WebhookDelivery), deliveries, execution_options=PLAIN_ROWS)
