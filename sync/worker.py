"""What the jobs of one worker process share, and what becomes of a run whose work fails."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from sync.crm.protocol import Connect
from sync.trainer.process import TrainingProcess
from webapp.database import utc_now, write
from webapp.services.runs import runs
from webapp.tables import Run

log = structlog.stdlib.get_logger("leadloop.worker")


class Stopped(Exception):
    """The worker was told to end while it worked on a run."""


@dataclass(frozen=True)
class Worker:
    """What the jobs of one process share: its name in claims, its trainer, its end, its clock."""

    name: str
    training: TrainingProcess
    stop: threading.Event
    clock: Callable[[], datetime] = utc_now
    # How to open a CRM, by the kind of the connection.
    adapters: Mapping[str, Connect] = field(default_factory=dict)

    def go_on(self) -> None:
        """Raise `Stopped` where the worker has been told to end."""
        if self.stop.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the worker is told to end: then raise `Stopped`."""
        self.stop.wait(seconds)
        self.go_on()


def in_context(app: Flask, job: Callable[[Worker], None]) -> Callable[[Worker], None]:
    """Give a job the application around it, in the thread that it runs in."""

    def tick(worker: Worker) -> None:
        with app.app_context():
            job(worker)

    return tick


@contextmanager
def held(
    worker: Worker,
    run: Run,
    fail: Callable[[Session, Run, str, datetime], None] = lambda session, run, error, now: (
        runs.finish(session, run, now, error=error)
    ),
) -> Iterator[None]:
    """Close the run by `fail`, with a sentence, when its work fails: here and nowhere else."""
    log.info("run claimed", run=run.key, kind=run.kind, attempt=run.n_attempts)
    try:
        yield
        log.info("run done", run=run.key, kind=run.kind)
    except Stopped:
        write(lambda s: runs.hand_back(s, run))
        log.info("run handed back", run=run.key, kind=run.kind)
    except runs.LostClaim:
        log.warning("run lost", run=run.key, kind=run.kind)
    except OperationalError:
        # The database is away or busy, so nothing can be said there now: the claim lapses, and
        # the run goes on then, or is closed.
        log.exception("run left alone", run=run.key, kind=run.kind)
    except Exception as failure:
        log.exception("run failed", run=run.key, kind=run.kind)
        sentence = (
            str(failure)
            if isinstance(failure, runs.Explained)
            else f"Something unexpected went wrong ({type(failure).__name__})."
            " The worker's log says more."
        )
        write(lambda s: fail(s, run, sentence, worker.clock()))
