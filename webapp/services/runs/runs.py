"""Runs: asked for by a row, claimed by one worker, renewed while at work, closed with a result."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.database import change, look_up_again, once
from webapp.tables import Run

LEASE = timedelta(seconds=60)
# A run of these kinds picks up where a lost worker left it; others are closed as failed.
RESUMABLE = ("import", "rescoring", "sync", "monitoring")
# The clock asks for these again.
COMES_AGAIN = ("training", "sync", "monitoring")
MAX_ATTEMPTS = 3
MAX_RETRY_WAIT = timedelta(hours=1)
# What `once` knows them by.
UNFINISHED = "unfinished runs"


class Explained(Exception):
    """A failure whose text is a sentence for people: a run that ends by it is closed with it."""


class AlreadyRunning(RuntimeError):
    """A run of this kind is not finished yet."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            gettext("A run of this kind (%(kind)s) is already requested or running", kind=kind)
        )
        self.kind = kind


class LostClaim(RuntimeError):
    """The run was closed or given to another worker while this one worked on it."""


class RunNotFound(LookupError):
    """No run has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("Run %(key)s not found", key=str(key)))


class OtherKind(RunNotFound):
    """The run with this number is of another kind than the one that was asked for."""

    def __init__(self, key: int, kind: str) -> None:
        LookupError.__init__(
            self, gettext("Run %(key)s is of another kind: %(kind)s", key=str(key), kind=kind)
        )


def request(
    session: Session,
    kind: str,
    *,
    trigger: str,
    requested_by: str,
    now: datetime,
    task: dict[str, Any] | None = None,
) -> Run:
    """Ask for a run; the database allows one unfinished run of a kind, else `AlreadyRunning`."""
    run = Run(
        kind=kind,
        state="requested",
        trigger=trigger,
        requested_by=requested_by,
        requested_at=now,
        n_attempts=0,
        progress=0.0,
        stage=gettext("Waiting for the worker"),
        task=task or {},
        result={},
    )
    try:
        with session.begin_nested():
            session.add(run)
    except sa.exc.IntegrityError:
        raise AlreadyRunning(kind) from None
    look_up_again(session, UNFINISHED)
    return run


def claim(session: Session, kind: str, worker: str, now: datetime) -> Run | None:
    """Take the requested run of this kind for one worker, or None where there is none to take."""
    statement = (
        sa.update(Run)
        .where(Run.kind == kind, Run.state == "requested")
        .values(
            state="running",
            claimed_by=worker,
            started_at=sa.func.coalesce(Run.started_at, now),
            lease_until=now + LEASE,
            n_attempts=Run.n_attempts + 1,
            stage="Starting",
        )
        .returning(Run)
    )
    return session.scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def renew(
    session: Session,
    run: Run,
    now: datetime,
    *,
    progress: float | None = None,
    stage: str | None = None,
    result: dict[str, Any] | None = None,
) -> None:
    """Renew the lease and report progress, else `LostClaim`; a `result` is a step done for good."""
    values: dict[str, Any] = {"lease_until": now + LEASE}
    values |= {} if progress is None else {"progress": min(max(progress, 0.0), 1.0)}
    values |= {} if stage is None else {"stage": stage}
    values |= {} if result is None else {"result": result, "n_attempts": 1}
    _change(session, run, values)


def finish(
    session: Session,
    run: Run,
    now: datetime,
    result: dict[str, Any] | None = None,
    *,
    error: str | None = None,
) -> None:
    """Close the run as succeeded, or as failed with a sentence; no result keeps the one it has."""
    values: dict[str, Any] = {"finished_at": now, "error": error, "lease_until": None}
    values |= {"state": "failed"} if error else {"state": "succeeded", "progress": 1.0}
    _change(session, run, values if result is None else values | {"result": result})


def hand_back(session: Session, run: Run) -> None:
    """Put a run back into the queue, for a worker that has to stop in the middle of it."""
    values = {"state": "requested", "stage": gettext("Waiting for the worker"), "lease_until": None}
    _change(session, run, {**values, "n_attempts": Run.n_attempts - 1})


def overdue(session: Session, now: datetime) -> Sequence[Run]:
    """Runs whose worker has not renewed its claim in time."""
    return session.scalars(
        sa.select(Run).where(Run.state == "running", Run.lease_until < now)
    ).all()


def give_up(session: Session, run: Run, now: datetime) -> bool:
    """Free an overdue run: back to the queue where it can resume, else closed as failed (True)."""
    look_up_again(session, UNFINISHED)
    still_overdue = (Run.key == run.key, Run.state == "running", Run.lease_until < now)
    if run.kind in RESUMABLE and run.n_attempts < MAX_ATTEMPTS:
        values: dict[str, Any] = {
            "state": "requested",
            "stage": gettext("Waiting to go on"),
            "lease_until": None,
        }
        change(session, sa.update(Run).where(*still_overdue).values(**values))
        return False
    values = {
        "state": "failed",
        "finished_at": now,
        "lease_until": None,
        "error": gettext(
            "The worker stopped before this was done. %(what_next)s", what_next=_what_next(run)
        ),
    }
    return change(session, sa.update(Run).where(*still_overdue).values(**values)) > 0


def _what_next(run: Run) -> str:
    return (
        gettext("It starts by itself when it is due.")
        if run.kind in COMES_AGAIN
        else gettext("Start it again.")
    )


def latest(
    session: Session, kind: str | None = None, limit: int = 50, before: int | None = None
) -> list[Run]:
    """The newest runs, of one kind or of all, from the one before the given number on."""
    query = sa.select(Run).order_by(Run.key.desc()).limit(limit)
    if before is not None:
        query = query.where(Run.key < before)
    return list(session.scalars(query.where(Run.kind == kind) if kind else query))


def newest_key(session: Session) -> int:
    """The number of the newest run of any kind; 0 before the first."""
    return session.scalar(sa.select(sa.func.max(Run.key))) or 0


def last_success(session: Session, kind: str) -> Run | None:
    """The newest run of this kind that succeeded, if any."""
    query = sa.select(Run).where(Run.kind == kind, Run.state == "succeeded")
    return session.scalar(query.order_by(Run.key.desc()).limit(1))


def waits_after_failure(recent: list[Run], now: datetime) -> bool:
    """Whether the newest of these runs failed lately: the next waits 1, 2, 4 ... 60 minutes."""
    n_failures = next((i for i, r in enumerate(recent) if r.state != "failed"), len(recent))
    if not n_failures or recent[0].finished_at is None:
        return False
    wait = min(timedelta(minutes=2 ** (n_failures - 1)), MAX_RETRY_WAIT)
    return now - recent[0].finished_at < wait


def unfinished(session: Session, kind: str) -> Run | None:
    """The run of this kind that is requested or running, if any; asked once a `read` for all."""
    return once(session, UNFINISHED, _unfinished).get(kind)


def _unfinished(session: Session) -> dict[str, Run]:
    return {
        run.kind: run for run in session.scalars(sa.select(Run).where(Run.finished_at.is_(None)))
    }


def by_key(session: Session, key: int) -> Run:
    """Return the run with this number; else `RunNotFound`."""
    run = session.get(Run, key)
    if run is None:
        raise RunNotFound(key)
    return run


def _change(session: Session, run: Run, values: dict[str, Any]) -> None:
    look_up_again(session, UNFINISHED)
    held = (Run.key == run.key, Run.state == "running", Run.claimed_by == run.claimed_by)
    if not change(session, sa.update(Run).where(*held).values(**values)):
        raise LostClaim(
            gettext(
                "run %(key)s is no longer held by %(claimed_by)s",
                key=str(run.key),
                claimed_by=run.claimed_by,
            )
        )
