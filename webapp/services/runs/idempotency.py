"""Requests that may be sent twice: the first does the work, the others get its answer.

A batch's part and its answer are committed together, so that a request which was cut off goes on
behind its last part, and no row is done twice.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import change, insert
from webapp.intake_tables import IdempotentAnswer, IdempotentPart

# A request that has committed nothing for so long is not at work any more: a part takes less than a
# second, and waits 5 for the database at most. Where it is, it finds that another has taken over.
LEASE = timedelta(seconds=10)
KEPT_FOR = timedelta(hours=24)
FORGOTTEN_AT_ONCE = 20


class KeyReused(ValueError):
    """The key was used before, for a request with another body."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another body. Use a new key for it.")


class InFlight(RuntimeError):
    """The first request with this key is still in progress."""

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is in progress: ask again soon.")


@dataclass(frozen=True)
class Request:
    """What makes two requests the same one: who asks, where, with which key and body."""

    api_key_key: int
    path: str
    idempotency_key: str
    body_digest: str


@dataclass(frozen=True)
class Claim:
    """The right to work on a request, and what of it is done."""

    key: int
    token: str
    n_rows_done: int
    is_finished: bool


def claim(session: Session, request: Request, now: datetime) -> Claim:
    """Take on a request, or find it finished; else `InFlight` or `KeyReused`.

    What is overdue by its lease is taken over; an answer older than a day counts no more.
    """
    change(session, sa.delete(IdempotentAnswer).where(*_same(request), _is_old(now)))
    token = secrets.token_hex(16)
    values = {"claim": token, "lease_until": now + LEASE}
    new = {**vars(request), **values, "started_at": now, "n_rows_done": 0}
    statement = insert(session, IdempotentAnswer).values(**new).on_conflict_do_nothing()
    key = session.scalar(statement.returning(IdempotentAnswer.key))
    if key is not None:
        return Claim(key, token, 0, is_finished=False)
    query = sa.select(IdempotentAnswer).where(*_same(request))
    found = session.scalars(query.with_for_update()).one()
    if found.body_digest != request.body_digest:
        raise KeyReused
    if found.finished_at is None:
        if found.lease_until > now:
            raise InFlight
        found.claim, found.lease_until = token, now + LEASE
    return Claim(found.key, token, found.n_rows_done, found.finished_at is not None)


def keep_part(session: Session, held: Claim, rows: range, body: str, *, now: datetime) -> None:
    """Keep the answer to some rows; `InFlight` where another request has taken over."""
    values = {"n_rows_done": rows.stop, "lease_until": now + LEASE}
    if not change(session, _held(held).values(**values)):
        raise InFlight
    session.add(IdempotentPart(answer_key=held.key, first_row=rows.start, body=body))


def finish(session: Session, held: Claim, now: datetime) -> None:
    """Say that all rows are done; `InFlight` where another request has taken over."""
    if not change(session, _held(held).values(finished_at=now)):
        raise InFlight


def release(session: Session, held: Claim, now: datetime) -> None:
    """Let the next request with this key go on where this one failed."""
    change(session, _held(held).values(lease_until=now))


def parts(session: Session, held: Claim) -> list[str]:
    """The answers kept, in the order of their rows."""
    query = sa.select(IdempotentPart.body).where(IdempotentPart.answer_key == held.key)
    return list(session.scalars(query.order_by(IdempotentPart.first_row)))


def forget_old(session: Session, now: datetime) -> int:
    """Delete some answers older than a day; return how many, 0 at the end."""
    old = sa.select(IdempotentAnswer.key).where(_is_old(now))
    some = old.order_by(IdempotentAnswer.started_at).limit(FORGOTTEN_AT_ONCE)
    some = some.with_for_update(skip_locked=True)
    return change(session, sa.delete(IdempotentAnswer).where(IdempotentAnswer.key.in_(some)))


def _same(request: Request) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        IdempotentAnswer.api_key_key == request.api_key_key,
        IdempotentAnswer.path == request.path,
        IdempotentAnswer.idempotency_key == request.idempotency_key,
    )


def _is_old(now: datetime) -> sa.ColumnElement[bool]:
    return IdempotentAnswer.started_at < now - KEPT_FOR


def _held(held: Claim) -> sa.Update:
    return sa.update(IdempotentAnswer).where(
        IdempotentAnswer.key == held.key, IdempotentAnswer.claim == held.token
    )
