"""The queue of each endpoint: claimed by one worker, sent in turn, tried again, logged."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change
from webapp.services.webhooks import endpoints
from webapp.tables import Lead
from webapp.tables.webhooks import WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookTry

# After each try that failed; the last one is three days after the first.
RETRY_AFTER = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 20)),
)
# By how much each wait differs at random, so that what failed together is not sent together.
JITTER = 0.1
GIVE_UP_AFTER = timedelta(days=3)
# An endpoint that fails is left alone for this long, then for twice as long, and so on.
PAUSE, MAX_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
# A claim outlasts what one worker does at a time to one endpoint.
LEASE = timedelta(seconds=60)
GONE = 410
KEPT_FOR = timedelta(days=30)
FORGOTTEN_AT_ONCE = 500


@dataclass(frozen=True)
class Answer:
    """What came of a call: the status, or why there was none.

    `retry_after_seconds` is what the receiver asks for, 0 to 3,600.
    """

    at: datetime
    milliseconds: int
    status: int | None = None
    error: str | None = None
    retry_after_seconds: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Outgoing:
    """A delivery to make now, with what it tells, to whom, and the lead as it is now."""

    delivery: WebhookDelivery
    event: WebhookEvent
    endpoint: WebhookEndpoint
    lead: Lead | None


@dataclass(frozen=True)
class Figures:
    """How the queues stand."""

    n_pending: int
    oldest: datetime | None
    n_disabled: int
    n_failing: int


def claim(session: Session, worker: str, now: datetime, limit: int) -> list[WebhookEndpoint]:
    """Take endpoints that have something to send and that no other worker sends to."""
    is_waiting = sa.exists().where(
        WebhookDelivery.endpoint_key == WebhookEndpoint.key,
        WebhookDelivery.state == "pending",
        WebhookDelivery.next_try_at <= now,
    )
    is_free = (
        WebhookEndpoint.disabled_at.is_(None),
        sa.or_(WebhookEndpoint.paused_until.is_(None), WebhookEndpoint.paused_until <= now),
        sa.or_(WebhookEndpoint.claimed_until.is_(None), WebhookEndpoint.claimed_until <= now),
    )
    some = sa.select(WebhookEndpoint.key).where(*is_free, is_waiting).limit(limit)
    claimed = (
        sa.update(WebhookEndpoint)
        .where(WebhookEndpoint.key.in_(some), *is_free)
        .values(claimed_by=worker, claimed_until=now + LEASE)
        .returning(WebhookEndpoint)
    )
    return list(session.scalars(claimed, execution_options={"populate_existing": True}))


def is_any_due(session: Session, now: datetime) -> bool:
    """Whether something waits to be sent: asked every few seconds, and writes nothing."""
    due = sa.exists().where(
        WebhookDelivery.state == "pending",
        WebhookDelivery.next_try_at <= now,
        WebhookDelivery.endpoint_key == WebhookEndpoint.key,
        WebhookEndpoint.disabled_at.is_(None),
    )
    return bool(session.scalar(sa.select(due)))


def release(session: Session, endpoint_key: int, worker: str) -> None:
    """Let the next worker send to it."""
    held = (WebhookEndpoint.key == endpoint_key, WebhookEndpoint.claimed_by == worker)
    change(session, sa.update(WebhookEndpoint).where(*held).values(claimed_until=None))


def next_due(session: Session, endpoint_key: int, now: datetime) -> Outgoing | None:
    """The oldest that an endpoint is to be sent now; None at the end, or where it is disabled."""
    query = (
        sa.select(WebhookDelivery, WebhookEvent, WebhookEndpoint, Lead)
        .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
        .join(WebhookEndpoint, WebhookEndpoint.key == WebhookDelivery.endpoint_key)
        .outerjoin(Lead, Lead.key == WebhookEvent.lead_key)
        .where(
            WebhookDelivery.endpoint_key == endpoint_key,
            WebhookDelivery.state == "pending",
            WebhookDelivery.next_try_at <= now,
            WebhookEndpoint.disabled_at.is_(None),
        )
        .order_by(WebhookDelivery.key)
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    return None if found is None else Outgoing(*found)


def record(session: Session, delivery_key: int, answer: Answer) -> bool:
    """Put a call on record, and say whether the endpoint may be called again right away."""
    # Before its delivery, as whoever removes the endpoint locks them.
    endpoint = session.scalar(
        sa.select(WebhookEndpoint)
        .join(WebhookDelivery, WebhookDelivery.endpoint_key == WebhookEndpoint.key)
        .where(WebhookDelivery.key == delivery_key)
        .with_for_update(of=WebhookEndpoint)
    )
    delivery = session.get(WebhookDelivery, delivery_key, with_for_update=True)
    if endpoint is None or delivery is None:  # it or the lead was removed meanwhile
        return False
    tried = WebhookTry(
        delivery_key=delivery_key,
        at=answer.at,
        milliseconds=answer.milliseconds,
        status=answer.status,
        error=answer.error,
    )
    session.add(tried)
    delivery.n_tries += 1
    if answer.is_success:
        delivery.state, delivery.finished_at = "delivered", answer.at
        endpoint.n_failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
        return True
    _plan(delivery, answer)
    _pause(session, endpoint, answer)
    return False


def _plan(delivery: WebhookDelivery, answer: Answer) -> None:
    """Say when a delivery that failed is tried again, or give it up."""
    is_late = answer.at - delivery.queued_at >= GIVE_UP_AFTER
    if is_late or delivery.n_tries > len(RETRY_AFTER):
        delivery.state, delivery.finished_at = "failed", answer.at
        return
    share = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads retries
    delivery.next_try_at = answer.at + RETRY_AFTER[delivery.n_tries - 1] * share


def _pause(session: Session, endpoint: WebhookEndpoint, answer: Answer) -> None:
    """Leave an endpoint that failed alone for a while; for good after days, or where it is gone."""
    endpoint.n_failures += 1
    endpoint.failing_since = endpoint.failing_since or answer.at
    asked = timedelta(seconds=answer.retry_after_seconds or 0)
    pause = min(PAUSE * 2 ** min(endpoint.n_failures - 1, 10), MAX_PAUSE)
    endpoint.paused_until = answer.at + max(pause, asked)
    if answer.status == GONE:
        reason = "The receiver answered 410 Gone: it wants no more messages."
    elif answer.at - endpoint.failing_since >= GIVE_UP_AFTER:
        reason = "Every call has failed for three days."
    else:
        return
    endpoints.disable(session, endpoint.key, actor="worker", now=answer.at, reason=reason)


def replay(session: Session, endpoint_key: int, now: datetime, *, key: int | None = None) -> int:
    """Send one delivery again, or all that failed, with the same id; return how many."""
    endpoint = endpoints.by_key(session, endpoint_key, lock=True)
    which = WebhookDelivery.key == key if key is not None else WebhookDelivery.state == "failed"
    again = sa.update(WebhookDelivery).where(WebhookDelivery.endpoint_key == endpoint_key, which)
    anew = {"state": "pending", "n_tries": 0, "queued_at": now, "next_try_at": now}
    n_rows = change(session, again.values(**anew, finished_at=None))
    if n_rows:
        endpoint.paused_until = None  # who clicks expects a try now
    return n_rows


def log(
    session: Session, endpoint_key: int, limit: int, before: int | None = None
) -> list[tuple[WebhookDelivery, WebhookEvent]]:
    """The newest deliveries to an endpoint, from the one before the given number on."""
    query = (
        sa.select(WebhookDelivery, WebhookEvent)
        .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
        .where(WebhookDelivery.endpoint_key == endpoint_key)
        .order_by(WebhookDelivery.key.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(WebhookDelivery.key < before)
    return [(delivery, event) for delivery, event in session.execute(query)]


def n_failed(session: Session, endpoint_key: int) -> int:
    """How many deliveries to an endpoint were given up."""
    is_failed = (WebhookDelivery.endpoint_key == endpoint_key, WebhookDelivery.state == "failed")
    return session.scalar(sa.select(sa.func.count()).where(*is_failed)) or 0


def tries(session: Session, delivery_keys: Sequence[int]) -> dict[int, list[WebhookTry]]:
    """The calls made for each of these deliveries, oldest first."""
    query = sa.select(WebhookTry).where(WebhookTry.delivery_key.in_(delivery_keys))
    found: dict[int, list[WebhookTry]] = {key: [] for key in delivery_keys}
    for each in session.scalars(query.order_by(WebhookTry.key)):
        found[each.delivery_key].append(each)
    return found


def figures(session: Session) -> Figures:
    """How many deliveries wait and since when, and how many endpoints fail or are disabled."""
    pending = sa.select(sa.func.count(), sa.func.min(WebhookDelivery.queued_at))
    n_pending, oldest = session.execute(pending.where(WebhookDelivery.state == "pending")).one()
    is_disabled = WebhookEndpoint.disabled_at.is_not(None)
    is_failing = sa.and_(~is_disabled, WebhookEndpoint.failing_since.is_not(None))
    counts = [sa.func.count(sa.case((each, 1))) for each in (is_disabled, is_failing)]
    found = session.execute(sa.select(*counts).select_from(WebhookEndpoint)).one()
    return Figures(n_pending, oldest, n_disabled=found[0], n_failing=found[1])


def gauges(session: Session, now: datetime) -> dict[str, tuple[str, float]]:
    """The same for Prometheus."""
    found = figures(session)
    waits = (now - found.oldest).total_seconds() if found.oldest else 0.0
    return {
        "pending": ("Messages that wait to be sent", found.n_pending),
        "oldest_pending_seconds": ("How long the oldest of them has waited", waits),
        "failing": ("Webhooks whose last call failed", found.n_failing),
        "disabled": ("Webhooks that are disabled", found.n_disabled),
    }


def forget_old(session: Session, now: datetime) -> int:
    """Delete some events with their deliveries after a month; return how many, 0 at the end."""
    old = sa.select(WebhookEvent.id).where(WebhookEvent.occurred_at < now - KEPT_FOR)
    some = old.order_by(WebhookEvent.occurred_at).limit(FORGOTTEN_AT_ONCE)
    return change(session, sa.delete(WebhookEvent).where(WebhookEvent.id.in_(some)))
